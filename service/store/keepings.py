"""How long each table keeps what is personal, and what happens then: the one list.

`store.retention` enforces it, `vigie doctor` shows it, and a test holds it to the tables: a new
table gets its line here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Text,
    cast,
    exists,
    true,
)

from service.domain.retention import Limits
from service.store.checkins import AREA_TEXTS
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


def tables_without_a_line() -> list[str]:
    """Tables of which nobody has said how long they keep what is personal."""
    return sorted(metadata.tables.keys() - {keeping.table.name for keeping in KEEPINGS})


def as_row(keeping: Keeping) -> str:
    """The line as a row of the operators' page, which a test holds to this list."""
    fate = "" if keeping.fate == "kept" else keeping.fate
    return f"| `{keeping.table.name}` | {keeping.personal} | {keeping.how_long} | {fate} |"
