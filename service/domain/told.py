"""What has been said of one rule's episodes, and what is still to be said.

Clusters follow what is known, and late evidence may move an episode's opener, split an episode or
join two. What was said stays said. So what was told is matched with the episodes as they are now,
by the decisions alone (a restart therefore changes nothing):

1. It belongs to the episode that its opener is now in.
2. Where the opener is met no more, it belongs to an episode about which nothing was said and which
   shares most of the evidence that was told.
3. Where neither is to be found, its support is gone: it is corrected.
4. An episode about which nothing was said, but whose opener follows within `quiet_for` of a telling
   about its neighbourhood, was split off by late evidence: it is told by that same telling.

Any other episode is new: it is raised or suppressed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from service.domain.clusters import Clusters
from service.domain.codebook import SEVERITIES, Severity
from service.domain.evidence import Decision, Evidence
from service.domain.reasons import decide, is_late, verified

HISTORY_SECONDS = 30 * 24 * 3600


@dataclass(slots=True)
class Telling:
    """One alert as responders know it, or one that they were spared.

    `at` is when it was raised and `told_at` what was last told of it; `wait` has the hours from
    then on in which it is not repeated.
    """

    episode: str
    at: int
    told_at: int
    wait: float = 0
    type: str = ""
    severity: Severity = SEVERITIES[0]
    areas: tuple[str, ...] = ()
    evidence: set[int] = field(default_factory=set)
    suppressed: bool = False

    @property
    def age(self) -> tuple[int, str]:
        return self.at, self.episode


class Told:
    """The tellings of one rule; `counted` has every report that counts, by id."""

    def __init__(self, clusters: Clusters, counted: Mapping[int, Evidence]) -> None:
        self._clusters = clusters
        self._rule = clusters.rule
        self._counted = counted
        severities = [self._rule.alert.severity, *(step.severity for step in self._rule.escalate)]
        self._top = max(severities, key=SEVERITIES.index)
        self._by_opener: dict[int, Telling] = {}
        self._adrift: dict[int, Telling] = {}
        self._adopted: dict[int, Telling] = {}
        self._used: dict[str, int] = {}

    def settle(self, moved: Sequence[Evidence], known_at: int) -> list[Decision]:
        """Say what is to be said now that these anchors have moved."""
        if len(moved) == 1 and not self._adrift and self._is_no_news(moved[0]):
            return []
        openers: dict[int, Evidence] = {}
        shaken: list[Telling] = []
        for anchor in moved:
            opener = self._clusters.opener(anchor.id)
            if opener is not None:
                openers[opener.id] = opener
            if anchor.id in self._by_opener and (opener is None) != (anchor.id in self._adrift):
                shaken.append(self._by_opener[anchor.id])
                if opener is None:
                    self._adrift[anchor.id] = self._by_opener[anchor.id]
                else:
                    del self._adrift[anchor.id]
        decisions: list[Decision] = []
        if self._adrift or shaken:
            lost = self._adopt()
            decisions += [
                self._correction(telling, known_at)
                for telling in lost
                if not telling.suppressed and not is_history(telling.at, known_at)
            ]
            for telling in shaken + lost:
                for opener in self._clusters.opened_around(telling.at):
                    openers[opener.id] = opener
        for opener in sorted(openers.values(), key=lambda opener: opener.key):
            if not self._all_is_said(opener):
                decisions += self._settle_episode(opener, known_at)
        return decisions

    def restore(self, decisions: Iterable[Decision]) -> None:
        """Take up what was said before a restart, with the clusters already in place.

        What was told under a rule on trial was told nobody: it does not bind a rule gone live. A
        telling whose support the rule, as it reads now, no longer sees is over; it is not
        corrected, for the reports were never withdrawn.
        """
        live = self._rule.status == "live"
        for decision in decisions:
            self._used[decision.episode] = decision.at
            if decision.live != live:
                continue
            if decision.kind == "correct":
                self._by_opener.pop(_opener_in(decision.episode), None)
            else:
                self._remember(decision)
        for opener, telling in self._by_opener.items():
            if self._clusters.opener(opener) is None:
                self._adrift[opener] = telling
        self._adopt()

    def expire(self, before: int) -> None:
        """Drop what was said of that time."""
        for opener, telling in list(self._by_opener.items()):
            if telling.at < before:
                del self._by_opener[opener]
                self._adrift.pop(opener, None)
        self._used = {episode: at for episode, at in self._used.items() if at >= before}

    def _adopt(self) -> list[Telling]:
        """Match tellings whose opener is met no more with episodes of which nothing was said.

        Returns those for which there is none: they are over.
        """
        self._adopted = {}
        lost = []
        for opener, telling in sorted(self._adrift.items(), key=lambda item: item[1].age):
            best = self._heir(telling)
            if best is None:
                lost.append(telling)
                del self._adrift[opener], self._by_opener[opener]
            else:
                self._adopted[best] = telling
        return lost

    def _heir(self, telling: Telling) -> int | None:
        """Return the opener of the untold episode that shares most of what was told."""
        shared: Counter[tuple[int, int]] = Counter()
        for report in self._left(telling):
            seeing = (self._clusters.opener(a.id) for a in self._clusters.seen_from(report))
            shared.update(
                {
                    opener.key
                    for opener in seeing
                    if opener
                    and abs(opener.at - telling.at) < self._clusters.quiet
                    and not self._tellings(opener.id)
                }
            )
        return min(shared, key=lambda key: (-shared[key], key))[1] if shared else None

    def _is_no_news(self, anchor: Evidence) -> bool:
        """Whether one more anchor of an episode changes nothing of what was raised for it."""
        opener = self._clusters.opener(anchor.id)
        telling = self._by_opener.get(opener.id) if opener is not None else None
        if telling is None or telling.suppressed or self._rule.alert.again is not None:
            return False
        found = SEVERITIES.index(self._clusters.severity(anchor))
        return found <= SEVERITIES.index(telling.severity)

    def _all_is_said(self, opener: Evidence) -> bool:
        """Whether an episode was raised at its gravest, so that more of it is no news."""
        telling = self._by_opener.get(opener.id)
        return (
            telling is not None
            and not telling.suppressed
            and telling.severity == self._top
            and self._rule.alert.again is None
        )

    def _settle_episode(self, opener: Evidence, known_at: int) -> list[Decision]:
        tellings = self._tellings(opener.id) or self._quieting(opener)
        said = [telling for telling in tellings if not telling.suppressed]
        if said:
            return self._escalated(opener, said, known_at) or self._repeated(opener, said, known_at)
        suppressed = self._clusters.suppressed_by(opener.id) is not None
        if is_history(opener.at, known_at) or (suppressed and tellings):
            return []
        episode = tellings[0].episode if tellings else self._name(opener)
        kind: Literal["raise", "suppress"] = "suppress" if suppressed else "raise"
        decision = decide(self._clusters, kind, episode, opener, opener, known_at)
        telling = self._remember(decision)
        further = [] if suppressed else self._escalated(opener, [telling], known_at)
        return [decision, *further]

    def _escalated(self, opener: Evidence, said: list[Telling], known_at: int) -> list[Decision]:
        """Say that the episode has become graver than was ever said of it."""
        found = SEVERITIES.index(self._clusters.gravest(opener.id))
        if any(SEVERITIES.index(telling.severity) >= found for telling in said):
            return []
        peak = self._clusters.peak(opener.id)
        if is_history(peak.at, known_at):
            return []
        decision = decide(self._clusters, "escalate", said[0].episode, opener, peak, known_at)
        self._remember(decision)
        return [decision]

    def _repeated(self, opener: Evidence, said: list[Telling], known_at: int) -> list[Decision]:
        """Say again what still goes on, once nothing was told of it for as long as is asked."""
        if self._rule.alert.again is None:
            return []
        latest = self._clusters.latest(opener.id)
        last = max(said, key=lambda telling: telling.told_at)
        due = last.told_at + last.wait * 3600
        if latest.at < due or is_history(latest.at, known_at):
            return []
        gravest = max((telling.severity for telling in said), key=SEVERITIES.index)
        decision = decide(self._clusters, "repeat", last.episode, opener, latest, known_at)
        decision = replace(decision, severity=gravest)
        self._remember(decision)
        return [decision]

    def _correction(self, telling: Telling, known_at: int) -> Decision:
        """Take back what was told: not enough of its evidence is left."""
        left = self._left(telling)
        return Decision(
            kind="correct",
            rule=self._rule.id,
            rule_hash=self._rule.hash,
            episode=telling.episode,
            type=telling.type,
            severity=telling.severity,
            evidence=tuple(sorted(telling.evidence)),
            areas=telling.areas,
            at=telling.at,
            late=is_late(telling.at, known_at),
            checks=(*self._clusters.sight.weigh(left), *verified(left)),
            suppressed_by=None,
            live=self._rule.status == "live",
        )

    def _remember(self, decision: Decision) -> Telling:
        """Keep what was said; all of it comes from decisions, so that a restart can repeat it."""
        self._used[decision.episode] = decision.at
        opener = _opener_in(decision.episode)
        telling = self._by_opener.get(opener)
        if telling is None:
            at = decision.at
            telling = self._by_opener[opener] = Telling(decision.episode, at, at)
        if decision.kind in ("raise", "suppress"):
            telling.at = decision.at
            telling.suppressed = decision.kind == "suppress"
        if again := self._rule.alert.again:
            repeated = min(telling.wait * again.factor, again.at_most)
            telling.wait = repeated if decision.kind == "repeat" else telling.wait or again.after
        telling.told_at = max(telling.told_at, decision.at)
        telling.type, telling.areas = decision.type, decision.areas
        telling.severity = decision.severity
        telling.evidence.update(decision.evidence)
        return telling

    def _left(self, telling: Telling) -> list[Evidence]:
        """Return what still counts of the evidence that was told."""
        return [self._counted[id_] for id_ in telling.evidence if id_ in self._counted]

    def _tellings(self, opener: int) -> list[Telling]:
        """Return what was said of the episode, earliest first."""
        if opener in self._adopted:
            return [self._adopted[opener]]
        told = self._by_opener
        found = [told[id_] for id_ in self._clusters.anchors(opener) if id_ in told]
        return sorted(found, key=lambda telling: telling.age) if len(found) > 1 else found

    def _quieting(self, opener: Evidence) -> list[Telling]:
        """Return what was said of near episodes less than `quiet_for` before this one opened."""
        near = (self._clusters.opener(anchor.id) for anchor in self._clusters.met_before(opener))
        found = {
            telling.episode: telling
            for other in {other.id for other in near if other}
            for telling in self._tellings(other)
            if 0 <= opener.at - telling.at < self._clusters.quiet
        }
        return sorted(found.values(), key=lambda telling: telling.age)

    def _name(self, opener: Evidence) -> str:
        """Return a name for a new alert; after a correction an opener may raise another."""
        name = f"{self._rule.id}:{opener.id}"
        if name not in self._used:
            return name
        names = (f"{name}:{nth}" for nth in count(2))
        return next(name for name in names if name not in self._used)


def is_history(at: int, known_at: int) -> bool:
    """Whether what happened at `at` was known too late for anyone to be alerted to it."""
    return known_at - at > HISTORY_SECONDS


def _opener_in(episode: str) -> int:
    return int(episode.split(":")[1])
