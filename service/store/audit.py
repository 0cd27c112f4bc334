"""The audit log's rows: added at the end, never changed, never removed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import audit

_CHUNK = 1_000
# Of this log alone: whoever appends has it until the transaction ends. SQLite has one writer.
_LOCK = 0x76696769


async def last(tx: AsyncConnection) -> AnyRow | None:
    """The last entry: position, hash. Nobody else appends until this transaction has ended."""
    if tx.dialect.name == "postgresql":
        await tx.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    query = select(audit.c.position, audit.c.hash).order_by(audit.c.position.desc()).limit(1)
    return (await tx.execute(query)).one_or_none()


async def append(tx: AsyncConnection, row: dict[str, Any]) -> None:
    """Add an entry, whose position is one more than the last."""
    await tx.execute(insert(audit).values(row))


async def walk(tx: AsyncConnection, since: datetime | None = None) -> AsyncIterator[AnyRow]:
    """The entries in order, all or those since then."""
    after = -(2**62)
    while True:
        query = select(audit).where(audit.c.position > after).order_by(audit.c.position)
        if since is not None:
            query = query.where(audit.c.at >= since)
        rows = (await tx.execute(query.limit(_CHUNK))).all()
        for row in rows:
            yield row
        if len(rows) < _CHUNK:
            return
        after = rows[-1].position
