"""A gateway on the way out: how fast it is given texts, and when it is passed over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from time import monotonic

import structlog

from service.clock import Clock
from service.domain.breaker import Breaker, State
from service.gateway import Gateway, Outcome
from service.vault.number import PhoneNumber

log = structlog.get_logger()

# So many seconds' worth of texts are taken in hand at once: what is graver waits no longer.
IN_HAND_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a gateway is given texts: `rate` a second, any if None, in so many calls at once."""

    rate: float | None = None
    parallel: int = 4


class Lane:
    """Calls one gateway. What it answers is believed; whether it is at fault is noted."""

    def __init__(self, gateway: Gateway, clock: Clock, pace: Pace | None = None) -> None:
        self.name = gateway.name
        self._gateway = gateway
        self._clock = clock
        self._pace = pace or Pace()
        self._calls = asyncio.Semaphore(self._pace.parallel)
        self._breaker = Breaker()
        self._free_at = 0.0

    def state(self) -> State:
        """Whether it is given texts now: all, one that shows whether it works again, or none."""
        return self._breaker.state(self._clock.now())

    def most_in_hand(self, most: int) -> int:
        """How many texts may be taken in hand for it, at most so many."""
        rate = self._pace.rate
        return most if rate is None else min(most, ceil(rate * IN_HAND_SECONDS))

    def most_in_call(self, most: int) -> int:
        """How many recipients one call may have, at most so many: no more than go in a second."""
        rate = self._pace.rate
        return most if rate is None else max(1, min(most, int(rate)))

    async def send(self, text: str, recipients: Sequence[PhoneNumber]) -> list[Outcome] | None:
        """What became of a call; None if it was not made, because the gateway is passed over."""
        async with self._calls:
            if self.state() == "open":
                return None
            await self._turn(len(recipients))
            try:
                outcomes = await self._gateway.send(text, recipients)
            except Exception as error:  # a gateway's fault must not stop the others' texts
                log.exception("a gateway failed", gateway=self.name)
                why = type(error).__name__
                outcomes = [Outcome(n, "unknown", why, is_fault=True) for n in recipients]
        self._note(outcomes, self._clock.now())
        return outcomes

    async def _turn(self, texts: int) -> None:
        """Wait until the rate allows so many more; real time, as the gateway counts it."""
        if self._pace.rate is None:
            return
        now = monotonic()
        begins = max(now, self._free_at)
        self._free_at = begins + texts / self._pace.rate
        await asyncio.sleep(begins - now)

    def _note(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        was = self._breaker.state(now)
        faulty = all(outcome.is_fault for outcome in outcomes)
        self._breaker = self._breaker.noted(now, faulty=faulty)
        becomes = self._breaker.state(now)
        if becomes == "open" and was != "open":
            reason = outcomes[0].reason
            log.error("a gateway is passed over", gateway=self.name, reason=reason)
        elif becomes == "closed" and was != "closed":
            log.warning("a gateway works again", gateway=self.name)
