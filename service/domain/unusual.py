"""A condition that is met by more reports of a type in an area than its own past makes likely.

`anomaly` has the statistics. The area is the one that there is an alert for: a commune, cercle or
region, by `one_per`; else the cercle.
"""

from collections.abc import Collection, Hashable, Sequence

from service.domain.anomaly import Anomaly, AnomalySpec
from service.domain.condition import Level, Unusual
from service.domain.evidence import Check, Evidence
from service.domain.grid import Grid, Reach, Types
from service.domain.repeats import Change
from service.domain.sight import HOUR, View, at_least, by_id, in_order, types_of


class UnusualSight:
    """What is unusual of each type in each area by itself; met at the reports that make it so."""

    apart = True

    def __init__(self, condition: Unusual, level: Level, grid: Grid) -> None:
        asked = condition.anomaly
        self._asked = asked
        self._level = level
        self._grid = grid
        self._anomaly = Anomaly(AnomalySpec(**asked.model_dump()))
        self._window = asked.window * HOUR
        self._latest = 0
        self.types = self.counted = types_of(condition.types)
        self.reach: Reach = (level,)
        self.span = self._anomaly.span

    def needs(self, _type: str) -> None:
        return None

    def touched(self, change: Change) -> Collection[Evidence]:
        lost = [report for report in change.lost if self._counts(report.type)]
        gained = [report for report in change.gained if self._counts(report.type)]
        for report in lost:
            self._anomaly.remove(*self._series(report), report.at)
        for report in gained:
            self._anomaly.add(*self._series(report), report.at)
            self._latest = max(self._latest, report.at)
        found = by_id(anchor for report in lost + gained for anchor in self.seeing(report))
        pasts = [self._anomaly.seen_by(report.at).baseline for report in lost + gained]
        first = min((first for first, _ in pasts), default=self._latest + 1)
        if first <= self._latest:
            last = max(last for _, last in pasts)
            found |= by_id(
                self._between((lost + gained)[0], ("anywhere",), self.types, first, last)
            )
        return found.values()

    def seeing(self, report: Evidence) -> list[Evidence]:
        first, last = self._anomaly.seen_by(report.at).window
        return self._between(report, self.reach, frozenset([report.type]), first, last)

    def standpoint(self, anchor: Evidence) -> Hashable:
        return *self._series(anchor), anchor.at

    def size(self, anchor: Evidence) -> int:
        verdict = self._anomaly.judge(*self._series(anchor), anchor.at)
        return verdict.count if verdict and verdict.met else 0

    def view(self, anchor: Evidence) -> View:
        first = anchor.at - self._window + 1
        evidence = self._between(anchor, self.reach, frozenset([anchor.type]), first, anchor.at)
        verdict = self._anomaly.judge(*self._series(anchor), anchor.at)
        assert verdict is not None  # else the condition is not met there
        return View(
            in_order(evidence),
            (
                at_least("reports", verdict.count, verdict.asked),
                Check("usual", round(verdict.expected, 2), None, True),
                Check("chance", verdict.p, verdict.threshold, verdict.met),
                Check("area", self._grid.area(anchor, self._level), self._level, True),
                Check("span_hours", _hours(evidence), self._asked.window, True),
            ),
        )

    def weigh(self, evidence: Sequence[Evidence]) -> tuple[Check, ...]:
        return (at_least("reports", len(evidence), self._asked.at_least),)

    def expire(self, before: int) -> None:
        self._anomaly.expire(before)

    def _counts(self, type_: str) -> bool:
        return self.types is None or type_ in self.types

    def _series(self, report: Evidence) -> tuple[str, str]:
        return self._grid.area(report, self._level), report.type

    def _between(
        self, centre: Evidence, reach: Reach, types: Types, first: int, last: int
    ) -> list[Evidence]:
        """Return the counted reports of these types within reach from `first` to `last`."""
        return self._grid.outlook(reach, types).between(centre, first - 1, last)


def _hours(evidence: Sequence[Evidence]) -> float:
    moments = [report.at for report in evidence]
    return round((max(moments) - min(moments)) / HOUR, 1)
