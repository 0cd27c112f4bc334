"""Backups: one file, encrypted to a recipient (age), that holds no key and no index of a number.

The whole is streamed: database → lines (`store.copying`) → gzip → age → file, and back in one
transaction. The library that encrypts takes files, so it works in a thread of its own behind a
pipe.
"""

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyrage
from sqlalchemy.ext.asyncio import AsyncConnection

from service import audit
from service.store import Store, copying, migrate
from service.store.copying import Reader, Unreadable, Values
from service.store.tables import membership, person
from service.vault.vault import Vault, VaultError

FORMAT = "vigie backup 1"
_CHUNK = 500

Told = Callable[[str, int], None]


class BackupError(Exception):
    """The backup cannot be made or read; the message says what to do."""


@dataclass(slots=True)
class Restored:
    """What was put back; `unreachable` people had no key any more and were left out.

    `proven`: a key that is held now sealed it.
    """

    made_at: datetime
    rows: int
    people: int = 0
    unreachable: int = 0
    proven: bool = False


def new_identity() -> tuple[str, str]:
    """What opens backups, and its public half, to which they are encrypted."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def is_recipient(value: str) -> bool:
    """Whether backups can be encrypted to this."""
    try:
        pyrage.x25519.Recipient.from_str(value)
    except pyrage.RecipientError:
        return False
    return True


async def write(store: Store, to: Path, recipient: str, now: datetime, told: Told) -> None:
    """Write a backup. The file is there whole, or not at all. Raises BackupError, OSError."""
    part = _free(to)
    head = {"format": FORMAT, "revision": migrate.newest(), "made_at": now.isoformat()}
    key = pyrage.x25519.Recipient.from_str(recipient)
    try:
        with _created(part) as file:
            async with _encrypting(file, key) as plain, store.read() as tx:
                hash_ = copying.new_hash()
                async for some in copying.lines(tx, head, told):
                    hash_.update(some)
                    await asyncio.to_thread(plain.write, some)
                seal = audit.the_witness(store.witness).seal(hash_.digest())
                await asyncio.to_thread(plain.write, copying.seal_line(*seal))
            file.flush()
            os.fsync(file.fileno())
        part.rename(to)
    except FileExistsError:
        raise BackupError(f"{part} is there: another backup is being written, or failed") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(to.parent)


async def restore(
    store: Store,
    vault: Vault,
    source: Path,
    identity: str,
    now: datetime,
    told: Told,
    *,
    unproven: bool = False,
) -> Restored:
    """Put a backup into an unused database, all of it or nothing. Raises BackupError, OSError.

    Who was forgotten since it was made, or whose key is lost, is left out: their number cannot be
    opened any more. What none of our keys sealed is refused, unless it may be `unproven`.
    """
    key = _identity(identity)
    try:
        async with _decrypting(source, key) as (lines, end):
            reader = await asyncio.to_thread(Reader, lines)
            made_at = _made_at(reader.head)
            async with store.write() as tx:
                if await migrate.is_made(tx) and not await copying.is_unused(tx):
                    raise BackupError(
                        "this database is in use: put a backup into a new one (another "
                        "VIGIE_DATA_DIR or VIGIE_DATABASE_URL), so that nothing is lost"
                    )
                await migrate.make_anew(tx)
                done = await _Restoring(tx, vault, now, told).run(reader, made_at)
                seal = await asyncio.to_thread(reader.seal)
                done.proven = audit.the_witness(store.witness).vouches(*seal)
                if not done.proven and not unproven:
                    raise BackupError(
                        f"{source} was not put back: none of the keys here sealed it, and anybody "
                        "can make up a backup, with people who are not there. Where the keys that "
                        "made it are lost, and you know where it was all the time, say --unproven"
                    )
                await end()  # before the commit: the last bytes tell whether all is right
                return done
    except Unreadable as error:
        raise BackupError(f"{source} was not put back: {error}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BackupError(f"{source} was not put back: it was cut short or altered") from None


class _Restoring:
    """Takes the rows of a backup in, in the one transaction."""

    def __init__(self, tx: AsyncConnection, vault: Vault, now: datetime, told: Told) -> None:
        self._tx = tx
        self._vault = vault
        self._hour = now.replace(minute=0, second=0, microsecond=0)
        self._told = told
        self._reached: set[int] = set()

    async def run(self, reader: Reader, made_at: datetime) -> Restored:
        done = Restored(made_at, 0)
        left: list[int] = []
        while (found := await asyncio.to_thread(reader.table)) is not None:
            table, rows = found
            count = 0
            while some := await asyncio.to_thread(_take, rows):
                count += len(some)
                if table is person:
                    some, gone = self._people(some)
                    left += gone
                    done.people += len(some)
                elif "person_id" in table.c and table.name != "outbox":
                    some = [row for row in some if self._is_kept(row["person_id"])]
                await copying.put(self._tx, table, some)
            self._told(table.name, count)
            done.rows += count
        if reader.tail.get("rows") != done.rows:
            raise Unreadable("it does not hold as many rows as it says")
        await self._end(left)
        await copying.number_on(self._tx, reader.head["last_ids"])
        done.unreachable = len(left)
        return done

    def _is_kept(self, person_id: int | None) -> bool:
        return person_id is None or person_id in self._reached

    def _people(self, rows: list[Values]) -> tuple[list[Values], list[int]]:
        """Those who can be reached, with their index, and the memberships of the others."""
        reached, left = [], []
        for row in rows:
            try:
                sealed, indexes = self._vault.reseal_person(row["id"], row["sealed_number"])
            except VaultError:
                left.append(row["membership_id"])
                continue
            fresh: Values = {"sealed_number": sealed, "number_index": indexes[0]}
            fresh |= {"other_index": indexes[1] if len(indexes) > 1 else None}
            reached.append(row | fresh)
            self._reached.add(row["id"])
        return reached, left

    async def _end(self, memberships: list[int]) -> None:
        """End enrolments that nobody is behind: areas must not count on them."""
        for start in range(0, len(memberships), _CHUNK):
            some = membership.c.id.in_(memberships[start : start + _CHUNK])
            await self._tx.execute(membership.update().where(some).values(left_at=self._hour))


def _take(rows: Iterator[Values]) -> list[Values]:
    return list(islice(rows, _CHUNK))


def _made_at(head: Any) -> datetime:
    if not isinstance(head, dict) or "format" not in head:
        raise Unreadable("it is not a backup of Vigie")
    if (head["format"], head.get("revision")) != (FORMAT, migrate.newest()):
        raise Unreadable(
            "another version of Vigie made it: restore it with that version, then upgrade"
        )
    return datetime.fromisoformat(head["made_at"])


def _identity(text: str) -> "pyrage.x25519.Identity":
    for line in text.split():
        if line.startswith("AGE-SECRET-KEY-"):
            with suppress(pyrage.IdentityError):
                return pyrage.x25519.Identity.from_str(line)
    raise BackupError("there is no identity in that file: it has a line AGE-SECRET-KEY-1…")


def _free(to: Path) -> Path:
    """Where to write what will be `to`."""
    if to.exists():
        raise BackupError(f"{to} is there already: a backup never replaces another")
    return to.with_name(to.name + ".part")


def _created(path: Path) -> IO[bytes]:
    return open(path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))


@asynccontextmanager
async def _encrypting(file: IO[bytes], key: Any) -> AsyncIterator[gzip.GzipFile]:
    """What is written is compressed, encrypted and appended to the file."""
    reading, writing = os.pipe()
    source, sink = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")

    def work() -> None:
        with source:
            pyrage.encrypt_io(source, file, [key])

    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        with sink, gzip.GzipFile(fileobj=sink, mode="wb", mtime=0) as plain:
            yield plain
    except BrokenPipeError:
        await working  # it failed first, and says why
        raise
    finally:
        await asyncio.wait([working])
    await working


@asynccontextmanager
async def _decrypting(
    source: Path, key: Any
) -> AsyncIterator[tuple[Iterator[bytes], Callable[[], Awaitable[None]]]]:
    """The lines of a backup, and what to call after the last: then all of it was as it was written.

    What age finds wrong with it is said as a BackupError.
    """
    reading, writing = os.pipe()
    sink = os.fdopen(writing, "wb")
    file = source.open("rb")

    def work() -> None:
        with file, sink, suppress(BrokenPipeError):
            pyrage.decrypt_io(file, sink, [key])

    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        with os.fdopen(reading, "rb") as plain, gzip.GzipFile(fileobj=plain) as lines:

            async def end() -> None:
                await asyncio.to_thread(lines.read)
                await asyncio.shield(working)

            yield iter(lines), end
    except BackupError:
        raise
    except BaseException:
        await _blame(working, source)
        raise
    finally:
        await asyncio.wait([working])


async def _blame(working: "asyncio.Task[None]", source: Path) -> None:
    """Say what was wrong with the encryption, if that is why nothing could be read."""
    try:
        await working
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise BackupError(
                f"{source} was made for another identity: use the one whose public key was its "
                "VIGIE_BACKUP_RECIPIENT"
            ) from None
        raise BackupError(
            f"{source} is not a backup of Vigie, or its beginning is damaged"
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise BackupError(f"{source} was cut short or altered: nothing was put back") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
