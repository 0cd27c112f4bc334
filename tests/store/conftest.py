"""A store with its tables, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from service.store import Store, migrate


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    await migrate.upgrade(store)
    yield store
    await store.close()
