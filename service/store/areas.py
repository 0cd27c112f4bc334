"""Which areas alerts named, which could be named when, and what two coordinators made coarser."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import alert, approval, area_version, membership

COARSEN = "coarsen area"
LIFT = "end coarsening"


async def named(tx: AsyncConnection) -> Sequence[AnyRow]:
    """What alerts named, in the order in which they were sent: area, released_at.

    Those of exercises left out: they tell of nobody.
    """
    query = select(alert.c.area, alert.c.released_at).where(~alert.c.drill)
    query = query.order_by(alert.c.released_at, alert.c.id)
    return (await tx.execute(query)).all()


async def orders(tx: AsyncConnection) -> Sequence[AnyRow]:
    """What two coordinators decided of areas, in order: act, subject, approved_at."""
    query = (
        select(approval.c.act, approval.c.subject, approval.c.approved_at)
        .where(approval.c.act.in_((COARSEN, LIFT)), approval.c.approved_at.is_not(None))
        .order_by(approval.c.approved_at, approval.c.id)
    )
    return (await tx.execute(query)).all()


class Past(NamedTuple):
    """How much has happened that decides which areas are in use, whoever did it; it only grows."""

    joined: int
    left: int
    orders: int


async def past(tx: AsyncConnection) -> Past:
    """How many enrolments there were, how many of them ended, and such decisions."""
    people = select(func.count(), func.count(membership.c.left_at)).select_from(membership)
    joined, left = (await tx.execute(people)).one()
    orders = select(func.count()).where(
        approval.c.act.in_((COARSEN, LIFT)), approval.c.approved_at.is_not(None)
    )
    return Past(joined, left, (await tx.execute(orders)).scalar_one())


async def versions(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Each set of areas that alerts were named by: id, areas, made_at; the oldest first."""
    return (await tx.execute(select(area_version).order_by(area_version.c.id))).all()


async def last_version(tx: AsyncConnection) -> AnyRow | None:
    """The newest of them."""
    query = select(area_version).order_by(area_version.c.id.desc()).limit(1)
    return (await tx.execute(query)).one_or_none()


async def add_version(tx: AsyncConnection, areas: Sequence[str], now: datetime) -> int:
    """Store a set of areas; its number."""
    made = await tx.execute(
        insert(area_version).values(areas=list(areas), made_at=now).returning(area_version.c.id)
    )
    return int(made.scalar_one())
