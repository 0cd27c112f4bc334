"""An exercise goes all the way, says so in every text, and is nowhere taken for what is so."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.store import alerts, areas, counts, drills, reports
from service.store.tables import alert, decision, incident, person, report, response
from tests.support.network import START, Network, TestClock, network, number

SOKOLO, NIONO, MOPTI = "ML040410", "ML0404", "ML0506"
AWA, MOUSSA, FANTA, MEDIATOR, ENGLISH = (number(each) for each in (1, 2, 3, 901, 902))
NEUTRAL = "Bonjour, merci pour votre message."


async def enrol(vigie: Network) -> None:
    for each in range(1, 9):
        await vigie.enrol(number(each), "focal_point", SOKOLO)
    await vigie.enrol(MEDIATOR, "responder", NIONO)
    await vigie.enrol(ENGLISH, "responder", NIONO, "en")
    await vigie.settle()


async def begin(vigie: Network, area: str = NIONO, hours: int = 4) -> None:
    now = vigie.clock.now()
    async with vigie.service.store.write() as tx:
        await drills.begin(tx, area, now, now + timedelta(hours=hours))


def heard(vigie: Network, phone: str = MEDIATOR) -> list[str]:
    """The first line of each text of an alert."""
    return [text.splitlines()[0] for text in vigie.sent_to(phone) if "ALERT" in text]


async def statuses(vigie: Network) -> list[str]:
    return [row.status for row in await vigie.rows(report)]


async def test_it_goes_all_the_way_and_every_text_says_what_it_is(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await begin(vigie)
        await vigie.text(AWA, "EXERCICE AV SOKOLO 3")
        await vigie.settle()
        assert heard(vigie) == ["EXERCICE: ALERTE 1, gravité élevée"]
        assert heard(vigie, ENGLISH)[0].startswith("EXERCISE: ALERT 1")
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL]
        before = len(vigie.sent_to(MEDIATOR))
        await vigie.text(MEDIATOR, "OK 1")
        await vigie.settle()
        assert [row.alert_id for row in await vigie.rows(response)] == [1]
        assert all(text.startswith("EXERCICE: ") for text in vigie.sent_to(MEDIATOR)[before:])
        await vigie.text(AWA, "exercice ann")
        await vigie.settle()
        assert heard(vigie)[-1].startswith("EXERCICE: CORRECTION ALERTE 1")
        assert await statuses(vigie) == ["drill_back"]


async def test_nothing_of_it_is_counted_anywhere(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await begin(vigie)
        for phone in (AWA, MOUSSA, FANTA):
            await vigie.text(phone, "EXERCICE MA SOKOLO 3")
        await vigie.text(AWA, "EXERCICE AV SOKOLO 3")
        await vigie.settle()
        assert all(row.drill for row in await vigie.rows(alert))
        assert all(row.drill for row in await vigie.rows(decision))
        assert await vigie.rows(incident) == []
        async with vigie.service.store.read() as tx:
            assert await counts.reports(tx) == await counts.incidents(tx) == []
            assert await counts.alerts(tx) == await areas.named(tx) == []
            assert await alerts.counts(tx) == {}
            assert await reports.decisions_since(tx, START - timedelta(days=1)) == []
            assert await reports.decisions_of(tx, "grave-report", START) == []
            since = reports.evidence_since(tx, START - timedelta(days=1))
            assert [each async for each in since] == []
            assert await reports.count_coarse(tx) == 0


async def test_what_is_so_is_neither_completed_nor_hidden_by_it(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await begin(vigie)
        for phone, text in (
            (AWA, "MA SOKOLO 3"),
            (MOUSSA, "MA SOKOLO 3"),
            (FANTA, "EXERCICE MA SOKOLO 3"),
            (AWA, "EXERCICE MA SOKOLO 3"),
        ):
            await vigie.text(phone, text)
        await vigie.settle()
        assert await vigie.rows(alert) == []  # the rule asks for three
        await vigie.text(MOUSSA, "EXERCICE MA SOKOLO 3")
        await vigie.settle()
        assert [row.drill for row in await vigie.rows(alert)] == [True]
        await vigie.text(FANTA, "MA SOKOLO 3")  # is no repeat of what FANTA said in the exercise
        await vigie.settle()
        assert [row.drill for row in await vigie.rows(alert)] == [True, False]
        first, second = heard(vigie)
        assert first.startswith("EXERCICE: ALERTE 1")
        assert second.startswith("ALERTE 2")
        assert len(await vigie.rows(incident)) == 1


async def test_neither_takes_back_the_other(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await begin(vigie)
        await vigie.text(AWA, "MA SOKOLO 3")
        await vigie.text(AWA, "EXERCICE BR SOKOLO 1")
        await vigie.text(AWA, "EXERCICE ANN")
        await vigie.text(MOUSSA, "EXERCICE MA SOKOLO 3")
        await vigie.text(MOUSSA, "BR SOKOLO 1")
        await vigie.text(MOUSSA, "ANN")
        await vigie.text(FANTA, "MA SOKOLO 1")
        await vigie.text(FANTA, "EXERCICE COR MA SOKOLO 2")
        await vigie.settle()
        assert await statuses(vigie) == [
            "counted", "drill_back", "drill", "retracted", "counted", "drill",
        ]  # fmt: skip


@pytest.mark.parametrize("where", [None, MOPTI, "over"])
async def test_where_there_is_no_exercise_it_is_kept_and_nobody_is_told(
    tmp_path: Path, where: str | None
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        if where:
            await begin(vigie, NIONO if where == "over" else where, hours=1)
        vigie.clock.move(hours=2 if where == "over" else 0)
        await vigie.text(AWA, "EXERCICE AV SOKOLO 3")
        await vigie.settle()
        assert await statuses(vigie) == ["quarantined"]
        assert heard(vigie) == []
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL]


@pytest.mark.parametrize("text", ["EXERCICE", "EXERCICE 3 5", "exercice exercice AV SOKOLO 3"])
async def test_what_is_not_understood_is_no_report(tmp_path: Path, text: str) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await begin(vigie)
        await vigie.text(AWA, text)
        await vigie.settle()
        assert [each for each in await statuses(vigie) if each != "drill"] == []
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL]


async def test_who_wants_to_leave_in_an_exercise_leaves(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await begin(vigie)
        await vigie.text(AWA, "EXERCICE STOP")
        await vigie.text(AWA, "EXERCICE AV SOKOLO 3")
        await vigie.settle()
        assert await vigie.rows(report) == []
        assert len([row for row in await vigie.rows(person) if row.role == "focal_point"]) == 7


async def test_a_restart_knows_it_for_an_exercise(tmp_path: Path, database_url: str) -> None:
    clock = TestClock()
    async with network(tmp_path, database_url, clock) as vigie:
        await enrol(vigie)
        await begin(vigie)
        for phone in (AWA, MOUSSA):
            await vigie.text(phone, "EXERCICE MA SOKOLO 3")
        await vigie.settle()
    async with network(tmp_path, database_url, clock) as vigie:
        await vigie.text(FANTA, "MA SOKOLO 3", id_="so")
        await vigie.settle()
        assert await vigie.rows(alert) == []
        await vigie.text(FANTA, "EXERCICE MA SOKOLO 3", id_="drill")
        await vigie.settle()
        assert [row.drill for row in await vigie.rows(alert)] == [True]
        assert heard(vigie)[0].startswith("EXERCICE: ALERTE 1")
