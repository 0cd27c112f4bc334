"""Which rules are tested, and how well."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.domain.condition import Unusual
from service.domain.rule import Rule
from service.rule_tests.run import Outcome


@dataclass(slots=True)
class Coverage:
    """The names of the tests in which one rule fires, stays quiet, and almost fires.

    A rule is quiet in a test that has reports of its types and in which it raises nothing; it
    almost fires where a test says by what it missed. Tests that fail cover nothing.
    """

    rule: str
    can_almost_fire: bool = True
    fires: list[str] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    almost: list[str] = field(default_factory=list)

    @property
    def missing(self) -> tuple[str, ...]:
        """What no test shows yet."""
        kinds = ("fires", "quiet", "almost") if self.can_almost_fire else ("fires", "quiet")
        return tuple(kind for kind in kinds if not getattr(self, kind))


def coverage(rules: Iterable[Rule], outcomes: Iterable[Outcome]) -> list[Coverage]:
    """Return the coverage of every rule that is on trial or live, in the order of the rules."""
    judged = [rule for rule in rules if rule.status in ("trial", "live")]
    covered = {rule.id: Coverage(rule.id, _can_almost_fire(rule)) for rule in judged}
    for outcome in outcomes:
        if outcome.failures:
            continue
        story = outcome.story
        types = {report.type for report in story.learnt}
        fired = {made.decision.rule for made in outcome.made if made.decision.kind == "raise"}
        for rule in judged:
            if rule.id not in story.rules:
                continue
            if rule.id in fired:
                covered[rule.id].fires.append(story.name)
            elif _counts_any(rule, types):
                covered[rule.id].quiet.append(story.name)
        for id_ in {almost.rule for _, almost in story.near_misses} & covered.keys():
            covered[id_].almost.append(story.name)
    return list(covered.values())


def _counts_any(rule: Rule, types: set[str]) -> bool:
    parts = (rule.when,) if isinstance(rule.when, Unusual) else rule.counts()
    return any(part.types == "any" or not types.isdisjoint(part.types) for part in parts)


def _can_almost_fire(rule: Rule) -> bool:
    """Whether anything can nearly meet the rule: one report that alerts alone meets it or not."""
    if isinstance(rule.when, Unusual):
        return False
    return rule.only_in is not None or any(count.at_least > 1 for count in rule.counts())
