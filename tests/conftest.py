"""Fixtures for every test: a clean environment, real databases, and a real browser."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web_app
from hypothesis import settings

from tests.support.databases import Postgres, postgres

# Machines are shared and noisy: no example fails for having been slow.
settings.register_profile("vigie", deadline=None)
settings.load_profile("vigie")


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """The tester's own VIGIE_* settings, a live gateway key among them, do not reach the tests."""
    for name in [name for name in os.environ if name.startswith("VIGIE_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for the whole run of this process, on loopback."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """SQLAlchemy URL of a fresh, empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a SQLite file that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'vigie.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that takes this runs twice: on a fresh SQLite file and on a fresh PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium, for `playwright.chromium.launch(executable_path=…)`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    missing = "browser tests need Chromium (sudo apt-get install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(autouse=True, scope="module")
def finished_services_are_freed() -> Iterator[None]:
    """aiohttp remembers the last 1,024 handlers, and with each the whole service around it.

    A service here is one of hundreds, with 15,000 places each: workers grew to 2.6 GB.
    """
    yield
    web_app._cached_build_middleware.cache_clear()
    gc.collect()
