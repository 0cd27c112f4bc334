"""Decisions that responders are to be told of: when, and what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import decision

_WAITS = decision.c.release == "waiting"


async def bring_forward(tx: AsyncConnection, episode: str, due_at: datetime) -> None:
    """Let nothing of an episode wait longer than this."""
    later = _WAITS & (decision.c.episode == episode) & (decision.c.due_at > due_at)
    await tx.execute(update(decision).where(later).values(due_at=due_at))


async def due_episodes(tx: AsyncConnection, now: datetime) -> list[str]:
    """The episodes of what is due, in an order that depends on their names alone."""
    query = select(decision.c.episode).where(_WAITS, decision.c.due_at <= now).distinct()
    return list(await tx.scalars(query.order_by(decision.c.episode)))


async def due_of(tx: AsyncConnection, episode: str, now: datetime) -> Sequence[AnyRow]:
    """What is due of one episode, in the order in which it was decided."""
    query = select(decision).where(_WAITS, decision.c.episode == episode, decision.c.due_at <= now)
    return (await tx.execute(query.order_by(decision.c.id))).all()


async def give_up(tx: AsyncConnection, episode: str, now: datetime) -> None:
    """Record that what is due of an episode cannot be told."""
    ids = [row.id for row in await due_of(tx, episode, now)]
    await settle(tx, ids, "failed", now)


async def settle(
    tx: AsyncConnection,
    ids: Collection[int],
    release: str,
    now: datetime,
    alert_id: int | None = None,
) -> None:
    """Record what became of decisions, by their rows' ids, and in which alert they were told."""
    await tx.execute(
        update(decision)
        .where(decision.c.id.in_(ids))
        .values(release=release, released_at=now, alert_id=alert_id)
    )
