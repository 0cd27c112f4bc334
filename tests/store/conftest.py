"""A store with its tables, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.audit import Witness
from service.store import Store, migrate
from service.vault.keys import Keyring


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    witness = Witness.beside(tmp_path / "root.key", Keyring.derive(bytes(32)))
    store = Store(database_url, witness)
    await migrate.upgrade(store)
    yield store
    await store.close()
