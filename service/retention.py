"""Forgets what has lived long enough, line by line of `store.keepings`, in small transactions."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

from service.content import Content
from service.domain import retention as limits_of
from service.domain.retention import Limits, coarse_area, coarse_day, fresh_tokens, weeks
from service.judging import engine_of
from service.picture import areas_in_use
from service.store import Store, tables
from service.store import retention as kept
from service.store.keepings import KEEPINGS, Keeping

# Rows a transaction: a few milliseconds, so that a text that arrives meanwhile hardly waits.
CHUNK = 200
_PAUSE_SECONDS = 0.02
_TOKEN_BITS = 62


class Retention:
    """Enforces the list of what is kept for how long."""

    def __init__(self, store: Store, content: Content) -> None:
        self._store = store
        self._content = content
        self._in_use: frozenset[str] | None = None

    def adopt(self, content: Content) -> None:
        """Take up new content: rules say how far back people are told apart."""
        self._content = content

    async def enforce(self, now: datetime) -> dict[str, int]:
        """Let all that is due be forgotten; how many rows of each table were touched."""
        due = limits_at(self._content, now)
        self._in_use = None
        touched: dict[str, int] = {}
        for keeping in KEEPINGS:
            if keeping.since is None:
                continue
            count = 0
            while some := await self._some(keeping, due):
                count += some
                await asyncio.sleep(_PAUSE_SECONDS)
            if count:
                name = keeping.table.name
                touched[name] = touched.get(name, 0) + count
        return touched

    async def _some(self, keeping: Keeping, due: Limits) -> int:
        if keeping.limit == "people":
            return await self._cut_loose(due)
        if keeping.fate == "coarsened":
            return await self._coarsen(keeping, due)
        async with self._store.write() as tx:
            return await kept.enforce(tx, keeping, due, CHUNK)

    async def _cut_loose(self, due: Limits) -> int:
        """Give some people of the oldest week that is over a token each."""
        async with self._store.write() as tx:
            oldest = await kept.oldest_linked(tx)
            for begins, ends in weeks(oldest, due.people) if oldest else ():
                people = await kept.linked_people(tx, begins, ends, CHUNK)
                if people:
                    drawn = [secrets.randbits(_TOKEN_BITS) for _ in people]
                    await kept.cut_loose(tx, begins, ends, fresh_tokens(people, drawn))
                    return len(people)
        return 0

    async def _coarsen(self, keeping: Keeping, due: Limits) -> int:
        async with self._store.write() as tx:
            rows = await kept.exact_rows(tx, keeping, due, CHUNK)
            if rows and self._in_use is None:  # once for all: it is made from every alert
                self._in_use = await areas_in_use(tx, self._content, due.now)
            coarse = []
            for row in rows:
                values = self._place(row.area) | self._times(keeping, row)
                if keeping.table is tables.report and row.lat is None:
                    values |= {"lat": None, "lon": None}
                coarse.append({"row": row.id, **values})
            if coarse:
                await kept.coarsen(tx, keeping.table, coarse)
            return len(rows)

    def _place(self, area: str) -> dict[str, Any]:
        tree, places = self._content.tree, self._content.gazetteer
        named = coarse_area(tree, self._in_use or frozenset(), area)
        # A merge of neighbours has no point of its own; what holds it has.
        point = places.point_of(next(code for code in tree.path(named) if code in places.areas))
        return {"place": named, "area": named, "lat": point.lat, "lon": point.lon}

    def _times(self, keeping: Keeping, row: Any) -> dict[str, datetime]:
        zone = self._content.timezone
        if keeping.table is tables.incident:
            return {"at": coarse_day(row.at, zone)}
        times = ("occurred_at", "received_at")
        return {name: coarse_day(getattr(row, name), zone) for name in times}


def limits_at(content: Content, now: datetime) -> Limits:
    """The limits at a moment, as far back as the rules at work look."""
    seconds = int(now.timestamp())
    # What is unusual is reckoned from how many reports there were, whoever sent them.
    asking = [rule for rule in content.rules if rule.counts()]
    people = engine_of(content, asking).horizon(seconds)
    back = engine_of(content).horizon(seconds)
    return limits_of.limits(
        now, datetime.fromtimestamp(people, UTC), datetime.fromtimestamp(back, UTC)
    )
