"""The clusters of one rule: which reports complete one, and which episode each belongs to.

Everything here is a function of the counted reports alone, kept up to date as they change, so the
order of their arrival cannot matter:

- Reports at which the rule's condition is met (`sight`) are its met *anchors*. A rule that holds
  `only_in` a season asks for its `outside` number elsewhere and at other times; without one it is
  not met there.
- Two anchors are near if they are of one place or area, where the rule has `one_per` of these; else
  if one of its counts would count them together. A silenced one is near none that is not.
- Met anchors, in the order (at, id), form episodes. An anchor joins the episode of an earlier one
  near it if that episode was opened less than `quiet_for` before; of several, the one opened
  first. Else it opens an episode of its own. So an episode is known by its opener, and
  `opener(a) = first {opener(b) : b < a near a, a.at - opener(b).at < quiet_for}, else a`: when one
  anchor changes, only the later ones near it are looked at again, in order.
- An episode is suppressed if its opener is silenced; or if the inhibiting rule, being live, has an
  episode that is not itself suppressed, was opened less than its own `quiet_for` before, and has an
  anchor near the opener, as this rule has it, and not after it.
"""

from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.domain.agenda import Agenda
from service.domain.areas import AreaTree
from service.domain.codebook import Severity
from service.domain.days import Days
from service.domain.evidence import Evidence
from service.domain.grid import Grid, Ground, Reach, is_alike
from service.domain.repeats import Change
from service.domain.rule import Rule
from service.domain.sight import View, by_id
from service.domain.sights import sight_of
from service.domain.silence import Silence


class Scene(NamedTuple):
    """What all rules look at: the counted reports, where and on which days they happened."""

    tree: AreaTree
    ground: Ground
    grid: Grid
    days: Days


@dataclass(frozen=True, slots=True)
class Episode:
    """One rule's alert-worthy cluster, as all that is known now has it.

    `opener` is the anchor that raised it; `anchors` has every met anchor, `evidence` all reports
    that they see, both as ids in rising order. `suppressed_by` names what makes this one needless:
    `rule:opener` of an episode, or `silence:id`.
    """

    rule: str
    opener: int
    raised_at: int
    severity: Severity
    anchors: tuple[int, ...]
    evidence: tuple[int, ...]
    suppressed_by: str | None


class Clusters:
    """One rule's met anchors and episodes over the counted reports."""

    def __init__(
        self,
        rule: Rule,
        scene: Scene,
        inhibitor: "Clusters | None" = None,
        silences: Iterable[Silence] = (),
    ) -> None:
        self.rule = rule
        self.inhibitor = inhibitor
        self.silences = tuple(each for each in silences if each.rule in ("any", rule.id))
        self.sight = sight_of(rule, scene.grid, scene.days)
        self.quiet = rule.alert.quiet_for * 3600
        self._scene = scene
        self._met = Grid(scene.ground)
        one_per = rule.alert.one_per
        self._reach: Reach = self.sight.reach if one_per == "cluster" else (one_per,)
        self._around = self._met.outlook(self._reach, None)
        self._sizes: dict[int, int] = {}
        self._silent: dict[int, str] = {}
        self._openers: dict[int, Evidence] = {}
        self._suppressed: dict[int, str] = {}
        self._members: dict[int, dict[int, Evidence]] = {}

    def is_as(self, other: "Clusters") -> bool:
        """Whether both would say the same of the same reports."""
        return (
            self.rule == other.rule
            and self.inhibitor is other.inhibitor
            and self.silences == other.silences
        )

    @property
    def span(self) -> int:
        """How many seconds the rule looks back."""
        return self.sight.span

    @property
    def eldest(self) -> "Clusters":
        """The rule that is inhibited by none, above all that inhibit this one."""
        return self.inhibitor.eldest if self.inhibitor else self

    def counts(self, type_: str) -> bool:
        return self.sight.counted is None or type_ in self.sight.counted

    def recall(self, reports: Iterable[Evidence], since: int) -> None:
        """Take in counted reports that were known before, and judge them from that moment on."""
        touched = self.sight.touched(Change([], list(reports)))
        self._judge([anchor for anchor in touched if anchor.at >= since], (), ())

    def update(self, change: Change, inhibitor_moved: Sequence[Evidence] = ()) -> list[Evidence]:
        """Take in a change of the counted reports and return the anchors that moved.

        An anchor moved if it is met, or was, and what it sees, its episode or its suppression
        may have changed.
        """
        touched = self.sight.touched(change)
        gone = [report for report in change.lost if report.id in self._sizes]
        if not (touched or gone or inhibitor_moved):
            return []
        return self._judge(touched, gone, inhibitor_moved)

    def opener(self, anchor: int) -> Evidence | None:
        """Return the anchor that opened this one's episode; None if this one is not met."""
        return self._openers.get(anchor)

    def opened_around(self, moment: int) -> list[Evidence]:
        """Return the openers of episodes opened less than `quiet_for` before or after a moment."""
        openers = (self._openers[next(iter(members))] for members in self._members.values())
        return [opener for opener in openers if abs(opener.at - moment) < self.quiet]

    def suppressed_by(self, opener: int) -> str | None:
        """Return what makes the episode needless, as `Episode` names it."""
        return self._suppressed.get(opener)

    def anchors(self, opener: int) -> Mapping[int, Evidence]:
        """Return the met anchors by id of the episode with that opener."""
        return self._members[opener]

    def peak(self, opener: int) -> Evidence:
        """Return the anchor of the episode that sees the most reports; the first of equals."""
        return min(self._members[opener].values(), key=lambda a: (-self._sizes[a.id], a.key))

    def latest(self, opener: int) -> Evidence:
        """Return the last anchor of the episode."""
        return max(self._members[opener].values(), key=lambda anchor: anchor.key)

    def severity(self, anchor: Evidence) -> Severity:
        """Return how grave the rule finds what this met anchor sees."""
        return self._severity(self._sizes[anchor.id])

    def gravest(self, opener: int) -> Severity:
        """Return how grave the rule finds the episode: its steps rise with the number seen."""
        return self._severity(max(map(self._sizes.__getitem__, self._members[opener])))

    def _severity(self, size: int) -> Severity:
        severity = self.rule.alert.severity
        for step in self.rule.escalate:
            if size >= step.at_least:
                severity = step.severity
        return severity

    def view(self, anchor: Evidence) -> View:
        """Return what this met anchor sees."""
        return self.sight.view(anchor)

    def seen_from(self, report: Evidence) -> list[Evidence]:
        """Return the met anchors that may see this counted report."""
        return [anchor for anchor in self.sight.seeing(report) if anchor.id in self._sizes]

    def met_before(self, anchor: Evidence) -> list[Evidence]:
        """Return the met anchors near this one that it could follow within `quiet_for`."""
        found = self._near(anchor, anchor.at - self.quiet, anchor.at)
        return [earlier for earlier in found if earlier.key < anchor.key]

    def in_season(self, anchor: Evidence) -> bool:
        """Whether the season that the rule is for is open where and when the anchor happened."""
        season = self.rule.only_in
        return season is None or self._scene.days.in_season(season, anchor)

    def episodes(self) -> list[Episode]:
        return sorted(map(self._episode, self._members), key=lambda e: (e.raised_at, e.opener))

    def expire(self, before: int) -> None:
        """Drop the anchors that happened before that moment."""
        self._met.expire(before)
        self.sight.expire(before)
        for opener, members in list(self._members.items()):
            if self._openers[next(iter(members))].at >= before:
                continue  # and the opener is the first of them
            kept = {id_: anchor for id_, anchor in members.items() if anchor.at >= before}
            for id_ in members.keys() - kept.keys():
                del self._sizes[id_], self._openers[id_]
                self._silent.pop(id_, None)
            self._members[opener] = kept
            if not kept:
                del self._members[opener]
                self._suppressed.pop(opener, None)

    def _judge(
        self,
        anchors: Collection[Evidence],
        gone: Iterable[Evidence],
        inhibitor_moved: Iterable[Evidence],
    ) -> list[Evidence]:
        """Judge anchors anew, drop those that are gone, and return all that moved."""
        dropped: list[Evidence] = list(gone)
        added: list[Evidence] = []
        moved: list[Evidence] = []
        for anchor in dropped:
            self._drop(anchor)
        for anchor, size in self._sized(anchors):
            if size:
                if anchor.id not in self._sizes:
                    self._add(anchor)
                    added.append(anchor)
                self._sizes[anchor.id] = size
                moved.append(anchor)
            elif anchor.id in self._sizes:
                self._drop(anchor)
                dropped.append(anchor)
        moved += dropped
        self._settle_openers(added, dropped, moved)
        if self.inhibitor is not None or self.silences:
            self._settle_suppression(inhibitor_moved, moved)
        return moved

    def _sized(self, anchors: Collection[Evidence]) -> Iterable[tuple[Evidence, int]]:
        """Yield each anchor with its size; what is seen from one standpoint is sized once."""
        if len(anchors) == 1:
            for anchor in anchors:
                yield anchor, self._size(anchor)
            return
        sizes: dict[Hashable, int] = {}
        for anchor in anchors:
            standpoint = self.sight.standpoint(anchor)
            if standpoint not in sizes:
                sizes[standpoint] = self._size(anchor)
            yield anchor, sizes[standpoint]

    def _size(self, anchor: Evidence) -> int:
        """Return the number of reports that are seen if the rule is met there, else 0."""
        size = self.sight.size(anchor)
        # An anchor sees itself, so that hardly ever is there more to look at.
        if not size or not (anchor.verified or any_verified(self.view(anchor).evidence)):
            return 0
        if self.in_season(anchor):
            return size
        outside = self.rule.outside
        return size if outside and size >= outside.at_least else 0

    def _near(self, anchor: Evidence, after: int, until: int) -> list[Evidence]:
        """Return the met anchors near this one with after < at <= until."""
        outlook = self._around
        if self.sight.apart:
            outlook = self._met.outlook(self._reach, frozenset([anchor.type]))
        found = outlook.between(anchor, after, until)
        if not self.silences:
            return found
        silent = self._silence(anchor) is not None
        return [other for other in found if (other.id in self._silent) is silent]

    def _silence(self, anchor: Evidence) -> str | None:
        """Return the silence that holds where and when the anchor happened."""
        tree = self._scene.tree
        areas = tree.path(anchor.area) if anchor.area in tree else (anchor.area,)
        active = (each for each in self.silences if each.active(self.rule.id, areas, anchor.at))
        return next((each.id for each in active), None)

    def _add(self, anchor: Evidence) -> None:
        self._met.add(anchor)
        if self.silences and (silence := self._silence(anchor)):
            self._silent[anchor.id] = silence

    def _drop(self, anchor: Evidence) -> None:
        """Take out an anchor that is met no more."""
        self._met.remove(anchor)
        del self._sizes[anchor.id]
        self._silent.pop(anchor.id, None)
        self._leave(anchor.id, self._openers.pop(anchor.id))

    def _leave(self, anchor: int, opener: Evidence) -> None:
        members = self._members[opener.id]
        del members[anchor]
        if not members:
            del self._members[opener.id]
            self._suppressed.pop(opener.id, None)

    def _settle_openers(
        self, added: list[Evidence], dropped: list[Evidence], moved: list[Evidence]
    ) -> None:
        """Find the episodes of added anchors, and of all that a change of episode bears on."""
        unsettled = Agenda(added)
        for anchor in dropped:
            unsettled.push(self._followers(anchor))
        for anchor in unsettled:
            near = self._near(anchor, anchor.at - self.quiet, anchor.at + self.quiet - 1)
            known = self._openers.get(anchor.id)
            here = bisect_left(near, anchor.key, key=lambda other: other.key)
            opener = self._first_opener(anchor, near[:here])
            if opener is known:
                continue
            if known is not None:
                self._leave(anchor.id, known)
            self._openers[anchor.id] = opener
            self._members.setdefault(opener.id, {})[anchor.id] = anchor
            moved.append(anchor)
            unsettled.push(near[here + 1 :])

    def _followers(self, anchor: Evidence) -> list[Evidence]:
        """Return the later met anchors that may be in an episode through this one."""
        found = self._near(anchor, anchor.at - 1, anchor.at + self.quiet - 1)
        return [later for later in found if later.key > anchor.key]

    def _first_opener(self, anchor: Evidence, earlier: Iterable[Evidence]) -> Evidence:
        """Return the opener of the episode that an anchor joins, of those of `earlier` near it."""
        openers = self._openers
        if is_alike(self._reach):  # what these anchors joined was opened by one of them
            return next((other for other in earlier if openers[other.id] is other), anchor)
        first, since = anchor, anchor.at - self.quiet
        for other in earlier:
            opener = openers[other.id]
            if opener is not first and opener.at > since and opener.key < first.key:
                first = opener
        return first

    def _settle_suppression(
        self, inhibitor_moved: Iterable[Evidence], moved: list[Evidence]
    ) -> None:
        """Find what suppresses each episode that moved, or that what moved there bears on."""
        openers = [self._openers[a.id] for a in moved if a.id in self._openers]
        if self.inhibitor is not None:
            for cause in inhibitor_moved:
                until = cause.at + self.inhibitor.quiet - 1
                found = self._around.between(cause, cause.at - 1, until)
                openers += [anchor for anchor in found if self._openers[anchor.id] is anchor]
        for opener in by_id(openers).values():
            by = self._suppressor(opener)
            if by != self._suppressed.get(opener.id):
                if by is None:
                    del self._suppressed[opener.id]
                else:
                    self._suppressed[opener.id] = by
                moved.extend(self._members[opener.id].values())

    def _suppressor(self, opener: Evidence) -> str | None:
        if opener.id in self._silent:
            return f"silence:{self._silent[opener.id]}"
        inhibitor = self.inhibitor
        if inhibitor is None:
            return None
        outlook = inhibitor._met.outlook(self._reach, None)
        found = outlook.between(opener, opener.at - inhibitor.quiet, opener.at)
        raised = (inhibitor._openers[anchor.id] for anchor in found)
        inhibiting = (
            other
            for other in raised
            if opener.at - other.at < inhibitor.quiet and other.id not in inhibitor._suppressed
        )
        first = min(inhibiting, key=lambda other: other.key, default=None)
        return None if first is None else f"{inhibitor.rule.id}:{first.id}"

    def _episode(self, opener: int) -> Episode:
        anchors = sorted(self._members[opener].values(), key=lambda a: a.key)
        evidence = {e.id for anchor in anchors for e in self.view(anchor).evidence}
        return Episode(
            rule=self.rule.id,
            opener=opener,
            raised_at=self._openers[anchors[0].id].at,
            severity=self.severity(self.peak(opener)),
            anchors=tuple(anchor.id for anchor in anchors),
            evidence=tuple(sorted(evidence)),
            suppressed_by=self._suppressed.get(opener),
        )


def any_verified(evidence: Iterable[Evidence]) -> bool:
    """Whether one of these reports is verified: those that are not never alert alone."""
    return any(report.verified for report in evidence)
