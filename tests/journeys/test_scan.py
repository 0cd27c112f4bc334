"""At night a running service looks where incidents gather, and coordinators are told of it."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
from click.testing import Result
from sqlalchemy import delete, update
from structlog.testing import capture_logs
from typer.testing import CliRunner

from handlers.cli import app
from service.domain.geo import Point
from service.domain.scan import Case, scan
from service.scan_process import ScanFailed, scan_apart
from service.scanning import MAX_DAYS, MAX_KM, RARE_NIGHTS, Scanner
from service.store import reports, scans, tables
from service.store.scans import Night
from tests.support.network import Network, TestClock, network, number
from tests.support.process import until

SOKOLO, NIONO, RESPONDER = "ML040410", "ML040406", number(901)
FAR_APART = ("MOPTI", "DJENNE", "TENENKOU", "DOUENTZA", "BANKASS", "SAN", "TOMINIAN", "YOUWAROU")
# Of different types, so that none corroborates another.
AT_SOKOLO = ("DC", "VB", "CH", "MA", "TE")
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)  # as in Bamako


async def eleven_weeks(vigie: Network, *, at_sokolo: int = 0) -> None:
    """Incidents here and there until the evening of the 22nd, and some at Sokolo in four days."""
    vigie.clock.at = MIDNIGHT - timedelta(days=78, hours=-8)
    for person in range(1, 9):  # the cercle of Niono comes into use; its communes do not
        await vigie.enrol(number(person), "focal_point", SOKOLO if person % 2 else NIONO)
    await vigie.enrol(RESPONDER, "responder", "ML0404")
    await vigie.settle()  # an invite lapses before the clock has moved on as far as it will
    for turn in range(24):
        await vigie.text(number(1), f"MA {FAR_APART[turn % len(FAR_APART)]}")
        vigie.clock.move(days=3)
    for back, code in reversed([*enumerate(AT_SOKOLO[:at_sokolo])]):
        vigie.clock.at = MIDNIGHT - timedelta(days=min(back, 3), hours=4)
        await vigie.text(number(1), f"{code} SOKOLO")
    vigie.clock.at = MIDNIGHT - timedelta(hours=4)
    await vigie.settle()


async def night(vigie: Network, at: datetime) -> list[MutableMapping[str, Any]]:
    """Let the tick of this moment come; what it told coordinators."""
    vigie.clock.at = at
    with capture_logs() as logged:
        await vigie.service.timers.scan()
    return [said for said in logged if "gather" in said["event"]]


async def stored(vigie: Network) -> list[Night]:
    async with vigie.service.store.read() as tx:
        return await scans.newest(tx, 99)


async def command(vigie: Network, *arguments: str) -> Result:
    settings = vigie.service.settings
    env = {
        "VIGIE_DATA_DIR": str(settings.data_dir),
        "VIGIE_DATABASE_URL": str(settings.database),
    }
    return await asyncio.to_thread(CliRunner().invoke, app, ["scan", *arguments], env=env)


def hours(count: float) -> datetime:
    return MIDNIGHT + timedelta(hours=count)


async def test_what_gathers_is_found_at_night_and_told_to_coordinators_alone(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await eleven_weeks(vigie, at_sokolo=5)
        texts = len(vigie.at.texts)
        (said,) = await night(vigie, hours(3))
        assert said["event"].startswith("incidents gather more than chance explains")
        assert (said["area"], said["incidents"], said["days"]) == ("Niono", 5, 4)
        assert "okolo" not in str(said)
        (kept,) = await stored(vigie)
        assert (kept.day, kept.incidents, kept.made_at) == (date(2026, 11, 22), 29, hours(3))
        assert kept.cluster is not None
        assert kept.cluster.places == ("20745",)
        assert kept.cluster.centre == Point(14.7, -6.1)
        assert kept.cluster.recurrence_days >= RARE_NIGHTS
        await vigie.settle()
        assert len(vigie.at.texts) == texts, "no responder is told"

        english = (await command(vigie)).stdout
        assert "Sun 22 Nov 2026: UNUSUAL; chance alone shows as much once in " in english
        assert "incidents: 5; usual would be 0.86; in the last days: 4" in english
        assert "in Sokolo (Niono)" in english
        french = (await command(vigie, "--language", "fr")).stdout
        assert "dim. 22 nov. 2026 : INHABITUEL ; le seul hasard en montre autant" in french
        assert "incidents : 5 ; d'habitude il y en aurait 0,86" in french
        (told,) = json.loads((await command(vigie, "--json")).stdout)
        assert told["day"] == "2026-11-22"
        assert told["cluster"]["places"] == [{"code": "20745", "name": "Sokolo (Niono)"}]
        assert told["cluster"]["centre"] == {"lat": 14.7, "lon": -6.1}


async def test_once_a_night_also_after_a_restart(tmp_path: Path) -> None:
    clock = TestClock()
    async with network(tmp_path, clock=clock) as vigie:
        await eleven_weeks(vigie, at_sokolo=5)
        for moment in (2.9, 3, 3.2, 23, 26.9):
            await night(vigie, hours(moment))
        # At 2:54 it was still the night before, of whose day something was already known.
        assert [n.day.day for n in await stored(vigie)] == [22, 21]
    async with network(tmp_path, clock=clock) as vigie:
        assert await night(vigie, hours(26.95)) == []
        assert len(await stored(vigie)) == 2
        assert len(await night(vigie, hours(27))) == 1
        assert [n.day.day for n in await stored(vigie)] == [23, 22, 21]
        await night(vigie, hours(27 + 24 * 7))  # after a week without the machine: once
        assert [n.day.day for n in await stored(vigie)] == [30, 23, 22, 21]
        await night(vigie, hours(27))  # a clock that was put back does nothing again
        assert len(await stored(vigie)) == 4


async def test_where_nothing_gathers_nothing_is_said(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        vigie.clock.at = hours(3)
        assert (await command(vigie)).stdout.startswith("No night has been scanned yet")
        assert json.loads((await command(vigie, "--json")).stdout) == []
        await night(vigie, hours(3))
        assert await stored(vigie) == [Night(date(2026, 11, 22), 0, None, hours(3))]
        said = "Sun 22 Nov 2026: nothing gathers; incidents looked at: 0\n"
        assert (await command(vigie)).stdout == said
        assert json.loads((await command(vigie, "--json")).stdout)[0]["cluster"] is None


async def test_what_lies_as_usual_is_not_told(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await eleven_weeks(vigie)
        assert await night(vigie, hours(3)) == []
        (kept,) = await stored(vigie)
        assert kept.incidents == 24
        assert kept.cluster is not None
        assert kept.cluster.recurrence_days < RARE_NIGHTS
        said = (await command(vigie)).stdout.splitlines()
        assert len(said) == 1, "nor which places"
        assert said[0].startswith("Sun 22 Nov 2026: nothing unusual; ")


async def test_many_who_tell_of_one_incident_are_one_case(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await eleven_weeks(vigie, at_sokolo=1)
        for sender in range(2, 9):
            await vigie.text(number(sender), "DC SOKOLO")
        await vigie.settle()
        assert await night(vigie, hours(3)) == []
        assert [n.incidents for n in await stored(vigie)] == [25]


async def test_an_incident_counts_as_long_as_a_report_stands_for_it(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await eleven_weeks(vigie, at_sokolo=5)
        at_sokolo = tables.report.c.place == "20745"
        async with vigie.service.store.write() as tx:
            await tx.execute(update(tables.report).where(at_sokolo).values(status="refuted"))
        assert await night(vigie, hours(3)) == []
        assert [n.incidents for n in await stored(vigie)] == [24]


async def test_the_same_night_again_finds_the_same(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await eleven_weeks(vigie, at_sokolo=2)
        await night(vigie, hours(3))
        first = await stored(vigie)
        async with vigie.service.store.write() as tx:
            await tx.execute(delete(tables.scan))
        await night(vigie, hours(3))
        assert await stored(vigie) == first


async def test_now_sees_today_and_keeps_nothing(tmp_path: Path) -> None:
    """The command has the machine's clock, so today is the machine's today."""
    async with network(tmp_path) as vigie:
        await eleven_weeks(vigie)
        vigie.clock.at = datetime.now(UTC)
        await vigie.text(number(1), "VB SOKOLO")
        await vigie.settle()
        result = await command(vigie, "--now", "--json")
        assert result.exit_code == 0, result.output
        (told,) = json.loads(result.stdout)
        today = datetime.now(vigie.service.content.timezone).date()
        assert date.fromisoformat(told["day"]) in (today, today - timedelta(days=1))
        assert told["incidents"] >= 1
        assert await stored(vigie) == []


async def test_nights_are_those_of_the_content_in_force(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        service, content = vigie.service, vigie.service.content
        scanner = Scanner(service.store, content, vigie.clock)
        vigie.clock.at = hours(-6)  # 18 h in Bamako, 3 h of the day after in Tokyo
        await scanner.nightly()
        areas = content.areas.model_copy(update={"timezone": "Asia/Tokyo"})
        scanner.adopt(replace(content, areas=areas))
        await scanner.nightly()
        assert [n.day.day for n in await stored(vigie)] == [22, 21]


async def test_a_scan_that_fails_is_made_at_the_next_tick(tmp_path: Path, sqlite_url: str) -> None:
    async with network(tmp_path, sqlite_url) as vigie:
        await eleven_weeks(vigie, at_sokolo=5)
        async with vigie.service.store.write() as tx:
            broken = update(tables.incident).where(tables.incident.c.id == 1)
            await tx.exec_driver_sql("update incident set lat = 'nowhere' where id = 1")
        with pytest.raises(ScanFailed, match="TypeError"):
            await night(vigie, hours(3))
        assert await stored(vigie) == []
        async with vigie.service.store.write() as tx:
            await tx.execute(broken.values(lat=14.5))
        assert len(await night(vigie, hours(3.2))) == 1


def quiet(count: int) -> list[Case]:
    chance = Random(5)
    points = {f"p{n}": Point(chance.uniform(13, 15), chance.uniform(-6, -4)) for n in range(30)}
    names = chance.choices(list(points), k=count)
    return [Case(name, points[name], chance.randrange(180)) for name in names]


async def test_apart_or_not_the_answer_is_the_same() -> None:
    cases = quiet(60)
    limits: Mapping[str, Any] = {"max_km": MAX_KM, "max_days": MAX_DAYS}
    expected = scan(cases, 179, **limits, chance=Random(179))
    assert expected is not None
    assert await scan_apart(cases, 179, **limits) == expected
    assert await scan_apart([], 179, **limits) is None


async def test_a_service_that_stops_leaves_no_scan_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the process is told nothing by the environment, where keys may be."""
    monkeypatch.setenv("VIGIE_AT_API_KEY", "a-key-that-is-nobody-else's")
    async with network(tmp_path) as vigie:
        await plant(vigie, quiet(3000))
        vigie.clock.at = hours(3)
        before = set(psutil.Process().children())
        for job in vigie.service.timers._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))
        await until(lambda: set(psutil.Process().children()) - before)
        (process,) = set(psutil.Process().children()) - before
        await until(lambda: "service.scan_process" in process.cmdline())  # else it is still this
        assert "VIGIE_AT_API_KEY" not in process.environ()
    await until(lambda: not process.is_running())  # it is told to end, and ends
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def plant(vigie: Network, cases: list[Case]) -> None:
    """Store an incident, with one report, for each case; day 0 is half a year before the last."""
    incidents, told = [], []
    for id_, case in enumerate(cases, 1):
        at = MIDNIGHT - timedelta(days=180 - case.day)
        row = {"id": id_, "type": "threat", "place": case.place, "area": SOKOLO}
        row |= case.point._asdict()
        incidents.append(row | {"at": at})
        known = {"inbox_id": id_, "reporter": 1, "occurred_at": at, "received_at": at}
        told.append(row | known | {"confidence": 1.0, "status": "counted", "incident_id": id_})
    async with vigie.service.store.write() as tx:
        await reports.add(tx, incidents, told)
