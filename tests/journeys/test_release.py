"""Alerts leave at once or with their window: from phones to responders, by the injected clock.

Families on the move (`DP`) alert with two reports, moderate; six of them make it severe. Thefts of
cattle (`VB`) and armed robberies (`BR`) alert with three, moderate. An attack on a village (`AV`)
alerts alone, severe.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service import enrolment
from service.store.tables import alert, decision, outbox
from tests.support.deciding import decide, decided
from tests.support.network import Network, TestClock, network, number

SOKOLO, NIONO, SEGOU = "ML040410", "ML0404", "ML04"
COMMITTEE = number(901)
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def enrol(vigie: Network, at_sokolo: int = 8, at_diabaly: int = 0) -> None:
    for person in range(1, at_sokolo + 1):
        await vigie.enrol(number(person), "focal_point", SOKOLO)
    for person in range(50, 50 + at_diabaly):
        await vigie.enrol(number(person), "focal_point", "ML040401")
    await vigie.enrol(COMMITTEE, "responder", NIONO)
    await vigie.settle()


async def report(vigie: Network, text: str, *people: int) -> None:
    for person in people:
        await vigie.text(number(person), text)
    await vigie.settle()


def told(vigie: Network) -> list[str]:
    """What the committee was told since its welcome."""
    return vigie.sent_to(COMMITTEE)[1:]


async def until(vigie: Network, at: datetime) -> None:
    vigie.clock.at = at
    await vigie.settle()


async def test_what_is_moderate_leaves_at_the_end_of_its_window_and_not_before(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2)
        await until(vigie, NOON - timedelta(seconds=1))
        assert told(vigie) == []
        assert await vigie.rows(alert) == []
        (held,) = await vigie.rows(decision)
        assert (held.release, held.due_at, held.decided_at) == ("waiting", NOON, MORNING)
        await until(vigie, NOON)
        (text,) = told(vigie)
        assert "ALERTE 1, gravité moyenne" in text
        assert "lun. 23 nov., matin" in text
        (left,) = await vigie.rows(alert)
        assert left.released_at == NOON
        (row,) = await vigie.rows(decision)
        assert (row.release, row.released_at, row.alert_id) == ("told", NOON, 1)


async def test_what_threatens_life_does_not_wait_for_what_waits(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2)
        await report(vigie, "AV SOKOLO 3", 3)
        (text,) = told(vigie)
        assert "ALERTE 1, gravité élevée" in text  # decided second, and the first to leave
        await until(vigie, NOON)
        assert "ALERTE 2, gravité moyenne" in told(vigie)[1]


async def test_everything_of_a_window_leaves_together_in_no_order(tmp_path: Path) -> None:
    """Decided at different hours, told at one moment; the numbers do not follow the decisions."""
    orders = set()
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        for day in range(1, 9):
            # 6 h apart, the same person's same report counts twice; weeks apart, alerts are new.
            await until(vigie, MORNING.replace(hour=6) + timedelta(days=30 * day))
            sent = len(told(vigie))
            for text in ("DP SOKOLO", "VB SOKOLO 9", "BR SOKOLO"):
                await report(vigie, text, 1, 2, 3)
                vigie.clock.move(hours=1)
            assert len(told(vigie)) == sent
            await until(vigie, MORNING.replace(hour=12) + timedelta(days=30 * day))
            assert len(told(vigie)) == sent + 3
            rows = (await vigie.rows(alert))[-3:]
            assert {row.released_at for row in rows} == {vigie.clock.now()}
            orders.add(tuple(row.type for row in rows))
        due = {row.due_at for row in await vigie.rows(outbox) if row.alert_id == 1}
    assert len(due) == 1
    assert len(orders) > 1  # by chance all eight are alike once in 280,000 runs


async def test_what_becomes_grave_takes_what_waits_with_it_in_one_text(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2, 3, 4, 5)
        assert told(vigie) == []
        await report(vigie, "DP SOKOLO", 6)
        (text,) = told(vigie)
        assert "ALERTE 1, gravité élevée" in text
        assert [row.release for row in await vigie.rows(decision)] == ["told", "folded"]
        await until(vigie, NOON + timedelta(days=1))
        assert told(vigie) == [text]


async def test_what_becomes_grave_after_it_left_is_told_at_once(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2)
        await until(vigie, NOON + timedelta(minutes=1))
        await report(vigie, "DP SOKOLO", 3, 4, 5, 6)
        assert ["ALERTE 1" in text for text in told(vigie)] == [True, True]
        # Each copy has its own words.
        assert re.match(
            "MISE A JOUR ALERTE 1: gravité (maintenant|désormais) élevée", told(vigie)[1]
        )
        assert (await vigie.rows(alert))[0].severity == "severe"


async def test_an_ok_before_an_alert_has_left_finds_none(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2)
        await vigie.text(COMMITTEE, "OK 1")
        await vigie.settle()
        await until(vigie, NOON)
        assert (await vigie.rows(alert))[0].state == "open"


async def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing(
    tmp_path: Path, database_url: str
) -> None:
    clock = TestClock()
    async with network(tmp_path, database_url, clock) as vigie:
        await enrol(vigie)
        await report(vigie, "DP SOKOLO", 1, 2)
        assert told(vigie) == []
    clock.at = NOON + timedelta(minutes=20)  # it stood still when the window ended
    for texts in (1, 0, 0):
        async with network(tmp_path, database_url, clock) as vigie:
            await vigie.settle()
            assert len(vigie.sent_to(COMMITTEE)) == texts
            clock.move(minutes=1)
    async with network(tmp_path, database_url, clock) as vigie:
        assert len(await vigie.rows(alert)) == 1


@pytest.mark.parametrize(
    ("at_sokolo", "at_diabaly", "leaving", "area"),
    [(8, 0, 0, SOKOLO), (8, 4, 4, NIONO), (8, 0, 4, "ML")],
)
async def test_who_leaves_before_the_alert_does_makes_it_name_a_coarser_area(
    tmp_path: Path, at_sokolo: int, at_diabaly: int, leaving: int, area: str
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, at_sokolo, at_diabaly)
        await report(vigie, "DP SOKOLO", 1, 2)
        await report(vigie, "STOP", *range(3, 3 + leaving))
        await until(vigie, NOON)
        (left,) = await vigie.rows(alert)
        assert left.area == area
        assert len(told(vigie)) == 1


async def test_who_is_revoked_by_a_command_counts_no_more_in_the_service_that_runs(
    tmp_path: Path,
) -> None:
    """The command is another process: nothing tells the engine but the database."""
    async with network(tmp_path) as vigie:
        await enrol(vigie, 8, 6)
        await report(vigie, "DP SOKOLO", 1, 2)
        service = vigie.service
        async with service.store.write() as tx:
            for invite in range(3, 7):
                revoke = enrolment.revoke(
                    tx, service.vault, "focal_point", MORNING, pseudonym=None, number=invite
                )
                assert await revoke
        await until(vigie, NOON)
        (told_of,) = await vigie.rows(alert)
        assert told_of.area == NIONO


async def test_an_area_that_comes_into_use_meanwhile_is_not_named(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, at_sokolo=4, at_diabaly=4)
        await report(vigie, "DP SOKOLO", 1, 2)
        for person in range(10, 15):
            await vigie.enrol(number(person), "focal_point", SOKOLO)
        await vigie.settle()
        await until(vigie, NOON)
        assert (await vigie.rows(alert))[0].area == NIONO


async def test_an_alert_whose_support_is_gone_before_it_left_is_told_nobody(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await decide(vigie, decided("raise"))
        vigie.clock.move(hours=1)
        await decide(vigie, decided("correct"))
        await until(vigie, NOON)
        assert told(vigie) == []
        assert await vigie.rows(alert) == []
        assert [row.release for row in await vigie.rows(decision)] == ["withdrawn", "withdrawn"]
        assert {row.released_at for row in await vigie.rows(decision)} == {NOON}


async def test_a_correction_leaves_as_its_alert_did(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await decide(vigie, decided("raise"), decided("raise", "severe", "a-rule:2"))
        await until(vigie, NOON + timedelta(hours=1))
        assert len(told(vigie)) == 2
        await decide(vigie, decided("correct"), decided("correct", "severe", "a-rule:2"))
        assert len(told(vigie)) == 3
        assert "CORRECTION ALERTE 1" in told(vigie)[2]  # the severe one left first, as number 1
        await until(vigie, NOON + timedelta(hours=6))
        assert "CORRECTION ALERTE 2" in told(vigie)[3]
        assert {row.state for row in await vigie.rows(alert)} == {"corrected"}


async def test_what_cannot_be_told_holds_up_nothing_else(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await decide(vigie, decided("raise"), decided("raise", episode="a-rule:3"))
        async with vigie.service.store.write() as tx:
            broken = decision.update().where(decision.c.episode == "a-rule:3")
            await tx.execute(broken.values(areas=[{}]))
        await until(vigie, NOON)
        assert len(told(vigie)) == 1
        assert [row.release for row in await vigie.rows(decision)] == ["told", "failed"]
        await report(vigie, "AV SOKOLO 3", 3)
        assert len(told(vigie)) == 2
