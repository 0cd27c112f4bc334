"""Asks back which of two places a doubtful report means, and files it in any case.

The report is kept with the question, so that it is lost to no crash and to no key that expires
meanwhile. It is filed at the place that was chosen or, if nobody has answered when it is due, at
the area that holds both; who chooses after that corrects it.
"""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import COUNTRY
from service.domain.gazetteer import Place
from service.domain.reading import Chosen, Doubt, Draft
from service.domain.withdrawals import WITHIN
from service.picture import Picture
from service.reporting import Filed, Origin, Proof, believed, file, to_the_hour
from service.store import AnyRow
from service.store import questions as store
from service.withdrawing import Withdrawals

log = structlog.get_logger()

PATIENCE = timedelta(minutes=15)
PURPOSE = "which_place"  # the text that asks
_WIDE = 0.5  # how sure a report is of its place where only the area around it is known


class Asking:
    """The doubtful reports of one batch, and those that are answered or due in it."""

    def __init__(
        self,
        tx: AsyncConnection,
        content: Content,
        picture: Picture,
        filed: Filed,
        withdrawals: Withdrawals,
    ) -> None:
        self._tx = tx
        self._content = content
        self._picture = picture
        self._filed = filed
        self._withdrawals = withdrawals

    async def may_ask(self, person: AnyRow) -> bool:
        """Whether this person can be asked: one thing at a time, and nobody who wants silence."""
        if not self._content.phones.ask_back or person.role != "focal_point" or person.silent:
            return False
        last = await store.last_of(self._tx, person.id)
        return last is None or last.state != "waiting"

    async def keep(
        self, doubt: Doubt, origin: Origin, proof: Proof, asked_at: datetime, *, corrects: bool
    ) -> None:
        """Keep a report whose sender is asked at this moment which place it means."""
        first, second = doubt.candidates
        row: dict[str, Any] = {"inbox_id": origin.inbox_id, "nth": origin.nth}
        row |= {"person_id": origin.reporter, "draft": _as_json(doubt.draft)}
        row |= {"sent_at": to_the_hour(origin.sent_at)}
        row |= {"received_at": to_the_hour(origin.received_at)}
        row |= {"verified": proof.verified, "under_duress": proof.under_duress}
        row |= {
            "status": origin.status,
            "corrects": corrects,
            "first": first.code,
            "second": second.code,
        }
        row |= {"area": doubt.area.code if doubt.area else None}
        await store.add(self._tx, row | {"asked_at": asked_at, "due_at": asked_at + PATIENCE})

    def file_wide(self, doubt: Doubt, origin: Origin, proof: Proof) -> None:
        """File a report of which nobody can be asked where it was."""
        self._file(doubt.draft, doubt.area, origin, proof, _WIDE)

    async def answer(self, chosen: Chosen, message: AnyRow, person: AnyRow, proof: Proof) -> bool:
        """Take `1` or `2` for an answer; whether this person was asked, and not long ago.

        An answer that was sent before the doubtful text is one to an earlier question, or a copy of
        it; when both were sent is by one clock, the gateway's.
        """
        asked = await store.last_of(self._tx, person.id)
        if asked is None:
            return False
        sent = believed(message.sent_at, message.received_at)
        if sent < believed(asked.said_at, asked.came_at) or sent > asked.asked_at + WITHIN:
            return False
        # Whoever forces an answer decides nothing by it, and what was chosen once is chosen.
        if asked.state in ("waiting", "wide") and not proof.under_duress:
            await self._take(chosen, asked, message)
        return True

    async def _take(self, chosen: Chosen, asked: AnyRow, message: AnyRow) -> None:
        place = self._place((asked.first, asked.second)[chosen.which - 1])
        origin, said = _origin(asked), Proof(asked.verified, asked.under_duress)
        if asked.state == "wide":
            later = replace(origin, inbox_id=message.id, nth=0, received_at=message.received_at)
            self._withdrawals.note(later, said, instead_of=(origin.inbox_id, origin.nth))
            origin = replace(origin, inbox_id=message.id, nth=0)
        elif asked.corrects:
            self._withdrawals.note(origin, said, corrects=True)
        self._file(_draft(asked), place, origin, said)
        await store.settle(self._tx, asked.id, "chosen")

    async def give_up(self, asked: AnyRow) -> None:
        """File a report at the area around both places: nobody has answered in time."""
        origin, proof = _origin(asked), Proof(asked.verified, asked.under_duress)
        if asked.corrects:
            self._withdrawals.note(origin, proof, corrects=True)
        self._file(_draft(asked), self._place(asked.area), origin, proof, _WIDE)
        await store.settle(self._tx, asked.id, "wide")

    def _file(
        self, draft: Draft, place: Place | None, origin: Origin, proof: Proof, sure: float = 1.0
    ) -> None:
        """`place` is None where only the country holds what was meant."""
        said = replace(draft, place=place, confidence=round(draft.confidence * sure, 2))
        origin = origin if place else replace(origin, area=COUNTRY)
        file(self._filed, self._picture, self._content, said, origin, proof)

    def _place(self, code: str | None) -> Place | None:
        """The place of a code; None where it is on the map no more."""
        return self._content.gazetteer.by_code(code) if code else None


def _origin(asked: AnyRow) -> Origin:
    return Origin(
        inbox_id=asked.inbox_id,
        nth=asked.nth,
        reporter=asked.person_id,
        area=COUNTRY,
        sent_at=asked.sent_at,
        received_at=asked.received_at,
        status=asked.status,
    )


def _as_json(draft: Draft) -> dict[str, Any]:
    return {name: value for name, value in asdict(draft).items() if name != "place"}


def _draft(asked: AnyRow) -> Draft:
    return Draft(**asked.draft, place=None)
