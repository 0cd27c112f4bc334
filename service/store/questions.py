"""Doubtful reports, and which of two places was asked back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import inbox, question


async def add(tx: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a doubtful report until it is answered, or due."""
    await tx.execute(insert(question).values(row | {"state": "waiting"}))


async def last_of(tx: AsyncConnection, person_id: int) -> AnyRow | None:
    """What this person was asked last, with when the doubtful text was sent and received."""
    query = (
        select(question, inbox.c.sent_at.label("said_at"), inbox.c.received_at.label("came_at"))
        .join(inbox, inbox.c.id == question.c.inbox_id)
        .where(question.c.person_id == person_id)
    )
    return (await tx.execute(query.order_by(question.c.id.desc()).limit(1))).one_or_none()


async def due(tx: AsyncConnection, now: datetime, most: int) -> Sequence[AnyRow]:
    """Questions that were answered by nobody in time, the oldest first."""
    waits = (question.c.state == "waiting") & (question.c.due_at <= now)
    query = select(question).where(waits).order_by(question.c.due_at, question.c.id)
    return (await tx.execute(query.limit(most))).all()


async def waiting(tx: AsyncConnection, row: int) -> Sequence[AnyRow]:
    """This question, if it still waits for an answer."""
    query = select(question).where(question.c.id == row, question.c.state == "waiting")
    return (await tx.execute(query)).all()


async def settle(tx: AsyncConnection, row: int, state: str) -> None:
    """Record what became of a doubtful report."""
    await tx.execute(update(question).where(question.c.id == row).values(state=state))


async def of_messages(tx: AsyncConnection, messages: Sequence[int]) -> dict[int, AnyRow]:
    """What was asked about these messages, by message."""
    query = select(question).where(question.c.inbox_id.in_(messages))
    return {row.inbox_id: row for row in await tx.execute(query)}


async def postpone(tx: AsyncConnection, row: int, due_at: datetime) -> None:
    """Try to file a doubtful report again then."""
    await tx.execute(update(question).where(question.c.id == row).values(due_at=due_at))
