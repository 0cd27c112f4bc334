"""USSD sessions: the menu, what it may show to whom, and one message for each session.

What a session comes to goes the way of every text: through the intake, sealed and on disk before
the last screen is answered. Nothing is kept of a session but that, so that any process takes any
hop. What is shown is the same to everyone who dials, whether known or not, but for two things: the
language that was last chosen on that phone, and to a responder the numbers of open alerts.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from service.clock import Clock
from service.content import Content
from service.domain.screens import Screens, fitting
from service.domain.ussd import Menu, Session
from service.gateway import Inbound, InboundUssd, UssdHop
from service.intake import Unavailable
from service.store import Store
from service.store import alerts as alert_store
from service.store import languages as language_store
from service.vault.number import PhoneNumber
from service.vault.vault import Vault

# Sessions of which it is remembered what was stored last, so that it is not stored at every hop.
MOST_REMEMBERED = 20_000
LOOK_UP = timedelta(minutes=1)
MOST_ALERTS = 9  # shown at a time, the latest


class Accepts(Protocol):
    """The intake: returns once the message is on disk, raises Unavailable where it cannot be."""

    async def accept(self, message: Inbound) -> None: ...


@dataclass(frozen=True, slots=True)
class Screen:
    """What a phone shows. `last`: nothing more can be answered."""

    shown: str
    last: bool


class Ussd:
    """Answers each hop of every session."""

    def __init__(
        self, store: Store, vault: Vault, content: Content, clock: Clock, intake: Accepts
    ) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault
        self._intake = intake
        self._stored = OrderedDict[tuple[str, str], int]()
        self._chosen: dict[bytes, str] = {}
        self._chosen_until = datetime.min.replace(tzinfo=UTC)
        self.adopt(content)

    def adopt(self, content: Content) -> None:
        """Show this content's menu from the next hop on."""
        says = content.texts.menus()
        names = [words["name"] for words in says.values()]
        first = content.phones.ussd.first
        self._menu = Menu(content.codebook, content.gazetteer, len(names), first)
        self._languages = tuple(says)
        self._screens = {
            language: Screens(
                self._menu,
                words,
                {each.id: each.title.get(language, each.id) for each in self._menu.types},
                names,
            )
            for language, words in says.items()
        }
        self._texts = content.texts
        self._shows_alerts = content.phones.ussd.open_alerts

    async def hop(self, hop: UssdHop) -> Screen:
        """Take the answers so far; the next screen. Never raises for whatever they are."""
        session = self._menu.walk(hop.answers)
        language = await self._language(hop.sender, session)
        last = session.finished or session.ended
        try:
            await self._store_what_came(hop, session)
        except Unavailable:
            if last:
                return Screen(self._screens[language].not_sent(session), last=False)
        if last:
            return Screen(fitting(self._texts.render("neutral", language, {})), last=True)
        alerts = await self._open_alerts(hop.sender) if session.step.at == "alert" else ()
        return Screen(self._screens[language].shown(session, alerts), last=False)

    async def end(self, hop: UssdHop) -> None:
        """The session is over, however it ended. Raises Unavailable."""
        session = self._menu.walk(hop.answers)
        self._stored.pop((hop.session, hop.gateway), None)
        if text := self._text(session):
            await self._accept(hop, text, None)

    async def _store_what_came(self, hop: UssdHop, session: Session) -> None:
        """Store what the session came to; before it was sent, only where that has changed."""
        key, text = (hop.session, hop.gateway), self._text(session)
        if session.finished or session.ended:
            self._stored.pop(key, None)
            if text:
                await self._accept(hop, text, None)
        elif session.drafted and hash(text) != self._stored.get(key):
            await self._accept(hop, text, session.answers)
            self._stored[key] = hash(text)
            if len(self._stored) > MOST_REMEMBERED:
                self._stored.popitem(last=False)

    async def _accept(self, hop: UssdHop, text: str, answers: int | None) -> None:
        await self._intake.accept(
            InboundUssd(hop.gateway, hop.session, hop.sender, text, hop=answers)
        )

    def _text(self, session: Session) -> str:
        if session.finished:
            return self._menu.coded(session.step.chosen)
        return self._menu.draft(session)

    async def _language(self, sender: PhoneNumber | None, session: Session) -> str:
        """The language chosen in this session, else in an earlier one on this phone.

        It is remembered for everyone alike, and apart from the one that an enrolled person's texts
        are in: else a phone would show in it whether its owner is enrolled.
        """
        chosen = None if session.language is None else self._languages[session.language]
        if sender is None or self._vault.locked:
            return chosen or self._languages[0]
        indexes = self._vault.indexes(sender)
        with contextlib.suppress(SQLAlchemyError, OSError):
            await self._look_up()
            before = self._remembered(indexes)
            if chosen is None:
                return before
            if chosen != before:
                await self._remember(indexes, chosen)
        return chosen or self._languages[0]

    async def _look_up(self) -> None:
        """Learn all that was chosen, also by what other processes answered, now and then."""
        now = self._clock.now()
        if now >= self._chosen_until:
            self._chosen_until = now + LOOK_UP
            async with self._store.read() as tx:
                self._chosen = await language_store.chosen(tx)

    def _remembered(self, indexes: Sequence[bytes]) -> str:
        found = (self._chosen.get(each) for each in indexes)
        return next((each for each in found if each in self._screens), self._languages[0])

    async def _remember(self, indexes: Sequence[bytes], language: str) -> None:
        other = None if language == self._languages[0] else language
        async with self._store.write() as tx:
            await language_store.remember(tx, indexes, other, self._clock.now())
        for each in indexes:
            self._chosen.pop(each, None)
        if other:
            self._chosen[indexes[0]] = other

    async def _open_alerts(self, sender: PhoneNumber | None) -> list[int]:
        """The numbers of the alerts that whoever dials was told of and that are not over.

        One question to the database, whoever asks: how long it takes tells nothing.
        """
        if sender is None or self._vault.locked or not self._shows_alerts:
            return []
        with contextlib.suppress(SQLAlchemyError, OSError):  # they can be typed without
            async with self._store.read() as tx:
                indexes = self._vault.indexes(sender)
                return await alert_store.awaiting(tx, indexes, MOST_ALERTS)
        return []
