"""Decisions that explain themselves: each predicate of the rule, as value against threshold."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from service.domain.clusters import Clusters
from service.domain.evidence import Check, Decision, Evidence
from service.domain.rule import Rule, Types, Unusual
from service.domain.sight import View, at_least

LATE_SECONDS = 6 * 3600


def decide(
    clusters: Clusters,
    kind: Literal["raise", "escalate", "repeat", "suppress"],
    episode: str,
    opener: Evidence,
    anchor: Evidence,
    known_at: int,
) -> Decision:
    """Return a decision about the episode of `opener`, as it is seen from its anchor `anchor`."""
    view = clusters.view(anchor)
    suppressed_by = clusters.suppressed_by(opener.id)
    return Decision(
        kind=kind,
        rule=clusters.rule.id,
        rule_hash=clusters.rule.hash,
        episode=episode,
        type=_dominant_type(clusters.rule, view),
        severity=clusters.severity(anchor),
        evidence=tuple(evidence.id for evidence in view.evidence),
        areas=tuple(sorted({evidence.area for evidence in view.evidence})),
        at=anchor.at,
        late=is_late(anchor.at, known_at),
        checks=_checks(clusters, anchor, view, suppressed_by),
        suppressed_by=suppressed_by,
        live=clusters.rule.status == "live",
    )


def is_late(at: int, known_at: int) -> bool:
    """Whether what happened at `at` was known only so late that responders must be told so."""
    return known_at - at > LATE_SECONDS


def _checks(
    clusters: Clusters, anchor: Evidence, view: View, suppressed_by: str | None
) -> tuple[Check, ...]:
    rule = clusters.rule
    checks = list(view.checks)
    if rule.only_in is not None:
        is_open = clusters.in_season(anchor)
        checks.append(Check("season", "open" if is_open else "closed", rule.only_in, True))
        if not is_open and rule.outside is not None:
            checks[0] = at_least("reports", len(view.evidence), rule.outside.at_least)
    checks += verified(view.evidence)
    silenced = suppressed_by is not None and suppressed_by.startswith("silence:")
    if clusters.inhibitor is not None:
        by = None if silenced else suppressed_by
        checks.append(Check("inhibited_by", by, clusters.inhibitor.rule.id, by is None))
    if silenced:
        checks.append(Check("silenced", suppressed_by, None, False))
    return tuple(checks)


def verified(evidence: Sequence[Evidence]) -> Iterable[Check]:
    """Yield how many reports are verified, where some are not: every rule asks for one."""
    number = sum(report.verified for report in evidence)
    if number < len(evidence):
        yield at_least("verified", number, 1)


def _dominant_type(rule: Rule, view: View) -> str:
    """Return the type most counted; of equals, the first that the rule names, or by name."""
    types = [evidence.type for evidence in view.evidence]
    if len(set(types)) == 1:
        return types[0]
    counts = Counter(types)
    named = [type_ for types in _named(rule) if types != "any" for type_ in types]
    order = [type_ for type_ in named if type_ in counts] or sorted(counts)
    return max(order, key=lambda type_: counts[type_])


def _named(rule: Rule) -> Iterable[Types]:
    if isinstance(rule.when, Unusual):
        return (rule.when.types,)
    return (count.types for count in rule.counts())
