"""What a responder is cleared for: how grave, and which types. Where is their area's business.

Not everybody who can act needs to know everything. A mediator of land disputes has no use for a
report of violence on women; a man of the security forces must not read what is said of them.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.domain.codebook import SEVERITIES, Severity


class Clearance(BaseModel):
    """Severities from `lowest` to `highest`, and types: `types` alone (None: any), never `without`.

    What is not said is cleared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lowest: Severity = "minor"
    highest: Severity = "extreme"
    types: tuple[str, ...] | None = Field(default=None, min_length=1)
    without: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _covers_something(self) -> "Clearance":
        if SEVERITIES.index(self.lowest) > SEVERITIES.index(self.highest):
            raise ValueError(f"nothing is from {self.lowest} up to {self.highest}")
        if self.types is not None and set(self.types) <= set(self.without):
            raise ValueError("every type that is allowed is also taken out")
        return self

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "Clearance":
        """The clearance as a row keeps it; everything where it keeps none."""
        return cls.model_validate(stored or {})

    def stored(self) -> dict[str, Any] | None:
        """What a row keeps: what differs from everything, None for everything."""
        return self.model_dump(mode="json", exclude_defaults=True) or None

    def covers_type(self, type_: str) -> bool:
        """Whether they may be told of this type at all."""
        return type_ not in self.without and (self.types is None or type_ in self.types)

    def covers(self, type_: str, severity: Severity) -> bool:
        """Whether they may be told of this type when it is so grave."""
        grave = SEVERITIES.index(severity)
        within = SEVERITIES.index(self.lowest) <= grave <= SEVERITIES.index(self.highest)
        return within and self.covers_type(type_)
