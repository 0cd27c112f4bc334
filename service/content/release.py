"""What `rules/release.yaml` says: which alerts leave at once, and when the others do."""

from datetime import time
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.domain.codebook import SEVERITIES, Severity
from service.domain.release import ReleasePolicy

LocalTime = Annotated[
    str,
    Field(
        pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$",
        description="a time of the day is written 06:00, from 00:00 to 23:59",
    ),
]


class Release(BaseModel):
    """What leaves at once, and the ends of the windows with which the rest leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: tuple[Severity, ...] = Field(
        description="Severities whose alerts leave at once: what threatens life"
    )
    window_ends: Annotated[tuple[LocalTime, ...], Field(min_length=1, max_length=24)] = Field(
        description="When what waits leaves, each day, by the time of areas.yaml"
    )

    @field_validator("at_once")
    @classmethod
    def _nothing_graver_waits(cls, value: tuple[Severity, ...]) -> tuple[Severity, ...]:
        told = [severity in value for severity in SEVERITIES]
        if told != sorted(told):
            raise ValueError("a severity leaves at once, and a graver one would wait")
        return value

    @field_validator("window_ends")
    @classmethod
    def _midnight_comes_first(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value[0] != "00:00":
            raise ValueError(
                "the first end is 00:00: an alert names a day, which a window over midnight tells"
            )
        if any(former >= latter for former, latter in pairwise(value)):
            raise ValueError("ends of windows stand in the order of the day, each once")
        return value

    def policy(self, zone: ZoneInfo) -> ReleasePolicy:
        """Return the policy by the clocks of a zone."""
        ends = tuple(time.fromisoformat(end) for end in self.window_ends)
        return ReleasePolicy(frozenset(self.at_once), ends, zone)
