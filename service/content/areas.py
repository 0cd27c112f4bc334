"""What `rules/areas.yaml` says: who stands behind the name of an area, and which are merged."""

from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.domain.areas import Merge


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MergedAreas(_Part):
    """Neighbours that alerts name together, where each alone has too few focal points."""

    code: str = Field(pattern=r"^ML[0-9A-Z]{2,10}$", description="A pcode of its own")
    name: str = Field(min_length=1, description="What alerts call them together")
    members: Annotated[tuple[str, ...], Field(min_length=2)] = Field(
        description="Pcodes of two or more areas with the same parent"
    )

    def merge(self) -> Merge:
        return Merge(self.code, self.name, self.members)


class AreaPolicy(_Part):
    """How many focal points must stand behind the name of an area before an alert may say it."""

    timezone: str = Field(description="The time zone by which days and seasons are told")
    k: int = Field(ge=5, le=1000, description="Fewest focal points of an area in use: 5 or more")
    margin: int = Field(ge=0, le=1000, description="How many more before an area comes into use")
    merges: tuple[MergedAreas, ...] = Field(default=(), description="Neighbours named together")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("no time zone has this name; Mali's is Africa/Bamako")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
