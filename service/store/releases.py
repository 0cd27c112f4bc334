"""Decisions that responders are to be told of: when, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow, chunks
from service.store.tables import decision

_WAITS = decision.c.release == "waiting"


async def bring_forward(tx: AsyncConnection, tellings: Sequence[tuple[str, datetime]]) -> None:
    """Let nothing of an episode wait longer than this: (episode, when it is due) for each."""
    later = (decision.c.episode == bindparam("name")) & (decision.c.due_at > bindparam("moment"))
    await tx.execute(
        update(decision).where(_WAITS, later).values(due_at=bindparam("moment")),
        [{"name": episode, "moment": due_at} for episode, due_at in tellings],
    )


async def due_episodes(tx: AsyncConnection, now: datetime) -> list[str]:
    """The episodes of what is due, in an order that depends on their names alone."""
    query = select(decision.c.episode).where(_WAITS, decision.c.due_at <= now).distinct()
    return list(await tx.scalars(query.order_by(decision.c.episode)))


async def due_of(
    tx: AsyncConnection, episodes: Sequence[str], now: datetime
) -> dict[str, list[AnyRow]]:
    """What is due of these, by episode, in the order in which it was decided."""
    rows: dict[str, list[AnyRow]] = {}
    for some in chunks(episodes):
        due = _WAITS & decision.c.episode.in_(some) & (decision.c.due_at <= now)
        for row in await tx.execute(select(decision).where(due).order_by(decision.c.id)):
            rows.setdefault(row.episode, []).append(row)
    return rows


async def give_up(tx: AsyncConnection, episode: str, now: datetime) -> None:
    """Record that what is due of an episode cannot be told."""
    failed = {"release": "failed", "alert_id": None}
    rows = (await due_of(tx, [episode], now)).get(episode, [])
    if rows:
        await settle(tx, [{"row": row.id, **failed} for row in rows], now)


async def settle(tx: AsyncConnection, results: Sequence[dict[str, Any]], now: datetime) -> None:
    """Record what became of decisions: `{row, release, alert_id}`, the alert that told of it."""
    await tx.execute(
        update(decision)
        .where(decision.c.id == bindparam("row"))
        .values(release=bindparam("release"), alert_id=bindparam("alert_id"), released_at=now),
        list(results),
    )
