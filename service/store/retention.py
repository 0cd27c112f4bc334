"""Lets the lines of `keepings` come over rows, and says how each stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.retention import Limits
from service.store.keepings import KEEPINGS, Keeping
from service.store.store import AnyRow
from service.store.tables import delivery, outbox, report


@dataclass(frozen=True, slots=True)
class Held:
    """How a line stands: the rows that it holds, the oldest's moment, how many are overdue."""

    keeping: Keeping
    rows: int
    oldest: datetime | None
    overdue: int


async def enforce(tx: AsyncConnection, keeping: Keeping, limits: Limits, most: int) -> int:
    """Let what is due come over `most` rows; how many there were."""
    table = keeping.table
    due = select(table.c.id).where(keeping.due(limits)).limit(most)
    ids = list(await tx.scalars(due))
    if not ids:
        return 0
    if keeping.becomes is not None:
        await tx.execute(update(table).where(table.c.id.in_(ids)).values(keeping.becomes))
        return len(ids)
    if table is outbox:
        await tx.execute(delete(delivery).where(delivery.c.outbox_id.in_(ids)))
    await tx.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)


async def look(tx: AsyncConnection, limits: Limits) -> list[Held]:
    """How each line stands."""
    found = []
    for keeping in KEEPINGS:
        count = select(func.count()).select_from(keeping.table)
        if keeping.since is None:
            found.append(Held(keeping, int(await tx.scalar(count) or 0), None, 0))
            continue
        query = select(func.count(), func.min(keeping.since)).where(keeping.held)
        rows, oldest = (await tx.execute(query)).one()
        late = int(await tx.scalar(count.where(keeping.due(limits))) or 0)
        found.append(Held(keeping, rows, oldest, late))
    return found


async def oldest_linked(tx: AsyncConnection) -> datetime | None:
    """When the oldest report happened that still carries its reporter's own pseudonym."""
    query = select(func.min(report.c.occurred_at)).where(report.c.reporter >= 0)
    found: datetime | None = await tx.scalar(query)
    return found


async def linked_people(
    tx: AsyncConnection, begins: datetime, ends: datetime, most: int
) -> Sequence[int]:
    """People whose reports of this time carry their own pseudonym."""
    own = (
        (report.c.occurred_at >= begins) & (report.c.occurred_at < ends) & (report.c.reporter >= 0)
    )
    query = select(report.c.reporter).where(own).distinct().order_by(report.c.reporter)
    return (await tx.scalars(query.limit(most))).all()


async def cut_loose(
    tx: AsyncConnection, begins: datetime, ends: datetime, tokens: dict[int, int]
) -> None:
    """Put each person's token in place of their pseudonym in all their reports of this time."""
    within = (report.c.occurred_at >= begins) & (report.c.occurred_at < ends)
    theirs = within & (report.c.reporter == bindparam("person"))
    await tx.execute(
        update(report).where(theirs).values(reporter=bindparam("token")),
        [{"person": person_id, "token": token} for person_id, token in tokens.items()],
    )


async def exact_rows(
    tx: AsyncConnection, keeping: Keeping, limits: Limits, most: int
) -> Sequence[AnyRow]:
    """Reports or incidents that are to be coarsened."""
    return (await tx.execute(select(keeping.table).where(keeping.due(limits)).limit(most))).all()


async def coarsen(tx: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put what is kept in place of what was there: `{row, …}` for each, all with the same columns.

    `row` is its id.
    """
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "row"}
    await tx.execute(
        update(table).where(table.c.id == bindparam("row")).values(values | {"coarse": True}),
        list(rows),
    )
