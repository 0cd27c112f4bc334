"""From the rows of a file to a dataset, as a mapping has it.

What is stated here, the report of a backtest repeats:

- A day is taken at noon, UTC. An event that may have happened on any of several days is dated on
  the last of them, so that no rule sees it before it was over; as an outcome it counts from the
  first, so that no alert is praised for foreseeing what had begun.
- Its reporters are people of its own finest area, each of its `enrolled` people in turn.
- A row that cannot be read is bad, and listed; a row whose place or date is too coarse is left out,
  and counted; an event whose kind has no type is never reported, and still an outcome.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from service.backtest.dataset import DAY, BadRow, Dataset, Event, EventsError, Progress, Spot
from service.backtest.days import Days
from service.backtest.mapping import Kind, Mapping, Names, column_key
from service.backtest.places import Places, UnreadableError
from service.backtest.tables import Row, Table
from service.domain.areas import AreaTree, Membership

_WHOLE = re.compile(r"[0-9]{1,7}(\.0+)?", re.ASCII)
_EVERY = 5_000

Cells = Sequence[str]
Found = TypeVar("Found")


def dataset_of(
    path: Path, table: Table, mapping: Mapping, tree: AreaTree, progress: Progress | None = None
) -> Dataset:
    """Read every row. `tree` has the content's own areas; `progress` is told rows, of 0.

    Raises EventsError if the file lacks a column that is needed, or has no event that can be used.
    """
    reader = _Reader(path, table.header, mapping, tree)
    for row in table.rows:
        reader.take(row)
        if progress is not None and reader.data.rows % _EVERY == 0:
            progress(reader.data.rows, 0)
    return reader.finished()


class _Reader:
    """Reads rows one by one. What a few cells say together is worked out once and looked up."""

    def __init__(self, path: Path, header: Cells, mapping: Mapping, tree: AreaTree) -> None:
        self._header = _Header(path, header, mapping.title)
        self._path, self._mapping = path, mapping
        find, columns = self._header.find, mapping.columns
        self._event = find(columns.event)
        self._sources = find(mapping.reporters.sources)
        self._times = _Looked(
            self._time,
            self._header.need("date", columns.date),
            find(columns.until),
            find(mapping.dates.precision),
        )
        self._spots = _Looked(
            self._spot,
            self._header.need("lat", columns.lat),
            self._header.need("lon", columns.lon),
            find(mapping.places.precision),
            find(columns.place),
            find(columns.country),
            *(find(names) for names in columns.areas),
        )
        self._counts = _Looked(self._count, find(columns.killed), find(columns.injured))
        self._reported = _Looked(self._reporters, self._sources)
        self._called = _Looked(_joined, *(find((name,)) for name in mapping.called))
        self._types = _Kinds(mapping.kinds, find)
        self._days = Days(mapping.dates.slashes)
        self._places = Places(tree)
        self._lines: dict[str, int] = {}
        self._people = _People(mapping.reporters.enrolled)
        self.data = Dataset(mapping.title, mapping.attribution, tree)

    def finished(self) -> Dataset:
        data = self.data
        if not data.events:
            first = f"; line {data.bad[0].line}: {data.bad[0].why}" if data.bad else ""
            raise EventsError(f"{self._path.name} has no event that can be used{first}")
        data.tree = self._places.tree()
        data.people = self._people.enrolments()
        data.notes.append(self._supposed())
        return data

    def take(self, row: Row) -> None:
        data = self.data
        if data.rows == 0 and all(not cell or cell.startswith("#") for cell in row.cells):
            return  # the tags of the Humanitarian Exchange Language, a second header
        data.rows += 1
        why = row.why
        if why is None and len(row.cells) != self._header.width:
            why = f"it has {len(row.cells)} cells, and the header {self._header.width}"
        if why is None:
            try:
                self._read(row.line, row.cells)
            except UnreadableError as error:
                why = str(error)
        if why is not None:
            data.bad.append(BadRow(row.line, why))

    def _read(self, line: int, cells: Cells) -> None:
        data = self.data
        if self._event is not None:
            self._refuse_again(line, cells[self._event])
        spot, coarse_place = self._spots(cells)
        began, at, coarse_date = self._times(cells)
        killed, injured = self._counts(cells)
        if why := coarse_place or coarse_date:
            data.left_out[why] += 1
            return
        type_ = self._types(cells)
        number = len(data.events)
        data.events.append(Event(line, type_, spot, began, at, killed, injured, killed))
        if type_ is None:
            data.unmapped[self._called(cells)] += 1
            return
        for reporter in self._people.next_of(spot.area, self._reported(cells)):
            data.report(number, reporter, at)

    def _refuse_again(self, line: int, event: str) -> None:
        if event and (before := self._lines.setdefault(event, line)) != line:
            raise UnreadableError(f"the event {event[:40]!r} is in line {before} already")

    def _time(self, date: str, until: str, precision: str) -> tuple[int, int, str | None]:
        """Return the noons of the first and last day that it may be; why, if it is too coarse."""
        dates = self._mapping.dates
        began = self._days.noon(date)
        at = self._days.noon(until) if until else began
        if at < began:
            raise UnreadableError("its last day is before its first")
        known = not precision or not dates.days or precision in dates.days
        if not until:
            at += (dates.days.get(precision, 1) - 1) * DAY
        if not known:
            return began, at, f"too coarse a date: {dates.precision[0]} {precision[:20]}"
        if at - began >= dates.at_most * DAY:
            return began, at, f"too coarse a date: more than {dates.at_most} days"
        return began, at, None

    def _spot(
        self, lat: str, lon: str, precision: str, place: str, *levels: str
    ) -> tuple[Spot, str | None]:
        places = self._mapping.places
        spot = self._places.spot(lat, lon, place, levels)
        if self._header.find(places.precision) is not None and precision not in places.keep:
            return spot, f"too coarse a place: {places.precision[0]} {precision[:20]}"
        return spot, None

    def _count(self, killed: str, injured: str) -> tuple[int, int]:
        return _whole(killed, "number of killed"), _whole(injured, "number of injured")

    def _reporters(self, sources: str) -> int:
        reporters = self._mapping.reporters
        number = reporters.otherwise
        if sources and reporters.separated_by:
            number = sum(1 for each in sources.split(reporters.separated_by) if each.strip())
        elif sources and _WHOLE.fullmatch(sources):
            number = int(float(sources))
        return max(1, min(number, reporters.at_most, reporters.enrolled))

    def _supposed(self) -> str:
        reporters = self._mapping.reporters
        number = f"{min(reporters.otherwise, reporters.enrolled)}"
        if self._sources is not None:
            number = f"as many as its sources (at most {reporters.at_most}, else {number})"
        return (
            f"supposed: each event is reported by {number} of the {reporters.enrolled} people "
            "enrolled in its finest area"
        )


class _Header:
    """Where each column stands."""

    def __init__(self, path: Path, header: Cells, title: str) -> None:
        self.width = len(header)
        self._path, self._title = path, title
        self._index: dict[str, int] = {}
        for index, cell in enumerate(header):
            self._index.setdefault(column_key(cell), index)

    def find(self, names: Names) -> int | None:
        """Return where the first of these names stands that the file has."""
        return next((self._index[name] for name in names if name in self._index), None)

    def need(self, what: str, names: Names) -> int:
        index = self.find(names)
        if index is None:
            raise EventsError(
                f"{self._path.name} has no column for `{what}`: the mapping “{self._title}” looks "
                f"for {' or '.join(names)}, and the header has {', '.join(self._index)}"
            )
        return index


class _Looked(Generic[Found]):
    """What some cells of a row say, worked out once for all rows where they are the same."""

    def __init__(self, work_out: Callable[..., Found], *columns: int | None) -> None:
        self._work_out, self._columns = work_out, columns
        self._there = tuple(column for column in columns if column is not None)
        self._known: dict[tuple[str, ...], Found] = {}

    def __call__(self, cells: Cells) -> Found:
        key = tuple([cells[column] for column in self._there])
        try:
            return self._known[key]
        except KeyError:
            said = ("" if each is None else cells[each].strip() for each in self._columns)
            found = self._known[key] = self._work_out(*said)
            return found


class _Kinds:
    """Which type an event is of."""

    def __init__(self, kinds: Sequence[Kind], find: Callable[[Names], int | None]) -> None:
        self._kinds = kinds
        names = sorted({name for kind in kinds for each in kind.when for name in each.columns})
        # A column that this file does not have says nothing, so that what asks for it fails.
        there = [(name, index) for name in names if (index := find((name,))) is not None]
        self._names = [name for name, _ in there]
        self._looked = _Looked(self._type, *(index for _, index in there))

    def __call__(self, cells: Cells) -> str | None:
        return self._looked(cells)

    def _type(self, *values: str) -> str | None:
        said = {name: value.casefold() for name, value in zip(self._names, values, strict=True)}
        for kind in self._kinds:
            if all(
                each.holds([said[name] for name in each.columns if name in said])
                for each in kind.when
            ):
                return kind.type
        return None


class _People:
    """The focal points that are supposed: `enrolled` in each finest area, reporting in turn."""

    def __init__(self, enrolled: int) -> None:
        self._enrolled = enrolled
        self._first: dict[str, int] = {}
        self._turn: dict[str, int] = {}

    def next_of(self, area: str, count: int) -> list[int]:
        first = self._first.setdefault(area, len(self._first) * self._enrolled)
        turn = self._turn.get(area, 0)
        self._turn[area] = turn + count
        return [first + (turn + each) % self._enrolled for each in range(count)]

    def enrolments(self) -> list[Membership]:
        """Return their enrolments, from long before the first event."""
        long_ago = -(10**10)
        return [Membership(area, long_ago, None) for area in self._first] * self._enrolled


def _joined(*names: str) -> str:
    return " / ".join(name[:60] for name in names if name) or "no name"


def _whole(cell: str, what: str) -> int:
    if not cell:
        return 0
    if not _WHOLE.fullmatch(cell):
        raise UnreadableError(f"{cell[:40]!r} is no {what}")
    return int(float(cell))
