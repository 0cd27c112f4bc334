"""The audit log on both databases: only added to, one chain whoever writes, and no number in it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service import audit
from service.audit import NotNoted, Witness
from service.domain.chain import Fault, Head
from service.store import Store, migrate
from service.vault.keys import Keyring

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RING = Keyring.derive(b"r" * 32)
PHONE = "+22370000001"


@pytest.fixture
async def witness(tmp_path: Path) -> Witness:
    return Witness.beside(tmp_path / "root.key", RING)


@pytest.fixture
async def store(database_url: str, witness: Witness) -> AsyncIterator[Store]:
    store = Store(database_url, witness)
    await migrate.upgrade(store)
    yield store
    await store.close()


async def enter(store: Store, count: int = 6) -> None:
    for position in range(count):
        at = NOW + timedelta(minutes=position)
        await audit.entered(store, at, "cli", "rotated tokens", f"act {position}", live=2)


async def tamper(store: Store, *statements: str) -> None:
    """As somebody does who owns the database: the triggers are taken away first."""
    drops = (
        [f"DROP TRIGGER audit_{name}" for name in ("update", "delete", "insert")]
        if store.is_sqlite
        else ["DROP TRIGGER audit_change ON audit", "DROP TRIGGER audit_truncate ON audit"]
    )
    async with store.write() as tx:
        for statement in (*drops, *statements):
            await tx.execute(text(statement))


async def test_what_was_entered_is_told_in_order(store: Store, witness: Witness) -> None:
    await audit.entered(store, NOW, "service", "started", role="engine", late=False, was=None)
    await audit.entered(store, NOW, "Awa", "read an explanation", "alert 17")

    async with store.read() as tx:
        told = [entry async for entry in audit.entries(tx)]
    assert [(each.position, each.actor, each.action, each.subject) for each in told] == [
        (1, "service", "started", ""),
        (2, "Awa", "read an explanation", "alert 17"),
    ]
    assert told[0].at == NOW
    assert told[0].details == {"role": "engine", "late": False, "was": None}
    verdict = await audit.verify(store, witness)
    assert (verdict.count, verdict.since, verdict.fault) == (2, NOW.date(), None)
    assert verdict.head == witness.kept()


async def test_an_empty_log_is_whole(store: Store, witness: Witness) -> None:
    verdict = await audit.verify(store, witness)
    assert (verdict.count, verdict.head, verdict.kept, verdict.fault) == (0, None, True, None)


async def test_a_rolled_back_act_leaves_no_entry_and_no_head(
    store: Store, witness: Witness
) -> None:
    async def fail() -> None:
        async with store.write() as tx:
            await audit.note(tx, NOW, "cli", "rotated tokens")
            raise RuntimeError

    await enter(store, 1)
    with pytest.raises(RuntimeError):
        await fail()
    async with store.write():
        pass  # the same connection, and nothing is entered
    head = witness.kept()
    assert head is not None
    assert head.count == 1
    verdict = await audit.verify(store, witness)
    assert (verdict.count, verdict.fault) == (1, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE position = 2",
        "DELETE FROM audit WHERE position = 2",
        "DELETE FROM audit",
    ],
)
async def test_the_database_refuses_to_change_an_entry(
    store: Store, witness: Witness, statement: str
) -> None:
    await enter(store, 3)
    with pytest.raises(DBAPIError, match="only added to"):
        async with store.write() as tx:
            await tx.execute(text(statement))
    assert (await audit.verify(store, witness)).fault is None


async def test_the_database_refuses_to_replace_an_entry(store: Store, witness: Witness) -> None:
    await enter(store, 3)
    columns = "position, at, actor, action, subject, details, hash, seal, key_version"
    copy = f"SELECT {columns.replace('actor', chr(39) + 'nobody' + chr(39), 1)} FROM audit"
    insert = "INSERT OR REPLACE INTO" if store.is_sqlite else "INSERT INTO"
    with pytest.raises(DBAPIError):
        async with store.write() as tx:
            await tx.execute(text(f"{insert} audit ({columns}) {copy} WHERE position = 2"))
    assert (await audit.verify(store, witness)).fault is None


async def test_postgresql_refuses_to_empty_the_log(postgres_url: str, witness: Witness) -> None:
    store = Store(postgres_url, witness)
    await migrate.upgrade(store)
    await enter(store, 2)
    with pytest.raises(DBAPIError, match="only added to"):
        async with store.write() as tx:
            await tx.execute(text("TRUNCATE audit"))
    await store.close()


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE audit SET actor = 'nobody' WHERE position = 3"], Fault("altered", 3)),
        (["UPDATE audit SET details = '{\"live\": 1}' WHERE position = 3"], Fault("altered", 3)),
        (["UPDATE audit SET at = '2026-11-22 08:00:00' WHERE position = 3"], Fault("altered", 3)),
        (["DELETE FROM audit WHERE position = 3"], Fault("missing", 3)),
        (["DELETE FROM audit WHERE position = 1"], Fault("missing", 1)),
        (["DELETE FROM audit WHERE position > 4"], Fault("cut", 6)),
        (["DELETE FROM audit"], Fault("cut", 6)),
        (
            [
                "DELETE FROM audit WHERE position = 3",
                "UPDATE audit SET position = position - 1 WHERE position = 4",
                "UPDATE audit SET position = position - 1 WHERE position = 5",
                "UPDATE audit SET position = position - 1 WHERE position = 6",
            ],
            Fault("altered", 3),
        ),
        (
            [
                "UPDATE audit SET position = 100 WHERE position = 2",
                "UPDATE audit SET position = 2 WHERE position = 3",
                "UPDATE audit SET position = 3 WHERE position = 100",
            ],
            Fault("altered", 2),
        ),
        (
            [
                "UPDATE audit SET position = 7 WHERE position = 6",
                "INSERT INTO audit SELECT 6, at, actor, action, subject, details, hash, seal, "
                "key_version FROM audit WHERE position = 2",
            ],
            Fault("altered", 6),
        ),
        (
            [
                "INSERT INTO audit SELECT 0, at, actor, action, subject, details, hash, seal, "
                "key_version FROM audit WHERE position = 2",
            ],
            Fault("missing", 1),
        ),
        (["UPDATE audit SET key_version = 9 WHERE position > 2"], Fault("uncovered", 3)),
    ],
)
async def test_what_somebody_does_who_owns_the_database_shows(
    store: Store, witness: Witness, statements: list[str], fault: Fault
) -> None:
    await enter(store)
    await tamper(store, *statements)
    assert (await audit.verify(store, witness)).fault == fault


async def test_a_log_made_anew_shows(store: Store, witness: Witness, tmp_path: Path) -> None:
    """Whoever has the database, and the program, but not the keys."""
    await enter(store)
    await tamper(store, "DELETE FROM audit")
    store.witness = Witness.beside(tmp_path / "others.key", Keyring.derive(b"x" * 32))
    await enter(store)
    assert (await audit.verify(store, witness)).fault == Fault("unsealed", 1)


async def test_a_head_on_paper_outlasts_all_that_is_kept(store: Store, witness: Witness) -> None:
    """Whoever has keys and database can make all of it anew, but not change the paper."""
    await enter(store, 3)
    paper = witness.kept()
    await enter(store, 3)
    assert (await audit.verify(store, witness, paper)).fault is None

    await tamper(store, "DELETE FROM audit WHERE position > 2")
    await audit.accept(store, witness, NOW, "cli")
    await enter(store, 3)
    assert (await audit.verify(store, witness)).fault is None
    assert (await audit.verify(store, witness, paper)).fault == Fault("differs", 3)


async def test_a_break_that_was_accepted_is_entered(store: Store, witness: Witness) -> None:
    await enter(store)
    await tamper(store, "DELETE FROM audit WHERE position > 4")
    assert (await audit.verify(store, witness)).fault == Fault("cut", 6)

    verdict = await audit.accept(store, witness, NOW, "Awa")

    assert (verdict.count, verdict.fault) == (5, None)
    async with store.read() as tx:
        *_, last = [entry async for entry in audit.entries(tx)]
    assert (last.actor, last.action) == ("Awa", "accepted a break in this log")
    assert last.details == {"kept": 6, "found": 4}


async def test_a_lost_head_is_said(store: Store, witness: Witness, tmp_path: Path) -> None:
    await enter(store)
    (tmp_path / "audit-head").unlink()
    assert not (await audit.verify(store, witness)).kept
    await enter(store, 1)
    assert (await audit.verify(store, witness)).kept


async def test_an_older_head_never_takes_the_place_of_a_newer(witness: Witness) -> None:
    newer, older = Head.of(7, b"n" * 32), Head.of(6, b"o" * 32)
    witness.keep(newer)
    witness.keep(older)
    assert witness.kept() == newer


async def test_many_write_at_once_into_one_chain(
    store: Store, witness: Witness, database_url: str
) -> None:
    """Two stores, as two processes have them."""
    second = Store(database_url, witness)

    async def enter_some(at: Store, name: str) -> None:
        for position in range(10):
            await audit.entered(at, NOW, name, "rotated tokens", f"act {position}")

    await asyncio.gather(
        *(enter_some(at, name) for at in (store, second) for name in ("Awa", "Binta", "Cissé"))
    )
    await second.close()
    verdict = await audit.verify(store, witness)
    assert (verdict.count, verdict.fault) == (60, None)


@pytest.mark.parametrize(
    "said",
    [
        {"actor": PHONE},
        {"subject": PHONE},
        {"subject": "call 70 00 00 01"},
        {"subject": "MjIzNzAwMDAwMDE="},
        {"subject": "2b32323337303030303030"},
        {"value": 22370000001},
        {"value": 70000001},
        {"value": True, "text": "70-00-00-01"},
        {"text": "٧٠٠٠٠٠٠١"},
        {"subject": "two\nlines"},
        {"subject": "x" * 81},
    ],
)
async def test_what_could_be_a_number_is_refused(store: Store, said: dict[str, object]) -> None:
    words = {"actor": "cli", "action": "rotated tokens", **said}
    with pytest.raises(ValueError, match="nothing that may be a number") as refused:
        await audit.entered(store, NOW, **words)  # type: ignore[arg-type]
    assert "70" not in str(refused.value)
    async with store.read() as tx:
        assert [entry async for entry in audit.entries(tx)] == []


async def test_an_act_that_is_not_known_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="ACTIONS"):
        await audit.entered(store, NOW, "cli", "did something")


async def test_nothing_is_entered_without_the_key(database_url: str) -> None:
    store = Store(database_url)
    await migrate.upgrade(store)
    with pytest.raises(NotNoted, match="key"):
        await audit.entered(store, NOW, "cli", "rotated tokens")
    await store.close()


def test_every_act_passes_its_own_redaction() -> None:
    for action in audit.ACTIONS:
        audit._refuse_number(action)


def test_a_fingerprint_can_be_entered() -> None:
    audit._refuse_number(audit.fingerprint("00" * 32))
    audit._refuse_number(audit.fingerprint("0123456789abcdef" * 4))
