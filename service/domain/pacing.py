"""When a message's turn comes, so that a flood waits and is never dropped.

The generic cell rate algorithm (ITU-T I.371, annex A; "virtual scheduling"): one number a sender,
the theoretical arrival time of the next message that would keep to the rate.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`burst` messages at once, and from then on one every `interval` seconds."""

    burst: int
    interval: float

    def turn(self, expected: float, now: float) -> tuple[float, float]:
        """When a message that came `now` has its turn, and what to expect of the next.

        `expected` is what the last call gave, 0 at first. Times are seconds on one clock.
        """
        expected = max(expected, now) + self.interval
        return max(now, expected - self.burst * self.interval), expected


# A focal point in a bad hour sends a handful of texts; a machine sends hundreds.
PER_SENDER = Pace(burst=30, interval=60.0)
# Beyond what any one gateway account carries: reached only by forgery or a fault.
ALL_SENDERS = Pace(burst=20_000, interval=1 / 500)
