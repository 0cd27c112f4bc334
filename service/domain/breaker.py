"""When a gateway that is at fault is passed over, and when it is tried again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

FAULTS = 3
# Short, since there may be no other gateway: one text a minute to see whether it works costs less
# than an alert that waits.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=1)

State = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker: `closed` lets everything pass, `open` nothing, `half_open` one call.

    `faults` are calls in a row that failed through the gateway's fault, not a recipient's.
    """

    faults: int = 0
    until: datetime | None = None
    pause: timedelta = FIRST_PAUSE

    def state(self, now: datetime) -> State:
        """Return what passes now."""
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half_open"

    def noted(self, now: datetime, *, faulty: bool) -> "Breaker":
        """Return the breaker after a call.

        Calls that were under way when it opened tell nothing more, unless they went well.
        """
        if not faulty:
            return Breaker()
        match self.state(now):
            case "open":
                return self
            case "half_open":
                longer = min(2 * self.pause, LONGEST_PAUSE)
                return replace(self, until=now + longer, pause=longer)
            case "closed":
                faults = self.faults + 1
                return Breaker(faults, now + self.pause if faults >= FAULTS else None)
