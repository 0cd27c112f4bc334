"""One transaction of the workflow: what each of its messages does.

What they do is collected, so that it is written together: on disk is all of it, or nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service import enrolment, receipts, reporting, responding
from service.asking import PATIENCE, Asking
from service.asking import PURPOSE as ASKS
from service.content import Content
from service.domain import grammar, pins, responder
from service.domain.delivery import fate
from service.domain.reading import (
    Answers,
    Chosen,
    Correct,
    Doubt,
    Draft,
    Drill,
    Enrol,
    Problem,
    Reading,
    Speak,
    Stop,
    Withdraw,
    reports_in,
)
from service.domain.replays import misdated
from service.picture import Picture
from service.pins import Desk
from service.store import AnyRow, drills, inbox, outbox, people, stages
from service.telemetry import Metrics
from service.texts import DEFAULT_LANGUAGE
from service.vault.vault import Shredded, Vault
from service.withdrawing import Withdrawals

log = structlog.get_logger()

# An answer that comes later than this after the message would only puzzle whoever asked.
REPLY_LIFE = timedelta(hours=6)
# A receipt may overtake the record of the sending that it speaks of.
RECEIPT_PATIENCE = timedelta(minutes=10)
RECEIPT_RETRY = timedelta(seconds=15)
_TURNS = 3  # of the event loop, from the bytes of a request to its answer


class Batch:
    """Takes one message after the other, then writes what they did."""

    def __init__(
        self,
        tx: AsyncConnection,
        vault: Vault,
        content: Content,
        metrics: Metrics,
        picture: Picture,
        chance: Callable[[], float],
        now: datetime,
    ) -> None:
        self._tx = tx
        self._vault = vault
        self._content = content
        self._metrics = metrics
        self._picture = picture
        self._chance = chance
        self.now = now
        self.filed = reporting.Filed()
        self._withdrawals = Withdrawals()
        self._asking = Asking(tx, content, picture, self.filed, self._withdrawals)
        self.moved: set[int] = set()  # numbers of alerts that may go on
        self._people: dict[bytes, AnyRow] = {}
        self._desk = Desk(vault, content.phones.pins.most_wrong, metrics.warnings.count)
        self._texts: list[dict[str, Any]] = []
        self._finished: list[dict[str, Any]] = []
        self._kinds: dict[str, Callable[[AnyRow], Awaitable[None]]] = {
            "sms": self._sms,
            "ussd": self._sms,
            "receipt": self._receipt,
            "opt_out": self._opt_out,
        }

    async def take_all(self, messages: Sequence[AnyRow], overdue: Sequence[AnyRow] = ()) -> None:
        """Do what these messages ask for; decisions among it are left to the caller.

        `overdue` are questions that nobody has answered in time.
        """
        indexes = {index for m in messages for index in (m.sender_index, m.other_index)}
        self._people = await people.by_index(self._tx, list(indexes - {None}))
        await self._desk.take_up(self._tx, self._people.values())
        for message in messages:
            await self._kinds[message.kind](message)
            for _ in range(_TURNS):  # whoever waits for an answer goes first, a hop of USSD say
                await asyncio.sleep(0)
        for asked in overdue:
            await self._asking.give_up(asked)
        await self.filed.write(self._tx)
        await self._withdrawals.write(self._tx, self.filed, self._picture, self.now)
        await self._desk.write(self._tx, self.now)

    async def finish(self) -> None:
        """Queue the answers, and close the messages."""
        if self._texts:
            await outbox.add(self._tx, self._texts)
        if self._finished:
            await inbox.finish(self._tx, self._finished)

    def _person(self, message: AnyRow) -> AnyRow | None:
        """Who sent a message, known by whichever version of the keys."""
        if message.sender_index is None:
            return None
        return self._people.get(message.sender_index) or self._people.get(message.other_index)

    def _close(self, message: AnyRow, problem: str | None = None) -> None:
        """Close a message. Its sealed number stays only where nothing else can answer it."""
        keep = self._person(message) is None and message.kind != "ussd"
        self._finished.append({"row": message.id, "problem": problem, "keep": keep})

    def _reply(
        self,
        message: AnyRow,
        purpose: str,
        language: str,
        person_id: int | None,
        alert_id: int | None = None,
        *,
        is_news: bool = False,
        life: timedelta = REPLY_LIFE,
    ) -> datetime:
        """Answer a text, whatever it was, after a wait that chance alone decides: when.

        What is news is worth telling however late the message was read. A USSD session had its
        answer as it ended: one that stays on the phone is what it spares who chose it.
        """
        wait = self._content.phones.replies.to(message.gateway).seconds(self._chance())
        due_at: datetime = message.received_at + timedelta(seconds=wait)
        until = (self.now if is_news else message.received_at) + life
        if until <= self.now or message.kind == "ussd":
            return due_at
        self._texts.append(
            outbox.text(
                purpose,
                due_at,
                until,
                language,
                person_id=person_id,
                inbox_id=message.id,
                alert_id=alert_id,
            )
        )
        return due_at

    async def _sms(self, message: AnyRow) -> None:
        person = self._person(message)
        if person is not None and person.undelivered:
            await people.reached(self._tx, person.id)  # the phone works: a text came from it
        try:
            text = self._vault.open_text(
                message.sealed_text, message.text_day, message.dedupe.hex()
            )
        except Shredded:
            self._close(message, "expired")
            return
        content = self._content
        home = person.area if person is not None else None
        if await self._is_set_aside(message, text):
            return
        report, digits = pins.split(text)
        outcome = self._desk.check(person, digits)
        if not self._desk.has_pins(person):
            report = text
        sent = reporting.believed(message.sent_at, message.received_at)
        on = sent.astimezone(content.timezone).date()
        if person is not None and await self._has_answered(message, person, report):
            return
        reading = grammar.read(report, content.codebook, content.gazetteer, home, on)
        if message.sender_index is None:
            self._close(message, "sender_not_a_number")
        elif isinstance(reading, Enrol) and await self._enrol(message, reading):
            pass
        elif person is None:
            self._close(message, "unknown_sender")
            self._reply(message, "neutral", DEFAULT_LANGUAGE, None)
        elif isinstance(reading, Stop):
            await self._forget(message, person)
        elif isinstance(reading, Speak):
            await self._speak(message, person, reading)
        elif person.role == "focal_point" and isinstance(reading, Answers):
            await self._be_silent(message, person, reading)
        else:
            await self._report(message, person, reading, self._proof(person, outcome))

    def _proof(self, person: AnyRow, outcome: pins.Outcome) -> reporting.Proof:
        verified = pins.trusted(
            outcome,
            has_pins=self._desk.has_pins(person),
            warned=self._desk.is_warned(person),
            required=self._content.phones.pins.required,
        )
        return reporting.Proof(verified, under_duress=outcome == "duress")

    async def _is_set_aside(self, message: AnyRow, text: str) -> bool:
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
        await inbox.quarantine(self._tx, message.id, why)
        return True

    async def _enrol(self, message: AnyRow, reading: Enrol) -> bool:
        known = self._person(message)
        enrolled = await enrolment.enrol(
            self._tx, self._vault, message, known, reading.code, self.now
        )
        if enrolled is None:
            return False
        person_id, invited = enrolled
        now_known = await people.by_index(self._tx, [message.sender_index])
        await self._desk.take_up(self._tx, now_known.values())
        self._people |= now_known
        self._close(message)
        if known is None or not known.silent or invited.role == "responder":
            welcome = f"welcome_{invited.role}"
            self._reply(message, welcome, invited.language, person_id, is_news=True)
        return True

    async def _forget(self, message: AnyRow, person: AnyRow) -> None:
        self._close(message)
        self.moved.update(await stages.had_by(self._tx, person.id))
        await enrolment.forget(self._tx, self._vault, person, self.now)
        self._texts = [text for text in self._texts if text["person_id"] != person.id]
        self._people = {i: known for i, known in self._people.items() if known.id != person.id}

    async def _be_silent(
        self,
        message: AnyRow,
        person: AnyRow,
        reading: Answers,
    ) -> None:
        """Send no answers from now on, or send them again: this message's is the first of them."""
        self._close(message)
        await people.be_silent(self._tx, person.id, not reading.wanted)
        self._people |= await people.by_index(self._tx, [person.number_index])
        if reading.wanted:
            self._reply(message, "neutral", person.language, person.id)
        else:
            await outbox.forget_answers(self._tx, person.id)
            self._texts = [text for text in self._texts if text["person_id"] != person.id]

    async def _speak(self, message: AnyRow, person: AnyRow, reading: Speak) -> None:
        """Text a focal point in another language: the answer is as neutral as any."""
        if await responding.speak(self._tx, self._content, person, reading.language):
            self._people |= await people.by_index(self._tx, [person.number_index])
        self._close(message)
        if not person.silent:
            language = (self._person(message) or person).language
            self._reply(message, "neutral", language, person.id)

    async def _has_answered(self, message: AnyRow, person: AnyRow, text: str) -> bool:
        """Do what a responder's command asks for; whether the text is one.

        By its words alone: what a focal point writes is never read so. A report that begins with
        `OK` is one for all that, unless it answers an alert by its number.
        """
        content = self._content
        command = responder.read(text, content.codebook) if person.role == "responder" else None
        if command is None:
            return False
        if not (
            isinstance(command, responder.Respond | responder.Info) and command.alert is not None
        ):
            reading = grammar.read(text, content.codebook, content.gazetteer, person.area)
            if any(isinstance(each, Draft) and each.place for each in reports_in(reading)):
                return False
        answering = responding.Answering(self._tx, content, person, message, self.now)
        reply = await answering.carry_out(command)
        self.moved.update(reply.moves)
        self._close(message, reply.problem)
        self._people |= await people.by_index(self._tx, [person.number_index])
        language = (self._person(message) or person).language
        self._reply(message, reply.purpose, language, person.id, reply.alert)
        return True

    async def _report(
        self,
        message: AnyRow,
        person: AnyRow,
        reading: Reading,
        proof: reporting.Proof,
    ) -> None:
        """File each report, take one back, or note what was wrong; the answer is the same.

        But for one of which the sender is asked where it was. A responder whose text is neither a
        report nor a command is told what they can write: else they would take an answer that nobody
        got for given.
        """
        problem: str | None = None
        status = "counted"
        if isinstance(reading, Drill):
            status, reading = await self._in_drill(message, person), reading.said
        asked: tuple[Doubt, reporting.Origin] | None = None
        # Whoever chose the menu over texts is sent none.
        may_ask = message.kind == "sms" and message.received_at + PATIENCE > self.now
        may_ask = may_ask and await self._asking.may_ask(person)
        for nth, each in enumerate(reports_in(reading)):
            origin = reporting.Origin.of(message, person, nth, status)
            if isinstance(each, Draft):
                reporting.file(self.filed, self._picture, self._content, each, origin, proof)
            elif isinstance(each, Doubt) and may_ask and asked is None:
                asked = each, origin
            elif isinstance(each, Doubt):
                self._asking.file_wide(each, origin, proof)
            elif isinstance(each, Chosen) and await self._asking.answer(
                each, message, person, proof
            ):
                pass
            else:
                wrong = _what_is_wrong(each)
                self._metrics.problems.count(wrong)
                problem = problem or wrong
        origin = reporting.Origin.of(message, person, 0, status)
        self._take_back(origin, reading, proof, is_asked=asked is not None)
        self._close(message, problem)
        if asked is not None:
            due_at = self._reply(message, ASKS, person.language, person.id, life=PATIENCE)
            corrects = isinstance(reading, Correct)
            await self._asking.keep(*asked, proof, due_at, corrects=corrects)
        elif person.role == "responder" and isinstance(reading, Problem) and reading.type is None:
            self._reply(message, "help_responder", person.language, person.id)
        elif not person.silent:
            self._reply(message, "neutral", person.language, person.id)

    async def _in_drill(self, message: AnyRow, person: AnyRow) -> str:
        """What a report is filed as that says that it is of an exercise.

        Where there was none, it is kept and counts nowhere: it must not pass for one that is so.
        """
        tree = self._content.tree
        areas = tree.path(person.area) if person.area in tree else ()
        sent = reporting.believed(message.sent_at, message.received_at)
        return "drill" if await drills.is_on(self._tx, areas, sent) else "quarantined"

    def _take_back(
        self,
        origin: reporting.Origin,
        reading: Reading,
        proof: reporting.Proof,
        *,
        is_asked: bool,
    ) -> None:
        """What a correction replaces goes when there is something in its place, and not before."""
        if isinstance(reading, Withdraw):
            self._withdrawals.note(origin, proof, named=reading.named)
        elif isinstance(reading, Correct) and not (is_asked and isinstance(reading.report, Doubt)):
            self._withdrawals.note(origin, proof, corrects=True)

    async def _receipt(self, message: AnyRow) -> None:
        indexes = [i for i in (message.message_index, message.other_index) if i is not None]
        known = await receipts.take(
            self._tx,
            self._content,
            indexes,
            message.status,
            message.reason,
            self._chance(),
            self.now,
        )
        if not known and self.now - message.received_at < RECEIPT_PATIENCE:
            await inbox.defer(self._tx, message.id, self.now + RECEIPT_RETRY)
            return
        if fate(message.status) == "failed":
            failures = self._content.escalation.unreachable.failures
            self.moved.update(await stages.had_by_dead(self._tx, indexes, failures))
        self._close(message, None if known else "unknown_receipt")
        self._metrics.deliveries.count(message.gateway, message.status)

    async def _opt_out(self, message: AnyRow) -> None:
        person = self._person(message)
        if person is None:
            self._close(message, "unknown_sender")
        else:
            await self._forget(message, person)


def _what_is_wrong(reading: Reading) -> str:
    if isinstance(reading, Problem):
        return reading.kind
    return "not_asked" if isinstance(reading, Chosen) else "not_for_this_sender"
