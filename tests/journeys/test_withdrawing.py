"""`ANN` and `COR`, from the phone to the responders who had been told."""

import itertools
import re
from datetime import timedelta
from pathlib import Path

import pytest

from service.store.tables import alert, decision, outbox, report, warning, withdrawal
from tests.support.network import Network, TestClock, network, number

SOKOLO, NIONO = "ML040410", "ML0404"
AWA, MOUSSA, MEDIATOR, LATECOMER = number(1), number(2), number(901), number(902)
NEUTRAL = "Bonjour, merci pour votre message."


async def enrol(vigie: Network) -> None:
    """Eight focal points at Sokolo, and somebody who is told."""
    for each in range(1, 9):
        await vigie.enrol(number(each), "focal_point", SOKOLO)
    await vigie.enrol(MEDIATOR, "responder", NIONO)
    await vigie.settle()


def told(vigie: Network, phone: str) -> list[str]:
    """The first words of what a responder was told, without the number."""
    return [re.split(r" \d", text)[0] for text in vigie.sent_to(phone) if "ALERTE" in text]


async def statuses(vigie: Network) -> list[str]:
    return [row.status for row in await vigie.rows(report)]


async def test_what_was_withdrawn_is_corrected_to_exactly_those_told(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "AV SOKOLO 3")  # grave: it alerts alone, and at once
        await vigie.settle()
        await vigie.enrol(LATECOMER, "responder", NIONO)
        await vigie.settle()
        vigie.clock.move(minutes=20)
        await vigie.text(AWA, "ANN")
        await vigie.settle()
        assert await statuses(vigie) == ["retracted"]
        assert [row.state for row in await vigie.rows(alert)] == ["corrected"]
        assert told(vigie, MEDIATOR) == ["ALERTE", "CORRECTION ALERTE"]
        assert told(vigie, LATECOMER) == []
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL] * 2


async def test_what_comes_after_its_withdrawal_is_told_to_nobody(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        start = vigie.clock.now()
        vigie.clock.move(minutes=5)
        await vigie.text(AWA, "ANN", sent_at=start + timedelta(minutes=1))
        await vigie.text(AWA, "AV SOKOLO 3", sent_at=start)
        await vigie.settle()
        assert await statuses(vigie) == ["retracted"]
        assert [row.release for row in await vigie.rows(decision)] == ["withdrawn"] * 2
        assert await vigie.rows(alert) == []
        assert told(vigie, MEDIATOR) == []


async def test_after_an_hour_it_is_too_late(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "MA SOKOLO 3")
        vigie.clock.move(minutes=61)
        await vigie.text(AWA, "ANN")
        await vigie.settle()
        assert await statuses(vigie) == ["counted"]


async def test_a_correction_takes_the_place_of_what_it_corrects(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        vigie.clock.move(minutes=5)
        await vigie.text(AWA, "COR MA DOGOFRY 4 5")
        await vigie.settle()
        first, second = await vigie.rows(report)
        assert (first.status, second.status) == ("retracted", "counted")
        assert second.killed == 4
        assert second.place != first.place


@pytest.mark.parametrize("text", ["COR", "COR 3 5", "COR MA ATLANTIS", "COR bonjour", "COR ANN"])
async def test_a_correction_that_is_not_understood_withdraws_nothing(
    tmp_path: Path, text: str
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        await vigie.text(AWA, text)
        await vigie.settle()
        assert await statuses(vigie) == ["counted"]
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL] * 2


async def test_nobody_takes_back_what_another_said(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        for phone in (MOUSSA, MEDIATOR, number(777)):
            await vigie.text(phone, "ANN")
        await vigie.settle()
        assert await statuses(vigie) == ["counted"]


SAID = (("MA SOKOLO 1", 0), ("BR SOKOLO 2", 10), ("ANN", 20), ("COR MA NIONO 3", 30), ("ANN", 95))


async def test_whatever_order_they_come_in(tmp_path: Path) -> None:
    """By when they were sent: the robbery goes by the first `ANN`, and is what `COR` replaces."""
    orders = list(itertools.permutations(range(len(SAID))))[::5]
    async with network(tmp_path) as vigie:
        for person, _ in enumerate(orders):
            await vigie.enrol(number(person), "focal_point", SOKOLO)
        await vigie.settle()
        start = vigie.clock.now()
        vigie.clock.move(hours=2)
        for turn in range(len(SAID)):
            for person, order in enumerate(orders):
                text, minute = SAID[order[turn]]
                for _ in range(1 + turn % 2):  # every other one comes twice
                    sent_at = start + timedelta(minutes=minute)
                    id_ = f"{person}-{order[turn]}"
                    await vigie.text(number(person), text, id_=id_, sent_at=sent_at)
            await vigie.settle()
        found: dict[int, dict[str, str]] = {}
        for row in await vigie.rows(report):
            found.setdefault(row.reporter, {})[f"{row.type} {row.killed}"] = row.status
        expected = {"market_attack 1": "counted", "banditry 2": "retracted"}
        assert list(found.values()) == [expected | {"market_attack 3": "counted"}] * len(orders)


async def test_a_report_counts_again_where_another_turns_out_to_be_meant(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        start = vigie.clock.now()
        await vigie.text(AWA, "AV SOKOLO 3", sent_at=start)
        await vigie.work()  # else what is withdrawn in the same batch is never told
        vigie.clock.move(minutes=15)
        await vigie.text(AWA, "ANN", sent_at=start + timedelta(minutes=10))
        await vigie.settle()
        assert await statuses(vigie) == ["retracted"]
        await vigie.text(AWA, "MA SOKOLO", sent_at=start + timedelta(minutes=5))
        await vigie.settle()
        assert await statuses(vigie) == ["counted", "retracted"]
        assert [row.state for row in await vigie.rows(alert)] == ["corrected", "open"]
        assert told(vigie, MEDIATOR) == ["ALERTE", "CORRECTION ALERTE", "ALERTE"]


async def test_it_stays_taken_back_after_a_restart(tmp_path: Path, database_url: str) -> None:
    clock = TestClock()
    async with network(tmp_path, database_url, clock) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "AV SOKOLO 3")
        await vigie.settle()
    async with network(tmp_path, database_url, clock) as vigie:
        await vigie.text(AWA, "ANN", id_="second-start")
        await vigie.settle()
        assert told(vigie, MEDIATOR) == ["CORRECTION ALERTE"]
    async with network(tmp_path, database_url, clock) as vigie:
        for phone in (MOUSSA, AWA):
            await vigie.text(phone, "MA SOKOLO", id_=f"third-start-{phone[-1]}")
        await vigie.settle()
        assert {row.kind for row in await vigie.rows(decision)} == {"raise", "correct"}
        assert len(await vigie.rows(alert)) == 1


async def test_who_has_a_pin_takes_back_with_it_alone(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        pins = await vigie.enrol_with_pins(AWA, SOKOLO)
        await vigie.text(AWA, f"MA SOKOLO 3 5 {pins.pin}")
        for forged in ("ANN", "COR BR NIONO"):
            await vigie.text(AWA, forged)
        await vigie.settle()
        first, *_ = await statuses(vigie)
        assert first == "counted"
        await vigie.text(AWA, f"ANN MA SOKOLO {pins.pin}")
        await vigie.settle()
        assert (await statuses(vigie))[0] == "retracted"


async def test_who_is_forced_takes_nothing_back_and_nothing_shows(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        pins = await vigie.enrol_with_pins(AWA, SOKOLO)
        await vigie.settle()
        before = len(vigie.sent_to(AWA))
        await vigie.text(AWA, f"AV SOKOLO 3 {pins.pin}")
        await vigie.text(AWA, f"ANN {pins.duress}")
        await vigie.text(AWA, f"COR RAS {pins.duress}")
        await vigie.settle()
        assert await statuses(vigie) == ["counted", "quarantined"]
        assert await vigie.rows(withdrawal) == []
        assert [row.kind for row in await vigie.rows(warning)] == ["duress"]
        assert vigie.sent_to(AWA)[before:] == [NEUTRAL] * 3
        assert told(vigie, MEDIATOR) == ["ALERTE"]


async def test_who_wants_silence_is_told_nothing_and_who_leaves_is_forgotten(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await vigie.text(AWA, "SILENCE")
        await vigie.settle()
        before = len(await vigie.rows(outbox))
        await vigie.text(AWA, "MA SOKOLO")
        await vigie.text(AWA, "ann !")
        await vigie.settle()
        assert await statuses(vigie) == ["retracted"]
        assert len(await vigie.rows(outbox)) == before
        await vigie.text(AWA, "STOP")
        await vigie.settle()
        assert await vigie.rows(withdrawal) == []
        assert await statuses(vigie) == ["retracted"]
