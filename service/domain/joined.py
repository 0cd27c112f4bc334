"""Conditions that are made of several counts; `sight` says when each is met.

A part's checks have its number or name before their own: `2.reports`, `first.reports`.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from service.domain.condition import AllOf, AnyOf
from service.domain.condition import Sequence as FirstThen
from service.domain.days import Days
from service.domain.evidence import Check, Evidence
from service.domain.grid import Grid, Reach, Types
from service.domain.repeats import Change
from service.domain.sight import (
    HOUR,
    CountSight,
    Need,
    View,
    by_id,
    farthest_km,
    in_order,
    reach_of,
)

Parts = Mapping[str, CountSight]


class AllSight:
    """Several counts, all of them met."""

    apart = False

    def __init__(self, condition: AllOf, grid: Grid, days: Days) -> None:
        self._parts = {
            f"{number}.": CountSight(count, grid, days)
            for number, count in enumerate(condition.all_of, 1)
        }
        self.types = self.counted = _types(self._parts.values())
        self.reach = _reach(self._parts.values())
        self.span = max(part.span for part in self._parts.values())
        self._parts_and_anchors = [
            (part, grid.outlook(part.reach, self.types)) for part in self._parts.values()
        ]

    def needs(self, _type: str) -> None:
        return None

    def touched(self, change: Change) -> Collection[Evidence]:
        reports = change.lost + change.gained
        return by_id(anchor for report in reports for anchor in self.seeing(report)).values()

    def seeing(self, report: Evidence) -> Iterable[Evidence]:
        for part, anchors in self._parts_and_anchors:
            if part.counts(report.type):
                until = report.at + part.span - 1
                yield from anchors.between(report, report.at - 1, until)

    def standpoint(self, anchor: Evidence) -> Hashable:
        return anchor.at, anchor.point, anchor.place, anchor.area

    def size(self, anchor: Evidence) -> int:
        if not all(part.size(anchor) for part in self._parts.values()):
            return 0
        return len(in_order(e for part in self._parts.values() for e in part.seen(anchor)))

    def view(self, anchor: Evidence) -> View:
        return _joined({name: part.view(anchor) for name, part in self._parts.items()})

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        return _weigh(self._parts, evidence)

    def expire(self, before: int) -> None:
        """Nothing is kept but what the grid holds."""


class AnySight:
    """Several counts, of which one is met."""

    apart = False

    def __init__(self, condition: AnyOf, grid: Grid, days: Days) -> None:
        self._parts = {
            f"{number}.": CountSight(count, grid, days)
            for number, count in enumerate(condition.any_of, 1)
        }
        self.types = self.counted = _types(self._parts.values())
        self.reach = _reach(self._parts.values())
        self.span = max(part.span for part in self._parts.values())

    def needs(self, type_: str) -> Iterable[Need]:
        return [need for part in self._parts.values() for need in part.needs(type_)]

    def touched(self, change: Change) -> Collection[Evidence]:
        found = (anchor for part in self._parts.values() for anchor in part.touched(change))
        return by_id(found).values()

    def seeing(self, report: Evidence) -> Iterable[Evidence]:
        for part in self._parts.values():
            if part.counts(report.type):
                yield from part.seeing(report)

    def standpoint(self, anchor: Evidence) -> Hashable:
        return anchor.at, anchor.point, anchor.place, anchor.area, anchor.type

    def size(self, anchor: Evidence) -> int:
        met = self._met(anchor).values()
        return len(in_order(e for part in met for e in part.seen(anchor)))

    def view(self, anchor: Evidence) -> View:
        return _joined({name: part.view(anchor) for name, part in self._met(anchor).items()})

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        return _weigh(self._parts, evidence)

    def expire(self, before: int) -> None:
        """Nothing is kept but what the grid holds."""

    def _met(self, anchor: Evidence) -> Parts:
        return {
            name: part
            for name, part in self._parts.items()
            if part.counts(anchor.type) and part.size(anchor)
        }


class SequenceSight:
    """One count, and then another."""

    apart = False

    def __init__(self, condition: FirstThen, grid: Grid, days: Days) -> None:
        self._asked = condition.within
        self._parts = {
            "first.": CountSight(condition.first, grid, days),
            "then.": CountSight(condition.then, grid, days),
        }
        self._first, self._then = self._parts.values()
        between = reach_of(condition.within)
        self.types = self._then.types
        self.counted = _types(self._parts.values())
        self.reach = tuple(dict.fromkeys((*_reach(self._parts.values()), *between)))
        self._wait = condition.within.hours * HOUR
        self.span = max(self._then.span, self._wait + self._first.span)
        self._before = grid.outlook(between, self._first.types)
        self._after = grid.outlook(between, self._then.types)

    def needs(self, _type: str) -> None:
        return None

    def touched(self, change: Change) -> Collection[Evidence]:
        found = by_id(self._then.touched(change))
        for report in change.lost + change.gained:
            found |= by_id(self._seeing_first(report))
        return found.values()

    def seeing(self, report: Evidence) -> Iterable[Evidence]:
        if self._then.counts(report.type):
            yield from self._then.seeing(report)
        yield from self._seeing_first(report)

    def standpoint(self, anchor: Evidence) -> Hashable:
        return anchor.id

    def size(self, anchor: Evidence) -> int:
        if not self._then.size(anchor):
            return 0
        firsts = self._firsts(anchor)
        return len(self._seen(anchor, firsts)) if firsts else 0

    def view(self, anchor: Evidence) -> View:
        firsts = self._firsts(anchor)
        earliest = min(firsts, key=lambda first: first.key)
        hours = (anchor.at - earliest.at) / HOUR
        views = {"first.": self._first.view(earliest), "then.": self._then.view(anchor)}
        farthest = farthest_km(anchor, firsts)
        return View(
            self._seen(anchor, firsts),
            (
                *_joined(views).checks,
                Check("distance_km", round(farthest, 1), self._asked.km, True),
                Check("span_hours", round(hours, 1), self._asked.hours, True),
            ),
        )

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        return _weigh(self._parts, evidence)

    def expire(self, before: int) -> None:
        """Nothing is kept but what the grid holds."""

    def _seeing_first(self, report: Evidence) -> Iterable[Evidence]:
        """Yield the anchors that follow a report where `first` may be met by this one."""
        if self._first.counts(report.type):
            for first in (report, *self._first.seeing(report)):
                until = first.at + self._wait - 1
                yield from self._after.between(first, first.at - 1, until)

    def _firsts(self, anchor: Evidence) -> list[Evidence]:
        """Return the other reports at which `first` was met that the anchor follows."""
        earlier = self._before.between(anchor, anchor.at - self._wait, anchor.at)
        return [first for first in earlier if first.id != anchor.id and self._first.size(first)]

    def _seen(self, anchor: Evidence, firsts: Iterable[Evidence]) -> tuple[Evidence, ...]:
        seen = [e for first in firsts for e in self._first.seen(first)]
        return in_order([*seen, *self._then.seen(anchor)])


def _types(parts: Iterable[CountSight]) -> Types:
    found: set[str] = set()
    for part in parts:
        if part.types is None:
            return None
        found |= part.types
    return frozenset(found)


def _reach(parts: Iterable[CountSight]) -> Reach:
    return tuple(dict.fromkeys(where for part in parts for where in part.reach))


def _joined(views: Mapping[str, View]) -> View:
    return View(
        in_order(report for view in views.values() for report in view.evidence),
        tuple(check for name, view in views.items() for check in _of(name, view.checks)),
    )


def _weigh(parts: Parts, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
    return tuple(check for name, part in parts.items() for check in _of(name, part.weigh(evidence)))


def _of(name: str, checks: Iterable[Check]) -> Iterable[Check]:
    return (replace(check, name=name + check.name) for check in checks)
