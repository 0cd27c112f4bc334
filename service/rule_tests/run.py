"""Run a test: tell its story to an engine as the service would, and compare what it decides."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from service.content import Content
from service.domain.engine import Engine
from service.domain.evidence import Decision
from service.domain.near import NearMiss, near_misses
from service.domain.rule import Rule
from service.judging import engine_of
from service.rule_tests.load import Spot, Story, Wanted
from service.rule_tests.model import Almost


@dataclass(frozen=True, slots=True)
class Made:
    """A decision, and when it was made; epoch seconds."""

    decision: Decision
    known_at: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the rules did not do what a test expects.

    `missing`: `wanted` was not decided; `made` is a decision of that rule and kind that was not
    expected, and `near` the rule's nearest miss, where there are such. `unexpected`: `made` was
    decided. `not_near`: `almost` was no near miss; `near` is the nearest that was.
    """

    kind: Literal["missing", "unexpected", "not_near"]
    where: Spot
    wanted: Wanted | None = None
    made: Made | None = None
    almost: Almost | None = None
    near: NearMiss | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test; it passed if there are no failures."""

    story: Story
    failures: tuple[Failure, ...]
    made: tuple[Made, ...]


def run(story: Story, content: Content) -> Outcome:
    """Tell one story to an engine of its own, and hold what it decides against what is expected.

    A draft is judged as if it were on trial: rules are tested before they are tried.
    """
    rules = {rule.id: _judged(rule) for rule in content.rules}
    engine = engine_of(content, rules.values(), story.zone)
    made = tuple(each for each in _told(story, engine) if each.decision.rule in story.rules)
    gone = {id_ for _, id_ in story.taken_back}
    left = [report for report in story.learnt if report.id not in gone]

    @cache
    def near(rule: str) -> list[NearMiss]:
        return near_misses(
            rules[rule], left, lambda loosened: engine_of(content, (loosened,), story.zone)
        )

    return Outcome(story, tuple(_failures(story, made, near)), made)


def _judged(rule: Rule) -> Rule:
    return rule.model_copy(update={"status": "trial"}) if rule.status == "draft" else rule


def _told(story: Story, engine: Engine) -> Iterator[Made]:
    """What is decided, as reports come and are taken back; of one moment, in the file's order."""
    learnt = [(report.known_at, 0, report.id, report) for report in story.learnt]
    taken_back = [(moment, 1, id_, None) for moment, id_ in story.taken_back]
    for now, _, id_, report in sorted((*learnt, *taken_back), key=lambda event: event[:3]):
        engine.expire(now)
        decisions = engine.learn(report) if report else engine.forget(id_, now)
        yield from (Made(decision, now) for decision in decisions)


def _failures(
    story: Story, made: Iterable[Made], near: Callable[[str], list[NearMiss]]
) -> Iterator[Failure]:
    left, missing = list(made), []
    for wanted in story.wanted:
        found = next((each for each in left if _is(each, wanted)), None)
        if found is None:
            missing.append(wanted)
        else:
            left.remove(found)
    for wanted in missing:
        instead = next((each for each in left if _like(each, wanted)), None)
        if instead is not None:
            left.remove(instead)
        nearest = next(iter(near(wanted.expected.rule)), None)
        yield Failure("missing", wanted.where, wanted=wanted, made=instead, near=nearest)
    for each in left:
        yield Failure("unexpected", story.where, made=each)
    for where, almost in story.near_misses:
        if not any(_missed_so(miss, almost) for miss in near(almost.rule)):
            nearest = next(iter(near(almost.rule)), None)
            yield Failure("not_near", where, almost=almost, near=nearest)


def _is(made: Made, wanted: Wanted) -> bool:
    """Whether this is the decision that is wanted: all that was written of it holds."""
    decision, expected = made.decision, wanted.expected
    by = (decision.suppressed_by or "").rpartition(":")[0] or None
    return (
        _like(made, wanted)
        and made.known_at == wanted.knowable_at
        and expected.severity in (None, decision.severity)
        and wanted.areas in (None, frozenset(decision.areas))
        and expected.reports in (None, len(decision.evidence))
        and expected.late in (None, decision.late)
        and expected.by in (None, by, decision.suppressed_by)
    )


def _like(made: Made, wanted: Wanted) -> bool:
    expected = wanted.expected
    return (made.decision.rule, made.decision.kind) == (expected.rule, expected.kind)


def _missed_so(miss: NearMiss, almost: Almost) -> bool:
    return any(
        check.name == almost.check
        and _same(almost.value, check.value)
        and _same(almost.threshold, check.threshold)
        for check in miss.missed
    )


def _same(written: str, found: float | str | None) -> bool:
    """Whether a figure was written so; `25` is 25.0."""
    if isinstance(found, str) or found is None:
        return written == (found or "none")
    try:
        return float(written) == found
    except ValueError:
        return False
