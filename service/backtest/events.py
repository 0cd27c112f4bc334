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

from service.backtest.dataset import DAY, BadRow, Dataset, Event, EventsError, Progress
from service.backtest.days import Days
from service.backtest.mapping import Kind, Mapping, Names, column_key
from service.backtest.places import Places, UnreadableError
from service.backtest.tables import Row, Table
from service.domain.areas import AreaTree, Membership

_WHOLE = re.compile(r"[0-9]{1,7}(\.0+)?", re.ASCII)
_EVERY = 5_000

Cells = Sequence[str]


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
    """Reads rows one by one; the columns are looked up once."""

    def __init__(self, path: Path, header: Cells, mapping: Mapping, tree: AreaTree) -> None:
        self._path, self._mapping = path, mapping
        self._width = len(header)
        self._index: dict[str, int] = {}
        for index, cell in enumerate(header):
            self._index.setdefault(column_key(cell), index)
        columns = mapping.columns
        self._date = self._needed("date", columns.date)
        self._lat = self._needed("lat", columns.lat)
        self._lon = self._needed("lon", columns.lon)
        self._event, self._until = self._found(columns.event), self._found(columns.until)
        self._place, self._country = self._found(columns.place), self._found(columns.country)
        self._areas = [self._found(names) for names in columns.areas]
        self._killed, self._injured = self._found(columns.killed), self._found(columns.injured)
        self._date_precision = self._found(mapping.dates.precision)
        self._place_precision = self._found(mapping.places.precision)
        self._sources = self._found(mapping.reporters.sources)
        self._called = [self._found((name,)) for name in mapping.called]
        self._kind_of = _Kinds(mapping.kinds, self._found)
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

    def _supposed(self) -> str:
        reporters = self._mapping.reporters
        number = f"{min(reporters.otherwise, reporters.enrolled)}"
        if self._sources is not None:
            number = f"as many as its sources (at most {reporters.at_most}, else {number})"
        return (
            f"supposed: each event is reported by {number} of the {reporters.enrolled} people "
            "enrolled in its finest area"
        )

    def take(self, row: Row) -> None:
        data = self.data
        if data.rows == 0 and all(not cell or cell.startswith("#") for cell in row.cells):
            return  # the tags of the Humanitarian Exchange Language, a second header
        data.rows += 1
        why = row.why
        if why is None and len(row.cells) != self._width:
            why = f"it has {len(row.cells)} cells, and the header {self._width}"
        if why is None:
            try:
                self._read(row.line, row.cells)
            except UnreadableError as error:
                why = str(error)
        if why is not None:
            data.bad.append(BadRow(row.line, why))

    def _read(self, line: int, cells: Cells) -> None:
        self._refuse_again(line, self._cell(cells, self._event))
        began, at = self._span(cells)
        levels = [self._cell(cells, self._country)]
        levels += [self._cell(cells, index) for index in self._areas]
        place = self._cell(cells, self._place)
        spot = self._places.spot(cells[self._lat], cells[self._lon], place, levels)
        killed = _whole(self._cell(cells, self._killed), "number of killed")
        injured = _whole(self._cell(cells, self._injured), "number of injured")
        reporters = self._reporters(self._cell(cells, self._sources))
        if (why := self._too_coarse(cells, at - began)) is not None:
            self.data.left_out[why] += 1
            return
        type_ = self._kind_of(cells)
        event = Event(line, type_, spot, began, at, killed, injured, killed)
        number = len(self.data.events)
        self.data.events.append(event)
        if type_ is None:
            self.data.unmapped[self._called_so(cells)] += 1
            return
        for reporter in self._people.next_of(spot.area, reporters):
            self.data.report(number, reporter, at)

    def _refuse_again(self, line: int, event: str) -> None:
        if event and (before := self._lines.setdefault(event, line)) != line:
            raise UnreadableError(f"the event {event[:40]!r} is in line {before} already")

    def _span(self, cells: Cells) -> tuple[int, int]:
        """Return the noons of the first and the last day on which it may have happened."""
        began = self._days.noon(cells[self._date])
        if self._until is not None and cells[self._until].strip():
            at = self._days.noon(cells[self._until])
            if at < began:
                raise UnreadableError("its last day is before its first")
            return began, at
        code = self._cell(cells, self._date_precision)
        days = self._mapping.dates.days.get(code, 1)
        return began, began + (days - 1) * DAY

    def _too_coarse(self, cells: Cells, span: int) -> str | None:
        where, when = self._place_precision, self._date_precision
        if where is not None and cells[where].strip() not in self._mapping.places.keep:
            return f"too coarse a place: {column_key(self._name(where))} {cells[where][:20]}"
        days = self._mapping.dates.days
        if when is not None and days and cells[when].strip() not in days:
            return f"too coarse a date: {column_key(self._name(when))} {cells[when][:20]}"
        if span >= self._mapping.dates.at_most * DAY:
            return f"too coarse a date: more than {self._mapping.dates.at_most} days"
        return None

    def _reporters(self, sources: str) -> int:
        reporters = self._mapping.reporters
        number = reporters.otherwise
        if sources and reporters.separated_by:
            number = sum(1 for each in sources.split(reporters.separated_by) if each.strip())
        elif sources and _WHOLE.fullmatch(sources):
            number = int(float(sources))
        return max(1, min(number, reporters.at_most, reporters.enrolled))

    def _called_so(self, cells: Cells) -> str:
        names = (self._cell(cells, index) for index in self._called)
        return " / ".join(name[:60] for name in names if name) or "no name"

    def _cell(self, cells: Cells, index: int | None) -> str:
        return "" if index is None else cells[index].strip()

    def _found(self, names: Names) -> int | None:
        return next((self._index[name] for name in names if name in self._index), None)

    def _name(self, index: int) -> str:
        return next(name for name, at in self._index.items() if at == index)

    def _needed(self, what: str, names: Names) -> int:
        index = self._found(names)
        if index is None:
            raise EventsError(
                f"{self._path.name} has no column for `{what}`: the mapping “{self._mapping.title}”"
                f" looks for {' or '.join(names)}, and the header has {', '.join(self._index)}"
            )
        return index


class _Kinds:
    """Which type an event is of, looked up once for each set of values that its columns have."""

    def __init__(self, kinds: Sequence[Kind], found: Callable[[Names], int | None]) -> None:
        # A column that this file does not have says nothing, so that what asks for it fails.
        self._kinds = [
            (
                kind.type,
                [
                    (each, [i for name in each.columns if (i := found((name,))) is not None])
                    for each in kind.when
                ],
            )
            for kind in kinds
        ]
        self._used = sorted({i for _, when in self._kinds for _, indexes in when for i in indexes})
        self._known: dict[tuple[str, ...], str | None] = {}

    def __call__(self, cells: Cells) -> str | None:
        key = tuple([cells[index] for index in self._used])
        if key not in self._known:
            self._known[key] = self._type(cells)
        return self._known[key]

    def _type(self, cells: Cells) -> str | None:
        for type_, when in self._kinds:
            if all(
                each.holds([cells[index].strip().casefold() for index in indexes])
                for each, indexes in when
            ):
                return type_
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


def _whole(cell: str, what: str) -> int:
    if not cell:
        return 0
    if not _WHOLE.fullmatch(cell):
        raise UnreadableError(f"{cell[:40]!r} is no {what}")
    return int(float(cell))
