"""Drains the inbox: read → enrol, answer or report → corroborate → decide → alert when due.

A batch is one transaction: what it decided and that it did are on disk together or not at all.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.alerting import Alerting
from service.batch import Batch
from service.clock import Clock
from service.content import Content
from service.flood import Flood
from service.picture import Picture
from service.store import AnyRow, Store, inbox, questions, releases, stages
from service.tasks import first_of
from service.telemetry import Metrics
from service.vault.vault import Vault

log = structlog.get_logger()

BATCH = 40  # while one is written, nothing else is: the intake waits for it
# What no rule looks back to is let out of mind so often, and after so many messages.
EXPIRE_EVERY, EXPIRE_AFTER = timedelta(hours=1), 5_000
FILE_AGAIN = timedelta(hours=1)  # what could not be filed, without holding up the others
# After a batch of several that was not full: what comes meanwhile shares the next one, as most of
# what a batch of few costs is the transaction. Who texts while nothing is under way is read now.
GATHER_SECONDS = 0.25
IDLE_SECONDS = 1.0
CHANCE = random.SystemRandom().random
FAULT_SECONDS = 5.0

Due = TypeVar("Due", str, int)  # an episode, or the number of an alert


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
        self._taken = 0
        self._arrived = asyncio.Event()

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
            elif 1 < worked < self._flood.batch(BATCH):
                await first_of(stopping, seconds=GATHER_SECONDS)

    async def drain(self) -> int:
        """Process one batch; how many messages were in it."""
        now = self._clock.now()
        async with self._store.read() as tx:
            await self._take_up_new_content(tx, now)
            if self._picture is None:
                self._picture = await Picture.load(tx, self._content, now)
            released = await self._alerting.due(tx, now)
            escalated = await self._alerting.steps_due(tx, now)
            messages = await inbox.waiting(tx, now, self._flood.batch(BATCH))
            overdue = await questions.due(tx, now, BATCH)
        self._taken += len(messages)
        if now - self._expired_at > EXPIRE_EVERY or self._taken > EXPIRE_AFTER:
            self._picture.expire(now)
            self._expired_at, self._taken = now, 0
        await self._tell(released, partial(self._release, now=now), releases.give_up, now)
        if messages:
            try:
                await self._process(messages)
            except Exception as error:
                self._picture = None  # it may hold what the transaction did not keep
                if is_fault(error):
                    raise
                await self._process_singly(messages)
            self._queued()
        for asked in overdue:
            await self._give_up(asked)
        # After the messages: an answer that came in time, and was read late, still counts.
        await self._tell(escalated, partial(self._go_on, now=now), stages.give_up, now)
        return len(messages) + len(released) + len(escalated) + len(overdue)

    async def _tell(
        self,
        due: Sequence[Due],
        carry_out: Callable[[Sequence[Due]], Awaitable[None]],
        give_up: Callable[[AsyncConnection, Due, datetime], Awaitable[None]],
        now: datetime,
    ) -> None:
        """Tell of what is due, all of it together; if one fails, of each by itself."""
        if not due:
            return
        try:
            await carry_out(due)
        except Exception as error:
            self._picture = None
            if is_fault(error):
                raise
            for each in due:
                await self._tell_singly(each, carry_out, give_up, now)
        self._queued()

    async def _tell_singly(
        self,
        due: Due,
        carry_out: Callable[[Sequence[Due]], Awaitable[None]],
        give_up: Callable[[AsyncConnection, Due, datetime], Awaitable[None]],
        now: datetime,
    ) -> None:
        try:
            await carry_out([due])
        except Exception as error:
            self._picture = None
            if is_fault(error):
                raise
            log.exception("an alert could not be told: see `vigie explain --near-misses`")
            async with self._store.write() as tx:
                await give_up(tx, due, now)

    async def _release(self, episodes: Sequence[str], now: datetime) -> None:
        picture = self._picture = self._picture or await self._load(now)
        async with self._store.write() as tx:
            await picture.look_at_areas(tx, self._content, now)
            await self._alerting.release(tx, picture, episodes, now)

    async def _go_on(self, numbers: Sequence[int], now: datetime) -> None:
        async with self._store.write() as tx:
            await self._alerting.go_on(tx, numbers, now)

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

    async def _give_up(self, asked: AnyRow) -> None:
        """File what nobody has said the place of, unless a message just did."""
        try:
            await self._process((), asked.id)
        except Exception as error:
            self._picture = None
            if is_fault(error):
                raise
            log.exception("a doubtful report could not be filed: it waits", question=asked.id)
            async with self._store.write() as tx:
                await questions.postpone(tx, asked.id, self._clock.now() + FILE_AGAIN)

    async def _process(self, messages: Sequence[AnyRow], asked: int | None = None) -> None:
        now = self._clock.now()
        picture = self._picture = self._picture or await self._load(now)
        async with self._store.write() as tx:
            batch = Batch(tx, self._vault, self._content, self._metrics, picture, self._chance, now)
            await batch.take_all(messages, await questions.waiting(tx, asked) if asked else ())
            if batch.filed.decisions:
                await picture.look_at_areas(tx, self._content, now)
                await self._alerting.carry_out(tx, picture, batch.filed.decisions, now)
            if batch.moved:
                await self._alerting.go_on(tx, sorted(batch.moved), now)
            await batch.finish()
        for report in batch.filed.reports:
            self._metrics.reports.count(report["type"])


def is_fault(error: Exception) -> bool:
    """Whether the machine failed rather than the message: then it is tried again as it is."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError | TimeoutError | OSError)
