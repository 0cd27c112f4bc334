"""Coordinators: a code is known again and not guessed; an act of two takes two."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from service import audit, coordinators
from service.coordinators import MOST_FAILURES, Refused, recognise
from service.store import Store
from service.store import coordinators as rows
from service.store.tables import coordinator
from tests.support.network import TestClock

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def made(store: Store, name: str, by: str | None = None) -> str:
    async with store.write() as tx:
        code = await coordinators.add(tx, NOW, name, by)
    assert isinstance(code, str)
    return code


async def two(store: Store) -> tuple[str, str]:
    return await made(store, "awa"), await made(store, "issa", "awa")


async def test_a_code_is_known_again_however_it_is_written(store: Store) -> None:
    awa, issa = await two(store)
    assert await recognise(store, awa) == "awa"
    assert await recognise(store, f" {issa.lower().replace('-', ' ')}\n") == "issa"
    for wrong in ("", "-", awa[:-1], awa + "A", "é" * 16, "\udcff" * 16, awa[:4] + issa[4:]):
        assert await recognise(store, wrong) is None


async def test_the_database_holds_no_code(store: Store) -> None:
    code = await made(store, "awa")
    async with store.read() as tx:
        (row,) = await tx.execute(select(coordinator))
    secret = code.replace("-", "")[4:]
    assert row.code_hash.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not any(secret in str(value) for value in row)


async def test_guessing_has_to_wait_ever_longer_and_the_right_code_ends_it(store: Store) -> None:
    clock = TestClock(NOW)
    code = await made(store, "awa")
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    for _ in range(MOST_FAILURES):
        assert await recognise(store, wrong, clock) is None
    assert await recognise(store, code, clock) is None
    clock.move(seconds=61)
    assert await recognise(store, wrong, clock) is None
    clock.move(seconds=61)  # it is two minutes now
    assert await recognise(store, code, clock) is None
    clock.move(seconds=61)
    assert await recognise(store, code, clock) == "awa"
    assert await recognise(store, wrong, clock) is None
    assert await recognise(store, code, clock) == "awa"


async def test_many_guesses_at_once_are_many_guesses(store: Store) -> None:
    code = await made(store, "awa")
    clock = TestClock(NOW)
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    await asyncio.gather(*(recognise(store, wrong, clock) for _ in range(MOST_FAILURES)))
    assert await recognise(store, code, clock) is None


async def test_one_who_is_removed_is_known_no_more_and_their_name_stays_taken(
    store: Store,
) -> None:
    awa, issa = await two(store)
    async with store.write() as tx:
        await coordinators.remove(tx, NOW, "issa", "awa")
        with pytest.raises(Refused, match="take another name"):
            await coordinators.add(tx, NOW, "issa", "awa")
        with pytest.raises(Refused, match="only coordinator"):
            await coordinators.remove(tx, NOW, "awa", "awa")
    assert await recognise(store, issa) is None
    assert await recognise(store, awa) == "awa"


@pytest.mark.parametrize("name", ["", "A", "awa traoré", "1a", "+22370000000", "x" * 32])
async def test_a_name_is_short_and_plain(store: Store, name: str) -> None:
    async with store.write() as tx:
        with pytest.raises(Refused, match="cannot be a coordinator's name"):
            await coordinators.add(tx, NOW, name, None)


@pytest.mark.parametrize("name", ["cli", "service"])
async def test_nobody_passes_for_what_is_no_coordinator(store: Store, name: str) -> None:
    async with store.write() as tx:
        with pytest.raises(Refused, match="take another name"):
            await coordinators.add(tx, NOW, name, None)


async def test_the_third_takes_two(store: Store) -> None:
    await two(store)
    async with store.write() as tx:
        with pytest.raises(Refused, match="--as"):
            await coordinators.add(tx, NOW, "kadi", None)
        number = await coordinators.add(tx, NOW, "kadi", "awa")
        assert isinstance(number, int)
        assert {row.name for row in await rows.present(tx)} == {"awa", "issa"}
        with pytest.raises(Refused, match="yourself"):
            await coordinators.approve(tx, NOW, number, "awa")
        approved = await coordinators.approve(tx, NOW, number, "issa")
        code = await coordinators.add_approved(tx, NOW, approved, "issa")
        with pytest.raises(Refused, match="approved already"):
            await coordinators.approve(tx, NOW, number, "issa")
        acts = [(e.actor, e.action, e.subject) async for e in audit.entries(tx)]
    assert await recognise(store, code) == "kadi"
    assert acts == [
        ("cli", "added a coordinator", "awa"),
        ("awa", "added a coordinator", "issa"),
        ("awa", "asked for what takes two", "add coordinator"),
        ("issa", "approved what takes two", "add coordinator"),
        ("issa", "added a coordinator", "kadi"),
    ]


async def test_one_alone_cannot_make_their_own_second(store: Store) -> None:
    """Not by removing the other: that leaves an act of two without a second, for fourteen days."""
    await two(store)
    async with store.write() as tx:
        await coordinators.remove(tx, NOW, "issa", "awa")
        number = await coordinators.add(tx, NOW, "kadi", "awa")
        assert isinstance(number, int)
        soon, later = NOW + timedelta(days=13), NOW + timedelta(days=14)
        with pytest.raises(Refused, match="yourself"):
            await coordinators.approve(tx, soon, number, "awa")
        other = await coordinators.ask(tx, NOW, "awa", "something else", {})
        with pytest.raises(Refused, match="yourself"):
            await coordinators.approve(tx, later, other, "awa")
        assert (await coordinators.approve(tx, later, number, "awa")).subject == {"name": "kadi"}


async def test_what_was_asked_for_long_ago_is_asked_for_anew(store: Store) -> None:
    await two(store)
    async with store.write() as tx:
        number = await coordinators.ask(tx, NOW, "awa", "something", {"area": "ML05"})
        assert [row.id for row in await rows.waiting(tx, NOW)] == [number]
        old = NOW + timedelta(days=31)
        assert await rows.waiting(tx, old) == []
        with pytest.raises(Refused, match="too old"):
            await coordinators.approve(tx, old, number, "issa")
        with pytest.raises(Refused, match="nothing was asked"):
            await coordinators.approve(tx, NOW, number + 1, "issa")
        assert await rows.approved(tx, "something") == []
        await coordinators.approve(tx, NOW, number, "issa")
        (done,) = await rows.approved(tx, "something")
    assert (done.subject, done.asked_by, done.approved_by) == ({"area": "ML05"}, "awa", "issa")
