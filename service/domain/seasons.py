"""Seasons: dated windows per zone and year, with a recurring default for undecided years."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LEAP_YEAR = 2000


class MonthDay(NamedTuple):
    """A day of every year."""

    month: int
    day: int

    def first(self, year: int) -> date:
        """Return this day in that year as an opening: 29 February is 1 March in a common year."""
        last = self.last(year)
        return last if last.day == self.day else last + timedelta(days=1)

    def last(self, year: int) -> date:
        """Return this day in that year as a close: 29 February is the 28th in a common year."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, 2, 28)


def _month_day(value: object) -> object:
    if not isinstance(value, str):
        return value
    if match := _MONTH_DAY.fullmatch(value):
        with suppress(ValueError):
            day = date(_LEAP_YEAR, int(match[1]), int(match[2]))
            return MonthDay(day.month, day.day)
    raise PydanticCustomError("month_day", "a day of the year is written month-day: 11-15")


def _date(value: object) -> object:
    """Take a date only as it is read aloud; pydantic would also take seconds since 1970."""
    if not isinstance(value, str):
        return value
    if _DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise PydanticCustomError("full_date", "a date is written year-month-day: 2014-11-15")


DayOfYear = Annotated[
    MonthDay,
    BeforeValidator(_month_day),
    WithJsonSchema({"type": "string", "pattern": f"^{_MONTH_DAY.pattern}$"}),
]
Day = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$"}),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Part):
    """One decided opening, both days included."""

    year: int = Field(ge=1960, le=2200, description="The year whose default this replaces")
    opens: Day = Field(alias="from", description="First day, year-month-day")
    closes: Day = Field(alias="to", description="Last day, year-month-day")
    source: str | None = Field(default=None, description="Who decided it, or where it is written")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes < self.opens:
            raise PydanticCustomError("closes_before_it_opens", "closes before it opens")
        if (self.closes - self.opens).days >= 366:
            raise PydanticCustomError("longer_than_a_year", "a window is at most a year long")
        if self.opens.year not in (self.year, self.year + 1):
            raise PydanticCustomError(
                "window_in_another_year",
                "the window of {year} opens in {year} or the year after",
                {"year": self.year},
            )
        return self


class Recurring(_Part):
    """A window of every year not yet decided, both days included; it may wrap over New Year."""

    opens: DayOfYear = Field(alias="from", description="First day, month-day")
    closes: DayOfYear = Field(alias="to", description="Last day, month-day; may be next year's")

    def of(self, year: int) -> tuple[date, date]:
        """Return the first and last day of the window that opens in that year."""
        wraps = self.closes < self.opens
        return self.opens.first(year), self.closes.last(year + wraps)


class Zone(_Part):
    """Areas that share one calendar."""

    areas: tuple[str, ...] = Field(min_length=1, description="Pcodes of the zone's areas")
    windows: tuple[Window, ...] = Field(default=(), description="Decided openings")
    default: tuple[Recurring, ...] = Field(
        default=(), description="What recurs in years not yet decided"
    )

    def open(self, day: date) -> bool:
        """Whether the season is open here on that day; a decided year replaces its default."""
        if any(window.opens <= day <= window.closes for window in self.windows):
            return True
        return any(
            opens <= day <= closes
            for year in (day.year - 1, day.year)
            if year not in self._decided
            for opens, closes in (recurring.of(year) for recurring in self.default)
        )

    @cached_property
    def _decided(self) -> frozenset[int]:
        return frozenset(window.year for window in self.windows)


class Season(_Part):
    """A time of the year that comes to each zone in its own days."""

    title: dict[Literal["fr", "en"], str] = Field(
        min_length=1, description="What it is called, by language"
    )
    zones: dict[str, Zone] = Field(min_length=1, description="Zones, each with its calendar")

    @model_validator(mode="after")
    def _one_zone_an_area(self) -> Self:
        seen: dict[str, str] = {}
        for name, zone in self.zones.items():
            for area in zone.areas:
                if seen.setdefault(area, name) != name:
                    raise PydanticCustomError(
                        "area_in_two_zones",
                        "{area} is in the zones {one} and {other}",
                        {"area": area, "one": seen[area], "other": name},
                    )
        return self

    @cached_property
    def zone_of(self) -> dict[str, str]:
        """Zone by pcode."""
        return {area: name for name, zone in self.zones.items() for area in zone.areas}


class Seasons(RootModel[dict[str, Season]]):
    """Every season by its id, as `rules/seasons.yaml` has them."""

    model_config = ConfigDict(frozen=True)

    def __contains__(self, season: object) -> bool:
        return season in self.root

    def zone(self, season: str, areas: Sequence[str]) -> str | None:
        """Return the zone of the first of `areas` (path of pcodes, finest first) that has one.

        Raises KeyError for an unknown season.
        """
        zone_of = self.root[season].zone_of
        return next((zone_of[area] for area in areas if area in zone_of), None)

    def open(self, season: str, areas: Sequence[str], day: date) -> bool:
        """Whether the season is open in the zone of `areas` (path of pcodes, finest first).

        Where no zone is declared the season is never open. Raises KeyError for an unknown season.
        """
        zone = self.zone(season, areas)
        return zone is not None and self.root[season].zones[zone].open(day)
