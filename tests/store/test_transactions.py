"""A transaction begins at once, and what keeps it from beginning is the store's own error."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from service.store import Store, migrate


async def test_a_database_that_another_process_holds_is_an_error_of_the_store(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/vigie.sqlite")
    await migrate.upgrade(store)
    async with store.write() as tx:
        await tx.execute(text("PRAGMA busy_timeout = 0"))
    with closing(sqlite3.connect(tmp_path / "vigie.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            async with store.write():
                pass
        other.execute("COMMIT")
    async with store.write() as tx:
        assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1
    await store.close()
