"""Accepting comes first: while texts pour in, whatever else this process does gives way.

A gateway that waits too long for its 200 sends again, and the flood grows. A text that is on disk
can wait; but not for long, because an alert may hang on it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

# More texts than this that wait for the disk are a flood: they come faster than they are written.
POURING = 16
BREATH = 0.1  # seconds without one, and it is over
# In a flood, who has worked rests this many times as long, up to `LONGEST` seconds.
REST, LONGEST = 20, 2.0
SMALLER = 10  # times as small is a batch then, so that who works soon rests


class Flood:
    """Whether texts pour in: the intake notes it, the others give way."""

    def __init__(self) -> None:
        self._waiting = 0
        self._until = 0.0

    def came(self) -> None:
        """One more text waits for the disk."""
        self._waiting += 1

    def written(self, count: int) -> None:
        """So many wait no longer."""
        if self._waiting > POURING:
            self._until = monotonic() + BREATH
        self._waiting -= count

    def batch(self, most: int) -> int:
        """How many to take in hand at once, where it would else be `most`."""
        return most // SMALLER if self._is_on() else most

    @asynccontextmanager
    async def giving_way(self) -> AsyncIterator[None]:
        """Do some work in the block; in a flood, rest after it."""
        started = monotonic()
        yield
        ended = monotonic()
        rested = ended + min((ended - started) * REST, LONGEST)
        while self._is_on() and monotonic() < rested:  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(BREATH / 4)

    def _is_on(self) -> bool:
        return self._waiting > POURING or monotonic() < self._until
