"""What people took back, for as long as what it is about may still come."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow, insert_new
from service.store.tables import inbox, report, withdrawal


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep these withdrawals, one of a message."""
    await tx.execute(insert_new(tx, withdrawal), list(rows))


async def of_people(tx: AsyncConnection, people: Collection[int]) -> Sequence[AnyRow]:
    """What these people took back, with when each message was sent and received."""
    query = (
        select(withdrawal, inbox.c.sent_at, inbox.c.received_at.label("came_at"))
        .join(inbox, inbox.c.id == withdrawal.c.inbox_id)
        .where(withdrawal.c.person_id.in_(people))
    )
    return (await tx.execute(query.order_by(withdrawal.c.id))).all()


async def reports_of(tx: AsyncConnection, people: Collection[int]) -> Sequence[AnyRow]:
    """These people's reports whose message is still kept, with when it was sent and received."""
    oldest = select(func.min(inbox.c.id)).scalar_subquery()
    query = (
        select(report, inbox.c.sent_at, inbox.c.received_at.label("came_at"))
        .join(inbox, inbox.c.id == report.c.inbox_id)
        .where(report.c.inbox_id >= oldest, report.c.reporter.in_(people))
    )
    return (await tx.execute(query.order_by(report.c.id))).all()


async def set_status(tx: AsyncConnection, reports: Collection[int], status: str) -> None:
    """Let these reports count, or not."""
    await tx.execute(update(report).where(report.c.id.in_(reports)).values(status=status))


async def forget_person(tx: AsyncConnection, person_id: int) -> None:
    """Forget what a person took back; it stays taken back."""
    await tx.execute(delete(withdrawal).where(withdrawal.c.person_id == person_id))
