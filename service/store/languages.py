"""In which language the USSD menu was last wanted on a phone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import menu_language


async def chosen(tx: AsyncConnection) -> dict[bytes, str]:
    """Every choice, by the keyed index of the number."""
    query = select(menu_language.c.number_index, menu_language.c.language)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def remember(
    tx: AsyncConnection, indexes: Sequence[bytes], language: str | None, now: datetime
) -> None:
    """Keep the choice of a number, known by these indexes; None is as if there had been none."""
    await forget(tx, indexes)
    if language is not None:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        row = {"number_index": indexes[0], "language": language, "chosen_at": day}
        await tx.execute(insert(menu_language).values(row))


async def forget(tx: AsyncConnection, indexes: Sequence[bytes]) -> None:
    """Forget what a number chose."""
    await tx.execute(delete(menu_language).where(menu_language.c.number_index.in_(indexes)))
