"""Coordinators and what they ask of one another: the rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import approval, coordinator


async def add(tx: AsyncConnection, name: str, label: str, code_hash: str, now: datetime) -> None:
    """Store a coordinator, with the hash of their code and its open part."""
    row = {"name": name, "label": label, "code_hash": code_hash, "added_at": now, "failures": 0}
    await tx.execute(insert(coordinator).values(row))


async def present(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Those who were not removed: name, added_at, refused_until."""
    columns = (coordinator.c.name, coordinator.c.added_at, coordinator.c.refused_until)
    query = select(*columns).where(coordinator.c.removed_at.is_(None))
    return (await tx.execute(query.order_by(coordinator.c.name))).all()


async def ever(tx: AsyncConnection) -> set[str]:
    """The names of all coordinators that there ever were: none is given out twice."""
    return set(await tx.scalars(select(coordinator.c.name)))


async def by_label(tx: AsyncConnection, label: str) -> AnyRow | None:
    """The coordinator whose code begins so, held until this transaction ends."""
    query = select(coordinator).where(
        coordinator.c.label == label, coordinator.c.removed_at.is_(None)
    )
    return (await tx.execute(query.with_for_update())).one_or_none()


async def change(tx: AsyncConnection, name: str, **values: Any) -> None:
    """Change a coordinator's row."""
    await tx.execute(update(coordinator).where(coordinator.c.name == name).values(**values))


async def ask(
    tx: AsyncConnection,
    act: str,
    subject: dict[str, Any],
    name: str,
    now: datetime,
    until: datetime,
) -> int:
    """Store what one coordinator asks for; its number."""
    row = {"act": act, "subject": subject, "asked_by": name, "asked_at": now, "expires_at": until}
    made = await tx.execute(insert(approval).values(row).returning(approval.c.id))
    return int(made.scalar_one())


async def asked(tx: AsyncConnection, approval_id: int) -> AnyRow | None:
    """What was asked for under this number."""
    query = select(approval).where(approval.c.id == approval_id)
    return (await tx.execute(query)).one_or_none()


async def waiting(tx: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
    """What still waits for a second coordinator."""
    query = select(approval).where(approval.c.approved_at.is_(None), approval.c.expires_at > now)
    return (await tx.execute(query.order_by(approval.c.id))).all()


async def approve(tx: AsyncConnection, approval_id: int, name: str, now: datetime) -> bool:
    """Mark as approved what still waits; whether it did."""
    done = await tx.execute(
        update(approval)
        .where(
            approval.c.id == approval_id,
            approval.c.approved_at.is_(None),
            approval.c.expires_at > now,
        )
        .values(approved_by=name, approved_at=now)
    )
    return bool(done.rowcount)


async def approved(tx: AsyncConnection, act: str) -> Sequence[AnyRow]:
    """What was approved of this act, in order: id, subject, asked_by, approved_by, approved_at."""
    query = select(approval).where(approval.c.act == act, approval.c.approved_at.is_not(None))
    return (await tx.execute(query.order_by(approval.c.approved_at, approval.c.id))).all()


async def count(tx: AsyncConnection) -> int:
    """How many coordinators there are now."""
    query = select(func.count()).where(coordinator.c.removed_at.is_(None))
    return int((await tx.execute(query)).scalar_one())
