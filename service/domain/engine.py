"""The engine: what rules conclude from reports, as these become known.

One engine serves the live service and the backtest. It is pure and incremental: `learn` and
`forget` take what becomes known, in any order, and return what is to be said now.

How reports are counted
    A rule looks at *reports* of its types, not at incidents: it asks for distinct people, and two
    people who tell of the same attack are what makes it certain. One reporter's repeats of a type
    and place within six hours are one report (`repeats`).
When a rule is met
    Each counted report is an anchor that looks back in time and around (`grid`). What it looks for
    has one of several forms (`sight`, `joined`, `unusual`). A rule that holds `only_in` a season
    asks for its `outside` number elsewhere and at other times, or cannot be met there.
What one alert covers
    Met anchors near each other form an episode, which is one alert (`clusters`). A later episode
    of the same neighbourhood opens once `quiet_for` has passed. More reports seen from one of its
    anchors may make it graver; each severity is said once, the highest alone if several are
    reached together. An episode that goes on may be said `again`, ever more rarely. An episode
    that is silenced, or whose `inhibited_by` rule has one there already, is suppressed, which is
    said, with the reason.
What was said before
    Late, retracted and corrected reports re-decide every anchor whose window they enter. The
    episodes depend on what is known and not on the order in which it came; what was told does, and
    is never told twice for the same thing (`told`). An alert that has lost its support is
    corrected. What became known more than thirty days late is history: it raises nothing.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import astuple
from datetime import UTC, tzinfo
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile

from service.domain.areas import AreaTree
from service.domain.clusters import Clusters, Episode, Scene
from service.domain.days import Days
from service.domain.evidence import Check, Decision, Evidence
from service.domain.grid import Grid, Ground
from service.domain.markets import MarketDays
from service.domain.repeats import NO_CHANGE, REPEAT_SECONDS, Change, Repeats
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.silence import Silence
from service.domain.told import HISTORY_SECONDS, Told, is_history
from service.domain.watch import Watch, Watchers

__all__ = ["Check", "Decision", "Engine", "Episode", "Evidence"]

SWEEP_SECONDS = 14 * 24 * 3600


class Engine:
    """Judges reports by rules. A backtest and the live service differ only in what they feed it."""

    def __init__(
        self,
        rules: Iterable[Rule],
        seasons: Seasons,
        tree: AreaTree,
        zone: tzinfo = UTC,
        *,
        silences: Iterable[Silence] = (),
        markets: MarketDays | None = None,
    ) -> None:
        """Take the rules that are on trial or live; others are not evaluated.

        `zone` is where days begin. Raises ValueError if rules inhibit one another in a circle.
        """
        ground = Ground(tree)
        days = Days(zone, seasons, tree, markets or MarketDays())
        self._scene = Scene(tree, ground, Grid(ground), days)
        self._repeats = Repeats()
        self._known: dict[int, Evidence] = {}
        self._forgotten: dict[int, int] = {}
        self._expired = 0
        self._judged: dict[str, Watch] = {}
        self._memories: dict[Clusters, int] = {}
        self._watching: dict[str, Watchers] = {}
        self._judge_by(rules, tuple(silences))

    def learn(self, evidence: Evidence) -> list[Decision]:
        """Take in a report and return what it leads to, inhibiting rules first.

        Learning the same again changes nothing. Of evidence with one id, what was known last holds.
        """
        known = self._known.get(evidence.id)
        if evidence.id in self._forgotten or (known and not _supersedes(evidence, known)):
            return []
        self._known[evidence.id] = evidence
        if known is None:
            return self._settle(self._count(evidence), evidence.known_at)
        before = self._uncount(known)
        return self._settle(before.then(self._count(evidence)), evidence.known_at)

    def forget(self, evidence_id: int, known_at: int) -> list[Decision]:
        """Take back a report (retracted or refuted) and return what that leads to.

        It is for good, whatever is learnt of it later, unless it is remembered.
        """
        self._forgotten[evidence_id] = known_at
        return self._settle(self._uncount(self._known.pop(evidence_id, None)), known_at)

    def remember(self, evidence: Evidence) -> list[Decision]:
        """Count a report again that had been taken back by mistake; what that leads to."""
        self._forgotten.pop(evidence.id, None)
        return self.learn(evidence)

    def restore(self, evidence: Iterable[Evidence], decisions: Iterable[Decision]) -> None:
        """Bring a new engine to where another was: nothing that was decided is decided again.

        `evidence` is what is still known since `horizon`, in any order, and `decisions` what was
        decided since, in the order in which it was.
        """
        self._recall(evidence)
        self._rebuild(self._judged.values(), decisions)

    def with_rules(
        self,
        rules: Iterable[Rule],
        decisions: Iterable[Decision],
        *,
        silences: Iterable[Silence] = (),
        evidence: Iterable[Evidence] = (),
    ) -> "Engine":
        """Return an engine that judges by other rules. This one must not be used any more.

        What is as before keeps what it knows. Only rules that changed, whose silences did or whose
        inhibiting rule did are built anew from the reports that all share: these say nothing about
        what they find in the past, but for what a later report completes. `decisions` is what was
        decided since the new `horizon`; `evidence` what is known since then, where that is earlier
        than the horizon was. Raises ValueError as the constructor does; this one then goes on.
        """
        other = copy(self)
        built = other._judge_by(rules, tuple(silences))
        for report in self._known.values():
            if other._counts(report) and not self._counts(report):
                self._apply(self._repeats.add(report))
            elif self._counts(report) and not other._counts(report):
                self._apply(self._repeats.remove(report))
        other._recall(evidence)
        other._rebuild(built, decisions)
        return other

    def horizon(self, now: int) -> int:
        """Return the moment before which nothing can matter to a decision any more."""
        return now - max(self._memories.values(), default=HISTORY_SECONDS)

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
        self._scene.grid.expire(before)
        for clusters, told in self._judged.values():
            own = now - self._memories[clusters]
            clusters.expire(own)
            told.expire(own)

    def episodes(self) -> list[Episode]:
        """Return every rule's episodes as all that is known now has them."""
        every = (judged.clusters for judged in self._judged.values())
        return [episode for clusters in every for episode in clusters.episodes()]

    def _judge_by(self, rules: Iterable[Rule], silences: Sequence[Silence]) -> list[Watch]:
        """Put these rules to work, and return those that are not at work already."""
        ordered = _inhibitors_first(rules)
        before, self._judged, self._watching = self._judged, {}, {}
        built = []
        for rule in ordered:
            inhibitor = self._judged.get(rule.alert.inhibited_by or "")
            if inhibitor is not None and inhibitor.clusters.rule.status != "live":
                inhibitor = None
            clusters = Clusters(rule, self._scene, inhibitor and inhibitor.clusters, silences)
            judged = before.get(rule.id)
            if judged is None or not judged.clusters.is_as(clusters):
                judged = Watch(clusters, Told(clusters, self._repeats.counted))
                built.append(judged)
            self._judged[rule.id] = judged
        self._memories = _memories([judged.clusters for judged in self._judged.values()])
        return built

    def _recall(self, evidence: Iterable[Evidence]) -> None:
        """Take in reports, as far as they are not known, that lead to nothing now."""
        older = {
            report.id: report
            for report in sorted(evidence, key=lambda report: report.key)
            if report.id not in self._known and report.id not in self._forgotten
        }
        self._known = older | self._known
        for report in older.values():
            self._apply(self._count(report))

    def _rebuild(self, built: Iterable[Watch], decisions: Iterable[Decision]) -> None:
        """Bring rules to where they would be, had they been at work all the time."""
        said: dict[str, list[Decision]] = {}
        for decision in decisions:
            said.setdefault(decision.rule, []).append(decision)
        counted = list(self._repeats.counted.values())
        now = max((report.known_at for report in counted), default=0)
        for clusters, told in built:
            since = now - self._memories[clusters]
            seen = (each for each in counted if each.at >= since and clusters.counts(each.type))
            clusters.recall(seen, since + clusters.span)
            told.restore([each for each in said.get(clusters.rule.id, []) if each.at >= since])

    def _counts(self, report: Evidence) -> bool:
        """Whether the report could count: some rule looks at its type, and it is not history."""
        return bool(self._watch(report.type).all) and not is_history(report.at, report.known_at)

    def _count(self, report: Evidence) -> Change:
        return self._repeats.add(report) if self._counts(report) else NO_CHANGE

    def _uncount(self, report: Evidence | None) -> Change:
        return self._repeats.remove(report) if report and self._counts(report) else NO_CHANGE

    def _apply(self, change: Change) -> None:
        for report in change.lost:
            self._scene.grid.remove(report)
        for report in change.gained:
            self._scene.grid.add(report)

    def _settle(self, change: Change, known_at: int) -> list[Decision]:
        """Let every rule that a change bears on judge anew, and say what is to be said."""
        reports = change.lost + change.gained
        if not reports:
            return []
        self._apply(change)
        if change.lost or len(reports) > 1:
            watching = self._watching_all(reports)
        else:
            watching = self._watch(reports[0].type).stirred(reports[0])
        decisions: list[Decision] = []
        moved: dict[Clusters | None, list[Evidence]] = {}
        for clusters, told in watching:
            causes = moved.get(clusters.inhibitor, ()) if moved else ()
            if moved_here := clusters.update(change, causes):
                moved[clusters] = moved_here
                decisions += told.settle(moved_here, known_at)
        return decisions

    def _watching_all(self, reports: Iterable[Evidence]) -> Iterable[Watch]:
        """Return the rules that some of these reports bear on, inhibiting rules first."""
        types = {report.type for report in reports}
        found = {watch.clusters for type_ in types for watch in self._watch(type_).all}
        return [watch for watch in self._judged.values() if watch.clusters in found]

    def _watch(self, type_: str) -> Watchers:
        """Return the rules that a report of this type bears on."""
        if type_ not in self._watching:
            self._watching[type_] = Watchers(type_, self._judged.values())
        return self._watching[type_]


def _memories(rules: Iterable[Clusters]) -> dict[Clusters, int]:
    """Return for how many seconds a report can matter to each of the rules.

    It is as long as any rule looks back that is tied to it by inhibition, and as any of these is
    quiet; and reports may come late.
    """
    families: dict[Clusters, list[Clusters]] = {}
    for clusters in rules:
        families.setdefault(clusters.eldest, []).append(clusters)
    return {
        clusters: max(each.span for each in family)
        + max(each.quiet for each in family)
        + HISTORY_SECONDS
        for family in families.values()
        for clusters in family
    }


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
