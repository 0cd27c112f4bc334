"""Drains the inbox: read → enrol, answer or report → corroborate → decide → alert when due.

A batch is one transaction: what it decided and that it did are on disk together or not at all.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service import enrolment, reporting
from service.alerting import Alerting, acknowledge
from service.clock import Clock
from service.content import Content
from service.content.phones import Replies
from service.domain import grammar, pins
from service.domain.reading import (
    Acknowledge,
    Answers,
    Draft,
    Enrol,
    Help,
    Problem,
    Reading,
    Stop,
)
from service.domain.replays import misdated
from service.flood import Flood
from service.picture import Picture
from service.pins import Desk
from service.store import AnyRow, Store, inbox, outbox, people, releases
from service.tasks import first_of
from service.telemetry import Metrics
from service.texts import DEFAULT_LANGUAGE
from service.vault.vault import Shredded, Vault

log = structlog.get_logger()

BATCH = 40  # while one is written, nothing else is: the intake waits for it
# An answer that comes later than this would only puzzle whoever asked.
REPLY_LIFE = timedelta(hours=6)
# A receipt may overtake the record of the sending that it speaks of.
RECEIPT_PATIENCE = timedelta(minutes=10)
RECEIPT_RETRY = timedelta(seconds=15)
EXPIRE_EVERY = timedelta(hours=1)
IDLE_SECONDS = 1.0
CHANCE = random.SystemRandom().random
FAULT_SECONDS = 5.0


@dataclass(slots=True)
class Batch:
    """What one transaction of the workflow will have written."""

    people: dict[bytes, AnyRow]
    desk: Desk
    now: datetime
    replies: Replies
    chance: Callable[[], float]
    filed: reporting.Filed = field(default_factory=reporting.Filed)
    texts: list[dict[str, Any]] = field(default_factory=list)
    finished: list[dict[str, Any]] = field(default_factory=list)
    people_changed: bool = False

    def person(self, message: AnyRow) -> AnyRow | None:
        """Who sent a message, known by whichever version of the keys."""
        if message.sender_index is None:
            return None
        return self.people.get(message.sender_index) or self.people.get(message.other_index)

    def finish(self, message: AnyRow, problem: str | None = None) -> None:
        """Close a message. Its sealed number stays only where nothing else can answer it."""
        keep = self.person(message) is None
        self.finished.append({"row": message.id, "problem": problem, "keep": keep})

    def reply(
        self,
        message: AnyRow,
        purpose: str,
        language: str,
        person_id: int | None,
        alert_id: int | None = None,
    ) -> None:
        """Answer a message, whatever it was, after a wait that chance alone decides."""
        wait = self.replies.to(message.gateway).seconds(self.chance())
        until = self.now + REPLY_LIFE
        self.texts.append(
            outbox.text(
                purpose,
                message.received_at + timedelta(seconds=wait),
                until,
                language,
                person_id=person_id,
                inbox_id=message.id,
                alert_id=alert_id,
            )
        )


class Workflow:
    """The only one that turns messages into reports, decisions and alerts."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        content: Content,
        clock: Clock,
        metrics: Metrics,
        queued: Callable[[], None],
        flood: Flood,
        chance: Callable[[], float] = CHANCE,
    ) -> None:
        """`queued` is called after each batch: there may be work for the dispatcher.

        `chance` gives shares in [0, 1), by which answers wait; nobody may be able to foretell them.
        """
        self._store = store
        self._vault = vault
        self._content = content
        self._clock = clock
        self._metrics = metrics
        self._queued = queued
        self._flood = flood
        self._chance = chance
        self._alerting = Alerting(content, metrics)
        self._picture: Picture | None = None
        self._new_content: Content | None = None
        self._expired_at = clock.now()
        self._arrived = asyncio.Event()
        self._kinds: dict[str, Callable[[AsyncConnection, Batch, AnyRow], Awaitable[None]]] = {
            "sms": self._sms,
            "receipt": self._receipt,
            "opt_out": self._opt_out,
        }

    def wake(self) -> None:
        """There is something in the inbox."""
        self._arrived.set()

    def adopt(self, content: Content) -> None:
        """Work by this content from the next batch on."""
        self._new_content = content
        self._arrived.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Drain until told to stop; the batch in hand is finished first."""
        while not stopping.is_set():
            self._arrived.clear()
            try:
                async with self._flood.giving_way():
                    worked = await self.drain()
            except (SQLAlchemyError, OSError):
                log.exception("the store failed; trying again")
                self._picture = None
                await first_of(stopping, seconds=FAULT_SECONDS)
                continue
            if not worked:
                await first_of(self._arrived, stopping, seconds=IDLE_SECONDS)

    async def drain(self) -> int:
        """Process one batch; how many messages were in it."""
        now = self._clock.now()
        async with self._store.read() as tx:
            await self._take_up_new_content(tx, now)
            if self._picture is None:
                self._picture = await Picture.load(tx, self._content, now)
            released = await self._alerting.due(tx, now)
            messages = await inbox.waiting(tx, now, self._flood.batch(BATCH))
        if now - self._expired_at > EXPIRE_EVERY:
            self._picture.expire(now)
            self._expired_at = now
        await self._release(released, now)
        if not messages:
            return len(released)
        try:
            await self._process(messages)
        except Exception as error:
            self._picture = None  # it may hold what the transaction did not keep
            if is_fault(error):
                raise
            await self._process_singly(messages)
        self._queued()
        return len(messages) + len(released)

    async def _release(self, episodes: Sequence[str], now: datetime) -> None:
        """Tell of what is due, all of it together; if one fails, of each by itself."""
        if not episodes:
            return
        try:
            await self._release_together(episodes, now)
        except Exception as error:
            self._picture = None
            if is_fault(error):
                raise
            for episode in episodes:
                await self._release_singly(episode, now)
        self._queued()

    async def _release_together(self, episodes: Sequence[str], now: datetime) -> None:
        picture = self._picture = self._picture or await self._load(now)
        async with self._store.write() as tx:
            await picture.look_at_areas(tx, self._content, now, people_changed=False)
            await self._alerting.release(tx, picture, episodes, now)

    async def _release_singly(self, episode: str, now: datetime) -> None:
        try:
            await self._release_together([episode], now)
        except Exception as error:
            self._picture = None
            if is_fault(error):
                raise
            log.exception("an alert could not be told: see `vigie explain --near-misses`")
            async with self._store.write() as tx:
                await releases.give_up(tx, episode, now)

    async def _load(self, now: datetime) -> Picture:
        async with self._store.read() as tx:
            return await Picture.load(tx, self._content, now)

    async def _take_up_new_content(self, tx: AsyncConnection, now: datetime) -> None:
        """Between two batches, so that each is read, judged and told by one content."""
        if self._new_content is None:
            return
        was, self._content, self._new_content = self._content, self._new_content, None
        self._alerting = Alerting(self._content, self._metrics)
        picture, self._picture = self._picture, None  # after a fault it is made from the store
        if picture is not None:
            self._picture = await picture.with_content(tx, was, self._content, now)

    async def _process_singly(self, messages: Sequence[AnyRow]) -> None:
        """One of these is poison: the others must not suffer for it."""
        for message in messages:
            self._picture = self._picture or await self._load(self._clock.now())
            try:
                await self._process([message])
            except Exception as error:
                self._picture = None
                if is_fault(error):
                    raise
                log.exception("a message was quarantined", message=message.id)
                self._metrics.quarantined.count()
                async with self._store.write() as tx:
                    await inbox.quarantine(tx, message.id, type(error).__name__)

    async def _process(self, messages: Sequence[AnyRow]) -> None:
        now = self._clock.now()
        picture = self._picture = self._picture or await self._load(now)
        async with self._store.write() as tx:
            indexes = {index for m in messages for index in (m.sender_index, m.other_index)}
            known = await people.by_index(tx, list(indexes - {None}))
            phones = self._content.phones
            desk = Desk(self._vault, phones.pins.most_wrong, self._metrics.warnings.count)
            await desk.take_up(tx, known.values())
            batch = Batch(known, desk, now, phones.replies, self._chance)
            for message in messages:
                await self._kinds[message.kind](tx, batch, message)
            await batch.filed.write(tx)
            await desk.write(tx, now)
            if batch.people_changed or batch.filed.decisions:
                await picture.look_at_areas(tx, self._content, now, batch.people_changed)
            if batch.filed.decisions:
                await self._alerting.carry_out(tx, picture, batch.filed.decisions, now)
            if batch.texts:
                await outbox.add(tx, batch.texts)
            if batch.finished:
                await inbox.finish(tx, batch.finished)
        for report in batch.filed.reports:
            self._metrics.reports.count(report["type"])

    async def _sms(self, tx: AsyncConnection, batch: Batch, message: AnyRow) -> None:
        person = batch.person(message)
        try:
            text = self._vault.open_text(
                message.sealed_text, message.text_day, message.dedupe.hex()
            )
        except Shredded:
            batch.finish(message, "expired")
            return
        content = self._content
        home = person.area if person is not None else None
        if await self._is_set_aside(tx, message, text):
            return
        report, digits = pins.split(text)
        outcome = batch.desk.check(person, digits)
        if not batch.desk.has_pins(person):
            report = text
        reading = grammar.read(report, content.codebook, content.gazetteer, home)
        if message.sender_index is None:
            batch.finish(message, "sender_not_a_number")
        elif isinstance(reading, Enrol) and await self._enrol(tx, batch, message, reading):
            pass
        elif person is None:
            batch.finish(message, "unknown_sender")
            batch.reply(message, "neutral", DEFAULT_LANGUAGE, None)
        elif isinstance(reading, Stop):
            await self._forget(tx, batch, message, person)
        elif person.role == "responder" and isinstance(reading, Acknowledge | Help):
            await self._answer(tx, batch, message, person, reading)
        elif person.role == "focal_point" and isinstance(reading, Answers):
            await self._be_silent(tx, batch, message, person, reading)
        else:
            self._report(batch, message, person, reading, self._proof(batch, person, outcome))

    def _proof(self, batch: Batch, person: AnyRow, outcome: pins.Outcome) -> reporting.Proof:
        verified = pins.trusted(
            outcome,
            has_pins=batch.desk.has_pins(person),
            warned=batch.desk.is_warned(person),
            required=self._content.phones.pins.required,
        )
        return reporting.Proof(verified, under_duress=outcome == "duress")

    async def _is_set_aside(self, tx: AsyncConnection, message: AnyRow, text: str) -> bool:
        """Set a message aside whose date cannot be believed; whether it was.

        With a problem already, somebody looked at it and let it in. Nobody is kept against their
        will: STOP counts whenever it comes.
        """
        why = misdated(message.sent_at, message.received_at)
        if why is None or message.problem is not None:
            return False
        content = self._content
        if isinstance(grammar.read(text, content.codebook, content.gazetteer), Stop):
            return False
        log.warning("a message was set aside: see `vigie late`", why=why)
        self._metrics.quarantined.count()
        await inbox.quarantine(tx, message.id, why)
        return True

    async def _enrol(
        self, tx: AsyncConnection, batch: Batch, message: AnyRow, reading: Enrol
    ) -> bool:
        known = batch.person(message)
        enrolled = await enrolment.enrol(tx, self._vault, message, known, reading.code, batch.now)
        if enrolled is None:
            return False
        person_id, invited = enrolled
        now_known = await people.by_index(tx, [message.sender_index])
        await batch.desk.take_up(tx, now_known.values())
        batch.people |= now_known
        batch.people_changed = True
        batch.finish(message)
        if known is None or not known.silent or invited.role == "responder":
            batch.reply(message, f"welcome_{invited.role}", invited.language, person_id)
        return True

    async def _forget(
        self, tx: AsyncConnection, batch: Batch, message: AnyRow, person: AnyRow
    ) -> None:
        batch.finish(message)
        await enrolment.forget(tx, self._vault, person, batch.now)
        batch.texts = [text for text in batch.texts if text["person_id"] != person.id]
        batch.people = {i: known for i, known in batch.people.items() if known.id != person.id}
        batch.people_changed = True

    async def _be_silent(
        self,
        tx: AsyncConnection,
        batch: Batch,
        message: AnyRow,
        person: AnyRow,
        reading: Answers,
    ) -> None:
        """Send no answers from now on, or send them again: this message's is the first of them."""
        batch.finish(message)
        await people.be_silent(tx, person.id, not reading.wanted)
        batch.people |= await people.by_index(tx, [person.number_index])
        if reading.wanted:
            batch.reply(message, "neutral", person.language, person.id)
        else:
            await outbox.forget_answers(tx, person.id)
            batch.texts = [text for text in batch.texts if text["person_id"] != person.id]

    async def _answer(
        self,
        tx: AsyncConnection,
        batch: Batch,
        message: AnyRow,
        person: AnyRow,
        reading: Acknowledge | Help,
    ) -> None:
        if isinstance(reading, Help):
            batch.finish(message)
            batch.reply(message, "help_responder", person.language, person.id)
            return
        number = await acknowledge(tx, person.id, reading.number, batch.now)
        batch.finish(message, None if number else "unknown_alert")
        purpose = "acknowledged" if number else "unknown_alert"
        batch.reply(message, purpose, person.language, person.id, number)

    def _report(
        self,
        batch: Batch,
        message: AnyRow,
        person: AnyRow,
        reading: Reading,
        proof: reporting.Proof,
    ) -> None:
        """File the report, or note what was wrong: the answer is the same whatever it was."""
        assert self._picture is not None
        problem = None
        if isinstance(reading, Draft):
            reporting.file(
                batch.filed, self._picture, self._content, reading, person, message, proof
            )
        else:
            problem = reading.kind if isinstance(reading, Problem) else "not_for_this_sender"
            self._metrics.problems.count(problem)
        batch.finish(message, problem)
        if not person.silent:
            batch.reply(message, "neutral", person.language, person.id)

    async def _receipt(self, tx: AsyncConnection, batch: Batch, message: AnyRow) -> None:
        indexes = [i for i in (message.message_index, message.other_index) if i is not None]
        known = await outbox.receive(tx, indexes, message.status, message.reason, batch.now)
        if not known and batch.now - message.received_at < RECEIPT_PATIENCE:
            await inbox.defer(tx, message.id, batch.now + RECEIPT_RETRY)
            return
        batch.finish(message, None if known else "unknown_receipt")
        self._metrics.deliveries.count(message.gateway, message.status)

    async def _opt_out(self, tx: AsyncConnection, batch: Batch, message: AnyRow) -> None:
        person = batch.person(message)
        if person is None:
            batch.finish(message, "unknown_sender")
        else:
            await self._forget(tx, batch, message, person)


def is_fault(error: Exception) -> bool:
    """Whether the machine failed rather than the message: then it is tried again as it is."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError | TimeoutError | OSError)
