"""The place tables, `rules/places/*.csv`."""

import csv
from collections.abc import Sequence
from typing import NamedTuple

from service.content.files import TABLE_LIMIT, Files
from service.content.problem import MOST_PROBLEMS, Problem
from service.content.unchanged import unless_changed
from service.content.yaml import shown
from service.domain.gazetteer import (
    ALIAS_COLUMNS,
    AREA_COLUMNS,
    PLACE_COLUMNS,
    Gazetteer,
    TablesError,
)

FOLDER = "rules/places"
MOST_ROWS = 40_000
_COLUMNS = {"areas": AREA_COLUMNS, "places": PLACE_COLUMNS, "aliases": ALIAS_COLUMNS}


class _Table(NamedTuple):
    """A table's rows without its header, and the line on which each of them ends."""

    file: str
    columns: Sequence[str]
    rows: list[list[str]]
    lines: list[int]


def gazetteer(files: Files) -> Gazetteer | None:
    """Read every place; None where the tables have problems, which `files` then holds."""
    written = (files.text(_file(name), TABLE_LIMIT) for name in _COLUMNS)
    places, problems = _read(*written)
    files.problems += problems
    return places


@unless_changed
def _read(*written: str | None) -> tuple[Gazetteer | None, Sequence[Problem]]:
    """The places of the tables in the order of `_COLUMNS`, and what is wrong with these."""
    problems: list[Problem] = []
    tables = {
        name: _table(name, text, problems)
        for name, text in zip(_COLUMNS, written, strict=True)
        if text is not None
    }
    areas, places, aliases = (_rows(tables.get(name)) for name in _COLUMNS)
    if areas is None or places is None or aliases is None:
        return None, problems
    try:
        return Gazetteer.from_tables(areas, places, aliases), problems
    except TablesError as error:
        for problem in error.problems[:MOST_PROBLEMS]:
            table = tables[problem.table]
            assert table
            cells = table.rows[problem.row - 1]
            cell = table.columns.index(problem.column) if problem.column else 0
            column = 1 + sum(len(before) + 1 for before in cells[:cell])
            text = cells[cell] if problem.column else ",".join(cells)
            line = table.lines[problem.row - 1]
            problems.append(Problem(table.file, line, column, shown(text), problem.why))
        return None, problems


def _file(name: str) -> str:
    return f"{FOLDER}/{name}.csv"


def _rows(table: _Table | None) -> list[list[str]] | None:
    return table.rows if table else None


def _table(name: str, text: str, problems: list[Problem]) -> _Table | None:
    file, columns = _file(name), _COLUMNS[name]
    if text.count("\n") > MOST_ROWS:
        why, suggestion = f"the table has more than {MOST_ROWS} rows", "leave out what is far away"
        problems.append(Problem(file, MOST_ROWS + 1, 1, "", why, suggestion))
        return None
    reader = csv.reader(text.splitlines(), strict=True)
    table = _Table(file, columns, [], [])
    try:
        header = next(reader, [])
        for row in reader:
            if row:
                table.rows.append(row)
                table.lines.append(reader.line_num)
    except csv.Error as error:
        why = f"this row cannot be read: {error}"
        problems.append(Problem(file, reader.line_num, 1, "", why, "close every quote"))
        return None
    if tuple(header) != columns:
        why = f"the first row must be {','.join(columns)}"
        problems.append(Problem(file, 1, 1, shown(",".join(header)), why))
        return None
    return table
