"""When an alert says that something happened: a day and a part of it, never an hour."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

Quarter = Literal["night", "morning", "afternoon", "evening"]
Part = Literal[Quarter, "day"]

# Six hours each, in the day's order. The night is the hours from midnight to six of the day that
# it stands with, so that a date and a part name one stretch of time and not two.
DAY_PARTS: tuple[Quarter, ...] = get_args(Quarter)
# What an alert says where a quarter would say too much.
WHOLE_DAY: Final = "day"
PARTS: tuple[Part, ...] = (*DAY_PARTS, WHOLE_DAY)
_HOURS = 24 // len(DAY_PARTS)


class DayPart(NamedTuple):
    """A local day and a quarter of it, or all of it."""

    day: date
    part: Part


def day_part(at: datetime, tz: ZoneInfo) -> DayPart:
    """The quarter in which `at` falls on the clocks of `tz`. ValueError if `at` has no zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone falls into no day-part")
    local = at.astimezone(tz)
    return DayPart(local.date(), DAY_PARTS[local.hour // _HOURS])
