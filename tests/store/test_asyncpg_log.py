"""What PostgreSQL says of a statement that failed is not in our log, whatever it quotes."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from service import telemetry
from tests.support.leaks import Searcher

NUMBER = "+22374681357"
WORDS = "attaque au marché de Sokolo"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A configured log at DEBUG, SQLAlchemy's too; the process is put back as it was."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level = root.handlers[:], root.level
    library = logging.getLogger("sqlalchemy")
    stream = io.StringIO()
    telemetry.configure("DEBUG", stream, json=True)
    library.setLevel("DEBUG")
    yield stream
    library.setLevel(logging.NOTSET)
    root.handlers, sys.excepthook = handlers, hooks[0]
    threading.excepthook, sys.unraisablehook = hooks[1:]
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


FAILURES = {
    "unique": ("INSERT INTO t VALUES (:words, 2)", {"words": WORDS}),
    "not null": ("INSERT INTO t VALUES (:words, NULL)", {"words": f"{WORDS}\n[SQL: {NUMBER}"}),
    "check": ("INSERT INTO t VALUES (:words, -1)", {"words": f"{WORDS} {NUMBER}"}),
    "not a number": ("SELECT CAST(CAST(:words AS text) AS integer)", {"words": WORDS}),
    "too long": ("INSERT INTO u VALUES (:words)", {"words": WORDS + NUMBER}),
    "of another type": ("INSERT INTO t VALUES (:words, :words)", {"words": NUMBER}),
    "no such table": (f"SELECT '{WORDS}', '{NUMBER}' FROM nowhere", {}),
    "said by a function": (f"DO $$ BEGIN RAISE 'x' USING DETAIL = '{WORDS}'; END $$", {}),
}  # fmt: skip


@pytest.mark.parametrize("hide_parameters", [True, False], ids=["hidden", "shown"])
async def test_no_detail_of_an_error_is_logged(
    log: io.StringIO, postgres_url: str, hide_parameters: bool
) -> None:
    engine = create_async_engine(postgres_url, hide_parameters=hide_parameters)
    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE TABLE t (words text UNIQUE, n integer NOT NULL CHECK (n > 0))")
        )
        await connection.execute(text("CREATE TABLE u (words varchar(3))"))
        await connection.execute(text("INSERT INTO t VALUES (:words, 1)"), {"words": WORDS})
    raised = []
    for name, (statement, values) in FAILURES.items():
        try:
            async with engine.begin() as connection:
                await connection.execute(text(statement), values)
        except DBAPIError as error:
            raised.append(f"{error!r} {error.orig!r} {error.__cause__.__cause__!r}")
            structlog.get_logger().exception("a statement failed", failure=name)
            logging.getLogger("a library").warning("it failed: %s", error)
    await engine.dispose()
    assert len(raised) == len(FAILURES)
    # Else nothing would have been shown: the errors themselves do quote.
    assert WORDS in "".join(raised)

    said = log.getvalue()
    assert said.count("a statement failed") == len(FAILURES)
    assert all(json.loads(line)["event"] for line in said.splitlines())
    assert "Sokolo" not in said
    assert Searcher([NUMBER]).search_text(said, "the log") == []
