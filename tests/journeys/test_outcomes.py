"""From three reports by SMS to a responder's `FIN 1 2`, and to what coordinators read of it.

`vigie alert list` and `vigie rules record`, as processes would run them, on a store that the
service has written. The routes are those that ship: a severe alert waits 20 minutes, then 40.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app
from service import enrolment
from service.store import drills, people
from service.store.tables import person, response
from tests.support.network import Network, network, number

SOKOLO, NIONO, SEGOU = "ML040410", "ML0404", "ML04"
FOCAL_POINTS = [number(each) for each in range(1, 9)]
MEDIATOR, PREFECT, CHIEF = (number(901 + nth) for nth in range(3))
SINCE = ("--since", "2026-11-01")


async def enrol(vigie: Network) -> None:
    for phone in FOCAL_POINTS:
        await vigie.enrol(phone, "focal_point", SOKOLO)
    service = vigie.service
    functions = ("mediator", "prefect", "coordinator")
    for phone, area, function in zip(
        (MEDIATOR, PREFECT, CHIEF), (SOKOLO, SEGOU, "ML"), functions, strict=True
    ):
        (slip,) = await enrolment.slips(
            service.store, service.vault, vigie.clock, "responder", area, "fr", 1,
            function=function,
        )  # fmt: skip
        await vigie.text(phone, f"INS {slip.code}")
    await vigie.settle()


async def attack(vigie: Network, *senders: int, place: str = "SOKOLO") -> None:
    for sender in senders:
        await vigie.text(number(sender), f"MA {place} 3 5")
    await vigie.work()


async def say(vigie: Network, phone: str, text: str) -> None:
    await vigie.text(phone, text)
    await vigie.settle()


@pytest.fixture
def env(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of the commands; the database that they and the service share."""
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    return database_url


async def told(*arguments: str) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


async def listed() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(await told("alert", "list", *SINCE, "--json"))
    return rows


async def recorded() -> dict[str, Any]:
    lines = json.loads(await told("rules", "record", *SINCE, "--json"))
    return next(line for line in lines if line["rule"] == "market-cluster")


async def test_from_reports_by_sms_to_the_rules_record(tmp_path: Path, env: str) -> None:
    async with network(tmp_path, env) as vigie:
        await enrol(vigie)
        assert await listed() == []
        await attack(vigie, 1, 2, 3)
        (row,) = await listed()
        assert (row["state"], row["minutes"], row["route"]) == ("open", None, "severe")
        assert (row["step"], row["steps"], row["told"]) == (1, 3, 1)
        assert (row["said"], row["outcomes"], row["outcome"]) == ({}, {}, None)
        vigie.clock.move(minutes=20)
        await vigie.work()
        (row,) = await listed()
        assert (row["step"], row["told"]) == (2, 2)
        vigie.clock.move(minutes=4)
        await say(vigie, PREFECT, "OK 1")
        await say(vigie, MEDIATOR, "VA 1")
        vigie.clock.move(hours=2)
        await say(vigie, MEDIATOR, "FIN 1 2")
        (row,) = await listed()
        assert row["state"] == "done"
        assert 24 <= row["minutes"] < 25
        assert (row["step"], row["steps"], row["next_at"]) == (2, 3, None)
        assert row["said"] == {"acknowledge": 1, "done": 1}
        assert (row["outcomes"], row["outcome"]) == ({"contained": 1}, "contained")
        line = await told("alert", "list", *SINCE)
        assert line.split("\t") == [
            "1", "market_attack", SOKOLO, "2026-11-23", "severe",
            f"done, in hand after {row['minutes']:g} min", "step 2 of 3", "told 2",
            "acknowledge 1, done 1", "contained 1\n",
        ]  # fmt: skip
        record = await recorded()
        assert (record["alerts"], record["acknowledged"]) == (1, 1)
        assert (record["timed"], record["in_time"]) == (1, 0)  # 24 minutes, where 20 are given
        assert (record["minutes"], record["outcomes"]) == (row["minutes"], {"contained": 1})
        assert (record["judged"], record["false_alarms"]) == (1, 0.0)
        said = await told("rules", "record", *SINCE)
        assert f"median {row['minutes']:g} min; contained 1; false alarms 0%" in said


async def test_a_false_alarm_counts_and_an_exercise_does_not(tmp_path: Path, env: str) -> None:
    async with network(tmp_path, env) as vigie:
        await enrol(vigie)
        now = vigie.clock.now()
        async with vigie.service.store.write() as tx:
            await drills.begin(tx, SOKOLO, now, now + timedelta(hours=3))
        for sender in (1, 2, 3):
            await vigie.text(number(sender), "EXERCICE MA SOKOLO 3 5")
        await vigie.settle()
        await say(vigie, MEDIATOR, "FIN 1 5")
        await attack(vigie, 4, 5, 6)
        await say(vigie, MEDIATOR, "FIN 2 5")
        drill, real = await listed()
        assert (drill["drill"], drill["outcome"]) == (True, "false_alarm")
        assert (real["drill"], real["outcome"]) == (False, "false_alarm")
        lines = (await told("alert", "list", *SINCE)).splitlines()
        assert [line.split("\t")[4] for line in lines] == ["severe, exercise", "severe"]
        record = await recorded()
        assert (record["alerts"], record["judged"], record["false_alarms"]) == (1, 1, 1.0)
        # What who said is deleted after 90 days; how it ended is not.
        async with vigie.service.store.write() as tx:
            await tx.execute(response.delete())
        *_, told_, said, ended = (await told("alert", "list", *SINCE)).splitlines()[1].split("\t")
        assert (told_, said, ended) == ("told 1", "-", "false_alarm")
        assert (await recorded())["false_alarms"] == 1.0


async def test_where_nobody_can_be_told_the_list_says_so(tmp_path: Path, env: str) -> None:
    async with network(tmp_path, env) as vigie:
        await enrol(vigie)
        async with vigie.service.store.write() as tx:
            for row in await vigie.rows(person):
                if row.role == "responder":
                    await people.clear(tx, row.id, {"highest": "minor"})
        await attack(vigie, 1, 2, 3)
        cells = (await told("alert", "list", *SINCE)).rstrip("\n").split("\t")
        assert cells[5:] == ["open", "step 3 of 3", "told nobody", "-", "-"]
        done = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"])
        found = [each for each in json.loads(done.stdout) if each["name"] == "responders"]
        assert [each["what"] for each in found if each["state"] == "bad"] == [
            "alert 1 is open and told nobody: who could be is absent, or not enrolled"
        ]


async def test_the_help_says_what_each_column_is(tmp_path: Path) -> None:
    help_ = " ".join((await told("alert", "list", "--help")).split())
    for word in ("state", "step", "told", "nobody", "disputed", "acknowledged", "vigie explain"):
        assert word in help_
