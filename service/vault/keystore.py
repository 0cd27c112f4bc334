"""The keys that are deleted one by one: each person's and each day's, in a file of their own.

To delete a key is to destroy what it sealed, in every copy and backup, so this file stays out of
ordinary backups. Private halves and data keys are wrapped before they come here.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from service.vault.keys import KeysError

FILE_NAME = "keystore.sqlite"
_SCHEMA_VERSION = 1
_SCHEMA = (
    """create table if not exists public_key (
        purpose text not null, version integer not null, public blob not null,
        primary key (purpose, version)
    ) strict, without rowid""",
    """create table if not exists person_key (
        person integer primary key, wrapped blob not null
    ) strict""",
    """create table if not exists day_key (
        day text primary key, public blob not null, wrapped blob not null
    ) strict, without rowid""",
    # Which versions each part of the service holds keys of, and which it seals with.
    """create table if not exists holder (
        part text primary key, oldest integer not null, newest integer not null,
        seals integer not null
    ) strict, without rowid""",
    f"pragma user_version = {_SCHEMA_VERSION}",
)


class DayKey(NamedTuple):
    """An X25519 pair: the public half raw, the private half wrapped."""

    public: bytes
    wrapped: bytes


class Holder(NamedTuple):
    """A part of the service: the versions that it holds keys of, and the one it seals with."""

    part: str
    oldest: int
    newest: int
    seals: int


class Keystore:
    """One SQLite file, safe for several processes and threads.

    Freed pages are overwritten (secure_delete), and the rollback journal is cut when a change is
    on disk. Nothing is cached: a key deleted by one process is gone for all of them at once.
    Raises KeysError if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._writing = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its journal the mode of the database file.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = _connect(path)
            with self._change() as connection:
                for statement in _SCHEMA:
                    connection.execute(statement)
            # Its own connection, so that a read never waits for a thread that waits to write.
            self._reader = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise KeysError(
                f"the keystore {path} cannot be used ({error}): it must be a file that this "
                "account may read and write, in a directory where it may make files"
            ) from error

    def close(self) -> None:
        """Release the file."""
        self._reader.close()
        self._writer.close()

    def public_key(self, purpose: str, version: int) -> bytes | None:
        """A long-lived public key, kept in the clear so that a locked service can still seal."""
        return self._find(
            "select public from public_key where purpose = ? and version = ?", purpose, version
        )

    def publish(self, purpose: str, version: int, public: bytes) -> None:
        """Keep a public key, unless there is one for this purpose and version."""
        with self._change() as connection:
            connection.execute(
                "insert or ignore into public_key values (?, ?, ?)", (purpose, version, public)
            )

    def published(self, purposes: Collection[str]) -> list[int]:
        """The versions that have a public key for each of these purposes, the newest first."""
        rows = self._reader.execute("select version, purpose from public_key").fetchall()
        versions = sorted({version for version, _ in rows}, reverse=True)
        return [v for v in versions if all((v, purpose) in rows for purpose in purposes)]

    def withdraw_before(self, version: int) -> None:
        """Delete the public keys of earlier versions: nothing is to be sealed with them again."""
        with self._change() as connection:
            connection.execute("delete from public_key where version < ?", (version,))

    def hold(self, holder: Holder) -> None:
        """Note which versions a part of the service works with, in place of what was noted."""
        with self._change() as connection:
            connection.execute("insert or replace into holder values (?, ?, ?, ?)", holder)

    def holders(self) -> list[Holder]:
        """What each part of the service noted last."""
        query = "select part, oldest, newest, seals from holder order by part"
        return [Holder(*row) for row in self._reader.execute(query)]

    def keep_person(self, person: int, wrapped: bytes) -> None:
        """Keep a person's data key, in place of any earlier one."""
        with self._change() as connection:
            connection.execute("insert or replace into person_key values (?, ?)", (person, wrapped))

    def person(self, person: int) -> bytes | None:
        """A person's wrapped data key; None once forgotten."""
        return self._find("select wrapped from person_key where person = ?", person)

    def forget_person(self, person: int) -> None:
        """Delete a person's data key; it need not exist."""
        with self._change() as connection:
            connection.execute("delete from person_key where person = ?", (person,))

    def people_before(self, version: int) -> list[tuple[int, bytes]]:
        """(person, wrapped data key) of those that an earlier version wraps."""
        query = "select person, wrapped from person_key where wrapped < ? order by person"
        return [(row[0], bytes(row[1])) for row in self._reader.execute(query, (_first(version),))]

    def rewrap_person(self, person: int, was: bytes, wrapped: bytes) -> None:
        """Put a newly wrapped key in the place of `was`; one forgotten meanwhile stays so."""
        with self._change() as connection:
            connection.execute(
                "update person_key set wrapped = ? where person = ? and wrapped = ?",
                (wrapped, person, was),
            )

    def days_before(self, version: int) -> list[tuple[date, bytes]]:
        """(day, wrapped private half) of those that an earlier version wraps."""
        query = "select day, wrapped from day_key where wrapped < ? order by day"
        rows = self._reader.execute(query, (_first(version),))
        return [(date.fromisoformat(row[0]), bytes(row[1])) for row in rows]

    def rewrap_day(self, day: date, was: bytes, wrapped: bytes) -> None:
        """Put a newly wrapped key in the place of `was`; one forgotten meanwhile stays so."""
        with self._change() as connection:
            connection.execute(
                "update day_key set wrapped = ? where day = ? and wrapped = ?",
                (wrapped, day.isoformat(), was),
            )

    def day_public(self, day: date) -> bytes | None:
        """The public half of a day's key."""
        return self._find("select public from day_key where day = ?", day.isoformat())

    def day_wrapped(self, day: date) -> bytes | None:
        """The wrapped private half of a day's key; None once forgotten."""
        return self._find("select wrapped from day_key where day = ?", day.isoformat())

    def keep_day(self, day: date, make: Callable[[], DayKey]) -> bytes:
        """The public half of the day's key, made if no process has made it yet."""
        with self._change() as connection:
            select = "select public from day_key where day = ?"
            row = connection.execute(select, (day.isoformat(),)).fetchone()
            if row is None:
                key = make()
                connection.execute("insert into day_key values (?, ?, ?)", (day.isoformat(), *key))
                return key.public
        return bytes(row[0])

    def forget_days_before(self, day: date) -> None:
        """Delete the key of every day earlier than `day`."""
        with self._change() as connection:
            connection.execute("delete from day_key where day < ?", (day.isoformat(),))

    def _find(self, query: str, *values: str | int) -> bytes | None:
        row = self._reader.execute(query, values).fetchone()
        return None if row is None else bytes(row[0])

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A write transaction that is on disk when the block ends."""
        with self._writing:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.rollback()
                raise
            self._writer.commit()


def _first(version: int) -> bytes:
    """The least of the boxes of a version, which is their first byte."""
    return bytes([version])


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    for pragma in (
        "secure_delete = on",
        "journal_mode = truncate",
        "synchronous = full",
        "temp_store = memory",
    ):
        connection.execute(f"pragma {pragma}")
    return connection
