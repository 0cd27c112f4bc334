"""Connections and transactions, on SQLite or PostgreSQL."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import (
    URL,
    AdaptedConnection,
    Connection,
    Dialect,
    Insert,
    Row,
    Table,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.compiler import SQLCompiler

AnyRow = Row[*tuple[Any, ...]]

# One connection writes, as SQLite has it: waiting for it in the pool is cheaper and fairer than
# meeting on the file's lock.
_WRITER = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60}
_READERS = {"pool_size": 4, "max_overflow": 0, "pool_timeout": 60}

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on the disk: '200' to a gateway means this
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 15000",  # milliseconds; the command line writes to the same file
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON",
    # Hashes fall on pages at random: copying them back less often copies each page less often.
    "PRAGMA wal_autocheckpoint = 8000",  # pages of 4 KiB
)


# In one statement: SQLite takes 32,766 values, PostgreSQL's protocol as many.
_ROWS = 500


class Witness(Protocol):
    """Is told how far the audit log has come, each time that more of it is on disk."""

    async def committed(self, count: int, hash_: bytes) -> None: ...


class Store:
    """The database. `write()` and `read()` give a connection inside one short transaction.

    Never hold one across a network call. Errors are SQLAlchemy's own, without parameters.
    """

    def __init__(self, url: str, witness: Witness | None = None) -> None:
        """Without a witness nothing can be entered in the audit log (`service.audit`)."""
        self.witness = witness
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, "BEGIN IMMEDIATE", _WRITER)
            self._reader = _sqlite_engine(self.url, "BEGIN", _READERS)
        else:
            self._writer = self._reader = create_async_engine(
                self.url, hide_parameters=True, pool_size=8, max_overflow=0, pool_pre_ping=True
            )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        async with self._writer.begin() as connection:
            notes = connection.info
            notes["witness"] = self.witness
            notes.pop("audit_head", None)  # of one that was rolled back
            yield connection
            head = notes.pop("audit_head", None)
        if head and self.witness:
            await self.witness.committed(*head)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing."""
        async with self._reader.begin() as connection:
            yield connection

    def files(self) -> tuple[Path, ...]:
        """The SQLite files, for permissions and space; empty on PostgreSQL."""
        if not self.is_sqlite or not self.url.database:
            return ()
        main = Path(self.url.database)
        return tuple(main.with_name(main.name + suffix) for suffix in ("", "-wal", "-shm"))

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def _sqlite_engine(url: URL, begin: str, pool: dict[str, int]) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: DBAPIConnection, _record: Any) -> None:
        # The driver's own idea of when to begin is switched off, so that `begin` below is all.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        # Straight to the driver: SQLAlchemy's cursor is two more journeys to SQLite's thread.
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, AdaptedConnection)
        try:
            driver.run_async(lambda sqlite: sqlite.execute(begin))
        except sqlite3.Error as error:
            raise OperationalError(begin, None, error) from error

    return engine


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Parts below both databases' limits on bound parameters in one statement."""
    for start in range(0, len(values), _ROWS):
        yield values[start : start + _ROWS]


def insert_new(tx: AsyncConnection, table: Table) -> Insert:
    """An insert that passes over rows which a unique column says are there already."""
    return _insert_new(tx.dialect.name, table)


async def add_new(tx: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """`insert_new` for very many rows, which all have the same columns.

    SQLAlchemy would prepare each row anew, which takes longer than the database does.
    """
    sql, columns = _prepared(tx.dialect, table, frozenset(rows[0]))
    values = [
        tuple(row[name] if process is None else process(row[name]) for name, process in columns)
        for row in rows
    ]
    if tx.dialect.name != "sqlite":
        await tx.exec_driver_sql(sql, values)
        return
    # For each statement its thread must win Python's lock back, 5 ms while others are at work.
    one = f"({', '.join('?' * len(columns))})"
    for some in chunks(values):
        many = sql.replace(one, ", ".join([one] * len(some)))
        await tx.exec_driver_sql(many, tuple(chain.from_iterable(some)))


def _insert_new(dialect: str, table: Table) -> Insert:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()


_Column = tuple[str, Callable[[Any], Any] | None]


@lru_cache(64)
def _prepared(
    dialect: Dialect, table: Table, names: frozenset[str]
) -> tuple[str, Sequence[_Column]]:
    """The statement, and its columns in order, each with what the driver needs done to a value."""
    insert = _insert_new(dialect.name, table).inline()
    compiled = insert.compile(dialect=dialect, column_keys=sorted(names))
    assert isinstance(compiled, SQLCompiler)
    types = {name: table.c[name].type.dialect_impl(dialect) for name in names}
    columns = [(name, types[name].bind_processor(dialect)) for name in compiled.positiontup or ()]
    return str(compiled), columns
