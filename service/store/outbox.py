"""The outbox: texts to be sent, each once, and who has had which."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.delivery import FAILED
from service.store.store import AnyRow, add_new, chunks
from service.store.tables import alert, delivery, outbox

GIVEN_UP: Final = "given_up"
"""The purpose of what tells a coordinator that texts about an alert were given up."""


def text(
    purpose: str,
    due_at: datetime,
    expires_at: datetime,
    language: str,
    *,
    person_id: int | None = None,
    inbox_id: int | None = None,
    alert_id: int | None = None,
    check_in_id: int | None = None,
    step: str = "",
) -> dict[str, Any]:
    """The row of one text to an enrolled person or, failing one, to who sent `inbox_id`.

    Its key says what it answers or tells, to whom, and `step` where an alert is told of in steps,
    so that it exists once.
    """
    about = f"alert/{alert_id}" if inbox_id is None else f"inbox/{inbox_id}"
    if check_in_id is not None:
        about = f"check_in/{check_in_id}"
    return {
        "key": f"{purpose}{step and '-'}{step}/{about}/{person_id or '-'}",
        "purpose": purpose,
        "alert_id": alert_id,
        "person_id": person_id,
        "inbox_id": inbox_id,
        "language": language,
        "state": "waiting",
        "due_at": due_at,
        "attempts": 0,
        "expires_at": expires_at,
    }


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Queue texts; one that is queued already, or was, is passed over."""
    await add_new(tx, outbox, rows)


async def claim(
    tx: AsyncConnection,
    now: datetime,
    until: datetime,
    limit: int,
    key_version: int,
    together: Collection[str] = (),
) -> Sequence[AnyRow]:
    """Take texts whose time has come; nobody else takes them before `until`.

    `key_version` is noted of those that are taken for the first time. Alerts of the severities
    `together` come after all others, and whoever gets one of them gets all of theirs: these may be
    more than `limit`.
    """
    free = (outbox.c.state == "waiting") & (outbox.c.due_at <= now)
    lapsed = (outbox.c.state == "claimed") & (outbox.c.claimed_until <= now)
    slight = (outbox.c.purpose == "alert") & exists().where(
        alert.c.id == outbox.c.alert_id, alert.c.severity.in_(together)
    )
    first = (outbox.c.due_at, outbox.c.id)
    last = case((slight, 1), else_=0) if together else literal(0)
    due = select(outbox, last.label("last")).where(free | lapsed)
    due = due.with_for_update(skip_locked=True)
    rows = list((await tx.execute(due.order_by("last", *first).limit(limit))).all())
    taken = {row.id for row in rows}
    for some in chunks(sorted({row.person_id for row in rows if row.last})):
        beside = due.where(slight, outbox.c.person_id.in_(some)).order_by(*first)
        rows += (row for row in (await tx.execute(beside)).all() if row.id not in taken)
    for some in chunks([row.id for row in rows]):
        await tx.execute(
            update(outbox)
            .where(outbox.c.id.in_(some))
            .values(
                state="claimed",
                claimed_until=until,
                attempts=outbox.c.attempts + 1,
                key_version=func.coalesce(outbox.c.key_version, key_version),
            )
        )
    return rows


async def release_all(tx: AsyncConnection) -> None:
    """Free every claim: for a sender that starts and knows that it is the only one."""
    await tx.execute(
        update(outbox)
        .where(outbox.c.state == "claimed")
        .values(state="waiting", claimed_until=None)
    )


async def settle(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Record what became of claimed texts: `{row, state, due_at, attempts}`."""
    if rows:
        await tx.execute(
            update(outbox)
            .where(outbox.c.id == bindparam("row"))
            .values(
                state=bindparam("state"),
                due_at=bindparam("due_at"),
                attempts=bindparam("attempts"),
                claimed_until=None,
            ),
            list(rows),
        )


async def lapse(tx: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
    """Give up the texts that are due and too old to be sent.

    Each has purpose, alert_id, person_id and inbox_id.
    """
    due = (outbox.c.state == "waiting") & (outbox.c.due_at <= now)
    given_up = await tx.execute(
        update(outbox)
        .where(due, outbox.c.expires_at <= now)
        .values(state="failed", due_at=now)
        .returning(outbox.c.purpose, outbox.c.alert_id, outbox.c.person_id, outbox.c.inbox_id)
    )
    return given_up.all()


async def by_id(tx: AsyncConnection, ids: Sequence[int]) -> Sequence[AnyRow]:
    """These texts."""
    return [
        row
        for some in chunks(ids)
        for row in await tx.execute(select(outbox).where(outbox.c.id.in_(some)))
    ]


async def change(
    tx: AsyncConnection, row_id: int, was: Sequence[str], state: str, due_at: datetime
) -> None:
    """Put a text that is in one of the states `was` into another."""
    mine = (outbox.c.id == row_id) & outbox.c.state.in_(was)
    await tx.execute(update(outbox).where(mine).values(state=state, due_at=due_at))


async def forget_person(tx: AsyncConnection, person_id: int) -> None:
    """Send this person nothing more: their waiting texts are dropped."""
    await tx.execute(
        update(outbox)
        .where(outbox.c.person_id == person_id, outbox.c.state.in_(("waiting", "claimed")))
        .values(state="dropped", claimed_until=None)
    )


async def forget_answers(tx: AsyncConnection, person_id: int) -> None:
    """Drop the answers that wait to go to this person."""
    mine = (outbox.c.person_id == person_id) & outbox.c.inbox_id.is_not(None)
    waiting = update(outbox).where(mine, outbox.c.state == "waiting")
    await tx.execute(waiting.values(state="dropped"))


def tells(row: AnyRow) -> bool:
    """Whether a text tells of an alert unasked, and is not the answer to somebody's."""
    return row.alert_id is not None and row.inbox_id is None


async def told(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, set[int]]:
    """Who was told of each of these alerts."""
    had: dict[int, set[int]] = {}
    for some in chunks(alert_ids):
        query = select(outbox.c.alert_id, outbox.c.person_id).where(
            outbox.c.alert_id.in_(some), outbox.c.purpose == "alert"
        )
        for row in await tx.execute(query):
            had.setdefault(row.alert_id, set()).add(row.person_id)
    return had


async def sent_of(tx: AsyncConnection, alert_ids: Sequence[int]) -> Sequence[AnyRow]:
    """Every text about these alerts that has left, or may have: who got which, in which language.

    alert_id, person_id, purpose, language, key_version.
    """
    columns = (outbox.c.alert_id, outbox.c.person_id, outbox.c.purpose, outbox.c.language)
    query = select(*columns, outbox.c.key_version).where(
        outbox.c.alert_id.in_(alert_ids),
        outbox.c.person_id.is_not(None),
        outbox.c.inbox_id.is_(None),
        exists().where(delivery.c.outbox_id == outbox.c.id),
    )
    return (await tx.execute(query.order_by(outbox.c.id))).all()


async def told_of(tx: AsyncConnection, person_id: int) -> dict[int, datetime | None]:
    """The alerts that a person was told of, or may have been, each with when that is known to be.

    One that waits, or was given up, they have not read.
    """
    left = outbox.c.state.in_(("claimed", "sent")) | exists().where(
        delivery.c.outbox_id == outbox.c.id
    )
    query = select(outbox.c.alert_id, outbox.c.state, outbox.c.due_at).where(
        outbox.c.person_id == person_id, outbox.c.purpose == "alert", left
    )
    rows = await tx.execute(query)
    return {row.alert_id: row.due_at if row.state == "sent" else None for row in rows}


async def bring_forward(tx: AsyncConnection, person_id: int, now: datetime) -> None:
    """Send at once what waits to be told to this person."""
    waits = (outbox.c.person_id == person_id) & (outbox.c.state == "waiting")
    later = outbox.c.inbox_id.is_(None) & (outbox.c.due_at > now)
    await tx.execute(update(outbox).where(waits & later).values(due_at=now))


async def had(
    tx: AsyncConnection,
    alert_ids: Sequence[int],
    purposes: Collection[str],
    in_hand: Collection[int],
) -> set[tuple[int, int]]:
    """Who may have got a text of these purposes about these alerts: (alert, person).

    Of a call that was begun and never recorded nobody knows what it did; a claim of `in_hand` has
    led to none yet.
    """
    query = (
        select(
            outbox.c.id,
            outbox.c.alert_id,
            outbox.c.person_id,
            outbox.c.attempts,
            func.count(delivery.c.id).label("recorded"),
            func.count(delivery.c.id).filter(delivery.c.status.not_in(FAILED)).label("not_failed"),
        )
        .outerjoin(delivery)
        .where(outbox.c.purpose.in_(purposes), outbox.c.inbox_id.is_(None))
        .group_by(outbox.c.id)
    )
    found = set()
    for some in chunks(alert_ids):
        for row in await tx.execute(query.where(outbox.c.alert_id.in_(some))):
            begun = row.attempts - (row.id in in_hand)
            if row.not_failed or begun > row.recorded:
                found.add((row.alert_id, row.person_id))
    return found


async def latest_updates(
    tx: AsyncConnection, alert_ids: Sequence[int]
) -> dict[tuple[int, int], int]:
    """The last update about these alerts that was, or is to be, sent: by (alert, person)."""
    query = (
        select(outbox.c.alert_id, outbox.c.person_id, func.max(outbox.c.id).label("last"))
        .where(outbox.c.purpose == "update", outbox.c.state.in_(("waiting", "claimed", "sent")))
        .group_by(outbox.c.alert_id, outbox.c.person_id)
    )
    found: dict[tuple[int, int], int] = {}
    for some in chunks(alert_ids):
        rows = await tx.execute(query.where(outbox.c.alert_id.in_(some)))
        found |= {(row.alert_id, row.person_id): row.last for row in rows}
    return found


async def given_up(tx: AsyncConnection, since: datetime) -> Sequence[AnyRow]:
    """Texts about alerts that reached nobody, given up since then: alert_id, texts."""
    query = select(outbox.c.alert_id, func.count().label("texts")).where(
        outbox.c.state == "failed",
        outbox.c.alert_id.is_not(None),
        outbox.c.inbox_id.is_(None),
        outbox.c.purpose != GIVEN_UP,
        outbox.c.due_at > since,
    )
    return (await tx.execute(query.group_by(outbox.c.alert_id).order_by(outbox.c.alert_id))).all()


async def missing(tx: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many people the last text about each of these alerts did not reach, and of how many.

    Of an alert that was taken back only that it was is still worth hearing.
    """
    counts = (outbox.c.purpose == "correction") | (alert.c.state != "corrected")
    last = (
        select(func.max(outbox.c.id))
        .join(alert, alert.c.id == outbox.c.alert_id)
        .where(outbox.c.inbox_id.is_(None), outbox.c.purpose != GIVEN_UP, counts)
        .where(outbox.c.state.in_(("waiting", "claimed", "sent", "failed")))
        .group_by(outbox.c.alert_id, outbox.c.person_id)
    )
    failed = func.count().filter(outbox.c.state == "failed")
    query = select(outbox.c.alert_id, failed, func.count()).group_by(outbox.c.alert_id)
    found: dict[int, tuple[int, int]] = {}
    for some in chunks(alert_ids):
        mine = outbox.c.id.in_(last.where(outbox.c.alert_id.in_(some)))
        found |= {row[0]: (row[1], row[2]) for row in await tx.execute(query.where(mine))}
    return found


async def depth(tx: AsyncConnection, now: datetime) -> int:
    """How many texts wait whose time has come."""
    due = outbox.c.state.in_(("waiting", "claimed")) & (outbox.c.due_at <= now)
    return int((await tx.execute(select(func.count()).where(due))).scalar_one())
