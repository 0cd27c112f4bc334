"""What was sealed, indexed or blinded by which version of the keys: its first byte says it.

Bytes compare from the first on, so that whatever is of an earlier version is less than that byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, LargeBinary, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import delivery, inbox, invite, locked, menu_language, person, pin


@dataclass(frozen=True, slots=True)
class Left:
    """How many things of one kind hang on earlier versions, and until when at the most."""

    count: int
    until: datetime | None


def _first(version: int) -> ColumnElement[bytes]:
    return literal(bytes([version]), LargeBinary())


async def people_before(
    tx: AsyncConnection, version: int, after: int, limit: int
) -> Sequence[AnyRow]:
    """People whose number an earlier version seals or indexes: id, sealed_number, number_index.

    Of those whose id is greater than `after`, the first `limit`.
    """
    old = (person.c.number_index < _first(version)) | (person.c.sealed_number < _first(version))
    query = select(person.c.id, person.c.sealed_number, person.c.number_index)
    query = query.where(old, person.c.id > after)
    return (await tx.execute(query.order_by(person.c.id).limit(limit))).all()


async def move_person(
    tx: AsyncConnection, was: AnyRow, sealed_number: bytes, indexes: Sequence[bytes]
) -> None:
    """Give a person the number that was sealed anew, and both indexes.

    Messages stored before know them by the earlier one. Nothing happens to whoever has left, or
    was changed meanwhile.
    """
    await tx.execute(
        update(person)
        .where(person.c.id == was.id, person.c.sealed_number == was.sealed_number)
        .values(
            sealed_number=sealed_number,
            number_index=indexes[0],
            other_index=indexes[1] if len(indexes) > 1 else None,
        )
    )


async def invite_numbers_before(tx: AsyncConnection, version: int) -> set[bytes]:
    """The hashes of numbers of invites that people came by, of earlier versions."""
    old = person.c.invite_index < _first(version)
    return set(await tx.scalars(select(person.c.invite_index).where(old)))


async def move_invite_number(tx: AsyncConnection, was: bytes, index: bytes) -> None:
    """Put the hash of another version in the place of one."""
    await tx.execute(update(person).where(person.c.invite_index == was).values(invite_index=index))


async def drop_before(tx: AsyncConnection, version: int) -> None:
    """Forget the hashes of earlier versions that stand beside newer ones, or wait for nothing."""
    for table in (person, inbox):
        old = table.c.other_index < _first(version)
        await tx.execute(update(table).where(old).values(other_index=None))
    old = delivery.c.message_index < _first(version)
    await tx.execute(update(delivery).where(old).values(message_index=None))
    await tx.execute(delete(menu_language).where(menu_language.c.number_index < _first(version)))


async def left_before(
    tx: AsyncConnection, version: int, now: datetime, since: datetime
) -> dict[str, Left]:
    """What hangs on versions before this one. What came before `since` is about to be deleted."""
    first = _first(version)
    message = (inbox.c.dedupe < first) | (inbox.c.sender_index < first)
    message |= inbox.c.sealed_sender < first
    message &= (inbox.c.received_at >= since) | (inbox.c.state == "waiting")
    conditions = {
        "people": ((person.c.number_index < first) | (person.c.sealed_number < first), None),
        "invite numbers": (person.c.invite_index < first, None),
        "pins": (pin.c.key < first, None),
        "invites": (
            (invite.c.code_index < first)
            & invite.c.used_at.is_(None)
            & (invite.c.expires_at > now),
            invite.c.expires_at,
        ),
        "messages": (message, inbox.c.received_at),
        "receipts": ((delivery.c.message_index < first) & (delivery.c.at >= since), delivery.c.at),
        "locked": (locked.c.sealed < first, None),
    }
    found = {}
    for name, (old, until) in conditions.items():
        latest = func.max(until) if until is not None else literal(None)
        row = (await tx.execute(select(func.count(), latest).where(old))).one()
        found[name] = Left(row[0], row[1])
    return found
