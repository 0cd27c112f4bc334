"""Silences: what is not told for a time, decided by a person who says why."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from service.domain.rule import RuleId, Why

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2})?", re.ASCII)


def _moment(value: object, info: ValidationInfo, *, whole_day: bool) -> object:
    """Read a date or date-time of the `zone` in the validation's context (UTC without one).

    A date alone as an end is the end of that day. Seconds since 1970 pass.
    """
    if not isinstance(value, str):
        return value
    zone: tzinfo = (info.context or {}).get("zone", UTC)
    if _MOMENT.fullmatch(value):
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(value)
            if whole_day and len(value) == len("2014-11-15"):
                moment += timedelta(days=1)
            return int(moment.replace(tzinfo=zone).timestamp())
    raise PydanticCustomError("moment", "a moment is written 2014-11-15 or 2014-11-15 18:00")


_WRITTEN = WithJsonSchema({"type": "string", "pattern": f"^{_MOMENT.pattern}$"})


class Silence(BaseModel):
    """What is not told, where, until when, and who decided it why.

    `from_` and `until` are seconds since 1970; `until` is no longer silent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: RuleId = Field(description="A short name of its own: small letters, digits and hyphens")
    rule: RuleId = Field(description="The rule's id, or `any` for every rule")
    area: str = Field(description="The area's pcode, or `any` for everywhere")
    from_: Annotated[int, BeforeValidator(partial(_moment, whole_day=False)), _WRITTEN] | None = (
        Field(default=None, alias="from", description="When it begins; left out: long since")
    )
    until: Annotated[int, BeforeValidator(partial(_moment, whole_day=True)), _WRITTEN] = Field(
        description="When it ends; a day alone is silent to its end"
    )
    author: str = Field(min_length=1, max_length=100, description="Who decided it")
    why: Why = Field(description="Why, in one text or by language")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.until <= self.from_:
            raise PydanticCustomError("silence_ends_first", "ends before it begins")
        return self

    def active(self, rule: str, areas: Sequence[str], at: int) -> bool:
        """Whether the rule is silent at `at`, in an area whose path of pcodes is `areas`."""
        return (
            self.rule in ("any", rule)
            and (self.area == "any" or self.area in areas)
            and (self.from_ is None or self.from_ <= at)
            and at < self.until
        )


class Silences(RootModel[Annotated[tuple[Silence, ...], Field(max_length=1000)]]):
    """Every silence, as `rules/silences.yaml` has them."""

    model_config = ConfigDict(frozen=True)
