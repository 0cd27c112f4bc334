"""What a rule says: the schema of `rules/alerts/*.yaml`.

Field descriptions go into `rules/rule.schema.json`, so that an editor explains them to whoever
writes a rule; `rules/README.md` documents every one of them.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from service.domain.codebook import SEVERITIES, Severity

Status = Literal["draft", "trial", "live", "retired"]

_HOURS = {"h": 1, "d": 24, "w": 168}
_DURATION = re.compile(r"([1-9][0-9]{0,3})([hdw])", re.ASCII)
_ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


def _hours(value: object) -> object:
    """Read `72h`, `3d` or `2w` as whole hours; a number that is already in hours passes."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        raise PydanticCustomError("duration", "a duration is written 72h, 3d or 2w")
    return int(match[1]) * _HOURS[match[2]]


def _type_list(value: object) -> object:
    """One type alone is the commonest slip: say how a list is written, not that it is no tuple."""
    if isinstance(value, str) and value != "any":
        raise PydanticCustomError("not_a_list", "a list is wanted: [{item}]", {"item": value})
    return value


Hours = Annotated[
    int,
    BeforeValidator(_hours),
    Field(ge=1),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
RuleId = Annotated[str, Field(pattern=_ID, max_length=60)]
Types = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1), Tag("list")]
    | Annotated[Literal["any"], Tag("any")],
    Discriminator(lambda value: "any" if isinstance(value, str) else "list"),
    BeforeValidator(_type_list),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Within(_Part):
    """How near two reports must be, on the ground and in time, to count together."""

    km: float = Field(gt=0, le=1000, description="Kilometres between two places, as the crow flies")
    hours: int = Field(ge=1, le=8760, description="Whole hours between two reports")


class When(_Part):
    """What must have happened."""

    types: Types = Field(description="Type ids of the codebook, or `any` for every type")
    at_least: int = Field(default=1, ge=1, le=1000, description="How many reports there must be")
    distinct_reporters: int = Field(
        default=1, ge=1, le=1000, description="How many different people must have reported"
    )
    within: Within = Field(description="How near each other, on the ground and in time")


class Outside(_Part):
    """What is asked outside the season that `only_in` names."""

    at_least: int = Field(ge=1, le=1000, description="How many reports there must be then")


class AlertSpec(_Part):
    """What responders are told."""

    severity: Severity = Field(description="How grave the alert says it is")
    one_per: Literal["cluster"] = Field(
        default="cluster", description="One alert for each cluster of reports"
    )
    quiet_for: Hours = Field(
        default=72,
        description="How long the same cluster raises no second alert: 72h, 3d, 2w",
        json_schema_extra={"default": "72h"},
    )
    inhibited_by: RuleId | None = Field(
        default=None, description="A rule whose alert for the same cluster makes this one needless"
    )


class Escalation(_Part):
    """A later step: more reports make the alert graver."""

    at_least: int = Field(ge=2, le=1000, description="How many reports bring this step")
    severity: Severity = Field(description="How grave the alert then becomes")


class Rule(_Part):
    """One condition over incidents, and the alert that it raises."""

    id: RuleId = Field(description="A short name of its own: small letters, digits and hyphens")
    title: dict[Literal["fr", "en"], str] = Field(
        default={}, description="What coordinators call it, by language"
    )
    why: dict[Literal["fr", "en"], str] | None = Field(
        default=None, description="Why the rule is there and its numbers are these, by language"
    )
    status: Status = Field(
        default="draft", description="draft | trial (decides, sends nothing) | live | retired"
    )
    when: When = Field(description="What must have happened")
    only_in: str | None = Field(default=None, description="A season of seasons.yaml")
    outside: Outside | None = Field(default=None, description="What is asked outside that season")
    alert: AlertSpec = Field(description="What responders are told")
    escalate: tuple[Escalation, ...] = Field(
        default=(), description="Steps that make the alert graver, in rising order"
    )

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that change when the rule's meaning or wording does.

        Absent parts are left out, so a language that grows optional parts keeps old hashes.
        """
        written = self.model_dump(mode="json", exclude_none=True)
        canonical = json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Raise every contradiction between fields, each at the path of the field to change."""
        found = [
            InitErrorDetails(type=error, loc=loc, input=None)
            for loc, error in self._contradictions()
        ]
        if found:
            raise ValidationError.from_exception_data("Rule", found)
        return self

    def _contradictions(self) -> Iterator[tuple[tuple[str | int, ...], PydanticCustomError]]:
        when = self.when
        if when.distinct_reporters > when.at_least:
            yield (
                ("when", "distinct_reporters"),
                _error("more_reporters_than_reports", reports=when.at_least),
            )
        if self.outside and not self.only_in:
            yield ("outside",), _error("outside_of_no_season")
        if self.outside and self.outside.at_least <= when.at_least:
            yield ("outside", "at_least"), _error("outside_no_stricter", reports=when.at_least)
        if self.alert.inhibited_by == self.id:
            yield ("alert", "inhibited_by"), _error("inhibits_itself")
        reports, severity = when.at_least, self.alert.severity
        for step, escalation in enumerate(self.escalate):
            if escalation.at_least <= reports:
                yield ("escalate", step, "at_least"), _error("step_not_rising", reports=reports)
            if SEVERITIES.index(escalation.severity) <= SEVERITIES.index(severity):
                yield ("escalate", step, "severity"), _error("step_no_graver", severity=severity)
            reports, severity = escalation.at_least, escalation.severity


_CONTRADICTIONS = {
    "more_reporters_than_reports": "at most {reports} people can have sent {reports} reports",
    "outside_of_no_season": "`outside` has no meaning without `only_in`",
    "outside_no_stricter": "must be more than the {reports} asked in season",
    "inhibits_itself": "a rule cannot inhibit itself",
    "step_not_rising": "must be more than the {reports} of the step before",
    "step_no_graver": "must be graver than the `{severity}` of the step before",
}


def _error(kind: str, **facts: Any) -> PydanticCustomError:
    return PydanticCustomError(kind, _CONTRADICTIONS[kind], facts or None)
