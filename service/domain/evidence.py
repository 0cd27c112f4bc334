"""What the engine is told, and what it answers."""

from dataclasses import dataclass
from typing import Literal, get_args

from service.domain.codebook import Severity
from service.domain.geo import Point

Key = tuple[int, int]

DecisionKind = Literal["raise", "escalate", "repeat", "correct", "suppress"]
DECISION_KINDS: tuple[DecisionKind, ...] = get_args(DecisionKind)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What rules may know of one report: never who, nor in what words.

    `reporter` is an opaque number that tells people apart. `at` is when it happened and `known_at`
    when it was received, in epoch seconds, UTC. `area` is the pcode of the finest area that is
    known to hold the place. `verified` is false where a PIN was asked for and did not prove that it
    comes from who it says: a number can be forged.
    """

    id: int
    type: str
    place: str
    area: str
    point: Point
    reporter: int
    at: int
    known_at: int
    killed: int = 0
    injured: int = 0
    verified: bool = True

    @property
    def key(self) -> Key:
        """The one order in which evidence is judged, whatever the order in which it arrives."""
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class Check:
    """One predicate of a rule: what was found against what was asked.

    `name` is one of reports, distinct_reporters, killed, injured; distance_km (of the report that
    is farthest), area or place; span_hours; weekday, market_day; of what is unusual, usual (how
    many reports are) and chance (of so many or more); season (open or closed), inhibited_by and
    silenced; verified (how many reports are, where some are not). Where a condition is made of
    several, a part's own number or name comes first: `2.reports`, `first.reports`.
    """

    name: str
    value: float | str | None
    threshold: float | str | None
    met: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule concluded, with its reasons.

    `episode` names the alert for good: every later decision about it carries the same name.
    `evidence` and `areas` are those of the window that led to the decision, `type` is the most
    counted one among them and `at` the time of the report that completes it. `late` says that this
    was known more than six hours after `at`. `live` is false for a rule on trial, which tells
    nobody; `drill` says that it was all said in an exercise.
    """

    kind: DecisionKind
    rule: str
    rule_hash: str
    episode: str
    type: str
    severity: Severity
    evidence: tuple[int, ...]
    areas: tuple[str, ...]
    at: int
    late: bool
    checks: tuple[Check, ...]
    suppressed_by: str | None
    live: bool
    drill: bool = False
