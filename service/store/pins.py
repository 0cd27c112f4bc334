"""PINs by their keyed hashes, how many wrong ones came, and the warnings that are open."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.pins import WarningKind
from service.store.store import AnyRow, insert_new
from service.store.tables import person, pin, warning


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store PINs: {invite_id or person_id, kind, key, hash}."""
    await tx.execute(insert(pin), list(rows))


async def of_people(tx: AsyncConnection, person_ids: Sequence[int]) -> Sequence[AnyRow]:
    """The PINs of these people, used ones too: id, person_id, kind, key, hash, used."""
    query = select(pin).where(pin.c.person_id.in_(person_ids))
    return (await tx.execute(query.order_by(pin.c.id))).all()


async def of_invite(tx: AsyncConnection, invite_id: int) -> Sequence[AnyRow]:
    """The PINs that an invite which nobody has used yet carries."""
    query = select(pin).where(pin.c.invite_id == invite_id)
    return (await tx.execute(query.order_by(pin.c.id))).all()


async def hand_over(tx: AsyncConnection, invite_id: int, person_id: int) -> None:
    """An invite was used: its PINs are now the person's, in the place of those that they had."""
    await forget_person(tx, person_id)
    mine = update(pin).where(pin.c.invite_id == invite_id)
    await tx.execute(mine.values(person_id=person_id, invite_id=None))


async def use(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """These one-time PINs have been used."""
    await tx.execute(update(pin).where(pin.c.id.in_(ids)).values(used=True))


async def forget_one_time(
    tx: AsyncConnection, *, person_id: int | None, invite_id: int | None
) -> None:
    """Delete somebody's list of one-time PINs."""
    whose = pin.c.person_id == person_id if person_id else pin.c.invite_id == invite_id
    await tx.execute(delete(pin).where(whose, pin.c.kind == "one_time"))


async def forget_person(tx: AsyncConnection, person_id: int) -> None:
    """Delete a person's PINs."""
    await tx.execute(delete(pin).where(pin.c.person_id == person_id))


async def keys(tx: AsyncConnection) -> Sequence[bytes]:
    """The wrapped keys of everybody's PINs, each once."""
    return (await tx.scalars(select(pin.c.key).distinct())).all()


async def rewrap(tx: AsyncConnection, wrapped: bytes, fresh: bytes) -> None:
    """Put one wrapping of a key in the place of another."""
    await tx.execute(update(pin).where(pin.c.key == wrapped).values(key=fresh))


async def left(tx: AsyncConnection) -> dict[int, dict[str, int]]:
    """How many PINs of each kind people can still use, by pseudonym."""
    found: dict[int, dict[str, int]] = {}
    query = select(pin.c.person_id, pin.c.kind, func.count())
    query = query.where(pin.c.person_id.is_not(None), pin.c.used.is_(False))
    for person_id, kind, count in await tx.execute(query.group_by(pin.c.person_id, pin.c.kind)):
        found.setdefault(person_id, {})[kind] = count
    return found


async def keep_wrong(tx: AsyncConnection, person_id: int, wrong: int) -> None:
    """Keep how many wrong PINs stand against a person."""
    await tx.execute(update(person).where(person.c.id == person_id).values(wrong_pins=wrong))


async def warn(tx: AsyncConnection, person_id: int, kind: WarningKind, since: date) -> None:
    """Open a warning about a person, unless it is open."""
    row = {"person_id": person_id, "kind": kind, "since": since}
    await tx.execute(insert_new(tx, warning), [row])


async def warnings(
    tx: AsyncConnection, person_ids: Sequence[int] | None = None
) -> Sequence[AnyRow]:
    """The open warnings, of these people alone or of all: person_id, kind, since."""
    query = select(warning)
    if person_ids is not None:
        query = query.where(warning.c.person_id.in_(person_ids))
    return (await tx.execute(query.order_by(warning.c.id))).all()


async def clear(tx: AsyncConnection, person_id: int) -> int:
    """Close a person's warnings and forget their wrong PINs; how many warnings there were."""
    await keep_wrong(tx, person_id, 0)
    return (await tx.execute(delete(warning).where(warning.c.person_id == person_id))).rowcount
