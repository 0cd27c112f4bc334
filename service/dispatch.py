"""Drains the outbox: open the sealed recipient, render, send, record, and try again later.

A text is claimed before and recorded after the gateway is called, never in one transaction with
it. A crash in between repeats at most the sends in flight, with the same alert number in them.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.asking import PURPOSE as ASKS
from service.clock import Clock
from service.content import Content
from service.domain.apart import told_apart
from service.domain.areas import COUNTRY
from service.domain.clearance import Clearance
from service.domain.escalation import is_told
from service.flood import Flood
from service.gateway import Gateway, Outcome
from service.store import AnyRow, Store, alerts, inbox, outbox, people, questions
from service.tasks import first_of
from service.telemetry import Metrics
from service.texts import VALUES
from service.texts.slots import VARIED
from service.vault.keys import Purpose
from service.vault.number import PhoneNumber
from service.vault.vault import CannotOpen, Shredded, Vault
from service.wording import wording

log = structlog.get_logger()

BATCH = 200
# Longer than any call to a gateway may last: a claim outlives only a crash.
CLAIM = timedelta(minutes=5)
# Texts that differ go in calls of their own, this many at a time.
PARALLEL_CALLS = 8
FIRST_RETRY, LONGEST_RETRY = 15.0, 1800.0  # seconds
IDLE_SECONDS = 1.0
FAULT_SECONDS = 5.0
_CHANCE = random.SystemRandom()


@dataclass(slots=True)
class _Sending:
    """A claimed text with its recipient opened: the one place where dispatch holds a number."""

    row: AnyRow
    number: PhoneNumber
    text: str


class Dispatcher:
    """The only one that opens numbers and calls the gateway."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        content: Content,
        gateway: Gateway,
        clock: Clock,
        metrics: Metrics,
        flood: Flood,
    ) -> None:
        self._store = store
        self._vault = vault
        self._content = content
        self._gateway = gateway
        self._clock = clock
        self._metrics = metrics
        self._flood = flood
        self._queued = asyncio.Event()
        self._calls = asyncio.Semaphore(PARALLEL_CALLS)

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
        now = self._clock.now()
        async with self._store.read() as tx:
            if not await outbox.depth(tx, now):
                return 0
        async with self._store.write() as tx:
            limit, version = self._flood.batch(BATCH), self._vault.versions[0]
            claimed = await outbox.claim(tx, now, now + CLAIM, limit, version)
        live = [row for row in claimed if row.expires_at > now]
        await self._drop([row for row in claimed if row.expires_at <= now], "expired")
        calls = _calls(await self._open(live))
        await asyncio.gather(*(self._send(call) for call in calls))
        return len(claimed)

    async def _open(self, rows: Sequence[AnyRow]) -> list[_Sending]:
        """Open the recipients and render the texts; those who have left are dropped."""
        async with self._store.read() as tx:
            told = await people.by_id(tx, [r.person_id for r in rows if r.person_id])
            asked = await inbox.sealed_senders(tx, [r.inbox_id for r in rows if not r.person_id])
            about = await alerts.by_id(tx, [r.alert_id for r in rows if r.alert_id])
            which = await questions.of_messages(tx, [r.inbox_id for r in rows if r.purpose == ASKS])
        sendings, gone, uncleared = [], [], []
        for row in rows:
            person = told.get(row.person_id)
            if person is not None and not self._may_read(row, person, about.get(row.alert_id)):
                uncleared.append(row)
                continue
            try:
                if person is not None:
                    number = self._vault.open_person(person.id, person.sealed_number)
                elif row.inbox_id in asked and row.person_id is None:
                    dedupe, box = asked[row.inbox_id]
                    number = self._vault.open_sender(box, dedupe.hex())
                else:
                    gone.append(row)
                    continue
            except (Shredded, CannotOpen):
                gone.append(row)
                continue
            text = self._text(row, person, about.get(row.alert_id), which.get(row.inbox_id))
            sendings.append(_Sending(row, number, text))
        await self._drop(gone, "recipient_gone")
        await self._drop(uncleared, "not_cleared")
        return sendings

    def _may_read(self, row: AnyRow, person: AnyRow, alert: AnyRow | None) -> bool:
        """Whether who was to be told of an alert still may be, now that the text leaves."""
        if alert is None or row.purpose not in VARIED:
            return True
        tree = self._content.tree
        named = alert.area if alert.area in tree else COUNTRY
        severity = alert.severity if row.purpose in ("alert", "update") else None
        clearance = Clearance.of(person.clearance)
        told = is_told(tree, named, person.area, clearance, alert.type, severity)
        return person.role == "responder" and told

    def _text(
        self, row: AnyRow, person: AnyRow | None, alert: AnyRow | None, asked: AnyRow | None
    ) -> str:
        """The text of a row, in the wording that is this person's for this alert."""
        texts = self._content.texts
        choice = None
        if person is not None and alert is not None:
            slots = texts.slots(row.purpose, row.language)
            choice = wording(self._vault, slots, person.id, alert.id, row.key_version)
        values = self._values(row.purpose, person, alert, asked)
        return texts.render(row.purpose, row.language, values, choice)

    def _values(
        self, purpose: str, person: AnyRow | None, alert: AnyRow | None, asked: AnyRow | None
    ) -> dict[str, object]:
        known: dict[str, object] = {}
        if person is not None:
            known["area"] = self._area(person.area)
        if alert is not None:
            known |= {"number": alert.id, "day": alert.day, "part": alert.day_part}
            known |= {"severity": alert.severity, "area": self._area(alert.area)}
            known["type"] = self._content.title(alert.type)
            known["place"] = self._place(alert.place)
        if asked is not None:
            known["first"], known["second"] = self._places(asked)
        return {name: known[name] for name in VALUES[purpose]}

    def _places(self, asked: AnyRow) -> tuple[str, str]:
        """The two places of a question; their codes where they are on the map no more."""
        content = self._content
        first, second = (content.gazetteer.by_code(code) for code in (asked.first, asked.second))
        if first is None or second is None:
            return asked.first, asked.second
        return told_apart(first, second, content.tree)

    def _area(self, pcode: str) -> str:
        tree = self._content.tree
        return tree.name(pcode) if pcode in tree else pcode

    def _place(self, code: str | None) -> str:
        place = self._content.gazetteer.by_code(code) if code else None
        return place.name if place is not None else ""

    async def _send(self, call: Sequence[_Sending]) -> None:
        """Send one text to everyone in the call, and record what became of each."""
        rows = {sending.number: sending.row for sending in call}
        async with self._calls:
            try:
                outcomes = await self._gateway.send(call[0].text, list(rows))
            except Exception as error:  # a gateway's fault must not stop the others' texts
                log.exception("a gateway failed", gateway=self._gateway.name)
                outcomes = [Outcome(n, "unknown", type(error).__name__) for n in rows]
        now = self._clock.now()
        settled, deliveries = [], []
        for outcome in outcomes:
            row = rows[outcome.recipient]
            settled.append({"row": row.id, **self._next(row, outcome, now)})
            deliveries.append(self._delivery(row, outcome, now))
            self._metrics.deliveries.count(self._gateway.name, outcome.state)
        async with self._store.write() as tx:
            await outbox.settle(tx, settled, deliveries)

    def _next(self, row: AnyRow, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """What is to happen with a text after this outcome."""
        if outcome.state == "accepted":
            return {"state": "sent", "due_at": now}
        if outcome.state == "final":
            log.warning("a text cannot be delivered", reason=outcome.reason, text=row.id)
            return {"state": "failed", "due_at": now}
        # Unknown is tried again too: an alert that comes twice is better than one that does not.
        wait = min(FIRST_RETRY * 2**row.attempts, LONGEST_RETRY)
        later = now + timedelta(seconds=wait * _CHANCE.uniform(0.8, 1.2))
        return {"state": "waiting", "due_at": later}

    def _delivery(self, row: AnyRow, outcome: Outcome, now: datetime) -> dict[str, Any]:
        name = outcome.message_id
        return {
            "outbox_id": row.id,
            "gateway": self._gateway.name,
            "message_index": self._vault.blind(Purpose.MESSAGE_ID, name) if name else None,
            "status": outcome.state,
            "reason": outcome.reason[:40],
            "cost": outcome.cost[:24] if outcome.cost else None,
            "at": now,
        }

    async def _drop(self, rows: Sequence[AnyRow], reason: str) -> None:
        if not rows:
            return
        log.warning("texts were given up", reason=reason, count=len(rows))
        now = self._clock.now()
        async with self._store.write() as tx:
            settled = [{"row": row.id, "state": "failed", "due_at": now} for row in rows]
            await outbox.settle(tx, settled, [])


def _calls(sendings: Sequence[_Sending]) -> list[list[_Sending]]:
    """One call for all whose text is the same; whoever gets it twice is in two of them."""
    calls: dict[tuple[str, int], list[_Sending]] = defaultdict(list)
    times: Counter[tuple[str, PhoneNumber]] = Counter()
    for sending in sendings:
        nth = times[sending.text, sending.number]
        times[sending.text, sending.number] += 1
        calls[sending.text, nth].append(sending)
    return list(calls.values())
