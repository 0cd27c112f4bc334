"""Tries to deliver a text, what receipts say of them, and what they cost."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.delivery import Try
from service.store.store import AnyRow, chunks
from service.store.tables import delivery, outbox, spending


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store tries, and add what they cost to their day's sums."""
    if not rows:
        return
    await tx.execute(insert(delivery), list(rows))
    sums: dict[tuple[date, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row.get("currency") is not None:
            day = sums[row["at"].date(), row["gateway"], row["currency"]]
            day[0] += 1
            day[1] += row["cost"]
    if sums:
        await _spend(tx, sums)


async def _spend(tx: AsyncConnection, sums: dict[tuple[date, str, str], list[int]]) -> None:
    insert_ = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    fresh = insert_(spending)
    more = fresh.on_conflict_do_update(
        index_elements=["day", "gateway", "currency"],
        set_={
            "texts": spending.c.texts + fresh.excluded.texts,
            "cost": spending.c.cost + fresh.excluded.cost,
        },
    )
    rows = [
        {"day": day, "gateway": gateway, "currency": currency, "texts": texts, "cost": cost}
        for (day, gateway, currency), (texts, cost) in sums.items()
    ]
    await tx.execute(more, rows)


async def tries(tx: AsyncConnection, outbox_ids: Sequence[int]) -> dict[int, list[Try]]:
    """The tries to send each of these texts, the earliest first."""
    found: dict[int, list[Try]] = defaultdict(list)
    columns = (delivery.c.outbox_id, delivery.c.gateway, delivery.c.status, delivery.c.reason)
    for some in chunks(outbox_ids):
        query = select(*columns).where(delivery.c.outbox_id.in_(some)).order_by(delivery.c.id)
        for row in await tx.execute(query):
            found[row.outbox_id].append(Try(row.gateway, row.status, row.reason))
    return found


async def by_message(tx: AsyncConnection, message_indexes: Sequence[bytes]) -> Sequence[AnyRow]:
    """The tries to which a gateway gave this id, each with its text.

    id, status, outbox_id, state, purpose, person_id, alert_id, inbox_id, expires_at.
    """
    columns = (
        delivery.c.id, delivery.c.status, delivery.c.outbox_id, outbox.c.state, outbox.c.purpose,
        outbox.c.person_id, outbox.c.alert_id, outbox.c.inbox_id, outbox.c.expires_at,
    )  # fmt: skip
    mine = delivery.c.message_index.in_(message_indexes)
    return (await tx.execute(select(*columns).join(outbox).where(mine))).all()


async def note(
    tx: AsyncConnection, delivery_id: int, status: str, reason: str | None, now: datetime
) -> None:
    """Keep what a receipt says of a try."""
    mine = update(delivery).where(delivery.c.id == delivery_id)
    await tx.execute(mine.values(status=status, reason=reason, at=now))


async def waiting(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Why texts that were tried wait to be tried again: reason, texts, the commonest first."""
    last = (
        select(func.max(delivery.c.id))
        .join(outbox)
        .where(outbox.c.state == "waiting")
        .group_by(delivery.c.outbox_id)
    )
    count = func.count().label("texts")
    query = select(delivery.c.reason, count).where(delivery.c.id.in_(last))
    rows = await tx.execute(query.group_by(delivery.c.reason).order_by(count.desc()))
    return rows.all()


async def spent(tx: AsyncConnection, since: date | None) -> Sequence[AnyRow]:
    """What was spent since a day: gateway, currency, texts, cost in millionths, first, last."""
    query = select(
        spending.c.gateway,
        spending.c.currency,
        func.sum(spending.c.texts).label("texts"),
        func.sum(spending.c.cost).label("cost"),
        func.min(spending.c.day).label("first"),
        func.max(spending.c.day).label("last"),
    ).group_by(spending.c.gateway, spending.c.currency)
    if since is not None:
        query = query.where(spending.c.day >= since)
    return (await tx.execute(query.order_by(spending.c.gateway, spending.c.currency))).all()
