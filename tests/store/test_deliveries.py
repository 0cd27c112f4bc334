"""Tries and receipts: what is known of each text, whose phone works, and what it all cost."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service import receipts
from service.content import Content, load
from service.domain.delivery import Try
from service.store import Store, deliveries, outbox, people, tables
from tests.support.rules_content import RULES

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
END = NOW + timedelta(hours=72)
TELLING = ("alert", "update", "place")
CONTENT: Content = load(RULES.parent)


@pytest.fixture
async def person(store: Store) -> int:
    async with store.write() as tx:
        return await people.add(tx, b"i" * 32, "responder", "ML0404", "fr", NOW)


async def queue(store: Store, *rows: dict[str, Any]) -> None:
    async with store.write() as tx:
        await outbox.add(tx, rows)


def alert(person: int, number: int = 17, purpose: str = "alert") -> dict[str, Any]:
    return outbox.text(purpose, NOW, END, "fr", person_id=person, alert_id=number)


async def attempt(store: Store, row: int, status: str = "accepted", **others: Any) -> None:
    """A call was made for a text, and recorded."""
    tried = {"outbox_id": row, "gateway": "one", "status": status, "reason": None, "at": NOW}
    tried |= {"message_index": None, "currency": None, "cost": None}
    state = "sent" if status == "accepted" else "waiting"
    async with store.write() as tx:
        await outbox.claim(tx, NOW, END, 1000, 1)
        await outbox.settle(tx, [{"row": row, "state": state, "due_at": NOW, "attempts": 1}])
        await deliveries.add(tx, [tried | others])


async def receipt(
    store: Store, status: str, reason: str | None = None, at: datetime = NOW, index: bytes = b"m"
) -> bool:
    async with store.write() as tx:
        return await receipts.take(tx, CONTENT, [index * 32], status, reason, 0.5, at)


async def text(store: Store, id_: int = 1) -> Any:
    async with store.read() as tx:
        query = tables.outbox.select().where(tables.outbox.c.id == id_)
        return (await tx.execute(query)).one()


async def phone(store: Store, person: int) -> tuple[int, datetime | None]:
    async with store.read() as tx:
        row = (await people.by_id(tx, [person]))[person]
        return row.undelivered, row.undelivered_at


async def status(store: Store, id_: int = 1) -> str:
    async with store.read() as tx:
        query = tables.delivery.select().where(tables.delivery.c.id == id_)
        return str((await tx.execute(query)).one().status)


async def test_a_receipt_finds_its_try_by_the_blinded_id(store: Store, person: int) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    assert await receipt(store, "success")
    assert not await receipt(store, "success", index=b"n")
    assert await status(store) == "success"


async def test_a_late_lesser_receipt_sets_nothing_back_however_late(
    store: Store, person: int
) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    assert await receipt(store, "success")
    for late in ("buffered", "failed", "unknown"):
        assert await receipt(store, late, at=NOW + timedelta(hours=80))
        assert await status(store) == "success"
    assert (await text(store)).state == "sent"
    assert await phone(store, person) == (0, None)


async def test_an_alert_that_did_not_arrive_waits_for_another_try(
    store: Store, person: int
) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    assert await receipt(store, "absent_subscriber")
    row = await text(store)
    assert (row.state, row.due_at) == ("waiting", NOW + timedelta(seconds=60))
    assert await phone(store, person) == (1, NOW)


async def test_a_receipt_of_success_spares_the_repeat(store: Store, person: int) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    await receipt(store, "failed")
    assert await receipt(store, "success")
    assert (await text(store)).state == "sent"
    assert await phone(store, person) == (0, None)


async def test_nothing_is_repeated_while_another_try_may_arrive(store: Store, person: int) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    await attempt(store, 1, message_index=b"n" * 32, gateway="two")
    await receipt(store, "failed")
    assert (await text(store)).state == "sent"
    await receipt(store, "failed", index=b"n")
    assert (await text(store)).state == "waiting"


async def test_after_its_time_an_alert_is_given_up(store: Store, person: int) -> None:
    await queue(store, alert(person))
    await attempt(store, 1, message_index=b"m" * 32)
    await receipt(store, "expired", at=END)
    assert (await text(store)).state == "failed"
    async with store.read() as tx:
        assert [tuple(row) for row in await outbox.given_up(tx, NOW)] == [(17, 1)]
        assert await outbox.given_up(tx, END) == []


async def test_an_answer_that_did_not_arrive_is_not_repeated(store: Store, person: int) -> None:
    await queue(store, outbox.text("neutral", NOW, END, "fr", person_id=person, inbox_id=1))
    await attempt(store, 1, message_index=b"m" * 32)
    await receipt(store, "failed")
    assert (await text(store)).state == "failed"
    async with store.read() as tx:
        assert await outbox.given_up(tx, NOW - timedelta(1)) == []


async def test_who_may_have_had_an_alert(store: Store) -> None:
    """1 took it, 2 refused it, 3's call was lost, 4 was in a crash, 5 waits, 6 failed later."""
    await queue(store, *(alert(each) for each in range(1, 7)))
    for row, state in ((1, "accepted"), (2, "retry"), (3, "unknown"), (6, "accepted")):
        await attempt(store, row, state, message_index=bytes([row]) * 32)
    await receipt(store, "rejected", index=bytes([6]))
    async with store.write() as tx:
        for row, attempts in ((2, 1), (4, 1), (5, 0)):
            await outbox.settle(
                tx, [{"row": row, "state": "waiting", "due_at": NOW, "attempts": attempts}]
            )
    async with store.read() as tx:
        assert await outbox.had(tx, [17], TELLING, ()) == {(17, 1), (17, 3), (17, 4)}
        assert await outbox.had(tx, [17], TELLING, {4}) == {(17, 1), (17, 3)}
        assert await outbox.had(tx, [18], TELLING, ()) == set()


async def test_what_is_too_old_is_given_up_once(store: Store) -> None:
    await queue(store, alert(2))
    await attempt(store, 1)
    await queue(store, alert(1))
    async with store.write() as tx:
        assert await outbox.lapse(tx, END - timedelta(seconds=1)) == []
        assert [row.alert_id for row in await outbox.lapse(tx, END)] == [17]
        assert await outbox.lapse(tx, END) == []


async def test_costs_are_summed_by_day_gateway_and_currency(store: Store) -> None:
    await queue(store, *(alert(each) for each in range(1, 6)))
    prices = [("one", "KES", 800_000)] * 2 + [("one", "XOF", 15_000_000), ("two", "KES", 900_000)]
    for row, (gateway, currency, cost) in enumerate(prices, start=1):
        await attempt(store, row, gateway=gateway, currency=currency, cost=cost)
    later = NOW + timedelta(days=1)
    await attempt(store, 5, gateway="one", currency="KES", cost=800_000, at=later)
    async with store.read() as tx:
        assert [tuple(row)[:4] for row in await deliveries.spent(tx, None)] == [
            ("one", "KES", 3, 2_400_000),
            ("one", "XOF", 1, 15_000_000),
            ("two", "KES", 1, 900_000),
        ]
        assert [tuple(row) for row in await deliveries.spent(tx, later.date())] == [
            ("one", "KES", 1, 800_000, date(2026, 11, 24), date(2026, 11, 24))
        ]


async def test_tries_come_in_order(store: Store) -> None:
    await queue(store, alert(1))
    await attempt(store, 1, "retry", reason="refused")
    await attempt(store, 1, gateway="two")
    async with store.read() as tx:
        expected = [Try("one", "retry", "refused"), Try("two", "accepted", None)]
        assert await deliveries.tries(tx, [1, 2]) == {1: expected}
        assert [tuple(row) for row in await deliveries.waiting(tx)] == []


async def test_a_receipt_settles_every_alert_of_a_digest_and_its_phone_once(
    store: Store, person: int
) -> None:
    """Three rows of one text have one id; each is repeated by its own state, all at one time."""
    await queue(store, *(alert(person, number) for number in (17, 18, 19)))
    for row in (1, 2, 3):
        await attempt(store, row, message_index=b"m" * 32)
    assert await receipt(store, "failed")
    assert {(await text(store, row)).state for row in (1, 2, 3)} == {"waiting"}
    assert len({(await text(store, row)).due_at for row in (1, 2, 3)}) == 1
    assert (await phone(store, person))[0] == 1
    assert await receipt(store, "failed")
    assert await receipt(store, "sent")
    assert (await phone(store, person))[0] == 1
    assert await receipt(store, "success")
    assert {(await text(store, row)).state for row in (1, 2, 3)} == {"sent"}
    assert (await phone(store, person))[0] == 0
