"""Texts to whole areas: each day's plan of check-ins, feedback, and what became of them."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.checkins import Request
from service.store.store import AnyRow, insert_new
from service.store.tables import check_in

CHECK_IN = "check_in"  # the name of the text that asks
FEEDBACK = "feedback"  # and of the one that tells an area that its texts were of use
AREA_TEXTS = (CHECK_IN, FEEDBACK)
BY_HAND = 1000  # is none of a day's plan


async def is_planned(tx: AsyncConnection, day: date) -> bool:
    """Whether there is a plan of check-ins for a day."""
    planned = (check_in.c.day == day) & (check_in.c.text == CHECK_IN)
    return bool(await tx.scalar(select(exists().where(planned))))


async def add(tx: AsyncConnection, day: date, requests: Sequence[Request]) -> None:
    """Keep a day's plan; what is planned already stays as it is."""
    asks = {"day": day, "state": "waiting", "text": CHECK_IN}
    rows = [asks | request._asdict() for request in requests]
    if rows:
        await tx.execute(insert_new(tx, check_in), rows)


async def add_one(tx: AsyncConnection, day: date, area: str, text: str, due_at: datetime) -> bool:
    """Let all of an area get a text then; False if the same waits there, or went there that day."""
    same = (check_in.c.area == area) & (check_in.c.text == text)
    if await tx.scalar(select(exists().where(same, check_in.c.state == "waiting"))):
        return False
    row = {"day": day, "area": area, "text": text, "nth": BY_HAND, "due_at": due_at}
    added = await tx.execute(insert_new(tx, check_in).values(row | {"state": "waiting"}))
    return added.rowcount > 0


async def due(tx: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
    """What an area is to get now."""
    waits = (check_in.c.state == "waiting") & (check_in.c.due_at <= now)
    query = select(check_in).where(waits).order_by(check_in.c.due_at, check_in.c.id)
    return (await tx.execute(query)).all()


async def settle(tx: AsyncConnection, row: int, asked: int) -> None:
    """Record how many people were asked; 0 where the request was not made."""
    values = {"state": "asked" if asked else "missed", "asked": asked}
    await tx.execute(update(check_in).where(check_in.c.id == row).values(values))
