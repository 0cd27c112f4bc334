"""How each form of condition looks at the counted reports.

An *anchor* is a report that a condition may be met at: the last piece of what it looks for. From
there it looks back:

- A count sees the reports of its types within its reach and in `(at - hours, at]`. They must be
  enough, by enough people. What they say of killed and injured is added up, but of several reports
  of one type, place and day only the gravest: they tell of one thing. Its days are the anchor's.
- `all_of` is met at a report of any of its counts' types from which every count sees enough.
- `any_of` is met where one of its counts is, at a report that this one counts.
- `first … then` is met where `then` is, if `first` was met at another report, not later, within the
  sequence's own reach and hours. What is seen is what all of these see.

What is seen is as large as the number of reports in it, each counted once.
"""

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from service.domain.condition import Count, Within
from service.domain.days import Days
from service.domain.evidence import Check, Evidence
from service.domain.geo import distance_km
from service.domain.grid import Grid, Outlook, Reach, Types
from service.domain.repeats import Change

HOUR = 3600


class View(NamedTuple):
    """What is seen from an anchor, in the order (at, id), and each predicate of the condition."""

    evidence: tuple[Evidence, ...]
    checks: tuple[Check, ...]


class Need(NamedTuple):
    """So many reports in so many seconds."""

    outlook: Outlook
    number: int
    span: int


class Sight(Protocol):
    """One rule's condition over the counted reports of a grid.

    `types` are those of its anchors and `counted` those of all that it looks at. Anchors within
    `reach` of one another are of one cluster; if they are judged `apart`, only those of one type.
    It looks back `span` seconds at most.
    """

    types: Types
    counted: Types
    reach: Reach
    span: int
    apart: bool

    def needs(self, type_: str, /) -> Iterable[Need] | None:
        """Return what must lie around a report of this type, one of these, for it to change
        anything where nothing came after it; None where that takes a longer look."""

    def touched(self, change: Change) -> Collection[Evidence]:
        """Return the anchors that see a change of the grid, but for those that cannot be met."""

    def seeing(self, report: Evidence) -> Iterable[Evidence]:
        """Return the anchors that may see this report, met or not."""

    def standpoint(self, anchor: Evidence) -> Hashable:
        """Return what decides how many an anchor sees: one look does for all that are equal."""

    def size(self, anchor: Evidence) -> int:
        """Return how many reports are seen from an anchor; 0 if the condition is not met there."""

    def view(self, anchor: Evidence) -> View:
        """Return what is seen from an anchor at which the condition is met."""

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        """Hold the number of these reports, and of their reporters, against what is asked."""

    def expire(self, before: int) -> None:
        """Drop what happened before that moment."""


class CountSight:
    """Enough reports of some types, near in space and time."""

    apart = False

    def __init__(self, count: Count, grid: Grid, days: Days) -> None:
        self.asked = count
        self.types = self.counted = types_of(count.types)
        self.reach = reach_of(count.within)
        self.span = count.within.hours * HOUR
        self._grid = grid
        self._outlook = grid.outlook(self.reach, self.types)
        self._days = days
        self._number = count.at_least
        self._people = count.distinct_reporters
        self._more = bool(count.killed or count.injured or count.weekdays or count.market_day)

    def counts(self, type_: str) -> bool:
        return self.types is None or type_ in self.types

    def needs(self, type_: str) -> Iterable[Need]:
        return [Need(self._outlook, self._number, self.span)] if self.counts(type_) else []

    def touched(self, change: Change) -> Collection[Evidence]:
        reports = [report for report in change.lost + change.gained if self.counts(report.type)]
        if len(reports) == 1:
            return self.seeing(reports[0])
        return by_id(anchor for report in reports for anchor in self.seeing(report)).values()

    def seeing(self, report: Evidence) -> list[Evidence]:
        """Return the counted reports that see this one."""
        at = report.at
        return self._outlook.between(report, at - 1, at + self.span - 1)

    def seen(self, anchor: Evidence) -> list[Evidence]:
        """Return the reports that an anchor sees, in the order (at, id)."""
        return self._outlook.between(anchor, anchor.at - self.span, anchor.at)

    def standpoint(self, anchor: Evidence) -> Hashable:
        return anchor.at, anchor.point, anchor.place, anchor.area

    def size(self, anchor: Evidence) -> int:
        seen = self.seen(anchor)
        if len(seen) < self._number:
            return 0
        if self._people > 1 and not self._by_enough(seen):
            return 0
        if self._more and not all(check.met for check in (*self._toll(seen), *self._day(anchor))):
            return 0
        return len(seen)

    def _by_enough(self, seen: Iterable[Evidence]) -> bool:
        people: set[int] = set()
        for report in seen:
            people.add(report.reporter)
            if len(people) == self._people:
                return True
        return False

    def view(self, anchor: Evidence) -> View:
        evidence = tuple(self.seen(anchor))
        hours = (anchor.at - evidence[0].at) / HOUR if evidence else 0.0
        return View(
            evidence,
            (
                *self.weigh(evidence),
                *self._toll(evidence),
                self._where(anchor, evidence),
                Check("span_hours", round(hours, 1), self.asked.within.hours, True),
                *self._day(anchor),
            ),
        )

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        counted = [report for report in evidence if self.counts(report.type)]
        people = len({report.reporter for report in counted})
        return (
            at_least("reports", len(counted), self.asked.at_least),
            at_least("distinct_reporters", people, self.asked.distinct_reporters),
        )

    def expire(self, before: int) -> None:
        """Nothing is kept but what the grid holds."""

    def _where(self, anchor: Evidence, evidence: Iterable[Evidence]) -> Check:
        within = self.asked.within
        if within.km is not None:
            farthest = farthest_km(anchor, evidence)
            return Check("distance_km", round(farthest, 1), within.km, True)
        if within.area is not None:
            return Check("area", self._grid.area(anchor, within.area), within.area, True)
        return Check("place", "same", "same", True)

    def _toll(self, evidence: Sequence[Evidence]) -> Iterable[Check]:
        for what, asked in (("killed", self.asked.killed), ("injured", self.asked.injured)):
            if asked is not None:
                gravest: dict[Hashable, int] = {}
                for report in evidence:
                    number = report.killed if what == "killed" else report.injured
                    if number:  # few say that anybody was, and what day it was takes long to say
                        told_of = report.type, report.place, self._days.day(report)
                        gravest[told_of] = max(number, gravest.get(told_of, 0))
                yield at_least(what, sum(gravest.values()), asked)

    def _day(self, anchor: Evidence) -> Iterable[Check]:
        if self.asked.weekdays is not None:
            day = self._days.weekday(anchor)
            wanted = ",".join(self.asked.weekdays)
            yield Check("weekday", day, wanted, day in self.asked.weekdays)
        if self.asked.market_day:
            held = self._days.is_market_day(anchor)
            yield Check("market_day", "yes" if held else "no", "yes", held)


def types_of(types: tuple[str, ...] | Literal["any"]) -> Types:
    return None if types == "any" else frozenset(types)


def reach_of(within: Within) -> Reach:
    return (within.km or within.area or "place",)


def by_id(reports: Iterable[Evidence]) -> dict[int, Evidence]:
    return {report.id: report for report in reports}


def in_order(reports: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Return reports in the order (at, id), each once."""
    return tuple(sorted(by_id(reports).values(), key=lambda report: report.key))


def at_least(name: str, value: float, asked: float) -> Check:
    return Check(name, value, asked, value >= asked)


def farthest_km(anchor: Evidence, others: Iterable[Evidence]) -> float:
    points = {other.point for other in others}
    return max((distance_km(anchor.point, point) for point in points), default=0.0)
