"""Alerts on their way to phones: gateways that fail, receipts in any order, and a second gateway.

A decision that is severe leaves at once. `at` and `at2` are two accounts at gateways on loopback.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app, undelivered
from service import health
from service.roster import works
from service.store import outbox as outbox_rows
from service.store.tables import delivery, outbox, person
from tests.support.deciding import decide, decided
from tests.support.fake_at import FakeAfricasTalking, Raw
from tests.support.network import Network, TestClock, network, number

SEGOU = "ML04"
AWA, BOUBA, COUMBA, DEMBA, ELI, FANTA = (number(900 + nth) for nth in range(6))
BOTH = ("africastalking", "africastalking2")
NO_CREDIT, NO_NUMBER, QUIET = 405, 403, 409


async def enrol(vigie: Network, *phones: str) -> None:
    for phone in phones:
        await vigie.enrol(phone, "responder", SEGOU)
    await vigie.settle()


def taken(at: FakeAfricasTalking, phone: str) -> list[str]:
    """The first words of the texts about alerts that a gateway took for this phone, in order."""
    return [
        text.split(",")[0].split(":")[0]
        for to, text in at.taken
        if to == phone and "ALERTE" in text and "VIGIE" not in text
    ]


async def later(vigie: Network, **by: float) -> None:
    vigie.clock.move(**by)
    await vigie.settle()


async def test_an_alert_goes_as_soon_as_the_gateway_takes_it(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, BOUBA)
        vigie.at.codes = {AWA: QUIET}
        await decide(vigie, decided("raise", "severe"))
        for _ in range(4):
            await later(vigie, minutes=10)
        assert (taken(vigie.at, AWA), taken(vigie.at, BOUBA)) == ([], ["ALERTE 1"])
        vigie.at.codes = {}
        await later(vigie, hours=1)
        await later(vigie, hours=1)
        assert taken(vigie.at, AWA) == taken(vigie.at, BOUBA) == ["ALERTE 1"]


async def test_a_correction_goes_to_exactly_those_who_may_have_had_the_alert(
    tmp_path: Path, database_url: str
) -> None:
    """Awa had it, Bouba's network took nothing, Coumba's number is none, Demba's call was lost,

    Eli's receipt said that it never arrived, and Fanta got it by the second gateway alone.
    """
    everybody = (AWA, BOUBA, COUMBA, DEMBA, ELI, FANTA)
    async with network(tmp_path, database_url, gateway=BOTH) as vigie:
        await enrol(vigie, *everybody)
        vigie.at.codes = {BOUBA: QUIET, COUMBA: NO_NUMBER, FANTA: NO_NUMBER}
        vigie.at2.codes = {BOUBA: QUIET, COUMBA: NO_NUMBER}
        vigie.at.left_out = {DEMBA}
        await decide(vigie, decided("raise", "severe"))
        await vigie.receipt(vigie.at.message_ids[ELI][-1], "Failed", ELI)
        await vigie.settle()
        assert taken(vigie.at2, FANTA) == ["ALERTE 1"]
        vigie.at.codes, vigie.at2.codes, vigie.at.left_out = {}, {}, set()
        before = len(vigie.at.texts)
        await decide(vigie, decided("correct", "severe"))
        for _ in range(6):
            await later(vigie, hours=1)
        told = vigie.at.texts[before:]
        assert {to for to, text in told if "CORRECTION" in text} == {AWA, DEMBA, FANTA}
        assert len(told) == 3  # the alert is not sent to anybody any more
        states = {row.purpose: set() for row in await vigie.rows(outbox)}
        for row in await vigie.rows(outbox):
            states[row.purpose].add(row.state)
        assert "waiting" not in states["alert"] | states["correction"]


async def test_an_update_takes_the_place_of_an_alert_that_has_not_left(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, BOUBA)
        vigie.at.codes = {BOUBA: QUIET}
        await decide(vigie, decided("raise", "severe"))
        await decide(vigie, decided("escalate", "extreme"))
        vigie.at.codes = {}
        for _ in range(3):
            await later(vigie, hours=1)
        assert taken(vigie.at, AWA) == ["ALERTE 1", "MISE A JOUR ALERTE 1"]
        assert taken(vigie.at, BOUBA) == ["MISE A JOUR ALERTE 1"]


async def test_what_one_gateway_does_not_take_goes_by_the_second_at_once(tmp_path: Path) -> None:
    async with network(tmp_path, gateway=BOTH) as vigie:
        await enrol(vigie, AWA)
        vigie.at.raw = Raw(401, "no")
        await decide(vigie, decided("raise", "severe"))
        assert taken(vigie.at2, AWA) == ["ALERTE 1"]
        assert await vigie.post("sms", {"from": AWA, "text": "OK 1", "id": "x"}, BOTH[1]) == 200
        await vigie.receipt(vigie.at2.message_ids[AWA][-1], "Success", AWA, BOTH[1])
        await vigie.settle()
        tries = [(row.gateway, row.status) for row in await vigie.rows(delivery)][-3:]
        assert (BOTH[1], "success") in tries
        assert any("1" in text for to, text in vigie.at2.taken[1:] if to == AWA)


async def test_a_gateway_at_fault_is_passed_over_and_then_tried_with_one_text(
    tmp_path: Path,
) -> None:
    async with network(tmp_path, gateway=BOTH) as vigie:
        await enrol(vigie, AWA, BOUBA)
        vigie.at.raw = Raw(401, "no")
        for nth in range(5):
            await decide(vigie, decided("raise", "severe", f"a-rule:{nth}"))
        calls = len(vigie.at.attempts)
        await decide(vigie, decided("raise", "severe", "a-rule:6"))
        assert len(vigie.at.attempts) == calls
        assert len(taken(vigie.at2, AWA)) == 6
        vigie.at.raw = None
        vigie.clock.move(minutes=1)
        await decide(vigie, decided("raise", "severe", "a-rule:7"))
        by_first = taken(vigie.at, AWA) + taken(vigie.at, BOUBA)
        assert by_first == ["ALERTE 7"]  # one of the two texts shows that it works again
        await decide(vigie, decided("raise", "severe", "a-rule:8"))
        assert taken(vigie.at, AWA)[-1] == taken(vigie.at, BOUBA)[-1] == "ALERTE 8"


async def test_after_three_days_an_alert_is_given_up_and_that_is_said(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        vigie.at.codes = {AWA: QUIET}
        calls = len(vigie.at.attempts)
        await decide(vigie, decided("raise", "severe"))
        for _ in range(71):
            await later(vigie, hours=1)
        assert (await health.look(vigie.service.store, vigie.clock.now())).undelivered == 0
        assert 60 <= len(vigie.at.attempts) - calls <= 160
        await later(vigie, hours=1)
        calls = len(vigie.at.attempts)
        assert (await health.look(vigie.service.store, vigie.clock.now())).undelivered == 1
        vigie.at.codes = {}
        await later(vigie, hours=2)
        assert len(vigie.at.attempts) == calls
        (row,) = [row for row in await vigie.rows(outbox) if row.purpose == "alert"]
        assert row.state == "failed"


async def test_an_answer_that_is_lost_repeats_an_alert_a_few_times_at_most(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, BOUBA)
        vigie.at.drops = "after taking"
        await decide(vigie, decided("raise", "severe"))
        await vigie.text(BOUBA, "OK 1")  # it did arrive
        await vigie.work()
        for _ in range(12):
            await later(vigie, hours=1)
        sent = [text for to, text in vigie.at.texts if to == AWA and text.startswith("ALERTE")]
        assert len(sent) == 3
        assert len(set(sent)) == 1
        sent = [text for to, text in vigie.at.texts if to == BOUBA and text.startswith("ALERTE")]
        assert len(sent) == 1


async def test_a_crash_between_sending_and_recording_repeats_the_same_text(tmp_path: Path) -> None:
    clock = TestClock()
    async with network(tmp_path, clock=clock) as vigie:
        await enrol(vigie, AWA, BOUBA)
        await decide(vigie, decided("raise", "severe"))
        first = dict(vigie.at.texts[-2:])
        async with vigie.service.store.write() as tx:  # as it would have left the database
            rows = [row for row in await vigie.rows(outbox) if row.purpose == "alert"]
            ids = [row.id for row in rows if row.person_id == 1]
            await tx.execute(delivery.delete().where(delivery.c.outbox_id.in_(ids)))
            lost = {"state": "claimed", "claimed_until": clock.now() + timedelta(minutes=5)}
            await tx.execute(outbox.update().where(outbox.c.id.in_(ids)).values(lost))
            assert await outbox_rows.had(tx, [1], {"alert"}, ()) == {(1, 1), (1, 2)}
    async with network(tmp_path, clock=clock) as vigie:
        await vigie.settle()
        assert vigie.at.texts == [(AWA, first[AWA])]


async def test_a_phone_that_nothing_reaches_counts_as_not_working_until_it_does(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        await decide(vigie, decided("raise", "severe"))
        for _ in range(3):
            await vigie.receipt(vigie.at.message_ids[AWA][-1], "AbsentSubscriber", AWA)
            await vigie.settle()
            await later(vigie, hours=7)
        assert len(taken(vigie.at, AWA)) == 4
        assert not await reachable(vigie)
        await vigie.text(AWA, "OK 1")
        await vigie.settle()
        assert await reachable(vigie)


async def reachable(vigie: Network) -> bool:
    (row,) = await vigie.rows(person)
    return works(row, vigie.service.content.escalation.unreachable, vigie.clock.now())


async def test_what_texts_cost_is_kept_when_they_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway on loopback takes 15 francs for each; the welcome is a text too."""
    async with network(tmp_path) as vigie:
        monkeypatch.setenv("VIGIE_DATA_DIR", str(vigie.service.settings.data_dir))
        await enrol(vigie, AWA, BOUBA)
        vigie.at.codes = {BOUBA: QUIET}
        await decide(vigie, decided("raise", "severe"))
        await later(vigie, days=100)
        await vigie.service.timers.forget()
        assert await vigie.rows(delivery) == []
    assert json.loads(await command("costs", "--json")) == [
        {
            "gateway": "africastalking",
            "currency": "XOF",
            "texts": 3,
            "cost": "45",
            "first": "2026-11-23",
            "last": "2026-11-23",
        }
    ]
    said = "45 XOF\t3 texts\tafricastalking\t2026-11-23 to 2026-11-23\n"
    assert await command("costs", "--since", "2026-11-23") == said
    assert await command("costs", "--since", "2026-11-24") == ""


async def command(*arguments: str) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_doctor_says_what_was_given_up_and_what_waits(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie, AWA, BOUBA)
        vigie.at.codes = {AWA: NO_NUMBER, BOUBA: NO_CREDIT}
        for nth in range(3):
            await decide(vigie, decided("raise", "severe", f"a-rule:{nth}"))
        async with vigie.service.store.read() as tx:
            found = await undelivered.look(tx, vigie.clock.now())
        said = [each.what for each in found]
        assert said[:3] == [f"1 text(s) about alert {n} could not be delivered" for n in (1, 2, 3)]
        assert said[3:] == ["3 text(s) wait to be sent again: no_balance"]
        assert "top it up" in found[3].do


async def test_a_replayed_receipt_sets_nothing_back_when_the_first_is_forgotten(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        await decide(vigie, decided("raise", "severe"))
        id_ = vigie.at.message_ids[AWA][-1]
        for status in ("Buffered", "Success"):
            await vigie.receipt(id_, status, AWA)
            await vigie.settle()
        vigie.clock.move(hours=80)
        await vigie.service.timers.forget()
        for status in ("Buffered", "Failed"):
            await vigie.receipt(id_, status, AWA)
        await later(vigie, hours=1)
        assert (await vigie.rows(delivery))[-1].status == "success"
        assert taken(vigie.at, AWA) == ["ALERTE 1"]


async def test_a_receipt_of_another_gateway_says_nothing_of_this_ones_texts(
    tmp_path: Path,
) -> None:
    """Both give out the same ids."""
    async with network(tmp_path, gateway=BOTH) as vigie:
        await enrol(vigie, AWA)
        await decide(vigie, decided("raise", "severe"))
        await vigie.receipt(vigie.at.message_ids[AWA][-1], "Failed", AWA, BOTH[1])
        await later(vigie, hours=1)
        assert taken(vigie.at, AWA) == ["ALERTE 1"]
        assert (await vigie.rows(delivery))[-1].status == "accepted"


async def test_texts_to_many_share_calls_and_keep_their_wordings(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, BOUBA, COUMBA, DEMBA, ELI, FANTA)
        before: dict[str, Any] = {"calls": len(vigie.at.requests), "texts": len(vigie.at.texts)}
        for nth in range(12):
            await decide(vigie, decided("raise", "severe", f"a-rule:{nth}"))
        calls = vigie.at.requests[before["calls"] :]
        assert len(vigie.at.texts) - before["texts"] == 12 * 6
        assert len({form["message"] for form in calls}) == len(calls) < 12 * 6
