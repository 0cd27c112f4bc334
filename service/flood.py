"""Accepting comes first: while texts pour in, whatever else this process does gives way.

A gateway that waits too long for its 200 sends again, and the flood grows. A text that is on disk
can wait; but not for long, because an alert may hang on it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

BREATH = 0.1  # seconds
# More texts than this that come in a breath are a flood; a breath after it, it is over.
POURING = 50
# In a flood, who has worked rests this many times as long, up to `LONGEST` seconds.
REST, LONGEST = 20, 2.0
SMALLER = 10  # times as small is a batch then, so that who works soon rests


class Flood:
    """Whether texts pour in: the intake notes it, the others give way."""

    def __init__(self) -> None:
        self._since = 0.0
        self._came = 0
        self._until = 0.0

    def came(self) -> None:
        """One more text waits for the disk."""
        now = monotonic()
        if now > self._since + BREATH:
            self._since, self._came = now, 0
        self._came += 1
        if self._came > POURING:
            self._until = now + BREATH

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
        while self._is_on() and monotonic() < rested:  # noqa: ASYNC110 - time alone ends it
            await asyncio.sleep(BREATH / 4)

    def _is_on(self) -> bool:
        return monotonic() < self._until
