"""Hours of the day and times in it, by the clocks of a zone: nights, quiet hours, digests."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.domain.codebook import SEVERITIES, Severity
from service.domain.condition import Contradictions, Part, contradiction

GATHERING = timedelta(minutes=2)
"""How long a digest gathers what falls due: the clocks that tell of it may be a moment late."""

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DAY = timedelta(days=1)
_LONGEST = 4  # days
_MOST_A_DAY = 12


def _time(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _TIME.fullmatch(value):
        why = "a time of the day is written 06:00, from 00:00 to 23:59"
        raise PydanticCustomError("local_time", why)
    return time.fromisoformat(value)


_zones = cache(available_timezones)


def _zone(value: str) -> str:
    if value not in _zones():
        why = "no time zone has this name; Mali's is Africa/Bamako"
        raise PydanticCustomError("zone", why)
    return value


LocalTime = Annotated[
    time,
    BeforeValidator(_time),
    PlainSerializer(lambda at: f"{at:%H:%M}", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$"}),
]
Zone = Annotated[str, AfterValidator(_zone)]


class Stretch(Part):
    """A part of each day by the clocks of a zone; it may run over midnight."""

    zone: Zone = Field(description="The time zone by whose clocks it is told, as Africa/Bamako")
    from_: LocalTime = Field(alias="from", description="When it begins, each day: 20:00")
    to: LocalTime = Field(description="When it ends; before `from`, it ends on the next day")

    def contradictions(self) -> Contradictions:
        if self.from_ == self.to:
            yield ("to",), contradiction("empty_stretch", "it ends when it begins")

    def began(self, at: datetime) -> date | None:
        """Return the local day on which the stretch that holds `at` began; None outside of it."""
        local = at.astimezone(ZoneInfo(self.zone))
        clock = local.time()
        if self.from_ < self.to:
            return local.date() if self.from_ <= clock < self.to else None
        if clock >= self.from_:
            return local.date()
        return local.date() - _DAY if clock < self.to else None

    def ends(self, at: datetime) -> datetime:
        """Return when the stretch that holds `at` is over; `at` itself outside of it."""
        if self.began(at) is None:
            return at
        zone = ZoneInfo(self.zone)
        ends = (_moment(day, self.to, zone) for day in _days(at, zone))
        # Where clocks are put forward the end may be told by no clock, and fall into the stretch.
        return next(end for end in ends if end > at and self.began(end) is None)


class Digest(Part):
    """When what is least grave is told, all of it together."""

    up_to: Literal["minor", "moderate"] = Field(
        description="The gravest severity that waits for a digest; what threatens life never does"
    )
    zone: Zone = Field(description="The time zone by whose clocks it is told, as Africa/Bamako")
    at: Annotated[tuple[LocalTime, ...], Field(min_length=1, max_length=_MOST_A_DAY)] = Field(
        description="When digests leave, each day: [07:00, 19:00]"
    )

    def contradictions(self) -> Contradictions:
        for nth, (one, other) in enumerate(pairwise(self.at), start=1):
            if one >= other:
                why = "times of digests stand in the order of the day, each once"
                yield ("at", nth), contradiction("digest_order", why)

    @property
    def severities(self) -> tuple[Severity, ...]:
        """What waits for a digest."""
        return SEVERITIES[: SEVERITIES.index(self.up_to) + 1]

    def coming(self, at: datetime) -> Iterator[datetime]:
        """Yield when digests come, for some days: first the one that gathers at `at`, if any."""
        zone = ZoneInfo(self.zone)
        moments = (_moment(day, each, zone) for day in _days(at, zone) for each in self.at)
        return (moment for moment in moments if moment + GATHERING > at)

    def gathering(self, at: datetime) -> datetime | None:
        """Return when the digest came that gathers at `at`, by its zone; None where none does."""
        first = next(self.coming(at))
        return first.astimezone(ZoneInfo(self.zone)) if first <= at else None

    def leaves(self, at: datetime) -> datetime:
        """Return when a text leaves that falls due at `at`: with the others of its digest."""
        begun = self.gathering(at)
        return at if begun is None else (begun + GATHERING).astimezone(UTC)

    def within(self, hours: Stretch) -> Iterator[int]:
        """Yield which of its times fall into these hours, in winter or in summer."""
        zone = ZoneInfo(self.zone)
        for nth, each in enumerate(self.at):
            moments = (_moment(date(2026, month, 15), each, zone) for month in (1, 7))
            if any(hours.began(moment) is not None for moment in moments):
                yield nth


def _days(at: datetime, zone: ZoneInfo) -> Iterator[date]:
    """The days from before `at` on: clocks differ, and a stretch may run over midnight."""
    day = at.astimezone(zone).date() - _DAY
    return (day + nth * _DAY for nth in range(_LONGEST + 1))


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
