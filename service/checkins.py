"""Texts to whole areas: check-ins, by a plan that is made once a day, and feedback.

The plan lies in the database: a restart neither repeats a request nor skips one.
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.clock import Clock
from service.content import Content
from service.domain.checkins import plan, texts_a_month
from service.picture import areas_in_use
from service.store import AnyRow, Store, checkins, outbox, people
from service.store.checkins import BY_HAND, CHECK_IN

log = structlog.get_logger()

# A request that could not be made on time is made this late, and no later.
PATIENCE = timedelta(hours=1)
# An area checks in together: that is what hides who texts. What it is told comes to each person at
# a moment of their own, so that nobody's phone rings with all the others'.
SPREAD = timedelta(hours=3)
_CHANCE = random.SystemRandom().random


class Cost(NamedTuple):
    """How many focal points there are to ask, and how many requests a month that makes."""

    people: int
    a_month: int


class CheckIns:
    """Plans each day's requests, and makes those that are due."""

    def __init__(
        self,
        store: Store,
        content: Content,
        clock: Clock,
        queued: Callable[[], None],
        chance: Callable[[], float] = _CHANCE,
    ) -> None:
        """`queued` is called when there is work for the dispatcher; `chance` gives shares in
        [0, 1), which nobody may be able to foretell.
        """
        self._store = store
        self._content = content
        self._clock = clock
        self._queued = queued
        self._chance = chance

    def adopt(self, content: Content) -> None:
        """Plan and ask by this content from now on; today's plan stays, unless none is wanted."""
        self._content = content

    async def tick(self) -> None:
        """Make today's plan if there is none, and the requests that are due."""
        now, policy = self._clock.now(), self._content.check_ins
        day = now.astimezone(policy.zone).date()
        async with self._store.read() as tx:
            planned = not policy.is_on or await checkins.is_planned(tx, day)
            every = await checkins.due(tx, now)
            due = [each for each in every if policy.is_on or each.nth == BY_HAND]
            if planned and not due:
                return
            in_use = await areas_in_use(tx, self._content, now)
        async with self._store.write() as tx:
            if not planned:
                requests = plan(day, in_use, self._content.tree, policy, self._chance)
                # A service that starts in the middle of a day asks for the rest of it.
                await checkins.add(tx, day, [each for each in requests if each.due_at > now])
            for request in due:
                await self._make(tx, request, in_use, now)
        self._queued()

    async def _make(
        self, tx: AsyncConnection, request: AnyRow, in_use: frozenset[str], now: datetime
    ) -> None:
        """Text everybody in an area; nobody where they would be too few."""
        asked: Sequence[AnyRow] = ()
        if request.area in in_use and now - request.due_at <= PATIENCE:
            asked = await people_of(tx, self._content, request.area)
        if len(asked) < self._content.areas.k:
            log.warning("an area got no text: too late, or too few are in it", area=request.area)
            asked = ()
        else:
            spread = timedelta(0) if request.text == CHECK_IN else SPREAD
            texts = [
                outbox.text(
                    request.text,
                    now + self._chance() * spread,
                    request.due_at + PATIENCE + spread,
                    person.language,
                    person_id=person.id,
                    check_in_id=request.id,
                )
                for person in asked
            ]
            await outbox.add(tx, texts)
        await checkins.settle(tx, request.id, len(asked))


async def people_of(tx: AsyncConnection, content: Content, area: str) -> list[AnyRow]:
    """Who gets the texts of an area: those who want their phone to stay silent do not."""
    tree = content.tree
    return [
        person
        for person in await people.enrolled(tx, "focal_point")
        if not person.silent and person.area in tree and area in tree.path(person.area)
    ]


async def cost(tx: AsyncConnection, content: Content, now: datetime) -> Cost:
    """What the check-ins of this content would cost with those who are enrolled now."""
    enrolled = await people.enrolled(tx, "focal_point")
    homes = [each.area for each in enrolled if not each.silent and each.area in content.tree]
    in_use = await areas_in_use(tx, content, now)
    return Cost(len(homes), texts_a_month(homes, in_use, content.tree, content.check_ins))
