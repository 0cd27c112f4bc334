"""Every row that a backup holds, as lines of JSON, and back: the same from and to either database.

First a line for the whole; then, for each table, a line that names its columns and a line a row;
at last a line with how many rows there were, so that a copy that was cut short shows, and a seal
over all of it: to encrypt something to the recipient anybody can.

What would outlast a STOP is not in it. The keyed index of a number is as good as the number to
whoever has the root key, so a person's is left out and made anew from the sealed number, which
opens only while the person's own key exists. Messages that were just received are left out whole.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    LargeBinary,
    Select,
    Table,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import sort_tables

from service.store.tables import delivery, metadata, outbox, person
from service.store.types import UtcDateTime

# Received within the last days: numbers and texts, sealed with keys that no STOP deletes. And what
# there is of a number but its index.
LEFT_OUT = frozenset({"inbox", "locked", "menu_language", "withdrawal"})
# Made anew for whoever can still be reached.
MADE_ANEW = frozenset({("person", "number_index"), ("person", "other_index")})

_CHUNK = 500
Values = dict[str, Any]


class Unreadable(Exception):
    """These lines are not such a copy, or not a whole one; the message says which."""


def tables() -> list[Table]:
    """The tables that are copied, each after those that it refers to, people before their own."""
    theirs = [(person, table) for table in metadata.tables.values() if "person_id" in table.c]
    ordered = sort_tables(metadata.tables.values(), extra_dependencies=theirs)
    return [table for table in ordered if table.name not in LEFT_OUT]


def columns(table: Table) -> list[Column[Any]]:
    """The columns that are copied."""
    return [column for column in table.c if (table.name, column.name) not in MADE_ANEW]


async def lines(
    tx: AsyncConnection, head: Values, told: Callable[[str, int], None]
) -> AsyncIterator[bytes]:
    """The copy, some lines at a time, as one moment had it. `told` hears each table's rows."""
    if tx.dialect.name == "postgresql":
        await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    yield _line(head | {"last_ids": await _last_ids(tx)})
    total = 0
    for table in tables():
        copied = columns(table)
        yield _line({"table": table.name, "columns": [column.name for column in copied]})
        count = 0
        query = _rows(table).execution_options(yield_per=_CHUNK)
        async for rows in (await tx.stream(query)).partitions():
            count += len(rows)
            yield b"".join(_line([_plain(value) for value in row]) for row in rows)
        told(table.name, count)
        total += count
    yield _line({"rows": total})


def new_hash() -> "hashlib._Hash":
    """What the lines of a copy are hashed with, one after the other."""
    return hashlib.sha256(b"vigie copy 1\n")


def seal_line(version: int, seal: bytes) -> bytes:
    """The line after a copy that says who made it."""
    return _line({"version": version, "seal": _plain(seal)})


def _rows(table: Table) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(*columns(table)).order_by(*table.primary_key.columns)
    answers = select(outbox.c.id).where(outbox.c.inbox_id.is_not(None))
    if table is outbox:
        return query.where(outbox.c.inbox_id.is_(None))
    if table is delivery:
        return query.where(delivery.c.outbox_id.not_in(answers))
    return query


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, date | datetime) else value


class Reader:
    """Reads a copy line by line. Raises Unreadable for what is none."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._hash = new_hash()
        self.head = self._next()
        self.tail: dict[str, Any] = {}
        self._waiting: Any = None

    def table(self) -> tuple[Table, Iterator[Values]] | None:
        """The next table with its rows, to be read to their end; None once all has been read."""
        found = self._next() if self._waiting is None else self._waiting
        self._waiting = None
        if not isinstance(found, dict):
            raise Unreadable("it is not a backup of Vigie")
        if "table" not in found:
            self.tail = found
            return None
        table = metadata.tables.get(found["table"])
        named = found.get("columns")
        if table is None or named != [column.name for column in columns(table)]:
            raise Unreadable("its tables are those of another version of Vigie")
        return table, self._rows(table)

    def seal(self) -> tuple[bytes, int, bytes]:
        """The hash of all that was read, and what the line after it says: a key's version, a seal.

        It is the last thing to ask for.
        """
        read, said = self._hash.digest(), self._next()
        try:
            return read, int(said["version"]), b64decode(said["seal"], validate=True)
        except (TypeError, KeyError, ValueError):
            raise Unreadable("it is not a backup of Vigie") from None

    def _rows(self, table: Table) -> Iterator[Values]:
        readers = [(column.name, _reader(column)) for column in columns(table)]
        while isinstance(line := self._next(), list):
            yield {
                name: None if value is None else read(value)
                for (name, read), value in zip(readers, line, strict=True)
            }
        self._waiting = line

    def _next(self) -> Any:
        try:
            line = next(self._lines)
            self._hash.update(line)
            return json.loads(line)
        except StopIteration:
            raise Unreadable("it ends too early: it was cut short") from None
        except ValueError:
            raise Unreadable("it is not a backup of Vigie") from None


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, LargeBinary):
        return b64decode
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat
    return date.fromisoformat if isinstance(column.type, Date) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


async def put(tx: AsyncConnection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows with the ids that they had."""
    if rows:
        await tx.execute(insert(table), list(rows))


async def is_unused(tx: AsyncConnection) -> bool:
    """Whether nothing has happened in this database but its making."""
    used = [
        table
        for table in metadata.sorted_tables
        if table.name != "audit"
        and await tx.scalar(select(literal_column("1")).select_from(table).limit(1))
    ]
    return not used


async def _last_ids(tx: AsyncConnection) -> dict[str, int]:
    """The highest id that was ever given out, of tables that must not give one out again."""
    found = {}
    for table in _numbered():
        if tx.dialect.name == "sqlite":
            query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
            last = await tx.scalar(query, {"name": table.name})
        else:
            last = await tx.scalar(select(func.max(table.c.id)))
            sequence = await tx.scalar(select(_sequence(table)))
            given = text(f"SELECT last_value FROM {sequence} WHERE is_called")  # noqa: S608
            last = max(last or 0, await tx.scalar(given) or 0)
        found[table.name] = int(last or 0)
    return found


async def number_on(tx: AsyncConnection, last_ids: Mapping[str, int]) -> None:
    """See that no id is given out that was given out before."""
    for table in metadata.sorted_tables:
        if tx.dialect.name == "postgresql":
            if await tx.scalar(select(_sequence(table))) is None:
                continue
            top = await tx.scalar(select(func.max(table.c.id))) or 0
            last = max(top, last_ids.get(table.name, 0))
            if last:
                await tx.execute(select(func.setval(_sequence(table), last)))
        elif last := last_ids.get(table.name):
            gone = text("DELETE FROM sqlite_sequence WHERE name = :name")
            await tx.execute(gone, {"name": table.name})
            given = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
            await tx.execute(given, {"name": table.name, "seq": last})


def _numbered() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.kwargs.get("sqlite_autoincrement")]


def _sequence(table: Table) -> Any:
    has_id = "id" in table.c
    return func.pg_get_serial_sequence(table.name, "id") if has_id else literal_column("NULL")
