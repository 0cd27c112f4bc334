"""The engine: what rules conclude from reports, as these become known.

One engine serves the live service and the backtest. It is pure and incremental: `learn` and
`forget` take what becomes known, in any order, and return what is to be said now.

How reports are counted
    A rule looks at *reports* of its types, not at incidents: it asks for distinct people, and two
    people who tell of the same attack are what makes it certain. One reporter's repeats of a type
    and place within six hours are one report (`repeats`).
When a rule is met
    Each counted report is an anchor that looks back over `(at - hours, at]` and `km` (`grid`,
    `clusters`). The rule is met there if enough reports by enough distinct people are seen. A rule
    that holds `only_in` a season asks for its `outside` number elsewhere and at other times, or
    cannot be met there.
What one alert covers
    Met anchors near each other form an episode, which is one alert (`clusters`). A later episode
    of the same neighbourhood opens once `quiet_for` has passed. More reports seen from one of its
    anchors may make it graver; each severity is said once, the highest alone if several are
    reached together. An episode whose `inhibited_by` rule has one there already is suppressed,
    which is said, with the reason.
What was said before
    Late, retracted and corrected reports re-decide every anchor whose window they enter. The
    episodes depend on what is known and not on the order in which it came; what was told does, and
    is never told twice for the same thing (`told`). An alert that has lost its support is
    corrected. What became known more than thirty days late is history: it raises nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import UTC, tzinfo
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from typing import NamedTuple

from service.domain.areas import AreaTree
from service.domain.clusters import Clusters, Episode
from service.domain.evidence import Check, Decision, Evidence
from service.domain.grid import Grid, Ground, Near
from service.domain.repeats import NO_CHANGE, REPEAT_SECONDS, Change, Repeats
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.told import HISTORY_SECONDS, Told, is_history

__all__ = ["Check", "Decision", "Engine", "Episode", "Evidence"]

SWEEP_SECONDS = 7 * 24 * 3600


class Engine:
    """Judges reports by rules. A backtest and the live service differ only in what they feed it."""

    def __init__(
        self, rules: Iterable[Rule], seasons: Seasons, tree: AreaTree, zone: tzinfo = UTC
    ) -> None:
        """Take the rules that are on trial or live; others are not evaluated.

        `zone` is where a season's days begin. Raises ValueError if rules inhibit one another in a
        circle.
        """
        ground = Ground()
        self._grid = Grid(ground)
        self._repeats = Repeats()
        self._known: dict[int, Evidence] = {}
        self._forgotten: dict[int, int] = {}
        self._clusters: dict[str, Clusters] = {}
        for rule in _inhibitors_first(rules):
            inhibitor = self._clusters.get(rule.alert.inhibited_by or "")
            if inhibitor is not None and inhibitor.rule.status != "live":
                inhibitor = None
            self._clusters[rule.id] = Clusters(
                rule, ground, self._grid, seasons, tree, zone, inhibitor
            )
        self._told = {
            id_: Told(clusters, self._repeats.counted) for id_, clusters in self._clusters.items()
        }
        self._watches: dict[str, _Watch] = {}
        self._expired = 0

    def learn(self, evidence: Evidence) -> list[Decision]:
        """Take in a report and return what it leads to, inhibiting rules first.

        Learning the same again changes nothing. Of evidence with one id, what was known last holds.
        """
        known = self._known.get(evidence.id)
        if evidence.id in self._forgotten or (known and not _supersedes(evidence, known)):
            return []
        before = self._uncount(known)
        self._known[evidence.id] = evidence
        after = self._count(evidence)
        return self._settle(before.then(after) if known else after, evidence.known_at)

    def forget(self, evidence_id: int, known_at: int) -> list[Decision]:
        """Take back a report for good (retracted or refuted) and return what that leads to."""
        self._forgotten[evidence_id] = known_at
        return self._settle(self._uncount(self._known.pop(evidence_id, None)), known_at)

    def restore(self, evidence: Iterable[Evidence], decisions: Iterable[Decision]) -> None:
        """Bring a new engine to where another was: nothing that was decided is decided again.

        `evidence` is what is still known since `horizon`, in any order, and `decisions` what was
        decided since, in the order in which it was.
        """
        for report in sorted(evidence, key=lambda report: report.key):
            self._known[report.id] = report
            self._count(report)
        counted = list(self._repeats.counted.values())
        for report in counted:
            self._grid.add(report)
        said: dict[str, list[Decision]] = {}
        for decision in decisions:
            said.setdefault(decision.rule, []).append(decision)
        for id_, clusters in self._clusters.items():
            clusters.judge(report for report in counted if clusters.counts(report.type))
            self._told[id_].restore(said.get(id_, []))

    def horizon(self, now: int) -> int:
        """Return the moment before which nothing can matter to a decision any more."""
        all_clusters = self._clusters.values()
        window = max((clusters.span for clusters in all_clusters), default=0)
        quiet = max((clusters.quiet for clusters in all_clusters), default=0)
        return now - window - quiet - HISTORY_SECONDS

    def expire(self, now: int) -> None:
        """Drop what can matter no more; to be called now and then, so that memory stays small."""
        before = self.horizon(now)
        if before < self._expired + SWEEP_SECONDS:
            return
        self._expired = before
        old = takewhile(lambda report: report.at < before - REPEAT_SECONDS, self._known.values())
        for report in list(old):
            del self._known[report.id]
            if self._counts(report):
                self._repeats.drop(report)
        self._forgotten = {id_: at for id_, at in self._forgotten.items() if at >= before}
        self._grid.expire(before)
        for id_, clusters in self._clusters.items():
            clusters.expire(before)
            self._told[id_].expire(before)

    def episodes(self) -> list[Episode]:
        """Return every rule's episodes as all that is known now has them."""
        return [episode for clusters in self._clusters.values() for episode in clusters.episodes()]

    def _counts(self, report: Evidence) -> bool:
        """Whether the report could count: some rule looks at its type, and it is not history."""
        return bool(self._watch(report.type).rules) and not is_history(report.at, report.known_at)

    def _count(self, report: Evidence) -> Change:
        return self._repeats.add(report) if self._counts(report) else NO_CHANGE

    def _uncount(self, report: Evidence | None) -> Change:
        return self._repeats.remove(report) if report and self._counts(report) else NO_CHANGE

    def _settle(self, change: Change, known_at: int) -> list[Decision]:
        """Let every rule that a change bears on judge anew, and say what is to be said."""
        if not (change.lost or change.gained):
            return []
        for report in change.lost:
            self._grid.remove(report)
        for report in change.gained:
            self._grid.add(report)
        rules: set[str] = set()
        followed: list[tuple[Evidence, list[Near]]] = []
        for report in change.lost + change.gained:
            watch = self._watch(report.type)
            rules |= watch.rules
            until = report.at + watch.seconds - 1
            followed.append(
                (
                    report,
                    self._grid.around(report.point, watch.km, watch.types, report.at - 1, until),
                )
            )
        decisions: list[Decision] = []
        moved: dict[str, list[Evidence]] = {}
        for id_, clusters in self._clusters.items():
            if id_ in rules:
                causes = moved.get(clusters.rule.alert.inhibited_by or "", [])
                moved[id_] = clusters.update(change, followed, causes)
                if moved[id_]:
                    decisions += self._told[id_].settle(moved[id_], known_at)
        return decisions

    def _watch(self, type_: str) -> "_Watch":
        if type_ not in self._watches:
            self._watches[type_] = _watch(type_, list(self._clusters.values()))
        return self._watches[type_]


class _Watch(NamedTuple):
    """What looks at a type: its rules and those that they inhibit, and how far any of them looks.

    `types` are all that those rules count, None for every type; they look `km` and `seconds` far.
    """

    rules: frozenset[str]
    types: tuple[str, ...] | None
    km: float
    seconds: int


def _watch(type_: str, all_clusters: Sequence[Clusters]) -> _Watch:
    counting = [clusters for clusters in all_clusters if clusters.counts(type_)]
    rules = {clusters.rule.id for clusters in counting}
    for clusters in all_clusters:
        if clusters.inhibitor is not None and clusters.inhibitor.rule.id in rules:
            rules.add(clusters.rule.id)
    types: set[str] | None = set()
    for clusters in counting:
        types = None if types is None or clusters.types is None else types | {*clusters.types}
    return _Watch(
        rules=frozenset(rules),
        types=None if types is None else tuple(sorted(types)),
        km=max((clusters.km for clusters in counting), default=0.0),
        seconds=max((clusters.span for clusters in counting), default=0),
    )


def _supersedes(new: Evidence, old: Evidence) -> bool:
    """Whether `new` was known later; at the same moment, any fixed order will do."""
    return (new.known_at, astuple(new)) > (old.known_at, astuple(old))


def _inhibitors_first(rules: Iterable[Rule]) -> list[Rule]:
    judged = {rule.id: rule for rule in rules if rule.status in ("trial", "live")}
    needs = {
        id_: [rule.alert.inhibited_by] if rule.alert.inhibited_by in judged else []
        for id_, rule in judged.items()
    }
    try:
        return [judged[id_] for id_ in TopologicalSorter(needs).static_order()]
    except CycleError as error:
        circle = ", ".join(error.args[1])
        raise ValueError(f"these rules inhibit one another in a circle: {circle}") from error
