"""What a rule says: the schema of `rules/alerts/*.yaml`.

Field descriptions go into `rules/rule.schema.json`, so that an editor explains them to whoever
writes a rule; `rules/README.md` documents every one of them.
"""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails

from service.domain.codebook import SEVERITIES, Severity
from service.domain.condition import (
    WEEKDAYS,
    AllOf,
    AnomalySpec,
    AnyOf,
    Contradictions,
    Count,
    Hours,
    Level,
    Part,
    Sequence,
    Types,
    Unusual,
    Weekday,
    When,
    Within,
    contradiction,
    counts,
    every_contradiction,
)

__all__ = [
    "WEEKDAYS",
    "Again",
    "AlertSpec",
    "AllOf",
    "AnomalySpec",
    "AnyOf",
    "Count",
    "Escalation",
    "Hours",
    "Level",
    "OnePer",
    "Outside",
    "Part",
    "Rule",
    "RuleId",
    "Sequence",
    "Status",
    "Types",
    "Unusual",
    "Weekday",
    "When",
    "Why",
    "Within",
]

Status = Literal["draft", "trial", "live", "retired"]
OnePer = Annotated[
    Literal["cluster", "commune", "cercle", "region", "place"],
    BeforeValidator(lambda value: "cercle" if value == "area" else value),
    WithJsonSchema({"enum": ["cluster", "area", "commune", "cercle", "region", "place"]}),
]

RuleId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]

Why = Annotated[
    Annotated[str, Field(min_length=1), Tag("text")]
    | Annotated[dict[Literal["fr", "en"], str], Field(min_length=1), Tag("languages")],
    Discriminator(lambda value: "languages" if isinstance(value, dict) else "text"),
]
"""A reason, in one text or by language."""


class Outside(Part):
    """What is asked outside the season that `only_in` names."""

    at_least: int = Field(ge=1, le=1000, description="How many reports there must be then")


class Again(Part):
    """When an alert is repeated, ever more rarely, while more reports come."""

    after: Hours = Field(description="How long after the alert it may first be repeated: 24h")
    factor: float = Field(
        default=2, ge=1, le=10, description="How many times longer each wait is than the one before"
    )
    at_most: Hours = Field(
        default=168,
        description="The longest wait: 7d",
        json_schema_extra={"default": "7d"},
    )

    def contradictions(self) -> Contradictions:
        if self.at_most < self.after:
            why = "must be at least the {hours} hours of `after`"
            yield ("at_most",), contradiction("again_beyond", why, hours=self.after)


class AlertSpec(Part):
    """What responders are told."""

    severity: Severity = Field(description="How grave the alert says it is")
    one_per: OnePer = Field(
        default="cluster",
        description="One alert for each cluster of reports, each area of that level (area: the "
        "cercle), or each place",
    )
    quiet_for: Hours = Field(
        default=72,
        description="How long the same cluster raises no second alert: 72h, 3d, 2w",
        json_schema_extra={"default": "72h"},
    )
    inhibited_by: RuleId | None = Field(
        default=None, description="A rule whose alert for the same cluster makes this one needless"
    )
    again: Again | None = Field(
        default=None, description="When the alert is repeated while more reports come"
    )
    place: Literal["area", "exact"] = Field(
        default="area",
        description="exact: ask a coordinator to release the exact place, for public types only",
    )

    def contradictions(self) -> Contradictions:
        if self.again and self.again.after >= self.quiet_for:
            why = "must be less than the {hours} hours of `quiet_for`, after which the alert is new"
            found = contradiction("again_never", why, hours=self.quiet_for)
            yield ("again", "after"), found


class Escalation(Part):
    """A later step: more reports make the alert graver."""

    at_least: int = Field(ge=2, le=1000, description="How many reports bring this step")
    severity: Severity = Field(description="How grave the alert then becomes")


class Rule(Part):
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
    def text(self) -> str:
        """The rule as JSON in one fixed form: what `hash` is made from.

        What is as by default is left out, so a language that grows optional parts keeps old hashes.
        """
        written = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that change when the rule's meaning or wording does."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def counts(self) -> tuple[Count, ...]:
        """Return every count of the condition, whichever way it is written."""
        return tuple(count for _, count in counts(self.when))

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Raise every contradiction in the rule, each at the path of the field to change."""
        found = [
            InitErrorDetails(type=error, loc=path, input=None)
            for path, error in every_contradiction(self)
        ]
        if found:
            raise ValidationError.from_exception_data("Rule", found)
        return self

    def contradictions(self) -> Contradictions:
        when = self.when
        if isinstance(when, Unusual):
            reports = when.anomaly.at_least
        else:
            reports = max(count.at_least for count in self.counts())
        if self.outside and not self.only_in:
            why = "`outside` has no meaning without `only_in`"
            yield ("outside",), contradiction("outside_of_no_season", why)
        if self.outside and not isinstance(when, Count):
            why = "`outside` has a meaning only where `when` is one count"
            yield ("outside",), contradiction("outside_of_no_count", why)
        elif self.outside and self.outside.at_least <= reports:
            why = "must be more than the {reports} asked in season"
            found = contradiction("outside_no_stricter", why, reports=reports)
            yield ("outside", "at_least"), found
        if self.alert.inhibited_by == self.id:
            why = "a rule cannot inhibit itself"
            yield ("alert", "inhibited_by"), contradiction("inhibits_itself", why)
        yield from self._steps(reports)

    def _steps(self, reports: int) -> Contradictions:
        severity = self.alert.severity
        for step, escalation in enumerate(self.escalate):
            if escalation.at_least <= reports:
                why = "must be more than the {reports} of the step before"
                found = contradiction("step_not_rising", why, reports=reports)
                yield ("escalate", step, "at_least"), found
            if SEVERITIES.index(escalation.severity) <= SEVERITIES.index(severity):
                why = "must be graver than the `{severity}` of the step before"
                found = contradiction("step_no_graver", why, severity=severity)
                yield ("escalate", step, "severity"), found
            reports, severity = escalation.at_least, escalation.severity
