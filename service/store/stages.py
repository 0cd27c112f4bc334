"""The steps of alerts that escalate: when each is due, and what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow, chunks
from service.store.tables import delivery, outbox, person, stage

_WAITS = stage.c.state == "waiting"


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store the steps of alerts that set out."""
    await tx.execute(insert(stage), list(rows))


async def due_alerts(tx: AsyncConnection, now: datetime) -> list[int]:
    """The alerts of which a step is due, those due first before others."""
    query = select(stage.c.alert_id).where(_WAITS, stage.c.due_at <= now).group_by(stage.c.alert_id)
    return list(await tx.scalars(query.order_by(func.min(stage.c.due_at), stage.c.alert_id)))


async def waiting(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, list[AnyRow]]:
    """The steps that these alerts still have before them, in order."""
    found: dict[int, list[AnyRow]] = {}
    for some in chunks(alert_ids):
        query = select(stage).where(_WAITS, stage.c.alert_id.in_(some))
        for row in await tx.execute(query.order_by(stage.c.alert_id, stage.c.nth)):
            found.setdefault(row.alert_id, []).append(row)
    return found


async def had_by(tx: AsyncConnection, person_id: int) -> list[int]:
    """The alerts that still have steps before them and that this person was told of."""
    return await _told_to(tx, outbox.c.person_id == person_id)


async def had_by_dead(
    tx: AsyncConnection, message_indexes: Sequence[bytes], failures: int
) -> list[int]:
    """The same of the people to whom these messages went, if so many in a row did not arrive."""
    mine = delivery.c.message_index.in_(message_indexes)
    to = select(outbox.c.person_id).join(delivery).where(mine)
    dead = select(person.c.id).where(person.c.id.in_(to), person.c.undelivered >= failures)
    return await _told_to(tx, outbox.c.person_id.in_(dead))


async def _told_to(tx: AsyncConnection, these: ColumnElement[bool]) -> list[int]:
    told = select(outbox.c.alert_id).where(these, outbox.c.purpose == "alert")
    query = select(stage.c.alert_id).where(_WAITS, stage.c.alert_id.in_(told)).distinct()
    return list(await tx.scalars(query.order_by(stage.c.alert_id)))


async def of_alerts(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, list[AnyRow]]:
    """Every step of these alerts, in order."""
    found: dict[int, list[AnyRow]] = {}
    for some in chunks(alert_ids):
        query = select(stage).where(stage.c.alert_id.in_(some))
        for row in await tx.execute(query.order_by(stage.c.alert_id, stage.c.nth)):
            found.setdefault(row.alert_id, []).append(row)
    return found


async def passed_over(tx: AsyncConnection, since: datetime) -> list[int]:
    """The alerts of which responders were to be told since then, and could not be."""
    some = stage.c.passed_over.is_not(None) & (stage.c.settled_at >= since)
    query = select(stage.c.alert_id).where(some).distinct().order_by(stage.c.alert_id)
    return list(await tx.scalars(query))


async def counted(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, int]:
    """How many steps there were of each of these alerts, up to now."""
    found: dict[int, int] = {}
    for some in chunks(alert_ids):
        query = select(stage.c.alert_id, func.max(stage.c.nth)).where(stage.c.alert_id.in_(some))
        rows = await tx.execute(query.group_by(stage.c.alert_id))
        found |= {row[0]: row[1] + 1 for row in rows}
    return found


async def branches(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, str]:
    """The area whose branch is told of each of these alerts, by its last steps."""
    found: dict[int, str] = {}
    for some in chunks(alert_ids):
        query = select(stage.c.alert_id, stage.c.area).where(stage.c.alert_id.in_(some))
        rows = await tx.execute(query.order_by(stage.c.alert_id, stage.c.nth))
        found |= {row.alert_id: row.area for row in rows}
    return found


async def settle(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Record what became of steps: `{row, state, settled_at, told, passed_over, stopped_by}`."""
    counts = JSON(none_as_null=True)
    await tx.execute(
        update(stage)
        .where(stage.c.id == bindparam("row"))
        .values(
            state=bindparam("state"),
            settled_at=bindparam("settled_at"),
            told=bindparam("told", type_=counts),
            passed_over=bindparam("passed_over", type_=counts),
            stopped_by=bindparam("stopped_by"),
            answers_of=None,
        ),
        list(rows),
    )


async def give_up(tx: AsyncConnection, alert_id: int, now: datetime) -> None:
    """Record that an alert cannot go on."""
    mine = update(stage).where(_WAITS, stage.c.alert_id == alert_id)
    await tx.execute(mine.values(state="failed", settled_at=now, answers_of=None))


async def put_off(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Change when steps are due, and for whose answers they wait: `{row, due_at, answers_of}`."""
    await tx.execute(
        update(stage)
        .where(stage.c.id == bindparam("row"))
        .values(
            due_at=bindparam("due_at"),
            answers_of=bindparam("answers_of", type_=JSON(none_as_null=True)),
        ),
        list(rows),
    )
