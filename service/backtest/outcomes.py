"""Outcomes: what an alert should have foreseen, as `rules/backtests/outcomes.yaml` defines it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from service.backtest.dataset import DAY, Event, Spot
from service.backtest.mapping import read_yaml
from service.domain.geo import Point, distance_km
from service.domain.rule import Types

_KM_A_DEGREE = 111.19


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Part):
    """How near and how soon after an alert."""

    km: float = Field(gt=0, le=1000)
    days: int = Field(ge=1, le=366)


class Outcome(_Part):
    """So many `killed`, or so many `incidents`, in all, after an alert and near it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)
    title: dict[Literal["fr", "en"], str] = {}
    types: Types = Field(
        default="any", description="Only events of these types; any: of no type too"
    )
    killed: int | None = Field(default=None, ge=1)
    incidents: int | None = Field(default=None, ge=1)
    within: Span

    @property
    def at_least(self) -> int:
        return self.killed or self.incidents or 1

    def __str__(self) -> str:
        what = f"{self.killed} or more killed" if self.killed else f"{self.incidents} incidents"
        kinds = "" if self.types == "any" else f" ({', '.join(self.types)})"
        return f"{what}{kinds} within {self.within.km:g} km in the {self.within.days} days after"

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        if (self.killed is None) == (self.incidents is None):
            raise PydanticCustomError("counted", "write one of `killed` and `incidents`")
        return self


class Outcomes(RootModel[Annotated[tuple[Outcome, ...], Field(min_length=1)]]):
    """All outcomes of a file."""

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [each.id for each in self.root]
        if twice := {each for each in ids if ids.count(each) > 1}:
            raise PydanticCustomError("twice", "the id {id} stands twice", {"id": twice.pop()})
        return self


def read_outcomes(path: Path) -> tuple[Outcome, ...]:
    """Read a file of outcomes. Raises ContentError."""
    return read_yaml(path, Outcomes)[0].root


@dataclass(frozen=True, slots=True, eq=False)
class Onset:
    """Where and when an outcome began."""

    spot: Spot
    at: int


class Tolls:
    """What happened, by place and time, summed up so that a sum is a few bisections.

    Series are by point; which points are near one is found once for each.
    """

    def __init__(self, events: Iterable[Event], outcome: Outcome) -> None:
        self._outcome = outcome
        self._km, self._span = outcome.within.km, outcome.within.days * DAY
        self._events = sorted(
            (event for event in events if self._adds(event)), key=lambda e: (e.began, e.line)
        )
        self._times: dict[Point, list[int]] = {}
        self._sums: dict[Point, list[int]] = {}
        for event in self._events:
            times = self._times.setdefault(event.spot.point, [])
            sums = self._sums.setdefault(event.spot.point, [0])
            times.append(event.began)
            sums.append(sums[-1] + self._adds(event))
        self._neighbours = Neighbours(self._times, self._km)

    def after(self, point: Point, moment: int) -> int:
        """Return the sum of what began after a moment, in the outcome's time and reach."""
        return self._between(point, moment, moment + self._span)

    def onsets(self) -> list[Onset]:
        """Return where outcomes began, in order of time, as episodes.

        An event is deadly if it and what follows it, in the outcome's time and reach, come to what
        the outcome asks. A deadly event is an onset if none came before it in that time and reach:
        what goes on is one outcome, however long.
        """
        found = []
        covered: dict[Point, int] = {}
        for event in self._events:
            point, until = event.spot.point, event.began + self._span
            if self._between(point, event.began - 1, until - 1) < self._outcome.at_least:
                continue
            if event.began >= covered.get(point, event.began):
                found.append(Onset(event.spot, event.began))
            covered |= dict.fromkeys(self._neighbours.of(point), until)
        return found

    def _adds(self, event: Event) -> int:
        types = self._outcome.types
        if types != "any" and event.type not in types:
            return 0
        return event.toll if self._outcome.killed else 1

    def _between(self, point: Point, after: int, until: int) -> int:
        total = 0
        for near in self._neighbours.of(point):
            times, sums = self._times[near], self._sums[near]
            total += sums[bisect_right(times, until)] - sums[bisect_right(times, after)]
        return total


class Neighbours:
    """Which of some points are within km of one."""

    def __init__(self, points: Iterable[Point], km: float) -> None:
        self._points = sorted(set(points))
        self._latitudes = [point.lat for point in self._points]
        self._km = km
        self._known: dict[Point, list[Point]] = {}

    def of(self, point: Point) -> list[Point]:
        near = self._known.get(point)
        if near is None:
            near = self._known[point] = self._near(point)
        return near

    def _near(self, point: Point) -> list[Point]:
        """Search the band of latitude; a difference of longitude tells most of the others."""
        reach = self._km / _KM_A_DEGREE
        shortest = cos(radians(min(abs(point.lat) + reach, 90)))
        across = reach / shortest * 1.01 if shortest * 180 > reach else 360
        first = bisect_left(self._latitudes, point.lat - reach * 1.01)
        last = bisect_right(self._latitudes, point.lat + reach * 1.01)
        lon = point.lon
        return [
            other
            for other in self._points[first:last]
            if (abs(other.lon - lon) <= across or abs(other.lon - lon) >= 360 - across)
            and distance_km(point, other) <= self._km
        ]
