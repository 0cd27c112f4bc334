"""Events that happened, and the reports of them that the engine is told."""

import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from service.domain.areas import AreaTree, Membership
from service.domain.evidence import Evidence
from service.domain.geo import Point

DAY = 24 * 3600
HOUR = 3600


class EventsError(Exception):
    """A file of events that cannot be used; the message says why, and what to do."""


class BadRow(NamedTuple):
    """A row that could not be read: its line in the file, from 1, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """Where something happened. `place` tells spots apart, `name` is for people to read."""

    place: str
    name: str
    area: str
    point: Point


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One thing that happened, whether or not the codebook has a type for it.

    It began at `began` and is dated at `at`, the end of the time that it is known to lie in; epoch
    seconds, UTC. `toll` is how many deaths it adds to what other events count.
    """

    line: int
    type: str | None
    spot: Spot
    began: int
    at: int
    killed: int
    injured: int
    toll: int


@dataclass
class Dataset:
    """What a backtest replays.

    A report is known by its position: `event_of`, `reporter` and `known_at` say of which event it
    tells, who sent it, and when it is received. `people` are the enrolments that stand behind the
    areas' names. `left_out` counts rows by why they are not used, `unmapped` events by a kind that
    the mapping gives no type; those are never reported, and still count as outcomes. What is worked
    out from the events is kept: it is asked for once all are in.
    """

    title: str
    attribution: str
    tree: AreaTree
    events: list[Event] = field(default_factory=list)
    event_of: "array[int]" = field(default_factory=lambda: array("q"))
    reporter: "array[int]" = field(default_factory=lambda: array("q"))
    known_at: "array[int]" = field(default_factory=lambda: array("q"))
    people: list[Membership] = field(default_factory=list)
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def reports(self) -> int:
        return len(self.event_of)

    @cached_property
    def first(self) -> int:
        return min(event.began for event in self.events)

    @cached_property
    def last(self) -> int:
        return max(event.at for event in self.events)

    @property
    def weeks(self) -> float:
        """How long the events go on; at least one week, so that a rate can be stated."""
        return max((self.last - self.first) / (7 * DAY), 1.0)

    def report(self, event: int, reporter: int, known_at: int) -> None:
        """Let `reporter` tell of an event, by its position."""
        self.event_of.append(event)
        self.reporter.append(reporter)
        self.known_at.append(known_at)

    def delay(self, hours: int, spread: int, seed: int) -> None:
        """Let every report arrive `hours` later, and by chance later still.

        The chance part is exponential with a mean of `spread` hours (most come soon, a few very
        late), in whole hours; the same seed gives the same delays.
        """
        chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
        for index, known_at in enumerate(self.known_at):
            late = int(chance.expovariate(1 / spread)) if spread else 0
            self.known_at[index] = known_at + (hours + late) * HOUR

    @cached_property
    def by_receipt(self) -> list[int]:
        """The reports in the order in which they are received."""
        return sorted(range(self.reports), key=self.known_at.__getitem__)

    def evidence(self, report: int) -> Evidence:
        """Return a report as the engine is told it."""
        event = self.events[self.event_of[report]]
        assert event.type is not None
        spot = event.spot
        return Evidence(
            id=report,
            type=event.type,
            place=spot.place,
            area=spot.area,
            point=spot.point,
            reporter=self.reporter[report],
            at=event.at,
            known_at=self.known_at[report],
            killed=event.killed,
            injured=event.injured,
        )


Progress = Callable[[int, int], None]


def counted(total: int, progress: Progress | None, every: int = 5_000) -> Iterator[int]:
    """Yield 0 … total - 1 and say now and then how far it has come."""
    for index in range(total):
        if progress is not None and index % every == 0:
            progress(index, total)
        yield index
    if progress is not None:
        progress(total, total)
