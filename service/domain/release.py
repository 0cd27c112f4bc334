"""When responders are told: at once, or with everything else of a release window.

An alert that leaves the moment its last report came tells whoever sees the telephone company's
records which text that was. So all but what threatens life waits for the end of a window of the
day, and leaves together with all that was decided in it. What waits is settled by episode: what
was decided of one alert before it left is told in one text, or in none.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from service.domain.alerts import WHOLE_DAY, DayPart, day_part
from service.domain.codebook import Severity
from service.domain.evidence import DecisionKind

Said = Literal["alert", "update", "correction"]


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """`at_once` are the severities that wait for nothing; `ends` is when, by the clocks of `zone`,
    a window ends and the next begins: in order, midnight first, so that none runs over it.
    """

    at_once: frozenset[Severity]
    ends: tuple[time, ...]
    zone: ZoneInfo


class Window(NamedTuple):
    """A stretch of time; `end` is the first moment that is no longer in it."""

    start: datetime
    end: datetime


def window(now: datetime, policy: ReleasePolicy) -> Window:
    """Return the release window that `now` falls in. ValueError if `now` has no zone."""
    if now.tzinfo is None:
        raise ValueError("a time without a zone falls into no window")
    today = now.astimezone(policy.zone).date()
    days = (today + timedelta(days=each) for each in (-1, 0, 1, 2))
    moments = sorted({moment for day in days for moment in _ends(day, policy)})
    return next(Window(*pair) for pair in pairwise(moments) if pair[0] <= now < pair[1])


def due(severity: Severity, now: datetime, policy: ReleasePolicy) -> datetime:
    """Return when responders are told of what was decided at `now`."""
    return now if severity in policy.at_once else window(now, policy).end


def part_told(at: datetime, severity: Severity, due_at: datetime, policy: ReleasePolicy) -> DayPart:
    """Return the day and its part that a text may name for what happened at `at`.

    Reports are mostly sent when they happened. So a text that left with a window names no part of
    the day that is shorter than that window, which would undo the waiting.
    """
    when = day_part(at, policy.zone)
    if severity in policy.at_once:
        return when
    left_with = window(due_at - timedelta(seconds=1), policy)
    last = left_with.end - timedelta(seconds=1)
    if day_part(left_with.start, policy.zone) == day_part(last, policy.zone):
        return when
    return DayPart(when.day, WHOLE_DAY)


def to_say(decided: Collection[DecisionKind], is_told: bool) -> Said | None:
    """Return the text that tells of what was decided of one episode since responders last heard.

    `is_told`: whether they ever heard of it. None where there is nothing to say: the support of
    what they were never told is gone.
    """
    if "correct" in decided:
        return "correction" if is_told else None
    return "update" if is_told else "alert"


def _ends(day: date, policy: ReleasePolicy) -> Iterator[datetime]:
    """Yield the moments at which windows end on a day; where clocks change, two may be one."""
    for end in policy.ends:
        yield datetime.combine(day, end, policy.zone).astimezone(UTC)
