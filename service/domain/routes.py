"""Who hears of an alert first, and who next: the schema of `rules/escalation.yaml`.

A route is a list of steps. It narrows and orders those who may be told at all (see `escalation`),
and never adds anybody to them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from service.domain.codebook import SEVERITIES, Severity
from service.domain.condition import (
    Contradictions,
    Hours,
    Part,
    Types,
    contradiction,
    every_contradiction,
)
from service.domain.hours import Digest, Stretch
from service.domain.responses import Kind
from service.domain.rule import RuleId, Why
from service.domain.seasons import Day

Serving = Literal["local", "wider", "any"]

COORDINATOR = "coordinator"
"""The function of those who hear of what nobody answered; they hear where a step names them."""

_FUNCTION = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_WAIT = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def _function(value: str) -> str:
    if not _FUNCTION.fullmatch(value) or len(value) > 24:
        why = "a function is named in small letters, as health_worker, in 24 at most"
        raise PydanticCustomError("function_name", why)
    return value


def _wait(value: object) -> object:
    """Read `20m`, `2h` or `1d` as minutes; a number that is already in minutes passes."""
    if not isinstance(value, str):
        return value
    match = _WAIT.fullmatch(value)
    if match is None:
        raise PydanticCustomError("wait", "a wait is written 20m, 2h or 1d")
    return int(match[1]) * _MINUTES[match[2]]


Function = Annotated[str, AfterValidator(_function)]
Wait = Annotated[
    int,
    BeforeValidator(_wait),
    Field(ge=1, le=7 * 24 * 60),
    WithJsonSchema({"type": "string", "pattern": f"^{_WAIT.pattern}$"}),
]
Titles = dict[Literal["fr", "en"], Annotated[str, Field(min_length=1, max_length=60)]]


class Rota(Part):
    """Who is on duty in a stretch of hours: the functions take turns, one a day."""

    hours: str = Field(description="The name of the hours in which somebody is on duty")
    since: Day = Field(description="The day on which the first turn begins: 2026-11-23")
    turns: Annotated[
        tuple[Annotated[tuple[Function, ...], Field(min_length=1, max_length=20)], ...],
        Field(min_length=1, max_length=60),
    ] = Field(description="The functions on duty, day after day, then from the beginning")


class Quiet(Part):
    """When phones are not to ring for what can wait."""

    hours: str = Field(description="The name of the hours in which nobody is told")
    up_to: Literal["minor", "moderate", "severe"] = Field(
        description="The gravest severity that waits; extreme never does"
    )


class Unreachable(Part):
    """When a phone is taken not to work."""

    failures: int = Field(default=3, ge=2, le=20, description="So many texts in a row failed")
    within: Hours = Field(
        default=7 * 24,
        description="Texts that are older say nothing of the phone: 7d",
        json_schema_extra={"default": "7d"},
    )


class Until(Part):
    """How many people must have answered what, for nobody further to be told; one is enough.

    Who is on the way has acknowledged, and who is done was on the way.
    """

    acknowledge: int | None = Field(
        default=None, ge=1, le=20, description="So many people acknowledged (OK)"
    )
    on_the_way: int | None = Field(
        default=None, ge=1, le=20, description="So many people are on the way (VA)"
    )
    done: int | None = Field(default=None, ge=1, le=20, description="So many people are done (FIN)")

    def contradictions(self) -> Contradictions:
        if self == Until():
            why = "`until` must say what ends it: acknowledge, on_the_way or done"
            yield (), contradiction("endless", why)

    def is_met(self, answers: Iterable[Kind]) -> bool:
        """Whether these are enough, one of each person: their latest."""
        given = list(answers)
        counts = (
            (self.acknowledge, ("acknowledge", "on_the_way", "done")),
            (self.on_the_way, ("on_the_way", "done")),
            (self.done, ("done",)),
        )
        return any(
            asked is not None and sum(each in enough for each in given) >= asked
            for asked, enough in counts
        )


class Step(Part):
    """Who is told, and how long is waited for their answers before the next step.

    Who is to be told meets all that is written. Coordinators are told where `functions` names them.
    """

    serving: Serving | None = Field(
        default=None,
        description="local: who serve the area that the alert names, or one in it; wider: who "
        "serve an area that holds it; any: all of these",
    )
    functions: Annotated[tuple[Function, ...], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="Who have one of these functions"
    )
    rota: str | None = Field(
        default=None, description="Whose turn it is in that rota at that moment"
    )
    wait: Wait | None = Field(
        default=None, description="How long until the next step, if nobody answers: 20m, 2h, 1d"
    )

    def contradictions(self) -> Contradictions:
        if not (self.serving or self.functions or self.rota):
            why = "a step must say whom it tells: serving, functions or rota"
            yield (), contradiction("tells_nobody", why)
        if self.functions and self.rota:
            why = "a rota says the functions itself: keep one of the two"
            yield ("functions",), contradiction("two_functions", why)

    @property
    def ends_at_coordinators(self) -> bool:
        named = self.functions is not None and COORDINATOR in self.functions
        return named and self.serving in (None, "any") and self.wait is None


class Route(Part):
    """For which alerts, whom to tell in which order, and when to stop."""

    id: RuleId = Field(description="A short name of its own: small letters, digits and hyphens")
    why: Why | None = Field(default=None, description="Why it is so, in one text or by language")
    areas: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Pcodes: alerts that name one of these areas, or one in it"
    )
    types: Types = Field(
        default="any", description="Type ids of the codebook, a list of lists.yaml, or `any`"
    )
    severities: Annotated[tuple[Severity, ...], Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="Alerts that are so grave"
    )
    hours: str | None = Field(
        default=None, description="The name of the hours in which the alert leaves"
    )
    until: Until = Field(
        default=Until(acknowledge=1), description="Which answers end it: nobody further is told"
    )
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=12)] = Field(
        description="Whom to tell, one step after the other; the last tells the coordinators"
    )

    @property
    def is_for_all(self) -> bool:
        return self.types == "any" and not (self.areas or self.severities or self.hours)

    def contradictions(self) -> Contradictions:
        for number, step in enumerate(self.steps[:-1]):
            if step.wait is None:
                why = "only the last step has no `wait`: say how long until the next"
                yield ("steps", number), contradiction("no_wait", why)
        if not self.steps[-1].ends_at_coordinators:
            why = "the last step tells the coordinators, wherever they serve, and waits for nothing"
            yield ("steps", len(self.steps) - 1), contradiction("no_coordinator", why)


class EscalationPolicy(Part):
    """Which way alerts go from one responder to the next."""

    functions: Annotated[dict[Function, Titles], Field(min_length=1, max_length=40)] = Field(
        description="What a responder may be: the id and its name by language; one is coordinator"
    )
    hours: Annotated[dict[RuleId, Stretch], Field(max_length=40)] = Field(
        default={}, description="Parts of the day, by a name"
    )
    rotas: Annotated[dict[RuleId, Rota], Field(max_length=40)] = Field(
        default={}, description="Who is on duty then, in turns, by a name"
    )
    quiet: Quiet | None = Field(
        default=None, description="When phones are not to ring for what can wait"
    )
    digest: Digest | None = Field(
        default=None, description="When what is least grave is told, all of it in one text"
    )
    unreachable: Unreachable = Field(
        default=Unreachable(), description="When a phone is taken not to work, and is passed over"
    )
    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=100)] = Field(
        description="The first that fits an alert is the one it goes; the last fits all"
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Raise every contradiction, each at the path of the field to change."""
        held = (
            every_contradiction(part, (name, key))
            for name in ("hours", "rotas")
            for key, part in getattr(self, name).items()
        )
        found = [
            InitErrorDetails(type=error, loc=path, input=None)
            for path, error in chain(every_contradiction(self), *held)
        ]
        if found:
            raise ValidationError.from_exception_data("EscalationPolicy", found)
        return self

    def contradictions(self) -> Contradictions:
        if COORDINATOR not in self.functions:
            why = "one function must be `coordinator`: who hears of what nobody answered"
            yield ("functions",), contradiction("no_coordinators", why)
        quiet = self.hours.get(self.quiet.hours) if self.quiet else None
        for nth in self.digest.within(quiet) if self.digest and quiet else ():
            why = "a digest in the quiet hours never leaves: they hold back what it tells"
            yield ("digest", "at", nth), contradiction("quiet_digest", why)
        for number, route in enumerate(self.routes):
            is_last = number == len(self.routes) - 1
            if route.is_for_all and not is_last:
                why = "this route fits every alert, so none comes to those below it"
                yield ("routes", number, "id"), contradiction("route_hides", why)
            elif is_last and not route.is_for_all:
                why = "the last route must fit every alert: no areas, types, severities or hours"
                yield ("routes", number, "id"), contradiction("route_misses", why)

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str, Mapping[str, Any]]]:
        """Yield path, name and what must have it, of everything that is called by a name here."""
        if self.quiet:
            yield ("quiet", "hours"), self.quiet.hours, self.hours
        for name, rota in self.rotas.items():
            yield ("rotas", name, "hours"), rota.hours, self.hours
            for turn, functions in enumerate(rota.turns):
                for each, function in enumerate(functions):
                    yield ("rotas", name, "turns", turn, each), function, self.functions
        for number, route in enumerate(self.routes):
            at = ("routes", number)
            if route.hours:
                yield (*at, "hours"), route.hours, self.hours
            for nth, step in enumerate(route.steps):
                if step.rota:
                    yield (*at, "steps", nth, "rota"), step.rota, self.rotas
                for each, function in enumerate(step.functions or ()):
                    yield (*at, "steps", nth, "functions", each), function, self.functions

    def quiet_for(self, severity: Severity) -> Stretch | None:
        """Return the hours in which nobody is told of what is so grave."""
        if self.quiet is None or severity == "extreme":
            return None
        waits = SEVERITIES.index(severity) <= SEVERITIES.index(self.quiet.up_to)
        return self.hours[self.quiet.hours] if waits else None

    def digest_for(self, severity: Severity) -> Digest | None:
        """Return the digest that what is so grave waits for."""
        waits = self.digest is not None and severity in self.digest.severities
        return self.digest if waits else None

    def duty(self, rota: str) -> "Duty":
        """Return a rota with the hours that it names."""
        found = self.rotas[rota]
        return Duty(hours=self.hours[found.hours], since=found.since, turns=found.turns)


class Duty(Part):
    """A rota with its hours: all that it takes to say whose turn it is."""

    hours: Stretch
    since: Day
    turns: tuple[tuple[str, ...], ...]

    def on(self, at: datetime) -> tuple[str, ...]:
        """Return the functions on duty at `at`: a night is the turn of the day it began on."""
        day = self.hours.began(at)
        if day is None:
            return ()
        return self.turns[(day - self.since).days % len(self.turns)]
