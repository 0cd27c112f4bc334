"""When what is kept of people and incidents becomes coarser, and what is left of it then.

A person's number in a report (`reporter`) tells people apart. Rules need that for as long as they
look back; after that it would only tell who sent what over months. So, week by week, it gives way
to a number that was drawn for that person in that week: how many different people there were in a
week can still be counted, and nothing ties one week to the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from service.domain.areas import AreaTree, finest

# What reports and incidents say of place and hour is kept for so long.
EXACT_DAYS = 90
# Texts, sealed senders and number indexes of messages live this long after they were received.
MESSAGE_HOURS = 72
# A stranger can be answered for so long; then their sealed number is dropped.
ANSWER_HOURS = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """The moments before which each kind of thing has lived long enough."""

    now: datetime
    messages: datetime
    answers: datetime
    people: datetime  # the beginning of a week: persons are told apart across weeks from here on
    exact: datetime
    decided: datetime


def limits(now: datetime, asks_for_people: datetime, looks_back: datetime) -> Limits:
    """Return the limits at `now`.

    `asks_for_people` is the moment before which no rule asks any more whether two reports are of
    one person, `looks_back` that before which no rule looks at all.
    """
    exact = now - timedelta(days=EXACT_DAYS)
    return Limits(
        now=now,
        messages=now - timedelta(hours=MESSAGE_HOURS),
        answers=now - timedelta(hours=ANSWER_HOURS),
        people=week_of(asks_for_people),
        exact=exact,
        decided=min(exact, looks_back),
    )


def week_of(at: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, that begins the week of a moment in UTC."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())


def weeks(first: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the beginning and end of each week from that of `first` on that is over by `end`."""
    begins = week_of(first)
    while begins + timedelta(days=7) <= end:
        yield begins, begins + timedelta(days=7)
        begins += timedelta(days=7)


def coarse_area(tree: AreaTree, in_use: frozenset[str], area: str) -> str:
    """Return what is kept of an area: the finest around it that an alert may name."""
    return finest(tree, in_use, tree.on_map(area))


def coarse_day(at: datetime, zone: tzinfo) -> datetime:
    """Return the midnight, local time, that began the day of a moment."""
    local = at.astimezone(zone)
    return datetime.combine(local.date(), time(), zone)


def fresh_tokens(people: Iterable[int], drawn: Iterable[int]) -> dict[int, int]:
    """Give each person one of the numbers that were drawn by chance, below zero.

    No person has such a number, so that it shows which reports are cut loose already.
    """
    return {person: -1 - number for person, number in zip(people, drawn, strict=True)}
