"""What `rules/checkins.yaml` says: how often whole areas are asked whether all is well."""

from datetime import time
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.content.release import LocalTime
from service.domain.checkins import LEVELS, AreaLevel, CheckInPolicy

Times = Annotated[int, Field(ge=0, le=12, description="How often a day, from 0 to 12")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimesADay(_Part):
    """How often a day each area of a level that is in use is asked, as a whole."""

    country: Times = 0
    region: Times = 0
    cercle: Times = 0
    commune: Times = 0


class Between(_Part):
    """The hours in which people are asked, by the time of areas.yaml."""

    first: LocalTime = "07:00"
    last: LocalTime = "20:00"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last <= self.first:
            raise ValueError("the last hour of check-ins is not after the first")
        return self


class CheckIns(_Part):
    """The coordinators' settings for check-ins; with no times a day, nobody is asked."""

    a_day: TimesADay = Field(default=TimesADay(), description="How often a day, by level")
    between: Between = Field(default=Between(), description="The hours of the day")

    def policy(self, zone: ZoneInfo) -> CheckInPolicy:
        """Return the policy by the clocks of a zone."""
        first, last = (time.fromisoformat(at) for at in (self.between.first, self.between.last))
        a_day: dict[AreaLevel, int] = {each: getattr(self.a_day, each) for each in LEVELS}
        return CheckInPolicy(a_day, first, last, zone)
