"""Which rules a new report may change anything for: most of them need not look.

A rule that counts is met at a report only if enough others lie around it. Rules that look out alike
(`grid.Outlook`) are asked together, so that one look around the report does for all of them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from service.domain.clusters import Clusters
from service.domain.evidence import Evidence
from service.domain.grid import Outlook
from service.domain.told import Told


class Watch(NamedTuple):
    """A rule at work: its clusters, and what was said of them."""

    clusters: Clusters
    told: Told


class Watchers:
    """The rules that reports of one type bear on, inhibiting rules first."""

    def __init__(self, type_: str, every: Iterable[Watch]) -> None:
        bearing: dict[Clusters | None, Watch] = {}
        for watch in every:
            clusters = watch.clusters
            if clusters.counts(type_) or clusters.inhibitor in bearing:
                bearing[clusters] = watch
        self.all = tuple(bearing.values())
        self._alert: list[int] = []  # those that always look
        self._glances: dict[Outlook, _Glance] = {}
        for index, (clusters, _) in enumerate(self.all):
            needs = clusters.sight.needs(type_) if clusters.counts(type_) else ()
            if needs is None:
                self._alert.append(index)
                continue
            for outlook, number, span in needs:
                glance = self._glances.setdefault(outlook, _Glance(outlook))
                glance.ask(number, span, index)
        self._inhibits = [
            (index, inhibited)
            for index, (inhibitor, _) in enumerate(self.all)
            for inhibited, (clusters, _) in enumerate(self.all)
            if clusters.inhibitor is inhibitor
        ]

    def stirred(self, report: Evidence) -> Sequence[Watch]:
        """Return those that a new report may change something for, directly or by inhibition."""
        stirred = self._alert.copy()
        for glance in self._glances.values():
            stirred += glance.stirred(report)
        if not stirred:
            return ()
        found = set(stirred)
        found.update(inhibited for inhibitor, inhibited in self._inhibits if inhibitor in found)
        return [self.all[index] for index in sorted(found)]


class _Glance:
    """What several rules need to see from one outlook."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._asks: list[tuple[int, int, int]] = []
        self._all: tuple[int, ...] = ()
        self._fewest, self._longest = 0, 0

    def ask(self, number: int, span: int, index: int) -> None:
        self._asks.append((number, span, index))
        self._all = (*self._all, index)
        self._fewest = min(number for number, _, _ in self._asks)
        self._longest = max(span for _, span, _ in self._asks)

    def stirred(self, report: Evidence) -> Sequence[int]:
        """Return the indices of the rules for which enough lies around the report."""
        around = self._outlook.around(report)
        at, size = report.at, len(around)
        if around[-1] is not report or (size > 1 and around[-2].at == at):
            return self._all  # others may see it
        if size < self._fewest or around[-self._fewest].at <= at - self._longest:
            return ()
        return [
            index
            for number, span, index in self._asks
            if size >= number and around[-number].at > at - span
        ]
