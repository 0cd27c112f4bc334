"""`vigie explain`: a coordinator asks why, and is told in plain words; who reported is not told."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update
from typer.testing import CliRunner

from handlers.cli import app
from service.store.tables import report, rule_text
from tests.support.network import Network, TestClock, network, number

SOKOLO, NIONO = "ML040410", "ML0404"
AWA, MOUSSA, FANTA = number(1), number(2), number(3)
# Commands have the machine's clock: what they look back at happened just before now.
RECENTLY = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)


async def explain(vigie: Network, *arguments: str) -> Result:
    settings = vigie.service.settings
    env = {
        "VIGIE_DATA_DIR": str(settings.data_dir),
        "VIGIE_DATABASE_URL": str(settings.database),
    }
    return await asyncio.to_thread(CliRunner().invoke, app, ["explain", *arguments], env=env)


async def explained(vigie: Network, *arguments: str) -> Any:
    result = await explain(vigie, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def enrol(vigie: Network) -> None:
    for person in range(1, 9):
        await vigie.enrol(number(person), "focal_point", SOKOLO)
    await vigie.enrol(number(901), "responder", NIONO)


async def attacks(vigie: Network, *senders: str) -> None:
    for sender in senders:
        await vigie.text(sender, "MA SOKOLO 3 5")
        vigie.clock.move(hours=7)
    await vigie.settle()


async def test_an_alert_is_explained_in_both_languages(tmp_path: Path, database_url: str) -> None:
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    async with network(tmp_path, database_url, TestClock(start)) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, AWA)
        result = await explain(vigie, "1")
        assert result.exit_code == 0, result.output
        english = result.stdout
        for said in (
            "Alert 1: Market attack, Sokolo, Mon 23 Nov 2026, evening; severity severe; open.",
            "Decided by the rule market-cluster (Clustered market attacks).",
            ", at once, as its severity asks.",
            "met      reports counted: 3; the rule asks for 3",
            "met      different people: 2; the rule asks for 2",
            "met      the farthest is 0 km away; the rule looks 25 km around",
            "met      from first to last 14 h; the rule looks less than 72 h back",
            "Mon 23 Nov 2026 09:00  Market attack, Sokolo (Niono)",
            "From 2 different people: who they are is never shown.",
            "It still reads so.",
            "- id: market-cluster",
        ):
            assert said in english, (said, english)
        french = (await explain(vigie, "1", "--language", "fr")).stdout
        for said in (
            "Alerte 1 : Attaque de marché, Sokolo, lun. 23 nov. 2026, soir ; gravité severe",
            "rempli      signalements comptés : 3 ; la règle en demande 3",
            "De 2 personnes différentes",
            "Elle est toujours telle.",
        ):
            assert said in french, (said, french)


async def test_what_followed_is_told_in_order(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, FANTA, AWA, MOUSSA, FANTA)
        told = await explained(vigie, "1")
        assert [step["kind"] for step in told["steps"]] == ["raise", "escalate"]
        assert told["alert"]["severity"] == "extreme"
        assert len(told["counted"]["reports"]) == 6
        assert told["counted"]["people"] == 3
        said = (await explain(vigie, "1")).stdout
        assert "market-cluster: made graver: extreme" in said
        assert "reports counted: 6" in said


async def test_what_an_alert_made_needless_is_told_with_the_reason(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, FANTA)
        await vigie.text(AWA, "DC SOKOLO")
        await vigie.text(MOUSSA, "DC SOKOLO")
        await vigie.settle()
        told = await explained(vigie, "1")
        (needless,) = told["made_needless"]
        assert (needless["rule"], needless["kind"]) == ("herder-farmer", "suppress")
        assert needless["suppressed_by"].startswith("market-cluster:")
        said = (await explain(vigie, "1")).stdout
        assert "herder-farmer: not told because of market-cluster" in said


async def test_the_rule_is_told_as_it_was_whatever_it_says_now(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, FANTA)
        async with vigie.service.store.read() as tx:
            kept = (await tx.execute(select(rule_text))).one()
        told = await explained(vigie, "1")
        assert told["rule_hash"] == kept.hash
        assert told["rule"]["when"]["at_least"] == 3
        assert told["rule_now"] == "same"


async def test_a_report_that_was_taken_back_is_marked(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, FANTA)
        async with vigie.service.store.write() as tx:
            await tx.execute(update(report).where(report.c.id == 2).values(status="refuted"))
        said = (await explain(vigie, "1")).stdout
        assert re.search(r"Sokolo \(Niono\), refuted$", said, re.MULTILINE)


async def test_nothing_tells_who_reported(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA, FANTA)
        told = await explained(vigie, "1")
        assert set(told["counted"]["reports"][0]) == {"type", "place", "cercle", "at", "status"}
        everything = json.dumps(told) + (await explain(vigie, "1")).output
        for phone in (AWA, MOUSSA, FANTA):
            assert phone[-8:] not in everything
        assert "reporter" not in everything.replace("distinct_reporters", "")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("17",), 1, "there is no alert 17"),
        (("99999999999999999999",), 2, "less than or equal"),
        (("-1",), 2, ""),
        ((), 2, "name an alert, or --near-misses and a rule"),
        (("1", "--near-misses", "market-cluster"), 2, "name an alert"),
        (("seventeen",), 2, "integer"),
        (("--near-misses", "no-such-rule"), 2, "there is no rule no-such-rule"),
        (("--near-misses", "market-cluster", "--last", "soon"), 2, "write 72h, 30d or 8w"),
    ],
)
async def test_what_cannot_be_explained(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    async with network(tmp_path) as vigie:
        result = await explain(vigie, *arguments)
        assert result.exit_code == status, result.output
        assert said in re.sub(r"[\s│]+", " ", result.stderr)


async def test_what_almost_was_and_what_was_decided(tmp_path: Path) -> None:
    async with network(tmp_path, clock=TestClock(RECENTLY)) as vigie:
        vigie.clock.move(days=-20)
        await enrol(vigie)
        await attacks(vigie, AWA, MOUSSA)
        vigie.clock.move(days=5)
        await attacks(vigie, AWA, MOUSSA, FANTA)
        told = await explained(vigie, "--near-misses", "market-cluster")
        (miss,) = told["near_misses"]
        assert miss["missed"] == [{"name": "reports", "value": 2, "threshold": 3, "met": False}]
        assert len(miss["counted"]["reports"]) == miss["counted"]["people"] == 2
        assert [step["kind"] for step in told["decided"]] == ["raise"]
        said = (await explain(vigie, "--near-misses", "market-cluster")).stdout
        assert "market-cluster: raised, severe" in said
        assert "reports counted: 2; the rule asks for 3" in said
        french = await explain(vigie, "--near-misses", "market-cluster", "--language", "fr")
        assert "Ce qui a failli déclencher market-cluster (Attaques" in french.stdout
        later = await explained(vigie, "--near-misses", "market-cluster", "--last", "16d")
        assert later["near_misses"] == []
        assert len(later["decided"]) == 1


async def test_a_network_without_reports_has_nothing_to_tell(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        told = await explained(vigie, "--near-misses", "herder-farmer")
        assert (told["decided"], told["near_misses"]) == ([], [])
        said = (await explain(vigie, "--near-misses", "herder-farmer")).stdout
        assert said.count("Nothing.") == 2


async def test_an_alert_that_is_told_again_says_so(tmp_path: Path) -> None:
    """families-on-the-move repeats its alert while families arrive, 48 hours on at the earliest."""
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        for sender, hours in ((AWA, 1), (MOUSSA, 24), (FANTA, 25), (AWA, 1)):
            await vigie.text(sender, "DP SOKOLO")
            await vigie.settle()
            vigie.clock.move(hours=hours)
        vigie.clock.move(hours=6)
        await vigie.settle()
        told = await explained(vigie, "1")
        assert [step["kind"] for step in told["steps"]] == ["raise", "repeat"]
        assert len(vigie.sent_to(number(901))) == 3  # the welcome, the alert, the update
        said = (await explain(vigie, "1")).stdout
        assert "told again, moderate; told Wed 25 Nov 2026 18:0" in said  # answers took minutes
