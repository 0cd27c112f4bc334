"""`vigie panic` and what keeps memory off the disk, each with a real service running."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service import panic
from service.vault import keyfile
from tests.support.process import TOKEN, Server, environment, run
from tests.support.wire import Wire


@pytest.fixture
async def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "passphrase").write_text("a phrase that nobody guesses\n")
    (tmp_path / "passphrase").chmod(0o600)
    env = environment(tmp_path, passphrase_file=tmp_path / "passphrase")
    await run("init", env=env)
    return env


def keys_of(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (*(folder / "data-keys").iterdir(), folder / "passphrase")
        if path.is_file()
    }


async def test_panic_destroys_every_key_and_ends_the_service(
    tmp_path: Path, env: dict[str, str]
) -> None:
    before = keys_of(tmp_path)
    assert {"root.key", "keystore.sqlite", "gateway-token", "passphrase"} <= set(before)
    async with Server(env) as server:
        await server.start()
        done = await run("panic", "--yes-destroy", "  Destroy the KEYS", env=env)
        assert await server.ended() == -signal.SIGKILL
    for name in ("root.key", "keystore.sqlite", "gateway-token", "passphrase"):
        assert f"{name}" in done.stdout
    left = keys_of_what_is_left(tmp_path)
    assert left.isdisjoint({"root.key", "keystore.sqlite", "gateway-token", "passphrase"})
    assert "ended          1 running process" in done.stdout
    for remains in ("database", "Backups", "shares", "Phones", "telephone company", "vigie init"):
        assert remains in done.stdout
    assert (tmp_path / "data" / "vigie.sqlite").exists()
    again = await run("serve", env=env, status=1)
    assert "Traceback" not in again.stderr
    nothing = await run("panic", "--yes-destroy", "destroy the keys", env=env, status=1)
    assert "there was no key" in nothing.stdout


async def test_keys_of_roles_in_other_folders_are_destroyed_or_named(
    tmp_path: Path, env: dict[str, str]
) -> None:
    for role in ("intake", "engine", "sender"):
        to = tmp_path / role / "role.key"
        await run("keys", "export", "--role", role, "--to", to, env=env)
    (tmp_path / "intake" / "role.key").rename(tmp_path / "in-use.key")
    (tmp_path / "engine").rename(tmp_path / "taken-away")
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "role.key").write_text("something else that lies here now")
    mine = tmp_path / "mine.txt"
    mine.write_text("what was there before is not overwritten, neither now nor by a panic")
    await run("keys", "export", "--role", "console", "--to", mine, env=env, status=1)
    (tmp_path / "data" / "running" / "notes").mkdir(parents=True)  # nothing stops a panic
    keystore = str(tmp_path / "data-keys" / "keystore.sqlite")
    theirs = {"VIGIE_KEY_FILE": str(tmp_path / "in-use.key"), "VIGIE_KEYSTORE": keystore}
    async with Server(env | theirs | {"VIGIE_GATEWAY_TOKEN": TOKEN}, role="intake") as server:
        await server.start()
        done = await run("panic", "--yes-destroy", "destroy the keys", env=env, status=1)
        assert await server.ended() == -signal.SIGKILL
    assert "Traceback" not in done.stderr
    for gone in ("sender/role.key", "in-use.key"):  # as exported; and as a process was started
        assert f"destroyed      {tmp_path / gone}" in done.stdout
        assert not (tmp_path / gone).exists()
    for away in ("intake/role.key", "engine/role.key"):
        assert f"NOT FOUND      {tmp_path / away}" in done.stdout
    assert (tmp_path / "engine" / "role.key").exists()
    assert mine.exists()
    assert "ended          1 running process" in done.stdout


def keys_of_what_is_left(folder: Path) -> set[str]:
    return {path.name for path in (*(folder / "data-keys").iterdir(), *folder.iterdir())}


@pytest.mark.parametrize("typed", ["destroy keys", "", "yes"])
async def test_without_the_phrase_nothing_happens(
    tmp_path: Path, env: dict[str, str], typed: str
) -> None:
    before = keys_of(tmp_path)
    done = await run("panic", "--yes-destroy", typed, env=env, status=2)
    assert "nothing was destroyed" in done.stderr
    assert keys_of(tmp_path) == before


def type_at(env: dict[str, str], typed: str) -> "subprocess.CompletedProcess[str]":
    command = [Path(sys.executable).with_name("vigie"), "panic"]
    return subprocess.run(
        command, env=env, input=typed, capture_output=True, text=True, check=False
    )


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


async def test_the_phrase_is_asked_for(tmp_path: Path, env: dict[str, str]) -> None:
    done = await asyncio.to_thread(type_at, env, "détruire les clés\n")
    assert done.returncode == 0, done.stderr
    assert "destroy the keys" in done.stderr
    assert not (tmp_path / "data-keys" / "root.key").exists()


def test_each_key_is_overwritten_before_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write and one sync a file, and one sync a folder: that is what takes the time."""
    keyfile.create(tmp_path / "root.key")
    (tmp_path / "keystore.sqlite").write_bytes(b"k" * 50_000)
    linked = tmp_path / "linked"
    os.link(tmp_path / "root.key", linked)  # as a block that stays on the disk would
    secret = linked.read_bytes()
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(1) or sync(descriptor))
    paths = panic.key_files(tmp_path / "root.key", tmp_path / "keystore.sqlite", [])
    done = panic.destroy(paths)
    assert (len(done.gone), done.left, len(synced)) == (2, [], 3)
    assert list(tmp_path.iterdir()) == [linked]
    assert len(linked.read_bytes()) == len(secret)
    assert secret[20:60] not in linked.read_bytes()


def test_what_cannot_be_destroyed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "root.key").write_text("k")
    done = panic.destroy([folder, tmp_path / "root.key"])
    assert done.gone == [tmp_path / "root.key"]
    assert [path for path, _ in done.left] == [folder]


async def test_a_process_that_died_is_not_taken_for_another(
    tmp_path: Path, env: dict[str, str], stranger: "subprocess.Popen[bytes]"
) -> None:
    """Its number may be somebody else's by now: here it is that of a process that must live."""
    running = tmp_path / "data" / "running"
    running.mkdir(exist_ok=True)
    (running / str(stranger.pid)).write_text("")
    done = await run("panic", "--yes-destroy", "destroy the keys", env=env)
    assert "ended  " not in done.stdout
    assert stranger.poll() is None


def proc(pid: int, name: str) -> str:
    return (Path("/proc") / str(pid) / name).read_text()


def dumps(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.glob("core*") if path.is_file()]


async def test_a_service_that_runs_leaves_no_core_and_lets_nobody_look_in(
    tmp_path: Path, env: dict[str, str]
) -> None:
    async with Server(env | {"VIGIE_GATEWAY_TOKEN": TOKEN}) as server:
        wire = Wire(await server.start())
        assert await wire.ask("/healthz") == 200
        limits = proc(server.pid, "limits")
        assert re.search(r"Max core file size +0 +0 ", limits)
        status = proc(server.pid, "status")
        log = server.log.read_text()
        assert "not_dumpable=True" in log
        assert ("memory is kept off the disk" in log) == ("VmLck:\t       0 kB" not in status)
        os.kill(server.pid, signal.SIGABRT)
        assert await server.ended() == -signal.SIGABRT
    assert dumps(Path(), tmp_path) == []
    assert not psutil.pid_exists(server.pid) or not psutil.Process(server.pid).is_running()
