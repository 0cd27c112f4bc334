"""The databases that tests are given are real, empty and apart from each other."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.databases import Postgres


async def test_each_database_is_empty_and_writable(database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE report (id integer)"))
        await connection.execute(text("INSERT INTO report VALUES (17)"))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT id FROM report"))).scalar_one() == 17
    await engine.dispose()


async def test_databases_are_apart_and_dropped(postgres_server: Postgres) -> None:
    with postgres_server.database() as first, postgres_server.database() as second:
        assert first != second
    engine = create_async_engine(first)
    with pytest.raises(Exception, match="does not exist"):
        await engine.connect()
    await engine.dispose()


def test_the_server_is_on_loopback_and_keeps_its_password_to_itself(
    postgres_server: Postgres,
) -> None:
    assert make_url(postgres_server.url("any")).host == "127.0.0.1"
    assert postgres_server.password not in repr(postgres_server)
