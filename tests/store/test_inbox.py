"""The inbox: stored once, taken in order, forgotten in time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, event

from service.store import Store, inbox, migrate, tables

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def row(name: bytes, *, due_at: datetime = NOW, sender: bytes = b"s", **others: Any) -> Any:
    base = {
        "gateway": "africastalking",
        "kind": "sms",
        "dedupe": name.ljust(32),
        "sender_index": sender.ljust(32),
        "sealed_sender": b"sealed sender",
        "sealed_text": b"sealed text",
        "text_day": NOW.date(),
        "message_index": None,
        "status": None,
        "reason": None,
        "sent_at": None,
        "received_at": NOW,
        "due_at": due_at,
        "state": "waiting",
        "problem": None,
    }
    return base | others


async def add(store: Store, *rows: Any) -> None:
    async with store.write() as tx:
        await inbox.add(tx, rows)


async def waiting(store: Store, now: datetime = NOW) -> list[bytes]:
    async with store.read() as tx:
        return [found.dedupe.strip() for found in await inbox.waiting(tx, now, 10)]


async def test_the_same_message_is_stored_once_in_one_batch_or_two(store: Store) -> None:
    await add(store, row(b"a"), row(b"a"), row(b"b"))
    await add(store, row(b"b"), row(b"c"))
    assert await waiting(store) == [b"a", b"b", b"c"]


async def test_the_same_id_at_another_gateway_is_another_message(store: Store) -> None:
    await add(store, row(b"a"), row(b"a", gateway="simulator"), row(b"a", kind="opt_out"))
    assert len(await waiting(store)) == 3


async def test_a_deferred_message_waits_for_its_turn(store: Store) -> None:
    later = NOW + timedelta(minutes=5)
    await add(store, row(b"deferred", due_at=later), row(b"now"))
    assert await waiting(store) == [b"now"]
    assert await waiting(store, later) == [b"now", b"deferred"]


async def test_which_messages_are_known(store: Store) -> None:
    await add(store, row(b"a"))
    async with store.read() as tx:
        found = await inbox.known(tx, [b"a".ljust(32), *(bytes([n]) * 32 for n in range(200))] * 7)
    assert found == {b"a".ljust(32)}


async def test_a_finished_message_keeps_its_sender_only_where_asked(store: Store) -> None:
    await add(store, row(b"enrolled"), row(b"stranger"))
    async with store.write() as tx:
        await inbox.finish(
            tx,
            [
                {"row": 1, "problem": None, "keep": False},
                {"row": 2, "problem": "unknown_sender", "keep": True},
            ],
        )
        assert set(await inbox.sealed_senders(tx, [1, 2])) == {2}
    assert await waiting(store) == []


async def test_a_quarantined_message_does_not_wait_and_is_kept(store: Store) -> None:
    await add(store, row(b"poison"), row(b"good"))
    async with store.write() as tx:
        await inbox.quarantine(tx, 1, "RuntimeError" * 10)
    assert await waiting(store) == [b"good"]


async def test_forgetting_a_sender_cuts_every_tie(store: Store) -> None:
    await add(store, row(b"a"), row(b"b"), row(b"other", sender=b"t"))
    async with store.write() as tx:
        await inbox.forget_sender(tx, [b"s".ljust(32)])
        assert set(await inbox.sealed_senders(tx, [1, 2, 3])) == {3}
    assert await waiting(store) == [b"other"]


async def test_ids_are_not_given_out_again(store: Store) -> None:
    await add(store, row(b"a"))
    async with store.write() as tx:
        await inbox.finish(tx, [{"row": 1, "problem": None, "keep": False}])
        await tx.execute(delete(tables.inbox))
    await add(store, row(b"b"))
    async with store.read() as tx:
        assert [found.id for found in await inbox.waiting(tx, NOW, 10)] == [2]


async def test_depth_counts_what_is_due(store: Store) -> None:
    earlier = NOW - timedelta(minutes=3)
    later = NOW + timedelta(minutes=3)
    await add(store, row(b"a", due_at=earlier), row(b"b"), row(b"c", due_at=later))
    async with store.read() as tx:
        assert await inbox.depth(tx, NOW) == (2, earlier)


async def test_a_message_is_found_again_without_going_through_the_inbox(tmp_path: Path) -> None:
    store, said = Store(f"sqlite+aiosqlite:///{tmp_path}/vigie.sqlite"), list[tuple[str, Any]]()
    await migrate.upgrade(store)
    await add(store, row(b"so far", kind="ussd", hop=3), row(b"another"))

    def note(_c: object, _k: object, sql: str, values: Any, *_: object) -> None:
        said.append((sql, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with store.write() as tx:
            assert await inbox.known(tx, [b"another".ljust(32)]) == {b"another".ljust(32)}
            await inbox.give_way(tx, [(b"so far".ljust(32), 4)])
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    async with store.read() as tx:
        plans = [
            str((await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all())
            for sql, values in said
        ]
    assert await waiting(store) == [b"another"]
    assert len(plans) == 2
    assert all("dedupe=?" in plan and "SCAN" not in plan for plan in plans), plans
    await store.close()
