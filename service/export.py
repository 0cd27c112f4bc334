"""Counts for others: by quarter, and within it by week, area and type. Never a person or an hour.

A quarter is of whole weeks, and its areas are those that alerts could name when it began. It is
kept back as one table with its sums (`domain.suppression`); and that table is made once, when it is
first asked for, after the last late report. Whatever is asked of the quarter later is read from
that table. So whoever holds all that was ever exported holds one table of each quarter: there are
no two to be compared, neither by other dimensions nor of another day.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from service.areas import cover
from service.content import Content
from service.domain.areas import finest
from service.domain.suppression import SUM, Cell, kept_back, with_sums
from service.store import AnyRow, counts, published

Dimension = Literal["week", "area", "type"]
DIMENSIONS: tuple[Dimension, ...] = ("week", "area", "type")
ALL = "all"
CLOSES_AFTER = timedelta(days=30)
"""So long after its last day nothing is said of a quarter: reports may still come."""


class NotAsked(Exception):
    """The quarter was given out in another form; the message says what to ask for."""


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of one cell; None where a count is kept back. A value that is `ALL` is a sum."""

    quarter: str
    values: dict[Dimension, str]
    reports: int | None
    incidents: int | None
    alerts: int | None


@dataclass(frozen=True, slots=True)
class _Event:
    week: date  # its Monday
    area: str
    type: str


async def table(
    tx: AsyncConnection,
    content: Content,
    by: Sequence[Dimension],
    first: date,
    last: date,
    now: datetime,
) -> list[Line]:
    """The quarters from that of `first` to that of `last` that are closed, one after the other.

    What was not given out before is stored as it is given out now. Raises NotAsked.
    """
    today = now.astimezone(content.timezone).date()
    lines: list[Line] = []
    for start in quarters(first, last):
        if closes(start) > today:
            break
        quarter = quarter_name(start)
        before = await published.find(tx, quarter)
        if before is None:
            made = await _made(tx, content, by, start)
            await published.add(tx, quarter, by, [asdict(line) for line in made])
            lines += made
        else:
            lines += _of(before, by)
    return lines


def closes(start: date) -> date:
    """The first day on which the counts of the quarter that begins on this Monday are given out."""
    return quarter_of(start + timedelta(weeks=14)) + CLOSES_AFTER


def _of(before: AnyRow, by: Sequence[Dimension]) -> list[Line]:
    """What a table that was given out says by fewer dimensions: its own sums, and no others."""
    if not set(by) <= set(before.dimensions):
        known = ",".join(before.dimensions)
        raise NotAsked(
            f"{before.quarter} was given out by {known}. Another table of it, beside that one, "
            f"could tell what either keeps back: ask for --by {known}, or for fewer of these"
        )
    summed = [name for name in before.dimensions if name not in by]
    return [
        Line(**line | {"values": {name: line["values"][name] for name in by}})
        for line in before.lines
        if all(line["values"][name] == ALL for name in summed)
    ]


async def _made(
    tx: AsyncConnection, content: Content, by: Sequence[Dimension], start: date
) -> list[Line]:
    found = {
        "reports": [_event(row, content) for row in await counts.reports(tx)],
        "incidents": [_event(row, content) for row in await counts.incidents(tx)],
        "alerts": [_event(row, content) for row in await counts.alerts(tx)],
    }
    began = datetime.combine(start, time(), content.timezone).astimezone(UTC)
    in_use = (await cover(tx, content, began)).in_use
    cells = {name: _cells(events, start, in_use, content, by) for name, events in found.items()}
    return _lines(quarter_name(start), by, cells)


def _event(row: AnyRow, content: Content) -> _Event:
    day = row.day if hasattr(row, "day") else row.at.astimezone(content.timezone).date()
    return _Event(day - timedelta(days=day.weekday()), row.area, row.type)


def _cells(
    events: Iterable[_Event],
    start: date,
    in_use: frozenset[str],
    content: Content,
    by: Sequence[Dimension],
) -> Counter[Cell]:
    cells: Counter[Cell] = Counter()
    for event in events:
        if quarter_of(event.week) == start and event.area in content.tree:
            year, week, _ = event.week.isocalendar()
            values: dict[str, str] = {
                "week": f"{year}-W{week:02}",
                "area": finest(content.tree, in_use, event.area),
                "type": event.type,
            }
            cells[tuple(values[name] for name in by)] += 1
    return cells


def _lines(quarter: str, by: Sequence[Dimension], cells: dict[str, Counter[Cell]]) -> list[Line]:
    """Reports and incidents are kept back together: what one shows would bound the other."""
    together = kept_back([cells["reports"], cells["incidents"]])
    back = {"reports": together, "incidents": together, "alerts": kept_back([cells["alerts"]])}
    full = {name: with_sums(inner) for name, inner in cells.items()}
    lines = []
    for cell in sorted(set().union(*full.values(), *back.values())):
        shown: dict[str, Any] = {
            name: None if cell in back[name] else full[name].get(cell, 0) for name in cells
        }
        values = dict(zip(by, (ALL if value == SUM else value for value in cell), strict=True))
        lines.append(Line(quarter, values, **shown))
    return lines


def quarter_of(day: date) -> date:
    """The Monday on which the quarter begins that a day's week is in: as its Thursday is."""
    thursday = day + timedelta(days=3 - day.weekday())
    first = date(thursday.year, 3 * ((thursday.month - 1) // 3) + 1, 1)
    first += timedelta(days=(3 - first.weekday()) % 7)  # the quarter's first Thursday
    return first - timedelta(days=3)


def quarters(first: date, last: date) -> list[date]:
    """The Mondays on which the quarters begin, from that of `first` to that of `last`."""
    found = []
    start = quarter_of(first)
    while start <= last:
        found.append(start)
        start = quarter_of(start + timedelta(weeks=14))
    return found


def quarter_name(start: date) -> str:
    """2026-Q4, of a quarter that begins on this Monday."""
    thursday = start + timedelta(days=3)
    return f"{thursday.year}-Q{(thursday.month - 1) // 3 + 1}"
