"""Alerts, as responders know them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.responses import ENDED
from service.store.store import AnyRow, chunks
from service.store.tables import alert, outbox, person


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store alerts that were raised."""
    await tx.execute(insert(alert), list(rows))


async def of_episodes(tx: AsyncConnection, episodes: Sequence[str]) -> dict[str, AnyRow]:
    """The alerts that told of these, by episode."""
    rows: dict[str, AnyRow] = {}
    for some in chunks(episodes):
        query = select(alert).where(alert.c.episode.in_(some))
        rows |= {row.episode: row for row in await tx.execute(query)}
    return rows


async def by_id(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, AnyRow]:
    """These alerts."""
    return {row.id: row for row in await tx.execute(select(alert).where(alert.c.id.in_(ids)))}


async def change(tx: AsyncConnection, alert_id: int, **values: Any) -> None:
    """Change what an alert is, or how it stands."""
    await tx.execute(update(alert).where(alert.c.id == alert_id).values(**values))


async def amend(tx: AsyncConnection, changes: Sequence[dict[str, Any]]) -> None:
    """Change what alerts are: `{row, severity, state}` for each."""
    await tx.execute(
        update(alert)
        .where(alert.c.id == bindparam("row"))
        .values(severity=bindparam("severity"), state=bindparam("state")),
        list(changes),
    )


async def place_asked(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Alerts that stand, whose exact place a coordinator may let be told and has not."""
    asked = alert.c.place_asked & ~alert.c.drill
    asked &= alert.c.place.is_(None) & (alert.c.state != "corrected")
    return (await tx.execute(select(alert).where(asked).order_by(alert.c.id))).all()


async def awaiting(tx: AsyncConnection, indexes: Sequence[bytes], most: int) -> list[int]:
    """The latest alerts that the responder of this number was told of and that are not over."""
    known = person.c.number_index.in_(indexes) | person.c.other_index.in_(indexes)
    told = outbox.c.person_id.in_(select(person.c.id).where(known, person.c.role == "responder"))
    query = (
        select(alert.c.id)
        .join(outbox, outbox.c.alert_id == alert.c.id)
        .where(told, outbox.c.purpose == "alert", outbox.c.state == "sent")
        .where(alert.c.state.not_in(ENDED))
    )
    return sorted(await tx.scalars(query.order_by(alert.c.id.desc()).limit(most)))


async def counts(tx: AsyncConnection) -> dict[str, int]:
    """How many alerts are in each state."""
    query = select(alert.c.state, func.count()).where(~alert.c.drill).group_by(alert.c.state)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def since(tx: AsyncConnection, start: datetime | None) -> Sequence[AnyRow]:
    """The alerts that were told since then, the first one first."""
    query = select(alert).order_by(alert.c.id)
    if start is not None:
        query = query.where(alert.c.released_at >= start)
    return (await tx.execute(query)).all()
