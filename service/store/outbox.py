"""The outbox: texts to be sent, each once, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow, chunks, insert_new
from service.store.tables import delivery, outbox, response

# What a delivery says where the text will not come: the gateway refused it, or a receipt told.
FAILED = ("final", "rejected", "failed", "absent_subscriber", "expired")


def text(
    purpose: str,
    due_at: datetime,
    expires_at: datetime,
    language: str,
    *,
    person_id: int | None = None,
    inbox_id: int | None = None,
    alert_id: int | None = None,
    check_in_id: int | None = None,
    step: str = "",
) -> dict[str, Any]:
    """The row of one text to an enrolled person or, failing one, to who sent `inbox_id`.

    Its key says what it answers or tells, to whom, and `step` where an alert is told of in steps,
    so that it exists once.
    """
    about = f"alert/{alert_id}" if inbox_id is None else f"inbox/{inbox_id}"
    if check_in_id is not None:
        about = f"check_in/{check_in_id}"
    return {
        "key": f"{purpose}{step and '-'}{step}/{about}/{person_id or '-'}",
        "purpose": purpose,
        "alert_id": alert_id,
        "person_id": person_id,
        "inbox_id": inbox_id,
        "language": language,
        "state": "waiting",
        "due_at": due_at,
        "attempts": 0,
        "expires_at": expires_at,
    }


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Queue texts; one that is queued already, or was, is passed over."""
    await tx.execute(insert_new(tx, outbox), list(rows))


async def claim(
    tx: AsyncConnection, now: datetime, until: datetime, limit: int, key_version: int
) -> Sequence[AnyRow]:
    """Take texts whose time has come; nobody else takes them before `until`.

    `key_version` is noted of those that are taken for the first time.
    """
    free = (outbox.c.state == "waiting") & (outbox.c.due_at <= now)
    lapsed = (outbox.c.state == "claimed") & (outbox.c.claimed_until <= now)
    query = select(outbox).where(free | lapsed).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    rows = (await tx.execute(query.with_for_update(skip_locked=True))).all()
    if rows:
        await tx.execute(
            update(outbox)
            .where(outbox.c.id.in_([row.id for row in rows]))
            .values(
                state="claimed",
                claimed_until=until,
                attempts=outbox.c.attempts + 1,
                key_version=func.coalesce(outbox.c.key_version, key_version),
            )
        )
    return rows


async def release_all(tx: AsyncConnection) -> None:
    """Free every claim: for a sender that starts and knows that it is the only one."""
    await tx.execute(
        update(outbox)
        .where(outbox.c.state == "claimed")
        .values(state="waiting", claimed_until=None)
    )


async def settle(
    tx: AsyncConnection, rows: Sequence[dict[str, Any]], deliveries: Sequence[dict[str, Any]]
) -> None:
    """Record what became of claimed texts: `{row, state, due_at}`, and each attempt's delivery."""
    if rows:
        await tx.execute(
            update(outbox)
            .where(outbox.c.id == bindparam("row"))
            .values(state=bindparam("state"), due_at=bindparam("due_at"), claimed_until=None),
            list(rows),
        )
    if deliveries:
        await tx.execute(insert(delivery), list(deliveries))


async def receive(
    tx: AsyncConnection,
    message_indexes: Sequence[bytes],
    status: str,
    reason: str | None,
    now: datetime,
) -> bool:
    """Record a delivery receipt; whether the text that it speaks of is known."""
    changed = await tx.execute(
        update(delivery)
        .where(delivery.c.message_index.in_(message_indexes))
        .values(status=status, reason=reason, at=now)
    )
    return changed.rowcount > 0


async def forget_person(tx: AsyncConnection, person_id: int) -> None:
    """Send this person nothing more: their waiting texts are dropped."""
    await tx.execute(
        update(outbox)
        .where(outbox.c.person_id == person_id, outbox.c.state.in_(("waiting", "claimed")))
        .values(state="failed", claimed_until=None)
    )


async def forget_answers(tx: AsyncConnection, person_id: int) -> None:
    """Drop the answers that wait to go to this person."""
    mine = (outbox.c.person_id == person_id) & outbox.c.inbox_id.is_not(None)
    await tx.execute(update(outbox).where(mine, outbox.c.state == "waiting").values(state="failed"))


async def told(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, set[int]]:
    """Who was told of each of these alerts."""
    had: dict[int, set[int]] = {}
    for some in chunks(alert_ids):
        query = select(outbox.c.alert_id, outbox.c.person_id).where(
            outbox.c.alert_id.in_(some), outbox.c.purpose == "alert"
        )
        for row in await tx.execute(query):
            had.setdefault(row.alert_id, set()).add(row.person_id)
    return had


async def sent_of(tx: AsyncConnection, alert_ids: Sequence[int]) -> Sequence[AnyRow]:
    """Every text about these alerts that has left, or may have: who got which, in which language.

    alert_id, person_id, purpose, language, key_version.
    """
    columns = (outbox.c.alert_id, outbox.c.person_id, outbox.c.purpose, outbox.c.language)
    query = select(*columns, outbox.c.key_version).where(
        outbox.c.alert_id.in_(alert_ids),
        outbox.c.person_id.is_not(None),
        outbox.c.inbox_id.is_(None),
        exists().where(delivery.c.outbox_id == outbox.c.id),
    )
    return (await tx.execute(query.order_by(outbox.c.id))).all()


async def told_of(tx: AsyncConnection, person_id: int) -> set[int]:
    """The alerts that a person was told of."""
    query = select(outbox.c.alert_id).where(
        outbox.c.person_id == person_id, outbox.c.purpose == "alert"
    )
    return set(await tx.scalars(query))


async def failing(tx: AsyncConnection, since: datetime, failures: int) -> frozenset[int]:
    """People to whom the last `failures` texts since then all failed, and who answered nothing."""
    failed = delivery.c.status.in_(FAILED)
    suspects = (
        select(outbox.c.person_id)
        .join(delivery, delivery.c.outbox_id == outbox.c.id)
        .where(failed, delivery.c.at >= since, outbox.c.person_id.is_not(None))
        .group_by(outbox.c.person_id)
        .having(func.count(outbox.c.id.distinct()) >= failures)
    )
    last = (
        select(func.max(delivery.c.id))
        .where(delivery.c.at >= since, outbox.c.person_id.in_(suspects))
        .join(outbox, delivery.c.outbox_id == outbox.c.id)
        .group_by(outbox.c.id)
    )
    query = (
        select(outbox.c.person_id, delivery.c.status, delivery.c.at)
        .join(delivery, delivery.c.outbox_id == outbox.c.id)
        .where(delivery.c.id.in_(last))
        .order_by(outbox.c.id.desc())
    )
    texts: dict[int, list[AnyRow]] = {}
    for row in await tx.execute(query):
        texts.setdefault(row.person_id, []).append(row)
    heard = select(response.c.person_id, func.max(response.c.at).label("at")).where(
        response.c.person_id.in_(list(texts))
    )
    answered = {r.person_id: r.at for r in await tx.execute(heard.group_by(response.c.person_id))}
    return frozenset(
        person
        for person, rows in texts.items()
        if len(rows) >= failures
        and all(row.status in FAILED for row in rows[:failures])
        and not (person in answered and answered[person] > min(r.at for r in rows[:failures]))
    )


async def depth(tx: AsyncConnection, now: datetime) -> int:
    """How many texts wait whose time has come."""
    due = outbox.c.state.in_(("waiting", "claimed")) & (outbox.c.due_at <= now)
    return int((await tx.execute(select(func.count()).where(due))).scalar_one())
