"""Who is told of an alert, in which order, and when: pure decisions.

Two questions are kept apart. Who may be told at all follows from the named area and from what each
is cleared for (`told`, `is_told`). A route (see `routes`) only narrows and orders them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from service.domain.areas import COUNTRY, AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import Severity
from service.domain.condition import Part
from service.domain.hours import Digest, Stretch
from service.domain.responses import Kind
from service.domain.routes import COORDINATOR, Duty, EscalationPolicy, Route, Step, Until

Absence = Literal["paused", "unreachable"]
StageState = Literal["told", "nobody", "stopped"]


def told(tree: AreaTree, named: str, concerned: str) -> str:
    """The area whose branch of the tree is told: who holds it, is in it, or is it.

    `named` is the area that the alert names, `concerned` the finest one that holds what happened.
    Only the named area decides, since who is told says as much as the text does. Where the alert
    may name nothing finer than the country, the région decides: else a village's first alerts
    would go to the whole country, and nobody would act on any.
    """
    if named != COUNTRY or concerned == COUNTRY:
        return named
    return tree.path(concerned)[-2]


def is_told(
    tree: AreaTree,
    area: str,
    responder: str,
    clearance: Clearance,
    type_: str,
    severity: Severity | None,
) -> bool:
    """Whether a responder who serves `responder` is told of what is told in `area`.

    `severity` is None for a text that names none: a correction goes to whoever was told, however
    grave the alert has become since, as long as they are cleared for its area and type.
    """
    if responder not in tree or not tree.on_same_branch(area, responder):
        return False
    if severity is None:
        return clearance.covers_type(type_)
    return clearance.covers(type_, severity)


class Facts(NamedTuple):
    """What of an alert decides who hears of it; `area` is the one whose branch is told."""

    area: str
    type: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Responder:
    """Somebody who can act: where, as what, cleared for what, and why they cannot be told now."""

    id: int
    area: str
    function: str | None
    clearance: Clearance
    absent: Absence | None = None


class Stage(Part):
    """A step of a route with all that it takes to carry it out, whatever the policy says later."""

    route: str
    step: Step
    until: Until
    duty: Duty | None = None
    quiet: Stretch | None = None
    digest: Digest | None = None

    def begins(self, due_at: datetime, now: datetime) -> datetime:
        """Return when it is carried out: with the next digest, after quiet hours, or `now`.

        A digest that should have come already comes now. Without one outside of quiet hours there
        is none.
        """
        at = now
        if self.digest is not None:
            coming = self.digest.coming(min(due_at, now))
            loud = (each for each in coming if not self.quiet or self.quiet.began(each) is None)
            at = max(now, next(loud, now))
        return self.quiet.ends(at) if self.quiet else at

    def stored(self) -> dict[str, Any]:
        """The stage as a row keeps it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class Due:
    """A stage that waits, and when its time comes."""

    nth: int
    due_at: datetime
    stage: Stage


class Outcome(NamedTuple):
    """What became of a stage: who was told, and who would have been but for their absence."""

    nth: int
    state: StageState
    told: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """How far an alert has come. `latest`: who was told by the last stage that told anybody."""

    waiting: tuple[Due, ...]
    told: frozenset[int] = frozenset()
    latest: frozenset[int] = frozenset()


def route_of(policy: EscalationPolicy, tree: AreaTree, facts: Facts, at: datetime) -> Route:
    """Return the first route that fits an alert which leaves at `at`."""
    return next(route for route in policy.routes if _fits(policy, tree, route, facts, at))


def _fits(
    policy: EscalationPolicy, tree: AreaTree, route: Route, facts: Facts, at: datetime
) -> bool:
    path = tree.path(facts.area)
    return (
        (route.areas is None or any(area in path for area in route.areas))
        and (route.types == "any" or facts.type in route.types)
        and (route.severities is None or facts.severity in route.severities)
        and (route.hours is None or policy.hours[route.hours].began(at) is not None)
    )


def plan(policy: EscalationPolicy, route: Route, facts: Facts, at: datetime) -> tuple[Due, ...]:
    """Return the stages of a route from `at` on, each due as if nobody answered."""
    stages = []
    quiet, digest = policy.quiet_for(facts.severity), policy.digest_for(facts.severity)
    for nth, step in enumerate(route.steps):
        duty = policy.duty(step.rota) if step.rota else None
        stage = Stage(
            route=route.id, step=step, until=route.until, duty=duty, quiet=quiet, digest=digest
        )
        stages.append(Due(nth, at, stage))
        at += timedelta(minutes=step.wait or 0)
    return tuple(stages)


def called(
    tree: AreaTree, facts: Facts, stage: Stage, responders: Sequence[Responder], at: datetime
) -> list[Responder]:
    """Return whom a stage tells at `at`, of those who may be told, absent or not."""
    step = stage.step
    functions = step.functions if stage.duty is None else stage.duty.on(at)
    return [
        each
        for each in responders
        if is_told(tree, facts.area, each.area, each.clearance, facts.type, facts.severity)
        and _serves(tree, facts.area, each.area, step)
        and (each.function != COORDINATOR if functions is None else each.function in functions)
    ]


def _serves(tree: AreaTree, named: str, area: str, step: Step) -> bool:
    is_local = named in tree.path(area)
    return {None: True, "any": True, "local": is_local, "wider": not is_local}[step.serving]


def advance(
    tree: AreaTree,
    facts: Facts,
    course: Course,
    answers: Mapping[int, Kind],
    responders: Sequence[Responder],
    now: datetime,
    *,
    is_over: bool = False,
) -> tuple[list[Outcome], Course]:
    """Carry out every stage whose time has come; what became of each, and what is left.

    A stage that tells nobody anew is passed at once, and so is the wait for people of whom none can
    act. Later stages are counted from when this one was carried out, so that whoever is told late
    has as long to answer. `answers` has each person's latest; `is_over` says that the alert stands
    no more.
    """
    outcomes: list[Outcome] = []
    while course.waiting:
        first, rest = course.waiting[0], course.waiting[1:]
        if is_over or first.stage.until.is_met(answers.values()):
            outcomes += (Outcome(each.nth, "stopped") for each in course.waiting)
            return outcomes, replace(course, waiting=())
        if first.due_at > now and not _in_vain(course.latest, answers, responders):
            break
        begins = first.stage.begins(first.due_at, now)
        if begins > now:
            return outcomes, replace(course, waiting=_from(begins, course.waiting))
        anew = [
            each
            for each in called(tree, facts, first.stage, responders, now)
            if each.id not in course.told
        ]
        here = frozenset(each.id for each in anew if each.absent is None)
        gone = tuple(each.id for each in anew if each.absent is not None)
        state: StageState = "told" if here else "nobody"
        outcomes.append(Outcome(first.nth, state, tuple(sorted(here)), gone))
        # Who tells nobody leaves its place in the digest to the next.
        after = min(first.due_at, now)
        if here:
            after = now + timedelta(minutes=first.stage.step.wait or 0)
        course = Course(_from(after, rest), course.told | here, here or course.latest)
    return outcomes, course


def _in_vain(
    latest: Collection[int], answers: Mapping[int, Kind], responders: Sequence[Responder]
) -> bool:
    """Whether none of those who were told last can act: they said so, left, or are absent."""
    there = {each.id for each in responders if each.absent is None}
    return bool(latest) and all(
        each not in there or answers.get(each) == "cannot" for each in latest
    )


def _from(at: datetime, waiting: tuple[Due, ...]) -> tuple[Due, ...]:
    """The same stages, as far apart as they were, the first of them due at `at`."""
    return tuple(replace(each, due_at=at + (each.due_at - waiting[0].due_at)) for each in waiting)


class Foreseen(NamedTuple):
    """When a stage comes, which it is, what becomes of it; `held_back`: by quiet hours.

    `digest`: the one that it is told in, by the clocks of its zone.
    """

    at: datetime
    stage: Stage
    outcome: Outcome
    held_back: bool
    digest: datetime | None


def foreseen(
    tree: AreaTree, facts: Facts, stages: tuple[Due, ...], responders: Sequence[Responder]
) -> Iterator[Foreseen]:
    """Yield what comes of each stage, in order, if nobody answers."""
    course, by_nth = Course(stages), {each.nth: each.stage for each in stages}
    held_back = False
    while course.waiting:
        now = course.waiting[0].due_at
        outcomes, course = advance(tree, facts, course, {}, responders, now)
        for number, outcome in enumerate(outcomes):
            stage = by_nth[outcome.nth]
            digest = stage.digest.gathering(now) if stage.digest else None
            held = held_back and number == 0 and digest is None
            yield Foreseen(now, stage, outcome, held, digest)
        held_back = not outcomes
