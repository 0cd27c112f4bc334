"""What came while the service was locked, from the commit that answers 200 until it is unlocked."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import locked


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store messages: `{sealed, received_at}` for each."""
    await tx.execute(insert(locked), list(rows))


async def after(tx: AsyncConnection, id_: int, limit: int) -> Sequence[AnyRow]:
    """The messages that were stored after this one, in the order in which they came."""
    query = select(locked).where(locked.c.id > id_).order_by(locked.c.id).limit(limit)
    return (await tx.execute(query)).all()


async def remove(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """Delete messages that the inbox has now."""
    await tx.execute(delete(locked).where(locked.c.id.in_(ids)))


async def count(tx: AsyncConnection) -> int:
    """How many messages wait to be unlocked."""
    return int((await tx.execute(select(func.count()).select_from(locked))).scalar_one())
