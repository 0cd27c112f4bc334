"""Check-ins: whole areas are asked whether all is well, so that who texts stands out less.

Whoever sees the telephone company's records sees who texted the short code, and when. Where a whole
area is asked at one moment, and most of it answers, one who reports is one among those who
answered. One person, or a handful, is never asked.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from service.domain.areas import AreaTree

AreaLevel = Literal["country", "region", "cercle", "commune"]
LEVELS: tuple[AreaLevel, ...] = get_args(AreaLevel)
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class CheckInPolicy:
    """How often each area of a level is asked a day, between which local times of one day."""

    a_day: Mapping[AreaLevel, int]
    first: time
    last: time
    zone: ZoneInfo

    @property
    def is_on(self) -> bool:
        return any(self.a_day.values())


class Request(NamedTuple):
    """The `nth` time on a day that an area is asked, counted from 0."""

    area: str
    nth: int
    due_at: datetime


def level(tree: AreaTree, area: str) -> AreaLevel:
    """Return the level of an area; neighbours named together are of the level of each."""
    return LEVELS[min(tree.depth(area), len(LEVELS) - 1)]


def plan(
    day: date,
    in_use: Iterable[str],
    tree: AreaTree,
    policy: CheckInPolicy,
    chance: Callable[[], float],
) -> list[Request]:
    """Return when each area in use is asked on a local day.

    The hours are cut into as many stretches as there are requests, and each request falls anywhere
    in its stretch: `chance` gives shares in [0, 1).
    """
    first = datetime.combine(day, policy.first, policy.zone).astimezone(UTC)
    last = datetime.combine(day, policy.last, policy.zone).astimezone(UTC)
    requests = []
    for area in sorted(in_use):
        times = policy.a_day.get(level(tree, area), 0)
        for nth in range(times):
            share = (nth + chance()) / times
            seconds = int((last - first).total_seconds() * share)
            requests.append(Request(area, nth, first + timedelta(seconds=seconds)))
    return requests


def some_time(now: datetime, policy: CheckInPolicy, share: float) -> datetime:
    """Return a moment of the next 24 hours, by day, which `share` in [0, 1) chooses.

    Each moment is as likely, so that it tells nothing of `now` but the day.
    """
    left = share * (_minutes(policy.last) - _minutes(policy.first)) * 60
    local = now.astimezone(policy.zone)
    opens = datetime.combine(local.date(), policy.first, policy.zone)
    closes = datetime.combine(local.date(), policy.last, policy.zone)
    begins = min(max(local, opens), closes).astimezone(UTC)
    today = (closes.astimezone(UTC) - begins).total_seconds()
    if left < today:
        return begins + timedelta(seconds=left)
    return opens.astimezone(UTC) + timedelta(days=1, seconds=left - today)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def texts_a_month(
    homes: Iterable[str], in_use: Iterable[str], tree: AreaTree, policy: CheckInPolicy
) -> int:
    """Return how many requests go out in a month to people who are enrolled in `homes`."""
    asked = {area: policy.a_day.get(level(tree, area), 0) for area in in_use}
    a_day = sum(asked.get(area, 0) for home in homes for area in tree.path(home))
    return a_day * MONTH_DAYS
