"""Writes what became of texts: what comes while a commit is under way goes into the next one.

So a thousand answers of a gateway are a few transactions, and each is on disk soon after it came:
a crash repeats no more than what was not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import AnyRow, Store, deliveries, outbox, people

GivenUp = Callable[[AsyncConnection, Sequence[AnyRow]], Awaitable[None]]


class Ledger:
    """What is entered stays in mind until it is on disk, however often that fails."""

    def __init__(self, store: Store, given_up: GivenUp) -> None:
        """`given_up` is told of the texts that are given up, in the transaction that says so."""
        self._store = store
        self._given_up = given_up
        self._settled: list[dict[str, Any]] = []
        self._deliveries: list[dict[str, Any]] = []
        self._missed: list[tuple[int, datetime]] = []
        self._writing = asyncio.Lock()

    async def enter(
        self,
        settled: Sequence[dict[str, Any]],
        tried: Sequence[dict[str, Any]] = (),
        missed: Sequence[tuple[int, datetime]] = (),
    ) -> None:
        """Record what `outbox.settle` and `deliveries.add` take, and whom a text did not reach."""
        self._settled += settled
        self._deliveries += tried
        self._missed += missed
        await self.flush()

    async def flush(self) -> None:
        """Return once all that was entered is on disk."""
        async with self._writing:
            settled, tried, missed = self._settled, self._deliveries, self._missed
            if not settled and not tried:
                return
            self._settled, self._deliveries, self._missed = [], [], []
            try:
                async with self._store.write() as tx:
                    await outbox.settle(tx, settled)
                    await deliveries.add(tx, tried)
                    for person, at in missed:
                        await people.missed(tx, [person], at)
                    if lost := [each["row"] for each in settled if each["state"] == "failed"]:
                        await self._given_up(tx, await outbox.by_id(tx, lost))
            except BaseException:
                self._settled = settled + self._settled
                self._deliveries = tried + self._deliveries
                self._missed = missed + self._missed
                raise
