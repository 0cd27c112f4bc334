"""The main job, through HTTP as a gateway would call: a report travels from a phone to a responder.

Sokolo, Dogofry and Diabaly are communes of the cercle of Niono (ML0404), in the région of Ségou
(ML04), within 60 km of one another; Mopti (ML0506) is another région.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.store.tables import (
    alert,
    decision,
    delivery,
    inbox,
    incident,
    person,
    report,
    response,
)
from tests.support.network import START, Network, TestClock, network, number

SOKOLO, NIONO, SEGOU, MOPTI = "ML040410", "ML0404", "ML04", "ML0506"
AWA, MOUSSA = number(1), number(2)
PEACE_COMMITTEE, MEDIATOR, MAYOR_OF_MOPTI = number(901), number(902), number(903)


async def enrol_sokolo(vigie: Network, focal_points: int = 8) -> None:
    """Focal points at Sokolo, responders for Niono and Ségou, and one who is far away."""
    for person_number in range(1, focal_points + 1):
        await vigie.enrol(number(person_number), "focal_point", SOKOLO)
    await vigie.enrol(PEACE_COMMITTEE, "responder", NIONO)
    await vigie.enrol(MEDIATOR, "responder", SEGOU, "en")
    await vigie.enrol(MAYOR_OF_MOPTI, "responder", MOPTI)
    await vigie.settle()


def alerts_to(vigie: Network, phone: str) -> list[str]:
    """What this phone was sent, its welcome and the answers to its own texts left out."""
    return [text for text in vigie.sent_to(phone) if "Sokolo" in text or "VIGIE" in text][1:]


async def test_three_market_attacks_alert_the_responders_of_that_area_and_no_other(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol_sokolo(vigie)
        before = len(vigie.at.texts)
        for sender, text in ((AWA, "MA SOKOLO 3 5"), (MOUSSA, "ma sokolo, 2 morts")):
            await vigie.text(sender, text)
            vigie.clock.move(hours=7)
        await vigie.settle()
        assert await vigie.rows(alert) == []
        vigie.clock.move(hours=20)
        await vigie.text(AWA, "MA*SOKOLO*0*4")
        await vigie.settle()

        (raised,) = await vigie.rows(alert)
        assert (raised.rule, raised.type, raised.area) == (
            "market-cluster",
            "market_attack",
            SOKOLO,
        )
        assert (raised.severity, raised.state, raised.late) == ("severe", "open", False)
        texts = [(to, text) for to, text in vigie.at.texts[before:] if str(raised.id) in text]
        assert sorted(to for to, _ in texts) == sorted([PEACE_COMMITTEE, MEDIATOR])
        french = dict(texts)[PEACE_COMMITTEE]
        assert "Sokolo" in french
        assert "Attaque de marché" in french
        assert f"OK {raised.id}" in french
        assert "Market attack" in dict(texts)[MEDIATOR]

        (made,) = await vigie.rows(decision)
        assert made.kind == "raise"
        assert made.evidence == [row.id for row in await vigie.rows(report)]


async def test_several_reports_in_one_text_are_each_filed_once(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol_sokolo(vigie)
        for _ in range(2):  # the gateway repeats itself
            await vigie.text(AWA, "MA SOKOLO 3 5; VB NIONO 40. CH QWERTY 2", id_="in-several")
        await vigie.settle()
        rows = await vigie.rows(report)
        assert [(row.nth, row.type, row.killed, row.livestock) for row in rows] == [
            (0, "market_attack", 3, None),
            (1, "cattle_theft", None, 40),
        ]
        assert len({row.inbox_id for row in rows}) == 1
        (message,) = [row for row in await vigie.rows(inbox) if row.id == rows[0].inbox_id]
        assert (message.state, message.problem) == ("done", "unknown_place")


async def test_a_third_report_from_one_person_alone_raises_nothing(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for _ in range(4):
            await vigie.text(AWA, "MA SOKOLO 1 1")
            vigie.clock.move(hours=7)
        await vigie.settle()
        assert len(await vigie.rows(report)) == 4
        assert await vigie.rows(alert) == []


async def test_reports_too_far_apart_in_time_raise_nothing(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for sender in (AWA, MOUSSA, AWA):
            await vigie.text(sender, "MA SOKOLO 1 1")
            vigie.clock.move(hours=37)
        await vigie.settle()
        assert await vigie.rows(alert) == []


@pytest.mark.parametrize(
    ("at", "alerts"),
    [
        (datetime(2026, 12, 30, 8, tzinfo=UTC), 1),  # the second report falls in the new year
        (datetime(2026, 7, 10, 8, tzinfo=UTC), 0),
    ],
)
async def test_a_herder_farmer_pair_alerts_in_season_and_not_out_of_it(
    tmp_path: Path, at: datetime, alerts: int
) -> None:
    async with network(tmp_path, clock=TestClock(at)) as vigie:
        for person_number in range(1, 9):
            await vigie.enrol(number(person_number), "focal_point", MOPTI)
        await vigie.enrol(MAYOR_OF_MOPTI, "responder", MOPTI)
        await vigie.text(AWA, "DC FATOMA MOPTI")
        vigie.clock.move(hours=60)
        await vigie.text(MOUSSA, "CH FATOMA MOPTI 1")
        await vigie.settle()
        assert len(await vigie.rows(report)) == 2
        assert await vigie.rows(alert) == []  # moderate: it waits for the end of its window
        vigie.clock.move(hours=6)
        await vigie.settle()
        assert len(await vigie.rows(alert)) == alerts


async def test_two_people_who_saw_the_same_thing_corroborate_one_incident(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        vigie.clock.move(hours=1)
        await vigie.text(MOUSSA, "MA SOKOLO 3")
        vigie.clock.move(hours=60)
        await vigie.text(MOUSSA, "BR SOKOLO")
        await vigie.settle()
        first, second, third = await vigie.rows(report)
        assert first.incident_id == second.incident_id != third.incident_id
        assert len(await vigie.rows(incident)) == 2


async def test_duplicates_of_one_gateway_id_count_once(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for _ in range(3):
            await vigie.text(AWA, "MA SOKOLO 3 5", id_="the-same")
        await vigie.settle()
        assert len(await vigie.rows(report)) == 1


async def test_the_same_text_without_an_id_within_seconds_counts_once(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        form = {"from": AWA, "to": "36000", "text": "MA SOKOLO 3 5"}
        for _ in range(3):
            assert await vigie.post("sms", form) == 200
            vigie.clock.move(seconds=9)
        vigie.clock.move(hours=1)
        assert await vigie.post("sms", form) == 200
        await vigie.settle()
        assert len(await vigie.rows(report)) == 2


async def test_stop_ends_everything(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        await vigie.text(PEACE_COMMITTEE, "stop")
        await vigie.text(AWA, "STOP.")
        await vigie.settle()
        sent = len(vigie.sent_to(AWA)), len(vigie.sent_to(PEACE_COMMITTEE))
        people = await vigie.rows(person)
        vigie.clock.move(hours=7)
        for sender in (MOUSSA, number(3)):
            await vigie.text(sender, "MA SOKOLO 1 1")
        await vigie.settle()
        assert len(await vigie.rows(alert)) == 1
        assert (len(vigie.sent_to(AWA)), len(vigie.sent_to(PEACE_COMMITTEE))) == sent
        assert len(people) == 9
        assert len(await vigie.rows(report)) == 3  # what was reported stays, tied to nobody

        await vigie.text(AWA, "MA SOKOLO 9 9")
        await vigie.settle()
        assert len(await vigie.rows(report)) == 3


async def test_an_opt_out_at_the_telephone_company_is_as_good_as_stop(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        assert await vigie.post("opt-out", {"senderId": "VIGIE", "phoneNumber": AWA}) == 200
        await vigie.settle()
        assert len(await vigie.rows(person)) == 10


async def test_a_receipt_and_an_ok_are_seen_in_the_store(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol_sokolo(vigie)
        for sender in (AWA, MOUSSA, number(3)):
            await vigie.text(sender, "MA SOKOLO 3 5")
        await vigie.settle()
        (raised,) = await vigie.rows(alert)
        await vigie.text(PEACE_COMMITTEE, f"ok{raised.id}")
        await vigie.text(MEDIATOR, "OK")
        await vigie.settle()
        (raised,) = await vigie.rows(alert)
        assert raised.state == "acknowledged"
        assert len(await vigie.rows(response)) == 2

        last = len(await vigie.rows(delivery))
        message_id = vigie.at.message_ids[PEACE_COMMITTEE][-1]
        await vigie.receipt(message_id, "Success", PEACE_COMMITTEE)
        await vigie.settle()
        statuses = [row.status for row in await vigie.rows(delivery)]
        assert len(statuses) == last
        assert statuses.count("success") == 1


async def test_an_ok_for_an_alert_that_one_was_not_told_of_counts_for_nothing(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for sender in (AWA, MOUSSA, number(3)):
            await vigie.text(sender, "MA SOKOLO 3 5")
        await vigie.settle()
        for sender in (MAYOR_OF_MOPTI, AWA, number(999)):
            await vigie.text(sender, "OK 1")
        await vigie.text(PEACE_COMMITTEE, "OK 999")
        await vigie.settle()
        assert await vigie.rows(response) == []
        assert (await vigie.rows(alert))[0].state == "open"


async def test_more_reports_make_the_alert_graver_and_those_who_had_it_are_told_so(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for person_number in range(1, 4):
            await vigie.text(number(person_number), "MA SOKOLO 3 5")
        await vigie.settle()
        await vigie.enrol(number(904), "responder", NIONO)
        for person_number in range(4, 7):
            await vigie.text(number(person_number), "MA SOKOLO 3 5")
        await vigie.settle()
        (raised,) = await vigie.rows(alert)
        assert raised.severity == "extreme"
        assert [row.kind for row in await vigie.rows(decision)] == ["raise", "escalate"]
        told_again = vigie.sent_to(PEACE_COMMITTEE)[-1]
        assert str(raised.id) in told_again
        # Who came since then has not heard of it: to them it is an alert, as grave as it is now.
        (told,) = [text for text in vigie.sent_to(number(904)) if "ALERTE" in text]
        assert told.startswith(f"ALERTE {raised.id}, gravité très élevée")


@pytest.mark.parametrize(
    ("at_sokolo", "at_diabaly", "area"),
    [(8, 0, SOKOLO), (4, 4, NIONO), (3, 0, "ML")],
)
async def test_an_alert_names_the_finest_area_that_hides_its_reporters(
    tmp_path: Path, at_sokolo: int, at_diabaly: int, area: str
) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie, at_sokolo)
        for person_number in range(at_diabaly):
            await vigie.enrol(number(50 + person_number), "focal_point", "ML040401")
        for person_number in range(1, 4):
            await vigie.text(number(person_number), "MA SOKOLO 3 5")
        await vigie.settle()
        (raised,) = await vigie.rows(alert)
        assert raised.area == area
        vigie.clock.move(minutes=20)  # and nobody answers: then those around hear too
        await vigie.settle()
        told = {to for to, text in vigie.at.texts if f"OK {raised.id}" in text}
        assert told == {PEACE_COMMITTEE, MEDIATOR}


async def test_everyone_gets_the_same_neutral_answer(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        texts = ["MA SOKOLO 3 5", "mmmh", "", "AIDE", "OK 1", "INS ABCDEFGH", "MA ATLANTIS 3"]
        strangers = [number(700 + n) for n in range(len(texts))]
        for text, stranger in zip(texts, strangers, strict=True):
            await vigie.text(AWA, text)
            await vigie.text(stranger, text)
        await vigie.settle()
        answers = set(vigie.sent_to(AWA)[1:])
        for stranger in strangers:
            answers |= set(vigie.sent_to(stranger))
        assert len(answers) == 1
        assert len(await vigie.rows(report)) == 1


async def test_a_late_report_says_when_it_happened(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for sender in (AWA, MOUSSA, number(3)):
            await vigie.text(sender, "MA SOKOLO 3 5 hier")
        await vigie.settle()
        (raised,) = await vigie.rows(alert)
        assert raised.day == (vigie.clock.now() - timedelta(days=1)).date()
        assert raised.late


async def test_a_time_in_the_future_is_the_time_of_receipt(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        await vigie.text(AWA, "MA SOKOLO", sent_at=vigie.clock.now() + timedelta(hours=5))
        await vigie.settle()
        (filed,) = await vigie.rows(report)
        assert filed.occurred_at == START


async def test_all_is_well_is_a_report_without_an_incident(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        await vigie.text(AWA, "RAS")
        await vigie.settle()
        (filed,) = await vigie.rows(report)
        assert (filed.type, filed.lat, filed.incident_id) == ("nothing_to_report", None, None)


async def test_a_flood_from_one_sender_waits_and_is_not_dropped(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        for _ in range(45):
            await vigie.text(AWA, "MA SOKOLO 3 5")
        await vigie.work()
        assert 25 <= len(await vigie.rows(report)) <= 30
        await vigie.text(MOUSSA, "MA SOKOLO 3 5")
        await vigie.settle()
        assert len({row.reporter for row in await vigie.rows(report)}) == 2
        vigie.clock.move(hours=1)
        await vigie.settle()
        assert len(await vigie.rows(report)) == 46


async def test_what_has_expired_is_gone(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol_sokolo(vigie)
        await vigie.text(AWA, "MA SOKOLO 3 5")
        await vigie.text(number(700), "who are you")
        await vigie.settle()
        vigie.clock.move(hours=73)
        await vigie.service.timers.forget()
        assert await vigie.rows(inbox) == []
        assert len(await vigie.rows(report)) == 1
