"""The migrations make exactly the tables that the code uses, on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from service.store import Store, keepings, migrate, people


async def test_a_fresh_database_is_not_current_until_it_is_upgraded(database_url: str) -> None:
    store = Store(database_url)
    assert not await migrate.is_current(store)
    await migrate.upgrade(store)
    assert await migrate.is_current(store)
    await migrate.upgrade(store)  # again: nothing to do
    assert await migrate.is_current(store)
    await store.close()


async def test_migrations_and_tables_say_the_same(store: Store) -> None:
    async with store.read() as tx:
        assert await tx.run_sync(migrate.differences) == []


def test_each_table_says_how_long_it_keeps_what_is_personal() -> None:
    missing = keepings.tables_without_a_line()
    assert missing == [], "add a line for each to KEEPINGS in service/store/keepings.py"


async def test_sqlite_commits_to_the_disk(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    async with store.write() as tx:
        assert (await tx.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await tx.execute(text("PRAGMA synchronous"))).scalar() == 2  # FULL
        assert (await tx.execute(text("PRAGMA secure_delete"))).scalar() == 1
    await store.close()


async def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as tx:
            await people.add(tx, b"i" * 32, "responder", "ML05", "fr", datetime.now(UTC))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.read() as tx:
        assert await people.counts(tx) == {}
