"""While texts pour in, whoever works gives way; not for ever."""

import asyncio

import pytest

from service import flood
from service.flood import POURING, Flood


async def work(given: Flood) -> None:
    async with given.giving_way():
        await asyncio.sleep(0.001)


async def test_without_a_flood_nobody_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "REST", 1e9)
    monkeypatch.setattr(flood, "LONGEST", 1e9)
    calm = Flood()
    for _ in range(POURING):
        calm.came()
    await asyncio.wait_for(work(calm), 10)


async def test_in_a_flood_who_has_worked_rests_until_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flood, "REST", 1e9)
    monkeypatch.setattr(flood, "LONGEST", 1e9)
    monkeypatch.setattr(flood, "BREATH", 1.0)
    pouring = Flood()
    for _ in range(POURING + 1):
        pouring.came()
    worker = asyncio.create_task(work(pouring))
    _, resting = await asyncio.wait([worker], timeout=0.05)
    assert resting == {worker}
    await asyncio.wait_for(worker, 10)


async def test_a_flood_that_does_not_end_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "LONGEST", 0.01)
    pouring = Flood()
    for _ in range(POURING + 1):
        pouring.came()
    await asyncio.wait_for(work(pouring), 10)


def test_in_a_flood_batches_are_smaller() -> None:
    flooded = Flood()
    for _ in range(POURING):
        flooded.came()
    assert flooded.batch(100) == 100
    flooded.came()
    assert 0 < flooded.batch(100) < 100
