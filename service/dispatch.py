"""Drains the outbox: open the sealed recipient, render, send, record, and try again later.

A text is claimed before and recorded after the gateway is called, never in one transaction with
it. A crash in between repeats at most the sends in flight, with the same alert number in them.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from service import unheard
from service.asking import PURPOSE as ASKS
from service.clock import Clock
from service.content import Content
from service.domain import delivery
from service.domain.codebook import Severity
from service.domain.delivery import Step, Try
from service.flood import Flood
from service.gateway import Outcome
from service.lanes import Lane
from service.ledger import Ledger
from service.parcels import Parcel, parcels
from service.rendering import About, Rendering
from service.roster import is_paused, may_read
from service.standing import fallen, missing
from service.store import (
    AnyRow,
    Store,
    alerts,
    deliveries,
    inbox,
    outbox,
    people,
    questions,
    responses,
)
from service.tasks import first_of
from service.telemetry import Metrics
from service.texts.slots import VARIED
from service.vault.keys import Purpose
from service.vault.number import PhoneNumber
from service.vault.vault import CannotOpen, Shredded, Vault

log = structlog.get_logger()

# Texts about one alert have a few dozen wordings: the more are in hand, the more share a call.
BATCH = 1000
MOST_IN_CALL = 100
# Longer than any call to a gateway may last: a claim outlives only a crash.
CLAIM = timedelta(minutes=5)
# A text that only a gateway may take which is passed over is looked at again then.
LOOK_AGAIN = timedelta(seconds=15)
OPENED_AT_ONCE = 50
IDLE_SECONDS = 1.0
FAULT_SECONDS = 5.0
_CHANCE = random.SystemRandom().random


@dataclass(slots=True)
class _Sending:
    """A text with its recipient opened: the one place where dispatch holds a number.

    `rows` is what it tells: one row of the outbox, or the alerts of a digest.
    """

    rows: Sequence[AnyRow]
    number: PhoneNumber
    text: str


class Dispatcher:
    """The only one that opens numbers and calls the gateways."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        content: Content,
        lanes: Sequence[Lane],
        clock: Clock,
        metrics: Metrics,
        flood: Flood,
        next_after: int = 1,
        chance: Callable[[], float] = _CHANCE,
    ) -> None:
        """`lanes` in the order in which they are tried: the next after `next_after` failures."""
        self._store = store
        self._vault = vault
        self._content = content
        self._lanes = {lane.name: lane for lane in lanes}
        self._clock = clock
        self._metrics = metrics
        self._flood = flood
        self._next_after = next_after
        self._chance = chance
        self._ledger = Ledger(store, self._give_up)
        self._queued = asyncio.Event()

    def wake(self) -> None:
        """There is something in the outbox."""
        self._queued.set()

    def adopt(self, content: Content) -> None:
        """Render by this content from now on."""
        self._content = content

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop; what is in flight is waited for and recorded."""
        await self.release()
        while not stopping.is_set():
            self._queued.clear()
            try:
                async with self._flood.giving_way():
                    worked = await self.drain()
            except (SQLAlchemyError, OSError):
                log.exception("the store failed; trying again")
                await first_of(stopping, seconds=FAULT_SECONDS)
                continue
            if not worked:
                await first_of(self._queued, stopping, seconds=IDLE_SECONDS)

    async def release(self) -> None:
        """Take back what a sender that crashed had claimed; this process is the only sender."""
        async with self._store.write() as tx:
            await outbox.release_all(tx)

    async def drain(self) -> int:
        """Send one batch; how many texts were in it."""
        await self._ledger.flush()
        now = self._clock.now()
        async with self._store.read() as tx:
            if not await outbox.depth(tx, now):
                return 0
        limit, version = self._flood.batch(self._room()), self._vault.versions[0]
        async with self._store.write() as tx:
            lapsed = await outbox.lapse(tx, now)
            await self._give_up(tx, lapsed)
            claimed: Sequence[AnyRow] = ()
            if limit:
                together = self._together()
                claimed = await outbox.claim(tx, now, now + CLAIM, limit, version, together)
        _say_given_up(lapsed, "too_late")
        if claimed:
            await self._work(claimed)
        return len(claimed) + len(lapsed)

    async def _give_up(self, tx: AsyncConnection, rows: Sequence[AnyRow]) -> None:
        """Let the coordinators hear of texts that are given up."""
        await unheard.say(tx, self._content, rows, self._clock.now())

    def _together(self) -> Sequence[Severity]:
        """Alerts so slight go together: what falls due for one person is one text."""
        digest = self._content.escalation.digest
        return digest.severities if digest is not None else ()

    def _room(self) -> int:
        """How many texts can be taken in hand now: as many as the gateway does that is used."""
        states = {lane: lane.state() for lane in self._lanes.values()}
        for lane, state in states.items():
            if state == "closed":
                return lane.most_in_hand(BATCH)
        return 1 if "half_open" in states.values() else 0

    async def _work(self, claimed: Sequence[AnyRow]) -> None:
        """Send what is still to be sent of these, and record what became of each."""
        tried = [row.id for row in claimed if row.attempts]
        async with self._store.read() as tx:
            about = await alerts.by_id(tx, [r.alert_id for r in claimed if r.alert_id])
            missed = await missing(tx, claimed)
            why = await fallen(tx, claimed, about, missed)
            tries = await deliveries.tries(tx, tried)
        await self._drop([(row, why[row.id]) for row in claimed if row.id in why])
        left = [row for row in claimed if row.id not in why]
        routed = await self._routed(parcels(left, about, tries, self._together()), tries)
        sendings = await self._open(routed, about, missed)
        calls = [
            (self._lanes[name], call)
            for name, some in sendings.items()
            for call in _calls(some, self._lanes[name].most_in_call(MOST_IN_CALL))
        ]
        sent = (self._send(lane, call, tries) for lane, call in calls)
        for ended in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def _routed(
        self, every: Sequence[Parcel], tries: Mapping[int, Sequence[Try]]
    ) -> list[tuple[str, Parcel]]:
        """By which gateway each of these goes now; what none takes now waits, or is given up."""
        states = {name: lane.state() for name, lane in self._lanes.items()}
        routed: list[tuple[str, Parcel]] = []
        refused: list[AnyRow] = []
        later: list[AnyRow] = []
        for parcel in every:
            had = tries.get(parcel[0].id, ())
            may = delivery.open_to(list(self._lanes), had)
            free = [name for name in may if states[name] != "open"]
            if free:
                name = delivery.choose(free, had, self._next_after)
                routed.append((name, parcel))
                if states[name] == "half_open":
                    states[name] = "open"  # one is enough to see whether it works again
            else:
                (later if may else refused).extend(parcel)
        at = self._clock.now() + LOOK_AGAIN
        await self._ledger.enter([_settled(row, "waiting", at, 0) for row in later])
        await self._ledger.enter([_settled(row, "failed", self._clock.now(), 0) for row in refused])
        _say_given_up(refused, "refused_by_all")
        return routed

    async def _open(
        self,
        routed: Sequence[tuple[str, Parcel]],
        about: Mapping[int, AnyRow],
        missed: Mapping[int, tuple[int, int]],
    ) -> dict[str, list[_Sending]]:
        """Open the recipients and render the texts, by gateway; those who have left are dropped."""
        rows = [row for _, parcel in routed for row in parcel]
        async with self._store.read() as tx:
            told = await people.by_id(tx, [r.person_id for r in rows if r.person_id])
            asked = await inbox.sealed_senders(tx, [r.inbox_id for r in rows if not r.person_id])
            which = await questions.of_messages(tx, [r.inbox_id for r in rows if r.purpose == ASKS])
            said = await responses.of_messages(tx, [r.inbox_id for r in rows if r.inbox_id])
        sendings: dict[str, list[_Sending]] = defaultdict(list)
        dropped: list[tuple[AnyRow, str]] = []
        held: list[dict[str, Any]] = []
        rendering = Rendering(self._content, self._vault, self._clock.now())
        for nth, (name, parcel) in enumerate(routed):
            if nth % OPENED_AT_ONCE == 0 or len(parcel) > 1:
                # Opening is slow, and so is fitting a digest: who texts must not wait for it.
                await asyncio.sleep(0)
            person, goes = told.get(parcel[0].person_id), []
            for row in parcel:
                alert = about.get(row.alert_id)
                why = self._hindrance(row, person, alert) if person is not None else None
                if why is None:
                    asks, answer = which.get(row.inbox_id), said.get(row.inbox_id)
                    known = About(person, alert, asks, answer, missed.get(row.alert_id))
                    goes.append((row, known))
                # A new alert is for others then; what became of one they had is kept for them.
                elif person is not None and why == "paused" and row.purpose != "alert":
                    held.append(_settled(row, "waiting", person.paused_until, 0))
                else:
                    dropped.append((row, why))
            number = self._number(parcel[0], person, asked) if goes else None
            if number is None:
                dropped += ((row, "recipient_gone") for row, _ in goes)
                continue
            try:
                written = list(rendering.texts(goes))
            except Exception:  # one text that cannot be written must not keep all others here
                log.exception("a text cannot be written", purpose=parcel[0].purpose)
                dropped += ((row, "unwritable") for row, _ in goes)
                continue
            sendings[name] += (_Sending(some, number, text) for text, some in written)
        await self._drop(dropped)
        await self._ledger.enter(held)
        return sendings

    def _number(
        self, row: AnyRow, person: AnyRow | None, asked: Mapping[int, tuple[bytes, bytes]]
    ) -> PhoneNumber | None:
        """The number a text goes to; None where nobody has it any more."""
        try:
            if person is not None:
                return self._vault.open_person(person.id, person.sealed_number)
            if row.inbox_id in asked and row.person_id is None:
                dedupe, box = asked[row.inbox_id]
                return self._vault.open_sender(box, dedupe.hex())
        except (Shredded, CannotOpen):
            pass
        return None

    def _hindrance(self, row: AnyRow, person: AnyRow, alert: AnyRow | None) -> str | None:
        """Why who was to be told is not, now that the text leaves; both may be so since then."""
        if alert is not None and row.purpose in VARIED | {outbox.GIVEN_UP}:
            told = row.purpose in ("alert", "update", "info", outbox.GIVEN_UP)
            severity = alert.severity if told else None
            if not may_read(self._content.tree, person, alert, severity):
                return "not_cleared"
        is_asked = row.inbox_id is not None
        return "paused" if not is_asked and is_paused(person, self._clock.now()) else None

    async def _send(
        self, lane: Lane, call: Sequence[_Sending], tries: Mapping[int, Sequence[Try]]
    ) -> None:
        """Send one text to everyone in the call, and record what became of each."""
        rows = {sending.number: sending.rows for sending in call}
        outcomes = await lane.send(call[0].text, list(rows))
        now = self._clock.now()
        if outcomes is None:
            every = chain.from_iterable(rows.values())
            await self._ledger.enter([_settled(row, "waiting", now, 0) for row in every])
            return
        settled, tried, missed = [], [], []
        given_up: dict[str, list[AnyRow]] = defaultdict(list)
        for outcome in outcomes:
            together = rows[outcome.recipient]
            step = self._next(together[0], lane, outcome, tries.get(together[0].id, ()))
            due_at = now + timedelta(seconds=step.seconds)
            for nth, row in enumerate(together):
                settled.append(_settled(row, step.state, min(due_at, row.expires_at), 1))
                tried.append(self._delivery(row, lane, outcome, now, is_paid=nth == 0))
            if step.state == "failed":
                given_up[outcome.reason] += together
            if outcome.state == "final" and together[0].person_id is not None:
                missed.append((together[0].person_id, now))
            self._metrics.deliveries.count(lane.name, outcome.state)
        await self._ledger.enter(settled, tried, missed)
        for reason, given in given_up.items():
            _say_given_up(given, reason)

    def _next(self, row: AnyRow, lane: Lane, outcome: Outcome, tries: Sequence[Try]) -> Step:
        """What is to happen with a text after this outcome."""
        return delivery.after(
            [*tries, Try(lane.name, outcome.state, outcome.reason)],
            list(self._lanes),
            self._next_after,
            self._chance(),
            is_repeated=outbox.tells(row),
        )

    def _delivery(
        self, row: AnyRow, lane: Lane, outcome: Outcome, now: datetime, *, is_paid: bool
    ) -> dict[str, Any]:
        """The record of a try; one of the rows that went together bears what it cost."""
        id_ = outcome.message_id
        name = f"{lane.name}\0{id_}"
        cost = outcome.cost if is_paid else None
        return {
            "outbox_id": row.id,
            "gateway": lane.name,
            "message_index": self._vault.blind(Purpose.MESSAGE_ID, name) if id_ else None,
            "status": outcome.state,
            "reason": outcome.reason[:40],
            "currency": cost.currency if cost else None,
            "cost": cost.millionths if cost else None,
            "at": now,
        }

    async def _drop(self, rows: Sequence[tuple[AnyRow, str]]) -> None:
        """These are not to be sent, each for its reason."""
        for reason, count in Counter(reason for _, reason in rows).items():
            log.warning("texts are not sent", reason=reason, count=count)
        now = self._clock.now()
        await self._ledger.enter(
            [_settled(row, _ENDS.get(why, "dropped"), now, 0) for row, why in rows]
        )


# What ends a text otherwise than by dropping it: it arrived, or somebody must hear that it did not.
_ENDS = {"answered": "sent", "unwritable": "failed"}


def _settled(row: AnyRow, state: str, due_at: datetime, calls: int) -> dict[str, Any]:
    """For `outbox.settle`; `calls`: whether this claim led to a call of a gateway."""
    return {"row": row.id, "state": state, "due_at": due_at, "attempts": row.attempts + calls}


def _say_given_up(rows: Sequence[AnyRow], reason: str) -> None:
    """Of an alert the coordinator hears here, by text, from `vigie doctor` and on the home page."""
    told = [row for row in rows if outbox.tells(row) and row.purpose != outbox.GIVEN_UP]
    for alert, count in Counter(row.alert_id for row in told).items():
        log.error("an alert reached nobody here", alert=alert, texts=count, reason=reason)
    if others := len(rows) - len(told):
        log.warning("texts were given up", count=others, reason=reason)


def _calls(sendings: Sequence[_Sending], most: int) -> list[list[_Sending]]:
    """One call for all whose text is the same, up to `most`; whoever gets it twice is in two."""
    calls: dict[tuple[str, int], list[_Sending]] = defaultdict(list)
    times: Counter[tuple[str, PhoneNumber]] = Counter()
    for sending in sendings:
        nth = times[sending.text, sending.number]
        times[sending.text, sending.number] += 1
        calls[sending.text, nth].append(sending)
    return [call[at : at + most] for call in calls.values() for at in range(0, len(call), most)]
