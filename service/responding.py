"""What a responder's text does: answer an alert, ask for it again, pause, or change language."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.responder import Command, Help, Info, Pause, Respond, Resume, Unsure
from service.domain.responses import (
    ENDED,
    OFF,
    OUTCOMES,
    REACHES,
    Response,
    heard_at,
    last_words,
    outcome,
    said_at,
    state,
)
from service.roster import may_read
from service.store import AnyRow, alerts, outbox, people, responses, stages
from service.telling import ALERT_LIFE


class Reply(NamedTuple):
    """The text that answers a command, the alert that it names, and what was wrong.

    `moves`: the alerts that may go on by it.
    """

    purpose: str
    alert: int | None = None
    problem: str | None = None
    moves: tuple[int, ...] = ()


UNKNOWN = Reply("unknown_alert", None, "unknown_alert")


class Answering:
    """Does what one responder's message asks for."""

    def __init__(
        self, tx: AsyncConnection, content: Content, person: AnyRow, message: AnyRow, now: datetime
    ) -> None:
        self._tx = tx
        self._content = content
        self._person = person
        self._message = message
        self._now = now

    async def carry_out(self, command: Command) -> Reply:
        """Do it; what is to be answered."""
        match command:
            case Respond():
                return await self._respond(command)
            case Info():
                return await self._tell_again(command)
            case Pause():
                return await self._pause(self._now + timedelta(hours=command.hours), "paused")
            case Resume():
                await outbox.bring_forward(self._tx, self._person.id, self._now)
                return await self._pause(None, "resumed")
            case Help():
                return Reply("help_responder")
            case Unsure():
                return Reply("help_responder", problem="unsure")
        spoken = await speak(self._tx, self._content, self._person, command.language)
        return Reply("language" if spoken else "help_responder")

    async def _respond(self, said: Respond) -> Reply:
        told = await outbox.told_of(self._tx, self._person.id)
        number, ended = said.alert, said.outcome
        if number not in told:
            # `FIN 2` is alert 2 where they had it, and else how the only one that is open ended.
            is_digit = said.kind == "done" and ended is None and number in _DIGITS
            if number is not None and not is_digit:
                return UNKNOWN
            ended = OUTCOMES[number - 1] if number is not None else ended
            number = await self._only_open(told, said)
        if number is None:
            return UNKNOWN
        alert = (await alerts.by_id(self._tx, [number]))[number]
        message, person_id = self._message, self._person.id
        at = said_at(message.sent_at, message.received_at, alert.released_at)
        await responses.add(self._tx, message.id, number, person_id, said.kind, ended, at)
        if REACHES[said.kind] != "open":
            heard = heard_at(at, message.received_at, alert.released_at)
            first = min(heard, alert.acknowledged_at or heard)
            await alerts.change(self._tx, number, acknowledged_at=first)
        await settle(self._tx, alert)
        wants_outcome = said.kind == "done" and ended is None
        purpose = "outcome_wanted" if wants_outcome else "answer_noted"
        return Reply(purpose, number, moves=(number,))

    async def _only_open(
        self, told: dict[int, datetime | None], said: Respond | Info
    ) -> int | None:
        """The alert that is meant where no number is given: the only one that it can be.

        It is still open, they had it when they wrote, and they have not said that they are done
        with it or cannot. `OK` is for what they have not answered, if there is any.
        """
        wrote = min(self._message.sent_at or self._now, self._message.received_at) + OFF
        rows = await alerts.by_id(self._tx, list(told))
        open_ = [
            row.id
            for row in rows.values()
            if row.state not in ENDED
            and row.released_at > self._now - ALERT_LIFE
            and (told[row.id] or row.released_at) <= wrote
        ]
        given = await responses.of_alerts(self._tx, open_)
        mine = {each: last_words(given.get(each, ())).get(self._person.id) for each in open_}
        if isinstance(said, Respond):
            open_ = [each for each in open_ if not _is_through(mine[each])]
            fresh = [each for each in open_ if mine[each] is None]
            open_ = fresh if said.kind == "acknowledge" and fresh else open_
        return open_[0] if len(open_) == 1 else None

    async def _tell_again(self, asked: Info) -> Reply:
        """The alert once more: to who had it alone, as long as they may read it."""
        told = await outbox.told_of(self._tx, self._person.id)
        number = asked.alert if asked.alert is not None else await self._only_open(told, asked)
        if number is None or number not in told:
            return UNKNOWN
        alert = (await alerts.by_id(self._tx, [number]))[number]
        if not may_read(self._content.tree, self._person, alert, alert.severity):
            return UNKNOWN
        return Reply("info", number)

    async def _pause(self, until: datetime | None, purpose: str) -> Reply:
        message = self._message
        wrote = min(message.sent_at or message.received_at, message.received_at)
        await people.pause(self._tx, self._person.id, until, wrote)
        had = await stages.had_by(self._tx, self._person.id) if until is not None else ()
        return Reply(purpose, moves=tuple(had))


_DIGITS = range(1, len(OUTCOMES) + 1)


def _is_through(word: Response | None) -> bool:
    return word is not None and word.kind in ("done", "cannot")


async def settle(tx: AsyncConnection, alert: AnyRow) -> None:
    """Let an alert stand as its answers say."""
    given = (await responses.of_alerts(tx, [alert.id])).get(alert.id, [])
    stands = state(given, corrected=alert.state == "corrected")
    await alerts.change(tx, alert.id, state=stands, outcome=outcome(given))


async def speak(
    tx: AsyncConnection, content: Content, person: AnyRow, language: str | None
) -> bool:
    """Let a person's texts be in this language from now on; whether there are texts in it."""
    if language is None or language not in content.texts.languages:
        return False
    await people.speak(tx, person.id, language)
    return True
