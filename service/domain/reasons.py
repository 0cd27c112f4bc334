"""Decisions that explain themselves: each predicate of the rule, as value against threshold."""

from collections import Counter
from typing import Literal

from service.domain.clusters import Clusters, Window
from service.domain.evidence import Check, Decision, Evidence

LATE_SECONDS = 6 * 3600


def decide(
    clusters: Clusters,
    kind: Literal["raise", "escalate", "suppress"],
    episode: str,
    opener: Evidence,
    anchor: Evidence,
    known_at: int,
) -> Decision:
    """Return a decision about the episode of `opener`, as it is seen from its anchor `anchor`."""
    window = clusters.window(anchor)
    suppressor = clusters.suppressor(opener.id)
    suppressed_by = f"{clusters.rule.alert.inhibited_by}:{suppressor.id}" if suppressor else None
    return Decision(
        kind=kind,
        rule=clusters.rule.id,
        rule_hash=clusters.rule.hash,
        episode=episode,
        type=_dominant_type(clusters, window),
        severity=clusters.severity(anchor),
        evidence=tuple(evidence.id for evidence in window.evidence),
        areas=tuple(sorted({evidence.area for evidence in window.evidence})),
        at=anchor.at,
        late=is_late(anchor.at, known_at),
        checks=_checks(clusters, window, suppressed_by),
        suppressed_by=suppressed_by,
        live=clusters.rule.status == "live",
    )


def is_late(at: int, known_at: int) -> bool:
    """Whether what happened at `at` was known only so late that responders must be told so."""
    return known_at - at > LATE_SECONDS


def enough(clusters: Clusters, left: list[Evidence]) -> tuple[Check, ...]:
    """Return what is left of an alert's evidence against what the rule asks."""
    when = clusters.rule.when
    reporters = len({evidence.reporter for evidence in left})
    return (
        Check("reports", len(left), when.at_least, len(left) >= when.at_least),
        Check(
            "distinct_reporters",
            reporters,
            when.distinct_reporters,
            reporters >= when.distinct_reporters,
        ),
    )


def _checks(clusters: Clusters, window: Window, suppressed_by: str | None) -> tuple[Check, ...]:
    rule, anchor = clusters.rule, window.anchor
    reports = len(window.evidence)
    reporters = len({evidence.reporter for evidence in window.evidence})
    hours = (anchor.at - window.evidence[0].at) / 3600
    asked, distinct = clusters.asked(anchor), rule.when.distinct_reporters
    checks = [
        Check("reports", reports, asked, asked is not None and reports >= asked),
        Check("distinct_reporters", reporters, distinct, reporters >= distinct),
        Check("distance_km", round(window.farthest_km, 1), rule.when.within.km, True),
        Check("span_hours", round(hours, 1), rule.when.within.hours, True),
    ]
    if rule.only_in is not None:
        is_open = clusters.in_season(anchor)
        state = "open" if is_open else "closed"
        checks.append(Check("season", state, rule.only_in, is_open or asked is not None))
    if clusters.inhibitor is not None:
        inhibitor = clusters.inhibitor.rule.id
        checks.append(Check("inhibited_by", suppressed_by, inhibitor, suppressed_by is None))
    return tuple(checks)


def _dominant_type(clusters: Clusters, window: Window) -> str:
    """Return the type most counted; of equals, the first that the rule names, or by name."""
    counts = Counter(evidence.type for evidence in window.evidence)
    order = clusters.types or sorted(counts)
    return max(order, key=lambda type_: counts[type_])
