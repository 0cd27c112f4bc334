"""The inbox: what gateways handed over, from the commit that answers 200 until it expires."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, bindparam, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.replays import MISDATED
from service.store.store import AnyRow, add_new, chunks
from service.store.tables import inbox

# What a USSD session told, and then took back before it was sent.
TAKEN_BACK = "taken_back"
LAST_HOP = 1_000_000
_MISDATED = (inbox.c.state == "quarantined") & inbox.c.problem.in_(MISDATED)


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store each row once: one whose `dedupe` is there already is passed over.

    A row leaves out what it does not have; those that have the same are one statement.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for some in alike.values():
        await add_new(tx, inbox, some)


async def give_way(tx: AsyncConnection, gone: Sequence[tuple[bytes, int]]) -> None:
    """Delete what USSD sessions had come to, where it was not read yet: `(dedupe, before hop)`."""
    unread = (inbox.c.state == "waiting") | (inbox.c.problem == TAKEN_BACK)
    older = (inbox.c.dedupe == bindparam("which")) & (inbox.c.hop < bindparam("before"))
    await tx.execute(
        delete(inbox).where(older, inbox.c.kind == "ussd", unread),
        [{"which": dedupe, "before": before} for dedupe, before in gone],
    )


async def known(tx: AsyncConnection, dedupes: Sequence[bytes]) -> set[bytes]:
    """Which of these messages are stored."""
    found: set[bytes] = set()
    for some in chunks(dedupes):
        found.update(await tx.scalars(select(inbox.c.dedupe).where(inbox.c.dedupe.in_(some))))
    return found


async def waiting(tx: AsyncConnection, now: datetime, limit: int) -> Sequence[AnyRow]:
    """The messages whose turn has come, oldest first."""
    due = (inbox.c.state == "waiting") & (inbox.c.due_at <= now)
    query = select(inbox).where(due).order_by(inbox.c.due_at, inbox.c.id).limit(limit)
    return (await tx.execute(query)).all()


async def finish(tx: AsyncConnection, results: Sequence[dict[str, Any]]) -> None:
    """Close messages: `{row, problem, keep}` for each; `keep` the sealed number to answer by."""
    sender = case((bindparam("keep", type_=Boolean), inbox.c.sealed_sender), else_=None)
    await tx.execute(
        update(inbox)
        .where(inbox.c.id == bindparam("row"))
        .values(state="done", problem=bindparam("problem"), sealed_sender=sender),
        list(results),
    )


async def defer(tx: AsyncConnection, row: int, due_at: datetime) -> None:
    """Look at this message again later."""
    await tx.execute(update(inbox).where(inbox.c.id == row).values(due_at=due_at))


async def quarantine(tx: AsyncConnection, row: int, problem: str) -> None:
    """Set a message aside, with why, so that it never blocks the others."""
    await tx.execute(
        update(inbox).where(inbox.c.id == row).values(state="quarantined", problem=problem[:40])
    )


async def misdated(tx: AsyncConnection) -> dict[str, int]:
    """How many messages are set aside for their date, by why."""
    query = select(inbox.c.problem, func.count()).where(_MISDATED).group_by(inbox.c.problem)
    found = {row[0]: row[1] for row in await tx.execute(query)}
    return {why: found.get(why, 0) for why in MISDATED}


async def let_in(tx: AsyncConnection) -> None:
    """Have those messages read after all; their problem stays, and says that somebody decided."""
    await tx.execute(update(inbox).where(_MISDATED).values(state="waiting"))


async def forget_sender(tx: AsyncConnection, indexes: Sequence[bytes]) -> None:
    """Cut every tie between stored messages and who sent them; none of them is read any more."""
    await tx.execute(
        update(inbox)
        .where(inbox.c.sender_index.in_(indexes) | inbox.c.other_index.in_(indexes))
        .values(
            state="done", sender_index=None, other_index=None, sealed_sender=None, sealed_text=None
        )
    )


async def sealed_senders(
    tx: AsyncConnection, rows: Sequence[int]
) -> dict[int, tuple[bytes, bytes]]:
    """(dedupe, sealed sender) of those messages that can still be answered, by id."""
    query = select(inbox.c.id, inbox.c.dedupe, inbox.c.sealed_sender).where(
        inbox.c.id.in_(rows), inbox.c.sealed_sender.is_not(None)
    )
    return {row.id: (row.dedupe, row.sealed_sender) for row in await tx.execute(query)}


async def depth(tx: AsyncConnection, now: datetime) -> tuple[int, datetime | None]:
    """How many messages wait whose turn has come, and since when the oldest has."""
    due = (inbox.c.state == "waiting") & (inbox.c.due_at <= now)
    row = (await tx.execute(select(func.count(), func.min(inbox.c.due_at)).where(due))).one()
    return row[0], row[1]
