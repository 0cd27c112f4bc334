"""From the command line: a backup, a lost disk, and everything but the forgotten back again."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking
from tests.support.process import Server, environment, run, sending_to, until
from tests.support.wire import Wire

AWA, BAKARY = "+22379000001", "+22379000002"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_lost_database_comes_back_without_whoever_left(tmp_path: Path) -> None:
    identity, file = tmp_path / "elsewhere", tmp_path / "backup.vigie"
    public = (await run("backup", "keygen", "--to", identity, env=environment(tmp_path))).stdout
    assert (mode(identity), public[:4]) == (0o600, "age1")
    async with FakeAfricasTalking() as at:
        content = copy_of_content(tmp_path / "content")
        hurry(content)
        settings = sending_to(at) | {"content_dir": str(content)}
        env = environment(tmp_path, **settings, backup_recipient=public.strip())
        await run("init", env=env)
        invites = ("responder", "invite", "--area", "ML04", "--count", "2")
        codes = (await run(*invites, env=env)).stdout.split()
        async with Server(env) as server:
            wire = Wire(await server.start())
            for number, code in zip((AWA, BAKARY), codes, strict=True):
                assert await wire.text(number, f"INS {code}") == 200
            await until(lambda: len(at.texts) == 2)
            done = await run("backup", "--to", file, env=env)
            assert "person" in done.stderr
            assert (done.stdout, mode(file)) == ("", 0o600)
            assert await wire.text(BAKARY, "STOP") == 200
            await until(lambda: people(env) == 1)
            await server.stop()
        shutil.rmtree(tmp_path / "data")
        again = await run("restore", file, "--identity", identity, env=env)
        assert "1 people" in again.stderr
        assert "left out 1 people" in again.stderr
        verified = await run("audit", "verify", env=env)
        assert "Traceback" not in verified.stderr
        async with Server(env) as server:
            wire = Wire(await server.start())
            assert await wire.text(AWA, "AIDE") == 200
            await until(lambda: len(at.texts) == 3)
            assert at.texts[-1][0] == AWA
            await server.stop()
    twice = await run("restore", file, "--identity", identity, env=env, status=1)
    assert "in use" in twice.stderr
    wrong = await run("restore", file, "--identity", file, env=env, status=None)
    assert wrong.returncode in (1, 2)
    assert "Traceback" not in wrong.stderr


def people(env: dict[str, str]) -> int:
    with closing(sqlite3.connect(Path(env["VIGIE_DATA_DIR"]) / "vigie.sqlite")) as connection:
        return int(connection.execute("select count(*) from person").fetchone()[0])


async def test_what_is_missing_is_said(tmp_path: Path) -> None:
    env = environment(tmp_path)
    await run("init", env=env)
    nowhere = await run("backup", env=env, status=2)
    assert "--to" in nowhere.stderr
    nobody = await run("backup", "--to", tmp_path / "b", env=env, status=2)
    assert "keygen" in nobody.stderr
    assert not (tmp_path / "b").exists()
