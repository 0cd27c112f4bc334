"""How long each table keeps what is personal, and what happens then: the one list.

`service.retention` enforces it, `vigie doctor` shows it, and a test holds it to the tables: a new
table gets its line here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.retention import Limits
from service.store.checkins import AREA_TEXTS
from service.store.store import AnyRow
from service.store.tables import (
    alert,
    approval,
    area_version,
    audit,
    check_in,
    coordinator,
    decision,
    delivery,
    drill,
    inbox,
    incident,
    invite,
    locked,
    membership,
    menu_language,
    metadata,
    outbox,
    person,
    pin,
    published,
    question,
    report,
    response,
    rule_text,
    scan,
    spending,
    stage,
    warning,
    withdrawal,
)

_ALL = true()

Fate = Literal["deleted", "cut loose", "coarsened", "kept"]
Limit = Literal["now", "messages", "answers", "people", "exact", "decided"]

_no_longer_open = outbox.c.state.in_(("sent", "failed", "dropped"))
_person_left = ~exists().where(person.c.id == outbox.c.person_id)


@dataclass(frozen=True, slots=True)
class Keeping:
    """One line: what of a table is personal, and how long it is kept.

    `fate` comes over the rows of `held` whose `since` lies before the limit; `becomes` is what is
    written into them, where they are not deleted. `how_long` is for people to read.
    """

    table: Table
    personal: str
    how_long: str
    fate: Fate
    limit: Limit | None = None
    since: Column[datetime] | None = None
    held: ColumnElement[bool] = _ALL
    becomes: dict[str, Any] | None = None

    def due(self, limits: Limits) -> ColumnElement[bool]:
        """The rows whose time has come."""
        assert self.limit is not None
        assert self.since is not None
        before: datetime = getattr(limits, self.limit)
        return self.held & (self.since < before)


NOTHING = "nothing"
KEPT = "as long as the service"

KEEPINGS: tuple[Keeping, ...] = (
    Keeping(
        inbox,
        "the sealed text, the sealed number, the number's keyed index",
        "72 hours",
        "deleted",
        "messages",
        inbox.c.received_at,
        inbox.c.state != "waiting",
    ),
    Keeping(
        inbox,
        "a stranger's sealed number, to answer by",
        "6 hours",
        "cut loose",
        "answers",
        inbox.c.received_at,
        (inbox.c.state != "waiting")
        & inbox.c.sealed_sender.is_not(None)
        & ~exists().where(
            outbox.c.inbox_id == inbox.c.id,
            outbox.c.person_id.is_(None),
            outbox.c.state.in_(("waiting", "claimed")),
        ),
        {"sealed_sender": None},
    ),
    Keeping(
        locked,
        "a whole message, sealed, that came while the service was locked",
        "until the service is unlocked",
        "deleted",
    ),
    Keeping(
        menu_language,
        "the keyed index of a number that chose another language in the USSD menu, and which",
        "90 days, or until STOP",
        "deleted",
        "exact",
        menu_language.c.chosen_at,
    ),
    Keeping(
        person,
        "the sealed number, its keyed index, area and language",
        "until STOP",
        "deleted",
    ),
    Keeping(
        pin,
        "the keyed hash of a PIN, and whose it is",
        "until STOP, or until its invite expires",
        "deleted",
    ),
    Keeping(
        warning,
        "that the person of a pseudonym may be under threat, and since which day",
        "until a coordinator closes it",
        "deleted",
    ),
    Keeping(
        membership,
        f"{NOTHING}: an area, and the hours of joining and leaving, of nobody in particular",
        KEPT,
        "kept",
    ),
    Keeping(
        invite,
        "the keyed hash of a code, its area and language",
        "14 days",
        "deleted",
        "now",
        invite.c.expires_at,
    ),
    Keeping(
        report,
        "the pseudonym, by which reports of one person are known as theirs",
        "as long as a rule counts people",
        "cut loose",
        "people",
        report.c.occurred_at,
        report.c.reporter >= 0,
    ),
    Keeping(
        report,
        "the place, and the hours of the event and of its receipt",
        "90 days",
        "coarsened",
        "exact",
        report.c.occurred_at,
        ~report.c.coarse,
    ),
    Keeping(
        question,
        "a report whose place was asked back, with its pseudonym, beside the report itself",
        "6 hours",
        "deleted",
        "answers",
        question.c.due_at,
        question.c.state != "waiting",
    ),
    Keeping(
        withdrawal,
        "that the person of a pseudonym took a report back",
        "72 hours",
        "deleted",
        "messages",
        withdrawal.c.received_at,
    ),
    Keeping(
        incident,
        "the place and the hour",
        "90 days",
        "coarsened",
        "exact",
        incident.c.at,
        ~incident.c.coarse,
    ),
    Keeping(
        decision,
        "which reports it rests on, and their communes",
        "90 days, or as long as a rule looks back",
        "cut loose",
        "decided",
        decision.c.at,
        cast(decision.c.evidence, Text) != "[]",
        {"evidence": [], "areas": []},
    ),
    Keeping(alert, f"{NOTHING}: what responders were told", KEPT, "kept"),
    Keeping(
        stage,
        "the pseudonyms of the responders for whose answers an alert waits",
        "until its next step, or their answers",
        "cut loose",
    ),
    Keeping(
        audit,
        f"{NOTHING} of reporters: what coordinators and the service did; adding to it is all that"
        " can be done",
        KEPT,
        "kept",
    ),
    Keeping(area_version, f"{NOTHING}: which areas alerts could name", KEPT, "kept"),
    Keeping(published, f"{NOTHING}: counts that were given out", KEPT, "kept"),
    Keeping(coordinator, "a name that is used here alone, and the hash of a code", KEPT, "kept"),
    Keeping(approval, f"{NOTHING}: what two coordinators decided", KEPT, "kept"),
    Keeping(rule_text, f"{NOTHING}: what rules said", KEPT, "kept"),
    Keeping(drill, f"{NOTHING}: where and when exercises were", KEPT, "kept"),
    Keeping(
        scan,
        "places where incidents gathered",
        "90 days",
        "deleted",
        "exact",
        scan.c.made_at,
    ),
    Keeping(
        outbox,
        "that a person, or the sender of a message, was answered",
        "until the message is deleted",
        "deleted",
        "now",
        outbox.c.expires_at,
        outbox.c.inbox_id.is_not(None)
        & ~exists().where(inbox.c.id == outbox.c.inbox_id)
        & _no_longer_open,
    ),
    Keeping(
        outbox,
        "that a person got a text with all of their area",
        "4 hours",
        "deleted",
        "now",
        outbox.c.expires_at,
        outbox.c.purpose.in_(AREA_TEXTS) & _no_longer_open,
    ),
    Keeping(check_in, f"{NOTHING}: which areas got a text, and when", KEPT, "kept"),
    Keeping(
        outbox,
        "that a responder was told of an alert",
        "90 days, or as long as a rule looks back",
        "deleted",
        "decided",
        outbox.c.expires_at,
        outbox.c.inbox_id.is_(None) & _no_longer_open,
    ),
    Keeping(
        outbox,
        "that a responder was told of an alert, once they have left",
        "at once",
        "deleted",
        "now",
        outbox.c.due_at,
        outbox.c.person_id.is_not(None) & _person_left & _no_longer_open,
    ),
    Keeping(
        delivery,
        "when a text went out, what it cost, the keyed hash of the gateway's id",
        "with its text of the outbox",
        "deleted",
    ),
    Keeping(spending, f"{NOTHING}: what texts cost, by day and gateway", KEPT, "kept"),
    Keeping(
        response,
        "what a responder answered",
        "90 days",
        "deleted",
        "exact",
        response.c.at,
    ),
    Keeping(
        response,
        "what a responder answered, once they have left",
        "at once",
        "deleted",
        "now",
        response.c.at,
        ~exists().where(person.c.id == response.c.person_id),
    ),
)


@dataclass(frozen=True, slots=True)
class Held:
    """How a line stands: the rows that it holds, the oldest's moment, how many are overdue."""

    keeping: Keeping
    rows: int
    oldest: datetime | None
    overdue: int


def tables_without_a_line() -> list[str]:
    """Tables of which nobody has said how long they keep what is personal."""
    return sorted(metadata.tables.keys() - {keeping.table.name for keeping in KEEPINGS})


async def enforce(tx: AsyncConnection, keeping: Keeping, limits: Limits, most: int) -> int:
    """Let what is due come over `most` rows; how many there were."""
    table = keeping.table
    due = select(table.c.id).where(keeping.due(limits)).limit(most)
    ids = list(await tx.scalars(due))
    if not ids:
        return 0
    if keeping.becomes is not None:
        await tx.execute(update(table).where(table.c.id.in_(ids)).values(keeping.becomes))
        return len(ids)
    if table is outbox:
        await tx.execute(delete(delivery).where(delivery.c.outbox_id.in_(ids)))
    await tx.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)


async def look(tx: AsyncConnection, limits: Limits) -> list[Held]:
    """How each line stands."""
    found = []
    for keeping in KEEPINGS:
        count = select(func.count()).select_from(keeping.table)
        if keeping.since is None:
            found.append(Held(keeping, int(await tx.scalar(count) or 0), None, 0))
            continue
        query = select(func.count(), func.min(keeping.since)).where(keeping.held)
        rows, oldest = (await tx.execute(query)).one()
        late = int(await tx.scalar(count.where(keeping.due(limits))) or 0)
        found.append(Held(keeping, rows, oldest, late))
    return found


async def oldest_linked(tx: AsyncConnection) -> datetime | None:
    """When the oldest report happened that still carries its reporter's own pseudonym."""
    query = select(func.min(report.c.occurred_at)).where(report.c.reporter >= 0)
    found: datetime | None = await tx.scalar(query)
    return found


async def linked_people(
    tx: AsyncConnection, begins: datetime, ends: datetime, most: int
) -> Sequence[int]:
    """People whose reports of this time carry their own pseudonym."""
    own = (
        (report.c.occurred_at >= begins) & (report.c.occurred_at < ends) & (report.c.reporter >= 0)
    )
    query = select(report.c.reporter).where(own).distinct().order_by(report.c.reporter)
    return (await tx.scalars(query.limit(most))).all()


async def cut_loose(
    tx: AsyncConnection, begins: datetime, ends: datetime, tokens: dict[int, int]
) -> None:
    """Put each person's token in place of their pseudonym in all their reports of this time."""
    within = (report.c.occurred_at >= begins) & (report.c.occurred_at < ends)
    theirs = within & (report.c.reporter == bindparam("person"))
    await tx.execute(
        update(report).where(theirs).values(reporter=bindparam("token")),
        [{"person": person_id, "token": token} for person_id, token in tokens.items()],
    )


async def exact_rows(
    tx: AsyncConnection, keeping: Keeping, limits: Limits, most: int
) -> Sequence[AnyRow]:
    """Reports or incidents that are to be coarsened."""
    return (await tx.execute(select(keeping.table).where(keeping.due(limits)).limit(most))).all()


async def coarsen(tx: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put what is kept in place of what was there: `{row, …}` for each, all with the same columns.

    `row` is its id.
    """
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "row"}
    await tx.execute(
        update(table).where(table.c.id == bindparam("row")).values(values | {"coarse": True}),
        list(rows),
    )


def as_row(keeping: Keeping) -> str:
    """The line as a row of the operators' page, which a test holds to this list."""
    fate = "" if keeping.fate == "kept" else keeping.fate
    return f"| `{keeping.table.name}` | {keeping.personal} | {keeping.how_long} | {fate} |"
