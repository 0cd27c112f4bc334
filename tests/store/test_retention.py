"""What has lived long enough is forgotten, table by table, and what is left can still be used."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from handlers.settings import PROJECT
from service.backtest.history import history
from service.content import Content, load
from service.domain.retention import limits, week_of, weeks
from service.retention import Retention, limits_at
from service.store import Store, deliveries, keepings, outbox, people, reports, retention, tables
from service.store.keepings import KEEPINGS

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
SOKOLO, NIONO_CERCLE = "ML040410", "ML0404"


@pytest.fixture(scope="module")
def content() -> Content:
    return load(PROJECT)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def report(number: int, at: datetime, reporter: int = 7, **others: object) -> dict[str, Any]:
    return {
        "id": number, "inbox_id": number, "reporter": reporter, "type": "market_attack",
        "place": "V1", "area": SOKOLO, "lat": 14.7, "lon": -6.1, "occurred_at": at,
        "received_at": at + timedelta(hours=1), "killed": 4, "injured": 0, "confidence": 1.0,
        "status": "counted", "incident_id": None,
    } | others  # fmt: skip


def incident(number: int, at: datetime) -> dict[str, Any]:
    place = {"place": "V1", "area": SOKOLO, "lat": 14.7, "lon": -6.1}
    return {"id": number, "type": "market_attack", "at": at} | place


def message(number: int, **others: Any) -> dict[str, Any]:
    row = {"id": number, "gateway": "g", "kind": "sms", "dedupe": bytes([number]) * 32}
    row |= {"sealed_sender": b"box", "sealed_text": b"box", "sender_index": b"s" * 32}
    return row | {"received_at": NOW, "due_at": NOW, "state": "done"} | others


async def add(store: Store, table: Any, *rows: dict[str, Any]) -> None:
    async with store.write() as tx:
        for row in rows:
            await tx.execute(insert(table).values(row))


async def all_of(store: Store, table: Any) -> list[Any]:
    async with store.read() as tx:
        return list(await tx.execute(select(table).order_by(table.c.id)))


async def reporters(store: Store) -> list[int]:
    return [row.reporter for row in await all_of(store, tables.report)]


def batched(found: list[int]) -> list[list[int]]:
    return [found[start : start + 3] for start in range(0, len(found), 3)]


def test_a_table_without_a_line_would_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without = tuple(keeping for keeping in KEEPINGS if keeping.table is not tables.scan)
    monkeypatch.setattr(keepings, "KEEPINGS", without)
    assert keepings.tables_without_a_line() == ["scan"]


def test_weeks_are_whole_and_begin_on_monday() -> None:
    sunday, monday = ago(days=1), ago(hours=9)
    assert week_of(sunday) == ago(days=7, hours=9)
    assert week_of(NOW) == monday
    assert list(weeks(sunday, NOW)) == [(ago(days=7, hours=9), monday)]
    assert list(weeks(NOW, NOW)) == []


def test_nothing_is_forgotten_that_a_rule_still_looks_at(content: Content) -> None:
    due = limits_at(content, NOW)
    asks = max(count.within.hours for rule in content.rules for count in rule.counts())
    assert due.people <= ago(days=30, hours=asks)
    assert due.people == week_of(due.people) > ago(days=90)  # with the rules as shipped
    longer = limits(NOW, NOW, ago(days=200))
    assert (longer.exact, longer.decided) == (ago(days=90), ago(days=200))


async def test_messages_are_deleted_after_72_hours_and_what_waits_is_spared(
    store: Store, content: Content
) -> None:
    old = {"received_at": ago(hours=73)}
    waits = message(2, state="waiting", **old)
    poison = message(4, state="quarantined", **old)
    await add(store, tables.inbox, message(1, **old), waits, message(3), poison)
    assert await Retention(store, content).enforce(NOW) == {"inbox": 2}
    assert [row.id for row in await all_of(store, tables.inbox)] == [2, 3]


async def test_a_strangers_number_goes_once_it_can_be_answered_no_more(
    store: Store, content: Content
) -> None:
    old = {"received_at": ago(hours=7)}
    await add(store, tables.inbox, message(1, **old), message(2, **old), message(3))
    later = NOW + timedelta(hours=1)
    async with store.write() as tx:
        await outbox.add(tx, [outbox.text("neutral", NOW, later, "fr", inbox_id=2)])
    await Retention(store, content).enforce(NOW)
    rows = await all_of(store, tables.inbox)
    assert [row.sealed_sender for row in rows] == [None, b"box", b"box"]
    assert {row.sealed_text for row in rows} == {b"box"}


async def test_what_was_sent_goes_with_its_message_and_with_its_person(
    store: Store, content: Content
) -> None:
    async with store.write() as tx:
        stays = await people.add(tx, b"i" * 32, "responder", SOKOLO, "fr", ago(days=300))
        rows = [
            outbox.text("neutral", ago(days=4), ago(days=3), "fr", person_id=stays, inbox_id=9),
            outbox.text("alert", ago(days=2), NOW, "fr", person_id=stays, alert_id=2),
            outbox.text("alert", ago(days=2), NOW, "fr", person_id=999, alert_id=2),
            outbox.text("alert", ago(days=99), ago(days=96), "fr", person_id=stays, alert_id=1),
            outbox.text("alert", ago(days=99), ago(days=96), "fr", person_id=999, alert_id=1),
        ]
        await outbox.add(tx, rows)
        settled = {"state": "sent", "due_at": ago(days=2), "attempts": 1}
        done = [{"row": n} | settled for n in range(1, 5)]
        sent = [{"outbox_id": n, "gateway": "g", "status": "sent", "at": NOW} for n in range(1, 5)]
        await outbox.settle(tx, done)
        await deliveries.add(tx, sent)
    assert (await Retention(store, content).enforce(NOW))["outbox"] == 3
    left = await all_of(store, tables.outbox)
    # The last, to a person who left, is still in a sender's hands.
    assert [(row.id, row.state) for row in left] == [(2, "sent"), (5, "waiting")]
    assert [row.outbox_id for row in await all_of(store, tables.delivery)] == [2]


async def test_answers_of_responders_go_with_them(store: Store, content: Content) -> None:
    alert = {"id": 1, "episode": "r:1", "rule": "r", "type": "t", "area": "ML", "day": NOW.date()}
    alert |= {"day_part": "night", "severity": "minor", "late": False, "state": "open"}
    alert["place_asked"] = False
    await add(store, tables.area_version, {"areas": ["ML"], "made_at": NOW})
    await add(store, tables.alert, alert | {"released_at": NOW, "area_version": 1})
    async with store.write() as tx:
        stays = await people.add(tx, b"i" * 32, "responder", SOKOLO, "fr", NOW)
    said = {"alert_id": 1, "kind": "acknowledge", "at": ago(hours=1)}
    both = [said | {"person_id": person, "inbox_id": person} for person in (stays, stays + 1)]
    await add(store, tables.response, *both)
    await Retention(store, content).enforce(NOW)
    assert [row.person_id for row in await all_of(store, tables.response)] == [stays]


async def test_invites_scans_and_what_decisions_rest_on_expire(
    store: Store, content: Content
) -> None:
    invite = {"role": "responder", "area": SOKOLO, "language": "fr"}
    for code, expires_at in ((b"a", ago(hours=1)), (b"b", NOW + timedelta(hours=1))):
        row = invite | {"code_index": code * 32, "expires_at": expires_at}
        await add(store, tables.invite, row)
    for days in (91, 1):
        row = {"day": ago(days=days).date(), "incidents": 3, "places": ["V1"], "lat": 14.7}
        await add(store, tables.scan, row | {"lon": -6.1, "made_at": ago(days=days)})
    decision = {"kind": "raise", "rule": "r", "rule_hash": "h", "episode": "r:1", "type": "t"}
    decision |= {"severity": "minor", "evidence": [1, 2], "areas": [SOKOLO], "late": False}
    decision |= {"live": True, "checks": [["reports", 2, 2, True]], "decided_at": NOW}
    await add(store, tables.decision, *(decision | {"at": ago(days=days)} for days in (91, 1)))
    assert await Retention(store, content).enforce(NOW) == {"invite": 1, "decision": 1, "scan": 1}
    old, new = await all_of(store, tables.decision)
    assert (old.evidence, old.areas, old.checks) == ([], [], decision["checks"])
    assert (new.evidence, new.areas) == ([1, 2], [SOKOLO])
    assert await Retention(store, content).enforce(NOW) == {}


async def test_pseudonyms_are_cut_loose_week_by_week(store: Store, content: Content) -> None:
    """Who is who can be told within a week, and not from one week to the next."""
    ends = limits_at(content, NOW).people
    before, last, after = ends - timedelta(days=10), ends - timedelta(hours=1), ends
    rows = [
        report(number, at, reporter)
        for number, (at, reporter) in enumerate(
            (at, reporter) for at in (before, last, after) for reporter in (7, 8, 7)
        )
    ]
    async with store.write() as tx:
        await reports.add(tx, [], rows)
    assert await Retention(store, content).enforce(NOW) == {"report": 4}  # 2 weeks of 2 people
    first, second, third = (Counter(week) for week in batched(await reporters(store)))
    assert third == {7: 2, 8: 1}
    for week in (first, second):
        assert sorted(week.values()) == [1, 2]
        assert all(token < 0 for token in week)
    assert first.keys().isdisjoint(second)
    before = await reporters(store)
    assert await Retention(store, content).enforce(NOW) == {}
    assert await reporters(store) == before


async def test_more_people_than_fit_one_transaction_are_all_cut_loose(
    store: Store, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.retention.CHUNK", 3)
    monkeypatch.setattr("service.retention._PAUSE_SECONDS", 0)
    at = ago(days=80)
    async with store.write() as tx:
        await reports.add(tx, [], [report(n, at, reporter=n % 7) for n in range(28)])
    await Retention(store, content).enforce(NOW)
    found = Counter(await reporters(store))
    assert sorted(found.values()) == [4] * 7
    assert max(found) < 0


async def test_after_ninety_days_area_and_day_are_left(store: Store, content: Content) -> None:
    old, new = ago(days=91), ago(days=89)
    async with store.write() as tx:
        for person in range(9):
            index = bytes([person]) * 32
            await people.add(tx, index, "focal_point", NIONO_CERCLE, "fr", ago(days=300))
        said = [report(1, old, incident_id=1), report(2, new, incident_id=2)]
        said += [report(3, old, type="nothing_to_report", lat=None, lon=None, place=SOKOLO)]
        said += [report(4, old, area="ML9999")]
        await reports.add(tx, [incident(1, old), incident(2, new)], said)
    touched = await Retention(store, content).enforce(NOW)
    assert (touched["incident"], touched["report"]) == (1, 3 + 1)  # and one person in one week
    coarse, exact = await all_of(store, tables.incident)
    centre = content.gazetteer.point_of(NIONO_CERCLE)
    assert (coarse.place, coarse.area, coarse.lat) == (NIONO_CERCLE, NIONO_CERCLE, centre.lat)
    assert coarse.at == old.replace(hour=0)
    assert (exact.place, exact.at, exact.coarse) == ("V1", new, False)
    first, kept, check_in, nowhere = await all_of(store, tables.report)
    assert (first.place, first.area, first.killed) == (NIONO_CERCLE, NIONO_CERCLE, 4)
    assert first.occurred_at == first.received_at == old.replace(hour=0)
    assert kept.occurred_at == new
    assert (check_in.area, check_in.lat) == (NIONO_CERCLE, None)
    assert nowhere.area == "ML"  # an area that is no more
    assert await Retention(store, content).enforce(NOW) == {}


async def test_what_is_left_feeds_the_rules_and_is_no_place_to_replay(
    store: Store, content: Content
) -> None:
    old, weeks_ago, new = ago(days=91), ago(days=70), ago(days=2)
    rows = [report(1, old), report(2, weeks_ago), report(3, weeks_ago - timedelta(days=7))]
    async with store.write() as tx:
        await reports.add(tx, [incident(1, old)], [*rows, report(4, new)])
    await Retention(store, content).enforce(NOW)
    async with store.read() as tx:
        known = [each async for each in reports.evidence_since(tx, ago(days=300))]
        assert await reports.counted_incidents(tx, ago(days=300), NOW) == []
        assert await reports.incidents_since(tx, ago(days=300)) == []
    assert [(each.id, each.area) for each in known][:2] == [(1, "ML"), (2, SOKOLO)]
    assert len({each.reporter for each in known}) == 4  # one person in four weeks counts as four
    data = await history(store, content.tree, content.gazetteer)
    assert (data.rows, len(data.events)) == (4, 3)
    assert data.left_out == {"so old that only area and day are kept": 1}
    assert any("counts as two people" in note for note in data.notes)


async def test_how_each_line_stands_is_told(store: Store, content: Content) -> None:
    due = limits_at(content, NOW)
    await add(store, tables.inbox, message(1, received_at=ago(hours=80)), message(2))
    async with store.read() as tx:
        found = await retention.look(tx, due)
    held = {(each.keeping.table.name, each.keeping.fate): each for each in found}
    texts = held["inbox", "deleted"]
    assert (texts.rows, texts.oldest, texts.overdue) == (2, ago(hours=80), 1)
    assert (held["scan", "deleted"].oldest, held["scan", "deleted"].overdue) == (None, 0)
