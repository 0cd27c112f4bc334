"""What rules share, `rules/lists.yaml`: lists of types by name, and defaults."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.content.yaml import Data
from service.domain.codebook import Severity
from service.domain.condition import MOST_TYPES
from service.domain.rule import Hours, OnePer

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*", re.ASCII)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > 60:
        raise PydanticCustomError("list_name", "a list is named in small letters, as armed_raids")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AlertDefaults(_Part):
    """What an alert says or does where its rule says nothing else."""

    severity: Severity | None = Field(default=None, description="How grave an alert says it is")
    one_per: OnePer | None = Field(default=None, description="One alert per cluster, area or place")
    quiet_for: Hours | None = Field(
        default=None, description="How long the same cluster raises no second alert: 72h, 3d, 2w"
    )


class Defaults(_Part):
    """What every rule says that says nothing else."""

    alert: AlertDefaults = Field(default=AlertDefaults(), description="Under each rule's `alert`")


class Shared(_Part):
    """What rules share."""

    lists: dict[
        Annotated[str, AfterValidator(_name)],
        Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_TYPES)],
    ] = Field(default={}, max_length=MOST_TYPES, description="Lists of types, each by its name")
    defaults: Defaults = Field(default=Defaults(), description="What every rule says by default")

    def under(self) -> dict[str, Any]:
        """Return the defaults that are written, in the form of a rule."""
        return self.defaults.model_dump(exclude_unset=True, exclude_none=True)


def names_of_lists(data: Data) -> Mapping[str, tuple[str, ...]]:
    """Return the lists of a document that has problems: no rule is to be told that it has others.

    A list that holds anything but words is left empty.
    """
    lists = data.get("lists") if isinstance(data, dict) else None
    if not isinstance(lists, dict):
        return {}
    return {
        name: tuple(word for word in held[:MOST_TYPES] if isinstance(word, str))
        for name, held in lists.items()
        if isinstance(held, list)
    }
