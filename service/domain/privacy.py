"""What a rule could give away about those who report, read from the rule alone.

An alert names no area with fewer than k focal points, but *that* it was raised tells what the
rule asks for. A rule that one person can meet, that looks at one village or commune at a time, or
that asks for the exact place, may point at a person all the same. Such a rule goes live only with
a waiver: somebody's decision, with a date and a reason, for the rule as it stood then.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.domain.condition import AllOf, AnyOf, Count, Path, Sequence, Unusual, When, counts
from service.domain.rule import Rule, RuleId, Why
from service.domain.seasons import Day

Exposure = Literal["one-person", "below-k", "exact-place"]

VILLAGE_KM = 2.0
"""Places nearer to each other than this are one village to whoever lives there."""


class Finding(NamedTuple):
    """What a rule could expose, by which of its fields, and what to write instead."""

    code: Exposure
    path: Path
    exposes: str
    instead: str


class Waiver(BaseModel):
    """A decision that a rule, as it stood on that day, may expose what it does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: RuleId = Field(description="The rule's id")
    hash: str = Field(
        pattern="^[0-9a-f]{16}$", description="The rule's hash, as `vigie check` tells it"
    )
    exposes: Annotated[tuple[Exposure, ...], Field(min_length=1)] = Field(
        description="What it may expose: one-person, below-k, exact-place"
    )
    author: str = Field(min_length=1, max_length=100, description="Who decided it")
    date: Day = Field(description="When it was decided, year-month-day")
    why: Why = Field(description="Why, in one text or by language")


class Waivers(RootModel[Annotated[tuple[Waiver, ...], Field(max_length=1000)]]):
    """Every waiver, as `rules/waivers.yaml` has them."""

    model_config = ConfigDict(frozen=True)


def findings(rule: Rule, k: int) -> Iterator[Finding]:
    """Yield what the rule could expose where an area in use has `k` focal points or more."""
    if (path := _met_by_one(rule.when)) is not None:
        yield Finding(
            "one-person",
            ("when", *path),
            "one person alone can raise this alert, which may tell who reported",
            "keep it on trial"
            if isinstance(rule.when, Unusual)
            else "ask for distinct_reporters: 2",
        )
    for path, unit in _small_units(rule):
        yield Finding(
            "below-k",
            path,
            f"it looks at one {unit} at a time, where fewer than {k} may report: the alert would "
            "tell that one of them did",
            "look at a cercle, or at more kilometres",
        )
    if rule.alert.place == "exact":
        yield Finding(
            "exact-place",
            ("alert", "place"),
            "it asks for the exact place, which may tell who was there to report",
            "take out `place: exact`",
        )


def _met_by_one(when: When) -> Path | None:
    """Return the path of what one person's reports can meet; None if it takes two people."""
    match when:
        case Count():
            return () if when.distinct_reporters == 1 else None
        case AllOf():
            alone = all(count.distinct_reporters == 1 for count in when.all_of)
            return ("all_of",) if alone else None
        case AnyOf():
            return next(
                (
                    ("any_of", number)
                    for number, count in enumerate(when.any_of)
                    if count.distinct_reporters == 1
                ),
                None,
            )
        case Sequence():
            alone = when.first.distinct_reporters == when.then.distinct_reporters == 1
            return () if alone else None
        case Unusual():
            return ("anomaly",)


def _small_units(rule: Rule) -> Iterator[tuple[Path, str]]:
    """Yield path and name of each unit smaller than a cercle by which the rule looks or alerts."""
    for path, count in counts(rule.when):
        within, at = count.within, ("when", *path, "within")
        if within.place:
            yield (*at, "place"), "village"
        elif within.area == "commune":
            yield (*at, "area"), "commune"
        elif within.km is not None and within.km <= VILLAGE_KM:
            yield (*at, "km"), "village"
    if rule.alert.one_per in ("place", "commune"):
        unit = "village" if rule.alert.one_per == "place" else "commune"
        yield ("alert", "one_per"), unit
