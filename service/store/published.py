"""The tables of counts that were given out, one a quarter, as they were given out."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import published


async def find(tx: AsyncConnection, quarter: str) -> AnyRow | None:
    """The table of a quarter: dimensions, lines. None where none was given out."""
    query = select(published).where(published.c.quarter == quarter)
    return (await tx.execute(query)).one_or_none()


async def add(
    tx: AsyncConnection, quarter: str, dimensions: Sequence[str], lines: Sequence[dict[str, Any]]
) -> None:
    """Store the table of a quarter, which is never changed."""
    row = {"quarter": quarter, "dimensions": list(dimensions), "lines": list(lines)}
    await tx.execute(insert(published).values(row))
