"""What a file of rule tests says: the schema of `rules/tests/*.yaml`."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from service.domain.codebook import Severity
from service.domain.evidence import DecisionKind
from service.domain.rule import RuleId

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:00(?:[+-][0-9]{2}:00)?", re.ASCII)


def _moment(value: object) -> object:
    """Read a date and a whole hour; reports keep no finer time (deploy/decisions/0005)."""
    if not isinstance(value, str):
        return value
    if _MOMENT.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    raise PydanticCustomError("moment", "a time is a date and a whole hour: 2026-11-02 08:00")


def _how_placed(value: object) -> str | None:
    if isinstance(value, dict):
        return "measured" if "north_of" in value or "km" in value else "located"
    return "named"


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "pattern": f"^{_MOMENT.pattern}$"}),
]
# A number, yes or no, or a word, as it is written: what a check found or asked for.
Figure = Annotated[
    str, WithJsonSchema({"anyOf": [{"type": kind} for kind in ("string", "number", "boolean")]})
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Located(_Part):
    """A point on the map, in decimal degrees."""

    lat: float = Field(ge=-90, le=90, description="Degrees north")
    lon: float = Field(ge=-180, le=180, description="Degrees east")
    area: str = Field(description="The pcode of the area that holds it")


class Measured(_Part):
    """A point so many kilometres due north of a place, and in its area."""

    km: float = Field(gt=0, le=1000, description="Kilometres; exactly so many, never more")
    north_of: str = Field(description="A place, by name or code")


Where = Annotated[
    Annotated[str, Tag("named")]
    | Annotated[Located, Tag("located")]
    | Annotated[Measured, Tag("measured")],
    Discriminator(_how_placed),
]


class Given(_Part):
    """One report."""

    at: Moment = Field(description="When it happened: 2026-11-02 08:00")
    received: Moment | None = Field(
        default=None, description="When the report came, if that was later"
    )
    type: str = Field(description="A type id of the codebook")
    place: Where = Field(
        description="A place by name, with its cercle if need be, or by code; or a point"
    )
    reporter: str = Field(min_length=1, max_length=40, description="Any word for who reported it")
    killed: int = Field(default=0, ge=0, description="How many were killed")
    injured: int = Field(default=0, ge=0, description="How many were injured")
    retracted: Moment | None = Field(
        default=None, description="When the report was taken back, or refuted"
    )


class Expected(_Part):
    """One decision that must be made. What is left out is not looked at."""

    rule: RuleId = Field(description="The rule that decides")
    kind: DecisionKind = Field(
        default="raise", description="raise, escalate, repeat, correct or suppress"
    )
    knowable_at: Moment = Field(description="The first moment at which it could be decided")
    severity: Severity | None = Field(default=None, description="How grave it is")
    areas: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The areas that it counts in: pcodes or places"
    )
    reports: int | None = Field(default=None, ge=0, description="How many reports it counts")
    late: bool | None = Field(default=None, description="Whether it says that it comes late")
    by: str | None = Field(default=None, description="The rule or silence that suppresses it")


Expectation = Annotated[
    Annotated[tuple[Expected, ...], Field(min_length=1), Tag("list")]
    | Annotated[Literal["none"], Tag("none")],
    Discriminator(lambda value: "none" if isinstance(value, str) else "list"),
]


class Almost(_Part):
    """A near miss: the one check of a rule that was not met."""

    rule: RuleId = Field(description="The rule that almost fired")
    check: str = Field(description="What it missed by, as `vigie explain` calls it: reports")
    value: Figure = Field(description="What was found")
    threshold: Figure = Field(description="What the rule asks for")


class Case(_Part):
    """One test: a story of reports, and everything that the rules make of it."""

    name: str = Field(min_length=1, max_length=200, description="What the test shows")
    timezone: str | None = Field(
        default=None, description="The time zone of its hours and days, if not that of areas.yaml"
    )
    reports: tuple[Given, ...] = Field(
        min_length=1, max_length=1000, description="What is reported"
    )
    expect: Expectation = Field(description="Every decision of the rules under test, or none")
    near_misses: tuple[Almost, ...] = Field(
        default=(), description="What almost fired, and why not"
    )


class RuleTests(_Part):
    """One file of tests."""

    rules: tuple[RuleId, ...] | None = Field(
        default=None,
        min_length=1,
        description="The rules under test; what others decide is not looked at. All if left out",
    )
    tests: tuple[Case, ...] = Field(min_length=1, description="The tests")
