"""`ANN` and `COR`: takes reports back, and puts another in their place, in a batch's transaction.

A report that is taken back stays in its table as `retracted`, and its incident stays as it was
first reported; neither counts any more. What responders were told of it, the rules correct.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service import reporting
from service.domain.evidence import Decision
from service.domain.reading import Draft
from service.domain.retention import MESSAGE_HOURS
from service.domain.withdrawals import Sent, Withdrawal, withdrawn
from service.picture import Picture
from service.reporting import Filed, Origin, Proof
from service.store import AnyRow
from service.store import withdrawals as store

# What becomes of a report that is taken back, by what it was.
TAKEN_BACK = {"counted": "retracted", "drill": "drill_back"}


class Withdrawals:
    """What the messages of one batch take back."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def note(
        self,
        origin: Origin,
        proof: Proof,
        *,
        named: Draft | None = None,
        corrects: bool = False,
        instead_of: tuple[int, int] | None = None,
    ) -> None:
        """Keep what a message takes back. Who is forced to takes nothing back.

        It is what was sent last before it, of the type and place of `named`; or the very report
        that it stands `instead_of`: the message's id, and which of its reports.
        """
        if proof.under_duress:
            return
        row: dict[str, Any] = {"inbox_id": origin.inbox_id, "person_id": origin.reporter}
        row |= {"verified": proof.verified, "corrects": corrects}
        row |= {"drill": origin.status != "counted"}
        row |= {"type": named.type if named else None}
        row |= {"place": named.place.code if named and named.place else None}
        row |= dict(zip(("of_inbox_id", "of_nth"), instead_of or (None, None), strict=True))
        self._rows.append(row | {"received_at": origin.received_at})

    async def write(
        self, tx: AsyncConnection, filed: Filed, picture: Picture, now: datetime
    ) -> None:
        """Let what is taken back count no more, of this batch's reports and of earlier ones.

        Where a report came after what withdraws it, or between the two, this looks again.
        """
        if self._rows:
            await store.add(tx, self._rows)
        people = {row["person_id"] for row in self._rows}
        people |= {row["reporter"] for row in filed.reports}
        kept = await store.of_people(tx, people) if people else ()
        if not kept:
            return
        # Of what was sent before that, what withdraws it may be forgotten already.
        since = now - timedelta(hours=MESSAGE_HOURS)
        known = await store.reports_of(tx, {row.person_id for row in kept})
        rows = [row for row in known if reporting.believed(row.sent_at, row.came_at) > since]
        gone = _gone(rows, kept)
        for status, back in TAKEN_BACK.items():
            retracted = [row for row in rows if row.id in gone and row.status == status]
            restored = [row for row in rows if row.id not in gone and row.status == back]
            drill = status == "drill"
            judge = picture.drills if drill else picture.engine
            found: list[Decision] = []
            for row in restored:
                if row.lat is not None:
                    found += judge.remember(reporting.evidence_of(row))
            for row in retracted:
                found += judge.forget(row.id, int(now.timestamp()))
            filed.decisions += reporting.in_drill(found) if drill else found
            await _set(tx, retracted, back)
            await _set(tx, restored, status)


def _gone(rows: Sequence[AnyRow], kept: Iterable[AnyRow]) -> set[int]:
    """The reports that are withdrawn, each person's by what that person took back."""
    sent: dict[int, list[Sent]] = defaultdict(list)
    for row in rows:
        at = reporting.believed(row.sent_at, row.came_at)
        sent[row.reporter].append(
            Sent(
                row.id, row.inbox_id, row.nth, at, row.verified, row.type, row.place, _is_drill(row)
            )
        )
    theirs: dict[int, list[Withdrawal]] = defaultdict(list)
    for each in kept:
        at = reporting.believed(each.sent_at, each.came_at)
        meant = None if each.of_inbox_id is None else (each.of_inbox_id, each.of_nth)
        theirs[each.person_id].append(
            Withdrawal(
                each.inbox_id,
                at,
                each.verified,
                each.corrects,
                each.type,
                each.place,
                meant,
                each.drill,
            )
        )
    return set().union(*(withdrawn(sent[person], theirs[person]) for person in theirs))


def _is_drill(row: AnyRow) -> bool:
    return row.status in ("drill", "drill_back")


async def _set(tx: AsyncConnection, rows: Collection[AnyRow], status: str) -> None:
    if rows:
        await store.set_status(tx, [row.id for row in rows], status)
