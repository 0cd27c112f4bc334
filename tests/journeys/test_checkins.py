"""Whole areas are asked to check in, on real phones, by the injected clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from handlers.cli import app
from service.checkins import PATIENCE, CheckIns
from service.content import load
from service.store.tables import check_in, outbox, person, report
from tests.support.content_dir import copy_of_content
from tests.support.network import Network, TestClock, network, number

SOKOLO = "ML040410"
MIDNIGHT = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
ASKED = "Bonjour, comment allez-vous ? Merci de répondre."
RUNNER = CliRunner()


def content_that_asks(folder: Path, a_day: str = "{commune: 2}") -> Path:
    folder.mkdir()
    content = copy_of_content(folder)
    (content / "rules/checkins.yaml").write_text(
        f'a_day: {a_day}\nbetween: {{first: "08:00", last: "18:00"}}\n', encoding="utf-8"
    )
    return content


async def enrol(vigie: Network, at_sokolo: int = 8) -> None:
    for each in range(1, at_sokolo + 1):
        await vigie.enrol(number(each), "focal_point", SOKOLO)
    await vigie.enrol(number(901), "responder", SOKOLO)
    await vigie.settle()


async def tick(vigie: Network, at: datetime) -> None:
    vigie.clock.at = at
    await vigie.service.timers.check_in()
    await vigie.settle()


async def a_day(vigie: Network, midnight: datetime = MIDNIGHT) -> None:
    for minutes in range(0, 24 * 60, 10):
        await tick(vigie, midnight + timedelta(minutes=minutes))


def asked(vigie: Network) -> dict[str, int]:
    times: dict[str, int] = {}
    for to, text in vigie.at.texts:
        if text == ASKED:
            times[to] = times.get(to, 0) + 1
    return times


async def test_everybody_in_an_area_is_asked_as_often_as_the_plan_says_and_nobody_else(
    tmp_path: Path, database_url: str
) -> None:
    content = content_that_asks(tmp_path / "content")
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        await vigie.text(number(8), "STOP")
        await vigie.settle()
        async with vigie.service.store.write() as tx:
            quiet = person.c.id == (await vigie.rows(person))[0].id
            await tx.execute(update(person).where(quiet).values(silent=True))
        await a_day(vigie)
        assert asked(vigie) == {number(each): 2 for each in range(2, 8)}
        first, second = await vigie.rows(check_in)
        assert (first.area, first.state, first.asked) == (SOKOLO, "asked", 6)
        at = [row.due_at.hour + row.due_at.minute / 60 for row in (first, second)]
        assert 8 <= at[0] < 13 <= at[1] < 18
        texts = [row for row in await vigie.rows(outbox) if row.purpose == "check_in"]
        assert len({row.due_at for row in texts}) == 2  # all of an area at one moment


async def test_all_is_well_is_the_usual_answer(tmp_path: Path) -> None:
    content = content_that_asks(tmp_path / "content", "{commune: 1}")
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await a_day(vigie)
        for each in range(1, 7):
            await vigie.text(number(each), "RAS")
        await vigie.settle()
        assert {row.type for row in await vigie.rows(report)} == {"nothing_to_report"}
        assert len(await vigie.rows(report)) == 6


async def test_a_restart_neither_repeats_a_request_nor_skips_one(
    tmp_path: Path, database_url: str
) -> None:
    content, clock = content_that_asks(tmp_path / "content"), TestClock()
    async with network(tmp_path, database_url, clock, content_dir=content) as vigie:
        await enrol(vigie)
        await tick(vigie, MIDNIGHT)
        planned = [row.due_at for row in await vigie.rows(check_in)]
    asked_for = 0
    for moment in (*planned, planned[1] + timedelta(minutes=5)):
        async with network(tmp_path, database_url, clock, content_dir=content) as vigie:
            await tick(vigie, moment + timedelta(minutes=3))
            await tick(vigie, moment + timedelta(minutes=4))
            asked_for += sum(asked(vigie).values())
            assert [row.due_at for row in await vigie.rows(check_in)] == planned
    assert asked_for == 16


async def test_what_is_long_past_is_not_asked_any_more(tmp_path: Path) -> None:
    content = content_that_asks(tmp_path / "content", "{commune: 1}")
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await tick(vigie, MIDNIGHT)
        (row,) = await vigie.rows(check_in)
        await tick(vigie, row.due_at + PATIENCE + timedelta(minutes=1))
        assert asked(vigie) == {}
        assert (await vigie.rows(check_in))[0].state == "missed"


async def test_a_service_that_starts_at_noon_asks_for_the_rest_of_the_day(tmp_path: Path) -> None:
    content = content_that_asks(tmp_path / "content", "{commune: 12}")
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await tick(vigie, MIDNIGHT + timedelta(hours=12, minutes=55))
        rows = await vigie.rows(check_in)
        assert len(rows) in (5, 6)
        assert all(row.due_at > vigie.clock.now() for row in rows)


@pytest.mark.parametrize("leaving", [4, 8])
async def test_too_few_are_not_asked(tmp_path: Path, leaving: int) -> None:
    content = content_that_asks(tmp_path / "content", "{commune: 1, country: 1}")
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await tick(vigie, MIDNIGHT)
        for each in range(1, leaving + 1):
            await vigie.text(number(each), "STOP")
        await vigie.settle()
        await a_day(vigie)
        assert asked(vigie) == {}
        assert {row.state for row in await vigie.rows(check_in)} == {"missed"}


async def test_it_is_off_as_it_comes_and_off_at_once_when_it_is_turned_off(tmp_path: Path) -> None:
    content = load(content_that_asks(tmp_path / "content", "{commune: 1}"))
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await a_day(vigie)
        assert await vigie.rows(check_in) == []
        service = vigie.service
        check_ins = CheckIns(service.store, service.content, vigie.clock, service.dispatcher.wake)
        vigie.clock.at = MIDNIGHT + timedelta(days=1)
        check_ins.adopt(content)
        await check_ins.tick()
        (planned,) = await vigie.rows(check_in)
        vigie.clock.at = planned.due_at
        check_ins.adopt(service.content)
        await check_ins.tick()
        await vigie.settle()
        assert asked(vigie) == {}
        check_ins.adopt(content)
        await check_ins.tick()
        await vigie.settle()
        assert len(asked(vigie)) == 8


async def test_check_tells_what_it_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_that_asks(tmp_path / "content", "{commune: 3}")
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))
    check = ["check", "--content-dir", str(content)]
    before = await asyncio.to_thread(RUNNER.invoke, app, check)
    assert before.exit_code == 0, before.output
    assert "check-ins" not in before.stderr
    assert not (tmp_path / "data").exists()  # nor is a database made by asking
    async with network(tmp_path) as vigie:
        await enrol(vigie)
    said = (await asyncio.to_thread(RUNNER.invoke, app, check)).stderr
    assert "8 focal points are enrolled, 720 requests go out in 30 days" in said
