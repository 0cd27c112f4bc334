"""Starts the servers that are measured, each as a process of its own, and waits for them."""

import asyncio
import contextlib
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import aiohttp
import psutil

from handlers.settings import Role
from tests.bench.village import API_KEY, GATEWAY, TOKEN, Village

_VIGIE = Path(sys.executable).with_name("vigie")
PATIENCE = 900.0
_ASK_AGAIN = 0.005
# What is due: a flood puts off some reports of each person by minutes, so that others have a turn.
_DUE = """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting' AND due_at <= ?1)
    + (SELECT count(*) FROM outbox WHERE state IN ('waiting', 'claimed') AND due_at <= ?1)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has answered; `started_in` is from exec to that, in seconds."""

    port: int
    started_in: float
    process: psutil.Process

    def resident(self) -> int:
        """Bytes of its memory that are not shared by nature: what it would free by ending."""
        return int(self.process.memory_info().rss)


@contextlib.asynccontextmanager
async def vigie(village: Village, role: Role = "all") -> AsyncIterator[Server]:
    """Run `vigie serve` on the village, as it is installed, until the block ends."""
    settings = village.settings
    environment = {
        "VIGIE_DATA_DIR": str(settings.data_dir),
        "VIGIE_CONTENT_DIR": str(settings.content_dir),
        "VIGIE_GATEWAY": GATEWAY,
        "VIGIE_GATEWAY_TOKEN": TOKEN,
        "VIGIE_AT_USERNAME": str(settings.at_username),
        "VIGIE_AT_API_KEY": API_KEY,
        "VIGIE_AT_BASE_URL": str(settings.at_base_url),
    }
    port = _free_port()
    command = (str(_VIGIE), "serve", "--port", str(port), "--role", role)
    log = village.folder / f"{role}.log"
    async with _process(command, port, "/readyz", 200, log, environment) as server:
        yield server


@contextlib.asynccontextmanager
async def plain(folder: Path) -> AsyncIterator[Server]:
    """Run the baseline until the block ends."""
    port = _free_port()
    command = (sys.executable, "-m", "tests.bench.plain", str(port))
    async with _process(command, port, "/", 404, folder / "plain.log", {}) as server:
        yield server


@contextlib.asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[Server]:
    """Run a gateway that takes every text, until the block ends."""
    port = _free_port()
    command = (sys.executable, "-m", "tests.bench.gateway", str(port))
    async with _process(command, port, "/", 404, folder / "gateway.log", {}) as server:
        yield server


@contextlib.asynccontextmanager
async def _process(
    command: Sequence[str], port: int, path: str, status: int, log: Path, more: Mapping[str, str]
) -> AsyncIterator[Server]:
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("VIGIE_")}
    with log.open("ab") as errors:
        started = perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command, env={**inherited, **more}, stdout=errors, stderr=errors
        )
    try:
        await _answers(process, f"http://127.0.0.1:{port}{path}", status, log)
        yield Server(port, perf_counter() - started, psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(process: asyncio.subprocess.Process, url: str, status: int, log: Path) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"the server ended: {await asyncio.to_thread(log.read_text)}")
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(url) as answer:
                    if answer.status == status:
                        return
            await asyncio.sleep(_ASK_AGAIN)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Watcher:
    """Looks into the database of a village while its service runs."""

    def __init__(self, village: Village) -> None:
        self._path = village.settings.data_dir / "vigie.sqlite"

    def ask(self, query: str, *values: str) -> int:
        ((found,),) = self.rows(query, *values)
        return found or 0

    def rows(self, query: str, *values: str) -> list[tuple[int, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as store:
            return store.execute(query, values).fetchall()

    def waiting(self) -> int:
        """Messages that are not read yet."""
        return self.ask("SELECT count(*) FROM inbox WHERE state = 'waiting'")

    async def until_read(self) -> None:
        """Wait until nothing waits in the inbox; what it led to may not have been sent."""
        async with asyncio.timeout(PATIENCE):
            while self.waiting():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def until_still(self) -> None:
        """Wait until nothing that is due waits in the inbox or the outbox."""
        async with asyncio.timeout(PATIENCE):
            while self.ask(_DUE, f"{datetime.now(UTC):%F %T.%f}"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
