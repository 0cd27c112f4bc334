"""The rows of a file of events, CSV or XLSX, however hostile: they are read one at a time."""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple

from service.backtest.dataset import EventsError

LINE_LIMIT = 1_000_000
COLUMN_LIMIT = 400
ROW_LIMIT = 5_000_000
# A sheet that Excel can hold is within these; what expands further was made to fill the memory.
MEMBER_LIMIT = 2_000_000_000
STRINGS_LIMIT = 300_000_000
RATIO_LIMIT = 200
_SMALL = 1_000_000

_NOT_TABLES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls): open it and save it as .xlsx or CSV"),
    (b"\x1f\x8b", "a compressed file: unpack it first"),
    (b"%PDF", "a PDF: export the table as CSV"),
    (b"\xff\xfe", "UTF-16: save it as CSV UTF-8"),
    (b"\xfe\xff", "UTF-16: save it as CSV UTF-8"),
)


class Row(NamedTuple):
    """A row's cells as text, and its line from 1; `why` is set where it cannot be used."""

    line: int
    cells: Sequence[str]
    why: str | None = None


class Table(NamedTuple):
    """The header's cells as they are written, and the rows under it."""

    header: Sequence[str]
    rows: Iterator[Row]


def read(path: Path) -> Table:
    """Open a file of events. Raises EventsError, here or while the rows are read."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise EventsError(f"{path.name} cannot be read: {error.strerror}") from None
    if not start:
        raise EventsError(f"{path.name} is empty")
    for magic, what in _NOT_TABLES:
        if start.startswith(magic):
            raise EventsError(f"{path.name} is {what}")
    rows = _sheet_rows(path) if start == b"PK\x03\x04" else _csv_rows(path)
    for row in rows:
        if row.why:
            raise EventsError(f"{path.name}:{row.line}: {row.why}")
        if any(cell.strip() for cell in row.cells):
            return Table(row.cells, _bounded(path, rows))
    raise EventsError(f"{path.name} has no header")


def _bounded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    for count, row in enumerate(rows):
        if count == ROW_LIMIT:
            raise EventsError(f"{path.name} has more than {ROW_LIMIT:,} rows: split it")
        yield row


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        lines = _lines(path, file)
        first = next(lines)
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(line, (), _csv_problem(error, line, reader.line_num))
                continue
            if cells is None:
                return
            if cells:
                yield Row(line, cells)


def _csv_problem(error: csv.Error, line: int, until: int) -> str:
    if until > line or "end of data" in str(error):
        return f"a quote is opened and not closed; lines {line} to {until} are lost with it"
    return f"this row cannot be read: {error}"


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    number = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(raw) > LINE_LIMIT:
            raise EventsError(f"{path.name}:{number}: this line has no end: this is no CSV file")
        if b"\0" in raw:
            raise EventsError(f"{path.name}:{number}: this is no text: is it the right file?")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            wrong = f"0x{raw[error.start]:02X}"
            raise EventsError(
                f"{path.name}:{number}: {wrong} is not UTF-8: in the spreadsheet program, save "
                "the file as “CSV UTF-8”"
            ) from None


def _sheet_rows(path: Path) -> Iterator[Row]:
    _refuse_bombs(path)
    try:
        yield from _cells(path)
    except EventsError:
        raise
    except Exception as error:  # whatever a damaged or hostile workbook makes the parsers raise
        what = type(error).__name__
        raise EventsError(
            f"{path.name} is no spreadsheet that can be read ({what}): open it and save it anew, "
            "or as CSV UTF-8"
        ) from None


def _cells(path: Path) -> Iterator[Row]:
    import openpyxl  # here, since no other command is to wait for it

    book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size need not be true
        width = 0
        for line, row in enumerate(sheet.iter_rows(max_col=COLUMN_LIMIT), 1):
            cells = [_text(cell.value) for cell in row]
            formula = next((cell for cell in row if cell.data_type == "f"), None)
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                continue
            width = width or len(cells)
            cells += [""] * (width - len(cells))
            if formula is not None:
                yield Row(line, cells, f"{formula.coordinate} is a formula: paste its value")
            else:
                yield Row(line, cells)
    finally:
        book.close()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _refuse_bombs(path: Path) -> None:
    """Look at what the archive says of its members: no more than that is ever unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise EventsError(f"{path.name} is damaged: its end is missing or wrong") from None
    for member in members:
        limit = STRINGS_LIMIT if member.filename.endswith("sharedStrings.xml") else MEMBER_LIMIT
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > limit or (member.file_size > _SMALL and ratio > RATIO_LIMIT):
            raise EventsError(
                f"{path.name} would unpack to {member.file_size:,} bytes: that is no table of "
                "events. If it is one, save it as CSV UTF-8"
            )
