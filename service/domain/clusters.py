"""The clusters of one rule: which reports complete one, and which episode each belongs to.

Everything here is a function of the counted reports alone, kept up to date as they change, so the
order of their arrival cannot matter:

- A counted report is an *anchor*. Its window holds the reports of the rule's types within `km` of
  it and in `(at - hours, at]`. It is met when the window satisfies the rule.
- Met anchors, in the order (at, id), form episodes. An anchor joins the episode of an earlier one
  within `km` if that episode was opened less than `quiet_for` before; of several, the one opened
  first. Else it opens an episode of its own. So an episode is known by its opener, and
  `opener(a) = first {opener(b) : b < a near a, a.at - opener(b).at < quiet_for}, else a`: when one
  anchor changes, only the later ones near it are looked at again, in order.
- An episode is suppressed if the inhibiting rule, being live, has an episode that is not itself
  suppressed, was opened less than its own `quiet_for` before, and has an anchor within this rule's
  `km` of the opener and not after it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from heapq import heappop, heappush

from service.domain.areas import AreaTree
from service.domain.codebook import Severity
from service.domain.evidence import Evidence
from service.domain.geo import Point
from service.domain.grid import Grid, Ground, Near
from service.domain.repeats import Change
from service.domain.rule import Rule
from service.domain.seasons import Seasons


@dataclass(frozen=True, slots=True)
class Episode:
    """One rule's alert-worthy cluster, as all that is known now has it.

    `opener` is the anchor that raised it; `anchors` has every met anchor, `evidence` all reports
    of their windows, both as ids in rising order. `suppressed_by` is (rule, opener) of the episode
    that makes this one needless.
    """

    rule: str
    opener: int
    raised_at: int
    severity: Severity
    anchors: tuple[int, ...]
    evidence: tuple[int, ...]
    suppressed_by: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Window:
    """What a rule sees when it looks back from an anchor, in the order (at, id)."""

    anchor: Evidence
    evidence: tuple[Evidence, ...]
    farthest_km: float


class Clusters:
    """One rule's met anchors and episodes over the counted reports of `grid`."""

    def __init__(
        self,
        rule: Rule,
        ground: Ground,
        grid: Grid,
        seasons: Seasons,
        tree: AreaTree,
        zone: tzinfo,
        inhibitor: "Clusters | None",
    ) -> None:
        self.rule = rule
        self.types = None if rule.when.types == "any" else rule.when.types
        self.km = rule.when.within.km
        self.span = rule.when.within.hours * 3600
        self.quiet = rule.alert.quiet_for * 3600
        self.inhibitor = inhibitor
        self._grid = grid
        self._seasons = seasons
        self._tree = tree
        self._zone = zone
        self._met = Grid(ground)
        self._sizes: dict[int, int] = {}
        self._openers: dict[int, Evidence] = {}
        self._suppressors: dict[int, Evidence] = {}
        self._members: dict[int, dict[int, Evidence]] = {}

    def counts(self, type_: str) -> bool:
        return self.types is None or type_ in self.types

    def update(
        self,
        change: Change,
        followed: Iterable[tuple[Evidence, list[Near]]],
        inhibitor_moved: Iterable[Evidence],
    ) -> list[Evidence]:
        """Take in a change of the counted reports and return the anchors that moved.

        `followed` pairs each changed report with those near it at its time or later. An anchor
        moved if it is met, or was, and its window, episode or suppression changed.
        """
        affected = {
            anchor.id: anchor
            for report, later in followed
            if self.counts(report.type)
            for km, anchor in later
            if km <= self.km and anchor.at - report.at < self.span and self.counts(anchor.type)
        }
        gone = [report for report in change.lost if report.id in self._sizes]
        if not (affected or gone or inhibitor_moved):
            return []
        return self.judge(affected.values(), gone, inhibitor_moved)

    def judge(
        self,
        anchors: Iterable[Evidence],
        gone: Iterable[Evidence] = (),
        inhibitor_moved: Iterable[Evidence] = (),
    ) -> list[Evidence]:
        """Judge counted anchors anew, drop those that are gone, and return all that moved."""
        dropped, added, moved = list(gone), [], []
        sizes: dict[tuple[Point, int, str], int | None] = {}
        for anchor in dropped:
            self._drop(anchor)
        for anchor in anchors:
            view = anchor.point, anchor.at, anchor.area
            if view not in sizes:
                sizes[view] = self._size_if_met(anchor)
            if (size := sizes[view]) is not None:
                if anchor.id not in self._sizes:
                    self._met.add(anchor)
                    added.append(anchor)
                self._sizes[anchor.id] = size
                moved.append(anchor)
            elif anchor.id in self._sizes:
                self._drop(anchor)
                dropped.append(anchor)
        moved += dropped
        self._settle_openers(added, dropped, moved)
        if self.inhibitor is not None:
            self._settle_suppression(self.inhibitor, inhibitor_moved, moved)
        return moved

    def opener(self, anchor: int) -> Evidence | None:
        """Return the anchor that opened this one's episode; None if this one is not met."""
        return self._openers.get(anchor)

    def opened_around(self, moment: int) -> list[Evidence]:
        """Return the openers of episodes opened less than `quiet_for` before or after a moment."""
        openers = {opener.id: opener for opener in self._openers.values()}
        return [opener for opener in openers.values() if abs(opener.at - moment) < self.quiet]

    def suppressor(self, opener: int) -> Evidence | None:
        """Return the opener of the inhibiting rule's episode that makes this one needless."""
        return self._suppressors.get(opener)

    def anchors(self, opener: int) -> Mapping[int, Evidence]:
        """Return the met anchors by id of the episode with that opener."""
        return self._members[opener]

    def peak(self, opener: int) -> Evidence:
        """Return the anchor of the episode that sees the most reports; the first of equals."""
        return min(self._members[opener].values(), key=lambda a: (-self._sizes[a.id], a.key))

    def severity(self, anchor: Evidence) -> Severity:
        """Return how grave the rule finds what this met anchor sees."""
        severity = self.rule.alert.severity
        for step in self.rule.escalate:
            if self._sizes[anchor.id] >= step.at_least:
                severity = step.severity
        return severity

    def window(self, anchor: Evidence) -> Window:
        found = self._around(self._grid, anchor, anchor.at - self.span, anchor.at)
        return Window(
            anchor=anchor,
            evidence=tuple(sorted((evidence for _, evidence in found), key=lambda e: e.key)),
            farthest_km=max((km for km, _ in found), default=0.0),
        )

    def seen_from(self, report: Evidence) -> list[Evidence]:
        """Return the met anchors whose window holds this counted report."""
        found = self._around(self._met, report, report.at - 1, report.at + self.span - 1)
        return [anchor for _, anchor in found]

    def met_before(self, anchor: Evidence) -> list[Evidence]:
        """Return the met anchors near this one that it could follow within `quiet_for`."""
        found = self._around(self._met, anchor, anchor.at - self.quiet, anchor.at)
        return [earlier for _, earlier in found if earlier.key < anchor.key]

    def asked(self, anchor: Evidence) -> int | None:
        """Return how many reports the rule asks for at this anchor; None if none would do."""
        if self.in_season(anchor):
            return self.rule.when.at_least
        return self.rule.outside.at_least if self.rule.outside else None

    def in_season(self, anchor: Evidence) -> bool:
        """Whether the season that the rule is for is open where and when the anchor happened."""
        if self.rule.only_in is None:
            return True
        day = datetime.fromtimestamp(anchor.at, self._zone).date()
        areas = self._tree.path(anchor.area) if anchor.area in self._tree else ()
        return self._seasons.open(self.rule.only_in, areas, day)

    def episodes(self) -> list[Episode]:
        return sorted(map(self._episode, self._members), key=lambda e: (e.raised_at, e.opener))

    def expire(self, before: int) -> None:
        """Drop the anchors that happened before that moment."""
        self._met.expire(before)
        for opener, members in list(self._members.items()):
            kept = {id_: anchor for id_, anchor in members.items() if anchor.at >= before}
            for id_ in members.keys() - kept.keys():
                del self._sizes[id_], self._openers[id_]
            self._members[opener] = kept
            if not kept:
                del self._members[opener]
                self._suppressors.pop(opener, None)

    def _size_if_met(self, anchor: Evidence) -> int | None:
        """Return the number of reports in the anchor's window if the rule is met there."""
        found = self._around(self._grid, anchor, anchor.at - self.span, anchor.at)
        when = self.rule.when
        if len(found) < when.at_least:
            return None
        if len({evidence.reporter for _, evidence in found}) < when.distinct_reporters:
            return None
        asked = self.asked(anchor)
        return None if asked is None or len(found) < asked else len(found)

    def _around(self, grid: Grid, centre: Evidence, after: int, until: int) -> list[Near]:
        return grid.around(centre.point, self.km, self.types, after, until)

    def _drop(self, anchor: Evidence) -> None:
        """Take out an anchor that is met no more."""
        self._met.remove(anchor)
        del self._sizes[anchor.id]
        self._leave(anchor.id, self._openers.pop(anchor.id))

    def _leave(self, anchor: int, opener: Evidence) -> None:
        members = self._members[opener.id]
        del members[anchor]
        if not members:
            del self._members[opener.id]
            self._suppressors.pop(opener.id, None)

    def _settle_openers(
        self, added: list[Evidence], dropped: list[Evidence], moved: list[Evidence]
    ) -> None:
        """Find the episodes of added anchors, and of all that a change of episode bears on."""
        unsettled = _Agenda()
        unsettled.push(*added)
        for anchor in dropped:
            unsettled.push(*self._followers(anchor))
        for anchor in unsettled:
            known = self._openers.get(anchor.id)
            opener = self._first_opener(anchor)
            if opener is known:
                continue
            if known is not None:
                self._leave(anchor.id, known)
            self._openers[anchor.id] = opener
            self._members.setdefault(opener.id, {})[anchor.id] = anchor
            moved.append(anchor)
            unsettled.push(*self._followers(anchor))

    def _followers(self, anchor: Evidence) -> list[Evidence]:
        """Return the later met anchors that may be in an episode through this one."""
        found = self._around(self._met, anchor, anchor.at - 1, anchor.at + self.quiet - 1)
        return [later for _, later in found if later.key > anchor.key]

    def _first_opener(self, anchor: Evidence) -> Evidence:
        openers = (self._openers[earlier.id] for earlier in self.met_before(anchor))
        joinable = (opener for opener in openers if anchor.at - opener.at < self.quiet)
        return min(joinable, key=lambda opener: opener.key, default=anchor)

    def _settle_suppression(
        self, inhibitor: "Clusters", inhibitor_moved: Iterable[Evidence], moved: list[Evidence]
    ) -> None:
        """Find what suppresses each episode that moved, or that what moved there bears on."""
        openers = [self._openers[a.id] for a in moved if a.id in self._openers]
        for cause in inhibitor_moved:
            found = self._around(self._met, cause, cause.at - 1, cause.at + inhibitor.quiet - 1)
            openers += [anchor for _, anchor in found if self._openers[anchor.id] is anchor]
        for opener in {opener.id: opener for opener in openers}.values():
            suppressor = self._first_suppressor(inhibitor, opener)
            if suppressor is not self._suppressors.get(opener.id):
                if suppressor is None:
                    del self._suppressors[opener.id]
                else:
                    self._suppressors[opener.id] = suppressor
                moved.extend(self._members[opener.id].values())

    def _first_suppressor(self, inhibitor: "Clusters", opener: Evidence) -> Evidence | None:
        found = inhibitor._met.around(
            opener.point, self.km, inhibitor.types, opener.at - inhibitor.quiet, opener.at
        )
        raised = (inhibitor._openers[anchor.id] for _, anchor in found)
        inhibiting = (
            other
            for other in raised
            if opener.at - other.at < inhibitor.quiet and other.id not in inhibitor._suppressors
        )
        return min(inhibiting, key=lambda other: other.key, default=None)

    def _episode(self, opener: int) -> Episode:
        anchors = sorted(self._members[opener].values(), key=lambda a: a.key)
        evidence = {e.id for anchor in anchors for e in self.window(anchor).evidence}
        suppressor = self._suppressors.get(opener)
        by = (self.inhibitor.rule.id, suppressor.id) if self.inhibitor and suppressor else None
        return Episode(
            rule=self.rule.id,
            opener=opener,
            raised_at=self._openers[anchors[0].id].at,
            severity=self.severity(self.peak(opener)),
            anchors=tuple(anchor.id for anchor in anchors),
            evidence=tuple(sorted(evidence)),
            suppressed_by=by,
        )


class _Agenda:
    """Anchors to look at, each once, in the order (at, id)."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Evidence]] = []
        self._waiting: set[int] = set()

    def push(self, *anchors: Evidence) -> None:
        for anchor in anchors:
            if anchor.id not in self._waiting:
                self._waiting.add(anchor.id)
                heappush(self._heap, (anchor.at, anchor.id, anchor))

    def __iter__(self) -> Iterator[Evidence]:
        """Yield until none is left, those included that are pushed meanwhile."""
        while self._heap:
            anchor = heappop(self._heap)[2]
            self._waiting.remove(anchor.id)
            yield anchor
