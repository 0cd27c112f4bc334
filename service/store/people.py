"""Focal points, responders, their invites, and the nameless record of who was enrolled where."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import invite, membership, person

Role = Literal["focal_point", "responder"]


async def by_index(tx: AsyncConnection, indexes: Sequence[bytes]) -> dict[bytes, AnyRow]:
    """The enrolled people behind these number indexes, by each index that they are known by."""
    known = person.c.number_index.in_(indexes) | person.c.other_index.in_(indexes)
    rows = (await tx.execute(select(person).where(known))).all()
    others = {row.other_index: row for row in rows if row.other_index is not None}
    return others | {row.number_index: row for row in rows}


async def by_id(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, AnyRow]:
    """These people, those who have left excepted."""
    return {row.id: row for row in await tx.execute(select(person).where(person.c.id.in_(ids)))}


async def ids(tx: AsyncConnection) -> Sequence[int]:
    """The pseudonyms of everybody who is enrolled."""
    return (await tx.scalars(select(person.c.id).order_by(person.c.id))).all()


async def responders(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Everybody who can be told.

    Each has id, role, area, language, function, clearance, undelivered, undelivered_at and
    paused_until.
    """
    columns = (
        person.c.id, person.c.role, person.c.area, person.c.language, person.c.function,
        person.c.clearance, person.c.undelivered, person.c.undelivered_at, person.c.paused_until,
    )  # fmt: skip
    query = select(*columns).where(person.c.role == "responder")
    return (await tx.execute(query.order_by(person.c.id))).all()


async def enrolled(tx: AsyncConnection, role: Role) -> Sequence[AnyRow]:
    """Who is enrolled, without anything that leads to a number.

    Each has id, area, language, silent, function, clearance and joined_at.
    """
    columns = (
        person.c.id, person.c.area, person.c.language, person.c.silent, person.c.function,
        person.c.clearance,
    )  # fmt: skip
    query = (
        select(*columns, membership.c.joined_at)
        .join(membership)
        .where(person.c.role == role)
        .order_by(person.c.area, person.c.id)
    )
    return (await tx.execute(query)).all()


async def add(
    tx: AsyncConnection,
    number_index: bytes,
    role: Role,
    area: str,
    language: str,
    now: datetime,
    other_index: bytes | None = None,
) -> int:
    """Enrol a person, with no number yet; the id to seal it under."""
    member = await _join(tx, role, area, now)
    row = await tx.execute(
        insert(person)
        .values(
            role=role,
            number_index=number_index,
            other_index=other_index,
            sealed_number=b"",
            area=area,
            language=language,
            silent=False,
            wrong_pins=0,
            membership_id=member,
        )
        .returning(person.c.id)
    )
    return int(row.scalar_one())


async def seal(tx: AsyncConnection, person_id: int, sealed_number: bytes) -> None:
    """Put the person's sealed number in its place."""
    await tx.execute(
        update(person).where(person.c.id == person_id).values(sealed_number=sealed_number)
    )


async def move(
    tx: AsyncConnection, known: AnyRow, role: Role, area: str, language: str, now: datetime
) -> None:
    """An enrolled person used another invite: they are now what it says."""
    await _leave(tx, known.membership_id, now)
    await tx.execute(
        update(person)
        .where(person.c.id == known.id)
        .values(
            role=role,
            area=area,
            language=language,
            paused_until=None,
            membership_id=await _join(tx, role, area, now),
        )
    )


async def clear(tx: AsyncConnection, person_id: int, clearance: dict[str, Any] | None) -> None:
    """Keep what a responder is cleared for, as `Clearance.stored` gives it."""
    await tx.execute(update(person).where(person.c.id == person_id).values(clearance=clearance))


async def appoint(tx: AsyncConnection, person_id: int, function: str | None) -> None:
    """Keep what a responder is: a function of `rules/escalation.yaml`, or none."""
    await tx.execute(update(person).where(person.c.id == person_id).values(function=function))


async def be_silent(tx: AsyncConnection, person_id: int, silent: bool) -> None:
    """Keep whether a person wants no answers."""
    await tx.execute(update(person).where(person.c.id == person_id).values(silent=silent))


async def missed(tx: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Count a text that did not arrive, for each of these people."""
    mine = update(person).where(person.c.id.in_(ids))
    await tx.execute(mine.values(undelivered=person.c.undelivered + 1, undelivered_at=now))


async def reached(tx: AsyncConnection, person_id: int) -> None:
    """This person's phone works: a text arrived, or one came from it."""
    mine = (person.c.id == person_id) & (person.c.undelivered > 0)
    await tx.execute(update(person).where(mine).values(undelivered=0, undelivered_at=None))


async def speak(tx: AsyncConnection, person_id: int, language: str) -> None:
    """Keep which language a person wants."""
    await tx.execute(update(person).where(person.c.id == person_id).values(language=language))


async def pause(
    tx: AsyncConnection, person_id: int, until: datetime | None, said_at: datetime
) -> None:
    """Keep until when a person wants no texts, None for no pause; unless they said so later."""
    earlier = person.c.pause_said_at.is_(None) | (person.c.pause_said_at <= said_at)
    await tx.execute(
        update(person)
        .where(person.c.id == person_id, earlier)
        .values(paused_until=until, pause_said_at=said_at)
    )


async def remove(tx: AsyncConnection, known: AnyRow, now: datetime) -> None:
    """Delete the person; the record of an enrolment that has ended stays, with no way back."""
    await tx.execute(delete(person).where(person.c.id == known.id))
    await _leave(tx, known.membership_id, now)


async def _join(tx: AsyncConnection, role: Role, area: str, now: datetime) -> int:
    row = await tx.execute(
        insert(membership)
        .values(role=role, area=area, joined_at=_hour(now))
        .returning(membership.c.id)
    )
    return int(row.scalar_one())


async def _leave(tx: AsyncConnection, membership_id: int, now: datetime) -> None:
    ended = update(membership).where(membership.c.id == membership_id)
    await tx.execute(ended.values(left_at=_hour(now)))


def _hour(at: datetime) -> datetime:
    """To the hour: the telephone company knows at which second who texted `INS` or `STOP`."""
    return at.replace(minute=0, second=0, microsecond=0)


async def memberships(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Focal points' enrolments, past and present: area, joined_at, left_at."""
    columns = (membership.c.area, membership.c.joined_at, membership.c.left_at)
    query = select(*columns).where(membership.c.role == "focal_point").order_by(membership.c.id)
    return (await tx.execute(query)).all()


async def counts(tx: AsyncConnection) -> dict[str, int]:
    """How many people there are of each role."""
    query = select(person.c.role, func.count()).group_by(person.c.role)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def add_invite(tx: AsyncConnection, row: dict[str, Any]) -> int:
    """Store an invite by the keyed hash of its code; its number."""
    added = await tx.execute(insert(invite).values(row).returning(invite.c.id))
    return int(added.scalar_one())


async def unused_invite(tx: AsyncConnection, role: Role, number: int) -> AnyRow | None:
    """The invite of that number, if it is still to be used."""
    query = select(invite).where(invite.c.id == number, invite.c.role == role)
    return (await tx.execute(query.where(invite.c.used_at.is_(None)))).one_or_none()


async def forget_invite(tx: AsyncConnection, number: int) -> None:
    """Delete an invite, and the PINs that came with it: nobody enrols by it any more."""
    await tx.execute(delete(invite).where(invite.c.id == number))


async def came_by(tx: AsyncConnection, person_id: int, invite_index: bytes) -> None:
    """Keep by which invite a person enrolled last, as the keyed hash of its number."""
    mine = update(person).where(person.c.id == person_id)
    await tx.execute(mine.values(invite_index=invite_index))


async def by_invite(
    tx: AsyncConnection, role: Role, invite_indexes: Sequence[bytes]
) -> AnyRow | None:
    """Who enrolled last by the invite with one of these indexes."""
    mine = person.c.invite_index.in_(invite_indexes) & (person.c.role == role)
    return (await tx.execute(select(person).where(mine))).one_or_none()


async def use_invite(
    tx: AsyncConnection, code_indexes: Sequence[bytes], now: datetime
) -> AnyRow | None:
    """Spend an invite, whichever version of the keys blinds it: once, and not when expired."""
    spent = await tx.execute(
        update(invite)
        .where(
            invite.c.code_index.in_(code_indexes),
            invite.c.used_at.is_(None),
            invite.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(
            invite.c.id,
            invite.c.role,
            invite.c.area,
            invite.c.language,
            invite.c.function,
            invite.c.clearance,
        )
    )
    return spent.one_or_none()
