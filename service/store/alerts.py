"""Alerts and what responders answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.routes import Answer
from service.store.store import AnyRow, chunks, insert_new
from service.store.tables import alert, outbox, person, response


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
    """Change an alert's state or severity."""
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
    asked = alert.c.place_asked & alert.c.place.is_(None) & (alert.c.state != "corrected")
    return (await tx.execute(select(alert).where(asked).order_by(alert.c.id))).all()


async def respond(
    tx: AsyncConnection, alert_id: int, person_id: int, kind: str, at: datetime
) -> None:
    """Record an answer; saying the same twice changes nothing."""
    answer = {"alert_id": alert_id, "person_id": person_id, "kind": kind, "at": at}
    await tx.execute(insert_new(tx, response).values(answer))


async def answers(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[int, Answer]]:
    """What each person answered last to each of these alerts."""
    found: dict[int, dict[int, Answer]] = {}
    for some in chunks(ids):
        query = select(response).where(response.c.alert_id.in_(some))
        for row in await tx.execute(query.order_by(response.c.at, response.c.id)):
            found.setdefault(row.alert_id, {})[row.person_id] = row.kind
    return found


async def unanswered(tx: AsyncConnection, ids: Sequence[int], person_id: int) -> list[int]:
    """Those of these alerts that still stand and that this person has not answered."""
    answered = select(response.c.alert_id).where(response.c.person_id == person_id)
    query = select(alert.c.id).where(
        alert.c.id.in_(ids), alert.c.state != "corrected", alert.c.id.not_in(answered)
    )
    return list(await tx.scalars(query.order_by(alert.c.id)))


async def awaiting(tx: AsyncConnection, indexes: Sequence[bytes], most: int) -> list[int]:
    """The latest alerts that the responder of this number was told of and has not answered."""
    known = person.c.number_index.in_(indexes) | person.c.other_index.in_(indexes)
    told = outbox.c.person_id.in_(select(person.c.id).where(known, person.c.role == "responder"))
    answered = select(response.c.alert_id).where(response.c.person_id == outbox.c.person_id)
    query = (
        select(alert.c.id)
        .join(outbox, outbox.c.alert_id == alert.c.id)
        .where(told, outbox.c.purpose == "alert", outbox.c.state == "sent")
        .where(alert.c.state != "corrected", alert.c.id.not_in(answered))
    )
    return sorted(await tx.scalars(query.order_by(alert.c.id.desc()).limit(most)))


async def counts(tx: AsyncConnection) -> dict[str, int]:
    """How many alerts are in each state."""
    query = select(alert.c.state, func.count()).group_by(alert.c.state)
    return {row[0]: row[1] for row in await tx.execute(query)}
