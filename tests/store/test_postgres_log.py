"""With the settings of deploy/compose.yaml, PostgreSQL's log holds nothing of what it is given."""

from pathlib import Path

import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from service.store import postgres as postgres_settings
from tests.support.databases import postgres

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
SECRETS = ("+22370000017", "marché de Sokolo")


async def log_after_failures(*options: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """The server's log after statements that failed with the secrets in hand, and what `doctor`
    says of its settings."""
    number, words = SECRETS
    with postgres(*options) as server, server.database() as url:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (sender text UNIQUE, at integer)"))
            await connection.execute(text("INSERT INTO t VALUES (:number, 1)"), {"number": number})
        failures = [
            ("INSERT INTO t VALUES (:number, 2)", {"number": number}),  # its key is quoted
            (
                "SELECT CAST(:words AS text)::integer",
                {"words": words},
            ),  # the error's first line quotes it
            (f"SELECT '{words}' FROM nowhere", {}),  # the statement itself
        ]
        for statement, values in failures:
            with pytest.raises(DBAPIError):
                async with engine.begin() as connection:
                    await connection.execute(text(statement), values)
        async with engine.connect() as connection:
            loud = await postgres_settings.loud(connection)
        await engine.dispose()
        return server.log.read_text(encoding="utf-8"), loud


async def test_the_log_holds_nothing_that_a_statement_carried() -> None:
    command = yaml.safe_load(COMPOSE.read_text())["services"]["postgres"]["command"]
    log, loud = await log_after_failures(*command[1:])
    assert loud == {}
    assert "ready to accept connections" in log
    assert [secret for secret in SECRETS if secret in log] == []


async def test_the_search_would_find_them_under_postgres_own_settings() -> None:
    log, loud = await log_after_failures()
    assert loud["log_min_error_statement"] == ("error", "panic")
    assert loud["log_parameter_max_length"] == ("-1", "0")
    assert loud["log_error_verbosity"] == ("default", "terse")
    assert [secret for secret in SECRETS if secret in log] == list(SECRETS)
