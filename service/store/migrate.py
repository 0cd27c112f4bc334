"""Brings a database to the tables of this version (alembic)."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import Store
from service.store.tables import metadata


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(store: Store) -> None:
    """Run what is missing, in one transaction: all of it, or the database stays as it was."""
    async with store.write() as tx:
        await tx.run_sync(lambda connection: command.upgrade(_config(connection), "head"))


async def is_made(tx: AsyncConnection) -> bool:
    """Whether there are tables."""
    return bool(await tx.run_sync(lambda connection: inspect(connection).get_table_names()))


async def make_anew(tx: AsyncConnection) -> None:
    """Take all tables away and make them again, in this transaction."""

    def make(connection: Connection) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION IF EXISTS audit_refuse"))
        command.upgrade(_config(connection), "head")

    await tx.run_sync(make)


@cache
def newest() -> str | None:
    """The revision that this version's tables are of."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def is_current(store: Store) -> bool:
    """Whether the database has the tables of this version."""
    async with store.read() as tx:
        return newest() == await tx.run_sync(
            lambda connection: MigrationContext.configure(connection).get_current_revision()
        )


def differences(connection: Connection) -> list[object]:
    """What the migrations left otherwise than the tables say; a test keeps this empty."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))
