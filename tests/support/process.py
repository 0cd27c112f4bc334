"""A real `vigie` in a process of its own: commands that end, and a server to start, stop and kill.

async with Server(environment(tmp_path)) as server:
    url = await server.start()
    server.kill()
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.fake_at import FakeAfricasTalking

VIGIE = Path(sys.executable).with_name("vigie")
START_SECONDS = 60
COMMAND_SECONDS = 60
WAIT_SECONDS = 60
TOKEN = "a-token-for-the-tests-0123456789"

_SERVING = re.compile(rb"^(?=.*\bserving\b).*(http://127\.0\.0\.1:\d+).*\n", re.MULTILINE)
PROGRAM = "from handlers.cli import main"
# Importing is most of a start. A process that is made beforehand has imported when it is needed;
# it goes on once it gets a byte, and ends if its parent does.
_PREPARED = "\nimport sys; sys.stdin.read(1) and main()"


class StartFailed(AssertionError):
    """`vigie serve` ended or said nothing in time; the message ends with its log."""


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """An environment with a data directory in `folder`; `settings` are VIGIE_* without prefix."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")},
        "VIGIE_DATA_DIR": str(folder / "data"),
        "VIGIE_PORT": "0",
        **{f"VIGIE_{name.upper()}": str(value) for name, value in settings.items()},
    }


def sending_to(at: FakeAfricasTalking) -> dict[str, str]:
    """The settings with which texts go to this server."""
    return {
        "gateway": "africastalking",
        "gateway_token": TOKEN,
        "at_username": at.username,
        "at_api_key": at.api_key,
        "at_base_url": at.base_url,
    }


async def run(
    *arguments: str | Path, env: dict[str, str], status: int | None = 0, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `vigie` with these arguments to its end. `status`: what it must exit with, if any."""
    done = await asyncio.to_thread(
        subprocess.run,
        [VIGIE, *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert status is None or done.returncode == status, done.stderr
    return done


async def until(done: Callable[[], object]) -> None:
    """Wait for what another process brings about."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not done():  # noqa: ASYNC110 - no event of this process tells
            await asyncio.sleep(0.02)


class Server:
    """`vigie serve` on one data directory, started as often as a test wants.

    All that it ever printed is in `log` (standard error) and `out` (standard output).
    """

    def __init__(
        self, env: dict[str, str], program: str | None = None, role: str | None = None
    ) -> None:
        """`program`: Python that ends with `main` defined, in place of the installed command."""
        self._env = env
        self._program = program
        self._arguments = ["serve", *(("--role", role) if role else ())]
        folder, name = Path(env["VIGIE_DATA_DIR"]).parent, f"serve-{role}" if role else "serve"
        self.log, self.out = folder / f"{name}.err", folder / f"{name}.out"
        self._process: subprocess.Popen[bytes] | None = None
        self._prepared: subprocess.Popen[bytes] | None = None
        self._said = 0
        self.url = ""

    def prepare(self) -> None:
        """Let the next process begin to import while this one still serves."""
        if self._prepared is None:
            program = (self._program or PROGRAM) + _PREPARED
            self._prepared = self._popen(sys.executable, "-c", program, stdin=subprocess.PIPE)

    def launch(self) -> None:
        """Begin to start, and do not wait."""
        self._said = self.log.stat().st_size if self.log.exists() else 0
        if self._prepared is None and self._program is None:
            self._process = self._popen(VIGIE)
            return
        self.prepare()
        assert self._prepared is not None
        self._process, self._prepared = self._prepared, None
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(b"\n")

    async def start(self, says: str = "ready") -> str:
        """Start and wait until it is ready, or says what it is else; its address."""
        self.launch()
        return await self.ready(says)

    async def ready(self, says: str = "ready") -> str:
        """Wait until `/readyz` says so; the address. Raises StartFailed."""
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
                self.url = await self._address()
                while True:
                    async with http.get(f"{self.url}/readyz") as answer:
                        if (await answer.text()).startswith(says):
                            assert (answer.status == 200) == (says == "ready")
                            return self.url
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise StartFailed(self.log.read_text(errors="replace")) from None

    async def _address(self) -> str:
        """The port is the system's choice, so the address is read where the operator reads it."""
        while True:
            with self.log.open("rb") as log:
                log.seek(self._said)
                if found := _SERVING.search(log.read()):
                    return found[1].decode()
            if not self.running:
                raise StartFailed(self.log.read_text(errors="replace"))
            await asyncio.sleep(0.01)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, COMMAND_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        if self._prepared is not None:
            assert self._prepared.stdin is not None
            self._prepared.stdin.close()
            self._prepared.kill()
            self._prepared.wait()

    def _popen(self, *command: str | Path, **others: Any) -> subprocess.Popen[bytes]:
        with self.out.open("ab") as out, self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, *self._arguments], env=self._env, stdout=out, stderr=log, **others
            )
