"""Near misses: clusters that would have met a rule, had one of its numbers been another.

Each number of the rule is loosened alone, and the rule judged anew by the same engine. A cluster
that is met then, and of which no report is in a cluster that meets the rule as it is, missed by
that number and by no other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import NamedTuple

from service.domain.engine import Engine, Episode
from service.domain.evidence import Check, Evidence
from service.domain.loosened import Loosened, loosened
from service.domain.rule import Rule

_MOST_PAIRS = 20_000
_NOT_MEASURED = 0.5  # how near a miss is that no number measures, beside those that are measured


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A cluster that almost met a rule.

    `anchor` is the report that would have completed it and `at` when that happened. Each check of
    `missed` alone would have been enough; the nearest is first. `evidence` has the ids of the
    cluster's reports.
    """

    rule: str
    anchor: int
    at: int
    missed: tuple[Check, ...]
    evidence: tuple[int, ...]


class _Miss(NamedTuple):
    """How near, by what, and which cluster."""

    gap: float
    check: Check
    episode: Episode


def near_misses(
    rule: Rule, reports: Iterable[Evidence], engine_of: Callable[[Rule], Engine]
) -> list[NearMiss]:
    """Return the clusters among `reports` that almost met the rule, the nearest first.

    `engine_of` makes an engine of one rule. A rule of anomalies has no near misses.
    """
    free = rule.alert.model_copy(update={"inhibited_by": None})
    tried = _Tried(
        rule.model_copy(update={"status": "trial", "alert": free}), list(reports), engine_of
    )
    found = [miss for each in loosened(tried.rule) for miss in tried.misses(each)]
    found += tried.unverified()
    clusters: list[list[_Miss]] = []
    for miss in sorted(found, key=lambda each: (each.gap, each.episode.raised_at, each.check.name)):
        same = next((cluster for cluster in clusters if _overlap(cluster[0], miss)), None)
        if same is None:
            clusters.append([miss])
        elif miss.check.name not in {each.check.name for each in same}:
            same.append(miss)
    return [_near_miss(rule.id, cluster) for cluster in clusters]


def _overlap(one: _Miss, other: _Miss) -> bool:
    return not set(one.episode.evidence).isdisjoint(other.episode.evidence)


def _near_miss(rule: str, misses: list[_Miss]) -> NearMiss:
    nearest = misses[0].episode
    return NearMiss(
        rule=rule,
        anchor=nearest.opener,
        at=nearest.raised_at,
        missed=tuple(miss.check for miss in misses),
        evidence=nearest.evidence,
    )


class _Tried:
    """One rule over one set of reports."""

    def __init__(
        self, rule: Rule, reports: list[Evidence], engine_of: Callable[[Rule], Engine]
    ) -> None:
        self.rule = rule
        self._engine_of = engine_of
        self._reports = {report.id: report for report in reports}
        met = self._episodes(rule, reports)
        self._in_met: set[int] = {id_ for episode in met for id_ in episode.evidence}

    def misses(self, way: Loosened) -> Iterator[_Miss]:
        """Yield the clusters that miss by this predicate alone."""
        taken = set(self._in_met)
        for value in way.values:
            for episode in self._episodes(way.rule_with(value), self._reports.values()):
                if taken.isdisjoint(episode.evidence):
                    taken.update(episode.evidence)
                    yield self._miss(way, value, episode)

    def unverified(self) -> Iterator[_Miss]:
        """Yield the clusters that lack nothing but a report that is verified."""
        reports = self._reports.values()
        if all(report.verified for report in reports):
            return
        for episode in self._episodes(self.rule, (replace(r, verified=True) for r in reports)):
            if self._in_met.isdisjoint(episode.evidence):
                yield _Miss(_NOT_MEASURED, Check("verified", 0, 1, False), episode)

    def _miss(self, way: Loosened, value: float, episode: Episode) -> _Miss:
        if way.found is not None or isinstance(way.threshold, str):
            return _Miss(_NOT_MEASURED, Check(way.check, way.found, way.threshold, False), episode)
        if way.measure is not None:
            value, episode = self._least(way, episode)
        gap = abs(value - way.threshold) / way.threshold
        return _Miss(gap, Check(way.check, value, way.threshold, False), episode)

    def _least(self, way: Loosened, episode: Episode) -> tuple[float, Episode]:
        """Return the least of the cluster's own distances, or spans, that would have been enough.

        More is never less, so it is found by halving.
        """
        assert way.measure is not None
        assert not isinstance(way.threshold, str)
        local = [self._reports[id_] for id_ in episode.evidence]
        pairs = islice(combinations(local, 2), _MOST_PAIRS)
        measured = {way.measure(*pair) for pair in pairs}
        values = sorted(value for value in measured if value >= way.threshold)
        best = values[-1] if values else way.threshold, episode
        low, high = 0, len(values) - 1
        while low <= high:
            middle = (low + high) // 2
            found = self._episodes(way.rule_with(values[middle]), local)
            if found:
                best, high = (values[middle], found[0]), middle - 1
            else:
                low = middle + 1
        return round(best[0], 3), best[1]

    def _episodes(self, rule: Rule, reports: Iterable[Evidence]) -> list[Episode]:
        engine = self._engine_of(rule)
        engine.restore(reports, ())
        return engine.episodes()
