"""Exercises: where and when what is said in one is judged."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import drill


async def begin(tx: AsyncConnection, area: str, now: datetime, ends_at: datetime) -> None:
    """Hold an exercise in an area until then, from this second on: gateways know no part of it."""
    row = {"area": area, "began_at": now.replace(microsecond=0), "ends_at": ends_at}
    await tx.execute(insert(drill).values(row))


async def end(tx: AsyncConnection, area: str, now: datetime) -> bool:
    """End the exercises of an area; whether there were any."""
    goes_on = (drill.c.area == area) & (drill.c.ends_at > now)
    ended = await tx.execute(update(drill).where(goes_on).values(ends_at=now))
    return ended.rowcount > 0


async def is_on(tx: AsyncConnection, areas: Collection[str], at: datetime) -> bool:
    """Whether there was an exercise in one of these areas at that moment."""
    was_on = (drill.c.began_at <= at) & (drill.c.ends_at > at)
    return bool(await tx.scalar(select(exists().where(drill.c.area.in_(areas), was_on))))


async def going_on(tx: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
    """The exercises that have not ended, the oldest first."""
    query = select(drill).where(drill.c.ends_at > now).order_by(drill.c.id)
    return (await tx.execute(query)).all()
