"""A backup goes into a new database whole or not at all, and brings back nobody who left."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyrage
import pytest
from sqlalchemy import LargeBinary, insert, select

from service import audit, backup, enrolment
from service.audit import Witness
from service.backup import BackupError
from service.store import (
    Store,
    copying,
    deliveries,
    migrate,
    outbox,
    people,
    reports,
    scans,
    tables,
)
from service.store.scans import Night
from service.vault import keyfile
from service.vault.keys import Keyring
from service.vault.keystore import Keystore
from service.vault.number import PhoneNumber
from service.vault.vault import Vault
from tests.support.databases import Postgres
from tests.support.leaks import Searcher

NOW = datetime(2026, 11, 23, 9, 17, tzinfo=UTC)
NUMBERS = [f"+2237900{n:04}" for n in range(6)]
SECRET, PUBLIC = backup.new_identity()
IDENTITY = pyrage.x25519.Identity.from_str(SECRET)


class Open(Protocol):
    """Opens a store, with the keys of before or with others."""

    def __call__(self, url: str, keyring: Keyring | None = None) -> Store: ...


def quiet(_table: str, _rows: int) -> None:
    """A backup tells how far it is; here nobody listens."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "root.key"
    keyfile.create(path)
    return path


@pytest.fixture
def vault(root: Path) -> Vault:
    return Vault(keyfile.unlock(root), Keystore(root.with_name("keystore.sqlite")))


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where it is put back: another database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'other.sqlite'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


@pytest.fixture
async def open_(root: Path) -> AsyncIterator[Open]:
    opened = []
    witness = Witness.beside(root, keyfile.unlock(root))

    def open_(url: str, keyring: Keyring | None = None) -> Store:
        own = Witness.beside(root, keyring) if keyring else witness
        opened.append(Store(url, own))
        return opened[-1]

    yield open_
    for store in opened:
        await store.close()


async def enrol(store: Store, vault: Vault, number: str) -> int:
    async with store.write() as tx:
        sender = PhoneNumber(number)
        index = vault.index(sender)
        person = await people.add(tx, index, "responder", "ML0404", "fr", NOW - timedelta(days=9))
        box = await vault.enrol_sender(person, vault.seal_sender(sender, "message"), "message")
        await people.seal(tx, person, box)
    return person


async def leave(store: Store, vault: Vault, number: str) -> None:
    async with store.write() as tx:
        (person,) = (await people.by_index(tx, [vault.index(PhoneNumber(number))])).values()
        await enrolment.forget(tx, vault, person, NOW)


async def fill(store: Store, vault: Vault) -> None:
    """Something in every kind of column, and what is to be left out."""
    persons = [await enrol(store, vault, number) for number in NUMBERS]
    await leave(store, vault, NUMBERS[5])  # the last id must not be given out again
    where = {"type": "t", "place": "V1", "area": "ML0404", "lat": 14.7, "lon": -6.1}
    report = where | {"id": 7, "inbox_id": 41, "reporter": persons[0], "occurred_at": NOW}
    report |= {"received_at": NOW, "confidence": 0.7, "status": "counted", "incident_id": 3}
    message = {"gateway": "g", "kind": "sms", "dedupe": b"d" * 33, "state": "done"}
    message |= {"sender_index": vault.index(PhoneNumber(NUMBERS[0])), "due_at": NOW}
    message |= {"sealed_text": vault.seal_text("secret", NOW.date(), "x"), "id": 41}
    async with store.write() as tx:
        await audit.note(tx, NOW, "cli", "started")
        await reports.add(
            tx,
            [where | {"id": 3, "at": NOW}],
            [report, report | {"id": 8, "inbox_id": 40, "reporter": -(2**61) - 5}],
        )
        await scans.add(tx, Night(date(2026, 11, 22), 5, None, NOW))
        await tx.execute(insert(tables.inbox).values(message | {"received_at": NOW}))
        texts = [outbox.text("neutral", NOW, NOW, "fr", person_id=persons[0], inbox_id=41)]
        texts += [outbox.text("alert", NOW, NOW, "fr", person_id=persons[0], alert_id=1)]
        await outbox.add(tx, texts)
        sent = {"gateway": "g", "status": "sent", "message_index": b"m" * 33, "at": NOW}
        await deliveries.add(tx, [sent | {"outbox_id": n} for n in (1, 2)])


async def made(store: Store, vault: Vault, folder: Path) -> Path:
    await migrate.upgrade(store)
    await fill(store, vault)
    file = folder / "backup.vigie"
    await backup.write(store, file, PUBLIC, NOW, quiet)
    return file


async def put_back(store: Store, vault: Vault, file: Path) -> backup.Restored:
    return await backup.restore(store, vault, file, SECRET, NOW, quiet)


async def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All that a backup holds, with the indexes and less what is sealed at random."""
    found = {}
    async with store.read() as tx:
        for table in copying.tables():
            asked = [column for column in table.c if column.name != "sealed_number"]
            query = select(*asked).order_by(*table.primary_key.columns)
            if table is tables.outbox:
                query = query.where(tables.outbox.c.inbox_id.is_(None))
            if table is tables.delivery:
                query = query.where(tables.delivery.c.outbox_id == 2)
            found[table.name] = [tuple(row) for row in await tx.execute(query)]
    return found


async def test_all_of_it_comes_back_on_either_database(
    database_url: str, other_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    before, after = open_(database_url), open_(other_url)
    file = await made(before, vault, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    done = await put_back(after, vault, file)
    assert (done.people, done.unreachable, done.made_at) == (5, 0, NOW)
    assert await content(after) == await content(before)
    assert await migrate.is_current(after)
    async with after.read() as tx:
        assert await tx.scalar(select(tables.inbox.c.id)) is None
        rows = list(await tx.execute(select(tables.person).order_by(tables.person.c.id)))
        assert await tx.run_sync(migrate.differences) == []
    numbers = [vault.open_person(row.id, row.sealed_number).reveal() for row in rows]
    assert numbers == NUMBERS[:5]
    assert await enrol(after, vault, NUMBERS[5]) == 7  # six had a number before
    async with after.write() as tx:
        await tx.execute(
            insert(tables.inbox).values(
                gateway="g", kind="sms", dedupe=b"e" * 33, received_at=NOW, due_at=NOW, state="done"
            )
        )
        assert await tx.scalar(select(tables.inbox.c.id)) == 42  # reports remember 41
    assert (
        await audit.accept(
            after,
            Witness.beside(
                tmp_path / "keys" / "root.key", keyfile.unlock(tmp_path / "keys" / "root.key")
            ),
            NOW,
            "cli",
        )
    ).fault is None


async def test_who_left_after_the_backup_does_not_come_back(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    before, after = open_(sqlite_url), open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    file = await made(before, vault, tmp_path)
    boxes = [row.sealed_number for row in await persons(before)]
    await leave(before, vault, NUMBERS[0])
    done = await put_back(after, vault, file)
    assert (done.people, done.unreachable) == (4, 1)
    assert [row.id for row in await persons(after)] == [2, 3, 4, 5]
    async with after.read() as tx:
        told = [row.id for row in await people.responders(tx)]
        assert vault.index(PhoneNumber(NUMBERS[0])) not in await people.by_index(
            tx, [vault.index(PhoneNumber(number)) for number in NUMBERS]
        )
        ended = list(await tx.scalars(select(tables.membership.c.left_at).order_by("id")))
    assert 1 not in told
    assert ended[0] == NOW.replace(minute=0)  # areas do not count on them
    # And no box of before opens, whoever kept it.
    with pytest.raises(Exception, match="deleted"):
        vault.open_person(1, boxes[0])


async def persons(store: Store) -> list[Any]:
    async with store.read() as tx:
        return list(await tx.execute(select(tables.person).order_by(tables.person.c.id)))


async def test_without_the_keys_of_before_reports_come_back_and_nobody_is_enrolled(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    file = await made(open_(sqlite_url), vault, tmp_path)
    keyfile.create(tmp_path / "new" / "root.key")
    keyring = keyfile.unlock(tmp_path / "new" / "root.key")
    fresh = Vault(keyring, Keystore(tmp_path / "new" / "keystore.sqlite"))
    after = open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}", keyring)
    with pytest.raises(BackupError, match="--unproven"):
        await put_back(after, fresh, file)
    done = await backup.restore(after, fresh, file, SECRET, NOW, quiet, unproven=True)
    assert (done.people, done.unreachable, done.proven) == (0, 5, False)
    assert await persons(after) == []
    assert len((await content(after))["report"]) == 2


def forged(file: Path, change: Callable[[list[Any]], None]) -> None:
    """What anybody can make who has a backup open, or knows what one looks like."""
    whole = gzip.decompress(pyrage.decrypt(file.read_bytes(), [IDENTITY]))
    lines = [json.loads(line) for line in whole.splitlines()]
    change(lines)
    made_up = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    recipient = pyrage.x25519.Recipient.from_str(PUBLIC)
    file.write_bytes(pyrage.encrypt(gzip.compress(made_up), [recipient]))


def people_who_are_not_there(lines: list[Any]) -> None:
    at = next(
        i for i, line in enumerate(lines) if "table" in line and line["table"] == "membership"
    )
    row = dict(zip(lines[at]["columns"], lines[at + 1], strict=True))
    lines.insert(at + 1, list((row | {"id": 999, "role": "focal_point"}).values()))
    lines[-2]["rows"] += 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (people_who_are_not_there, "anybody can make up a backup"),
        (lambda lines: lines[-1].update(version=2), "anybody can make up a backup"),
        (lambda lines: lines[-1].update(seal="AAAA"), "anybody can make up a backup"),
        (lambda lines: lines[-1].update(seal="é"), "not a backup"),
        (lambda lines: lines[-1].update(version=[]), "not a backup"),
        (lambda lines: lines.pop(), "cut short"),
        (lambda lines: lines.append(lines.pop()["seal"]), "not a backup"),
    ],
)
async def test_a_backup_that_somebody_else_made_is_refused(
    sqlite_url: str,
    open_: Open,
    vault: Vault,
    tmp_path: Path,
    change: Callable[[list[Any]], None],
    says: str,
) -> None:
    """The recipient is no secret: whoever knows it can encrypt people who hide nobody."""
    file = await made(open_(sqlite_url), vault, tmp_path)
    forged(file, change)
    after = open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    with pytest.raises(BackupError, match=says):
        await put_back(after, vault, file)
    async with after.read() as tx:
        assert not await migrate.is_made(tx)


async def test_a_backup_that_was_only_opened_and_closed_again_is_ours(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    """The forgery above is refused for what it says, and not for how the test makes it."""
    file = await made(open_(sqlite_url), vault, tmp_path)
    whole = gzip.decompress(pyrage.decrypt(file.read_bytes(), [IDENTITY]))
    recipient = pyrage.x25519.Recipient.from_str(PUBLIC)
    file.write_bytes(pyrage.encrypt(gzip.compress(whole), [recipient]))
    after = open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    assert (await put_back(after, vault, file)).proven


async def test_what_a_backup_holds_names_nobody(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    """Neither the file, nor what its identity opens; not even with the root key."""
    file = await made(open_(sqlite_url), vault, tmp_path)
    async with backup._decrypting(file, backup._identity(SECRET)) as (lines, end):
        plain = await asyncio.to_thread(lambda: b"".join(lines))
        await end()
    searcher = Searcher(NUMBERS)
    assert searcher.search_bytes(file.read_bytes(), "file") == []
    assert searcher.search_bytes(plain, "lines") == []
    assert b"secret" not in plain
    for number in NUMBERS:
        index = vault.index(PhoneNumber(number))
        assert copying._plain(index).encode() not in plain
    assert b'"person"' in plain


def test_what_is_sealed_or_hashed_in_a_backup_is_known() -> None:
    """A new one has to be entered, and so to be thought about: could it outlast a STOP?"""
    found = {
        f"{table.name}.{column.name}"
        for table in copying.tables()
        for column in copying.columns(table)
        if isinstance(column.type, LargeBinary)
    }
    assert (
        found
        - {
            "person.sealed_number",  # opens with the person's own key alone, which is not in it
            "person.invite_index",  # of an invite's number, which is drawn by chance
            "invite.code_index",  # of a code that is drawn by chance
            "pin.key",  # wrapped
            "pin.hash",  # keyed, with the key above
            "delivery.message_index",  # of the gateway's id of a text
            "audit.hash",
            "audit.seal",
        }
        == set()
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-1], "cut short or altered"),
        (lambda data: data[: len(data) // 2], "cut short or altered"),
        (lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "cut short or altered"),
        (lambda data: data[:60], "not a backup"),
        (lambda data: b"something else", "not a backup"),
        (lambda data: b"", "not a backup"),
    ],
)
async def test_a_damaged_backup_is_refused_whole(
    sqlite_url: str,
    open_: Open,
    vault: Vault,
    tmp_path: Path,
    spoil: Callable[[bytes], bytes],
    says: str,
) -> None:
    file = await made(open_(sqlite_url), vault, tmp_path)
    file.write_bytes(spoil(file.read_bytes()))
    after = open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    with pytest.raises(BackupError, match=says):
        await put_back(after, vault, file)
    async with after.read() as tx:
        assert not await migrate.is_made(tx)


async def test_another_identity_version_or_database_is_refused(
    sqlite_url: str,
    open_: Open,
    vault: Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = open_(sqlite_url)
    file = await made(before, vault, tmp_path)
    with pytest.raises(BackupError, match="in use"):
        await put_back(before, vault, file)
    after = open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    with pytest.raises(BackupError, match="another identity"):
        await backup.restore(after, vault, file, backup.new_identity()[0], NOW, quiet)
    with pytest.raises(BackupError, match="no identity"):
        await backup.restore(after, vault, file, PUBLIC, NOW, quiet)
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "newest", lambda: "0099")
        with pytest.raises(BackupError, match="another version"):
            await put_back(after, vault, file)
    with monkeypatch.context() as patched:
        patched.setattr(copying, "MADE_ANEW", frozenset())
        with pytest.raises(BackupError, match="another version"):
            await put_back(after, vault, file)
    async with after.read() as tx:
        assert not await migrate.is_made(tx)
    assert (await put_back(after, vault, file)).people == 5


async def test_a_backup_that_fails_leaves_no_file(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    store = open_(sqlite_url)
    file = await made(store, vault, tmp_path)
    with pytest.raises(BackupError, match="never replaces"):
        await backup.write(store, file, PUBLIC, NOW, quiet)

    def fail(table: str, _rows: int) -> None:
        raise OSError(28, "No space left on device", table)

    with pytest.raises(OSError, match="No space"):
        await backup.write(store, tmp_path / "other.vigie", PUBLIC, NOW, fail)
    assert not (tmp_path / "other.vigie").exists()
    assert not (tmp_path / "other.vigie.part").exists()


async def test_rows_by_the_thousand_are_streamed(
    sqlite_url: str, open_: Open, vault: Vault, tmp_path: Path
) -> None:
    store, after = open_(sqlite_url), open_(f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}")
    await migrate.upgrade(store)
    where = {"type": "t", "place": "V1", "area": "ML0404", "lat": 14.7, "lon": -6.1, "at": NOW}
    async with store.write() as tx:
        await reports.add(tx, [where | {"id": number} for number in range(3001)], [])
    told: dict[str, int] = {}
    file = tmp_path / "backup.vigie"
    await backup.write(store, file, PUBLIC, NOW, told.__setitem__)
    assert told["incident"] == 3001
    assert (await put_back(after, vault, file)).rows == 3001
