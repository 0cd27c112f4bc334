"""Requests to check in: each day's plan, and what became of it."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.checkins import Request
from service.store.store import AnyRow, insert_new
from service.store.tables import check_in


async def is_planned(tx: AsyncConnection, day: date) -> bool:
    """Whether there is a plan for a day."""
    return bool(await tx.scalar(select(exists().where(check_in.c.day == day))))


async def add(tx: AsyncConnection, day: date, requests: Sequence[Request]) -> None:
    """Keep a day's plan; what is planned already stays as it is."""
    rows = [{"day": day, "state": "waiting"} | request._asdict() for request in requests]
    if rows:
        await tx.execute(insert_new(tx, check_in), rows)


async def due(tx: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
    """Requests whose time has come."""
    waits = (check_in.c.state == "waiting") & (check_in.c.due_at <= now)
    query = select(check_in).where(waits).order_by(check_in.c.due_at, check_in.c.id)
    return (await tx.execute(query)).all()


async def settle(tx: AsyncConnection, row: int, asked: int) -> None:
    """Record how many people were asked; 0 where the request was not made."""
    values = {"state": "asked" if asked else "missed", "asked": asked}
    await tx.execute(update(check_in).where(check_in.c.id == row).values(values))
