"""Four processes, each with the keys of its role alone, do together what one does with all keys."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from tests.support.content_dir import copy_of_content
from tests.support.fake_at import FakeAfricasTalking
from tests.support.process import TOKEN, Server, environment, run, sending_to, until
from tests.support.roles import ROLES, keys_of_roles
from tests.support.wire import Wire

FOCAL_POINTS = ("+22370000001", "+22370000002", "+22370000003")
RESPONDER = "+22379000001"


async def test_four_processes_carry_a_report_to_an_alert_and_its_acknowledgement(
    tmp_path: Path,
) -> None:
    async with FakeAfricasTalking() as at, AsyncExitStack() as running:
        content = copy_of_content(tmp_path / "content")
        env = environment(tmp_path, content_dir=content, **sending_to(at))
        await run("init", env=env)
        roles = await keys_of_roles(tmp_path, env)
        (tmp_path / "data-keys" / "root.key").rename(tmp_path / "in a safe")
        servers = {
            role: await running.enter_async_context(Server(roles[role], role=role))
            for role in ROLES
        }
        urls = {role: await server.start() for role, server in servers.items()}
        wire = Wire(urls["intake"])

        for group, area, people in (
            ("focal-point", "ML040410", FOCAL_POINTS),
            ("responder", "ML04", (RESPONDER,)),
        ):
            invite = (group, "invite", "--area", area, "--count", str(len(people)))
            codes = (await run(*invite, env=roles["console"])).stdout.split()
            for number, code in zip(people, codes, strict=True):
                assert await wire.text(number, f"INS {code}") == 200
        await until(lambda: len(rows(tmp_path, "select id from person")) == 4)

        for number in FOCAL_POINTS:
            assert await wire.text(number, "MA SOKOLO 3 5") == 200
        await until(lambda: any(to == RESPONDER and "OK 1" in text for to, text in at.texts))
        assert await wire.text(RESPONDER, "OK 1") == 200
        await until(lambda: rows(tmp_path, "select state from alert") == ["acknowledged"])
        for role in ("engine", "sender", "console"):  # the gateway's path is the intake's alone
            assert await Wire(urls[role]).text(RESPONDER, "OK 1") == 404

        await rotated(tmp_path, env, servers)
        assert await wire.text(FOCAL_POINTS[0], "RAS") == 200
        await until(lambda: not rows(tmp_path, "select 1 from inbox where state = 'waiting'"))
        assert rows(tmp_path, "select problem from inbox where problem is not null") == []
        for server in servers.values():
            assert await server.stop() == 0


async def rotated(folder: Path, env: dict[str, str], servers: dict[str, Server]) -> None:
    """New keys, one role after the other: each gets its file and a SIGHUP."""
    root = folder / "data-keys" / "root.key"
    shutil.move(folder / "in a safe", root)
    await run("keys", "rotate", env=env)
    for role, server in servers.items():
        fresh, file = folder / role / "fresh.key", folder / role / "role.key"
        await run("keys", "export", "--role", role, "--to", fresh, env=env)
        fresh.replace(file)
        os.kill(server.pid, signal.SIGHUP)
    moved = "select 1 from person where hex(number_index) < '02' or hex(sealed_number) < '02'"
    await until(lambda: not rows(folder, moved))
    status = json.loads((await run("keys", "status", "--json", env=env)).stdout)
    seals = {holder["part"]: holder["seals"] for holder in status["holders"]}
    assert seals == {"intake": 2, "engine": 2, "sender": 2}


def rows(folder: Path, query: str) -> list[object]:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database:
        return [row[0] for row in database.execute(query)]


@pytest.mark.parametrize("role", ["all", "engine"])
async def test_a_role_does_not_start_with_the_keys_of_another(role: str, tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content, gateway_token=TOKEN)
    await run("init", env=env)
    roles = await keys_of_roles(tmp_path, env)
    (tmp_path / "data-keys" / "root.key").rename(tmp_path / "in a safe")

    done = await run("serve", "--role", role, env=roles["intake"], status=1)

    assert "holds the keys of the role “intake” alone" in done.stderr
    assert "Traceback" not in done.stderr
    again = tmp_path / "again.key"
    done = await run(
        "keys", "export", "--role", role, "--to", again, env=roles["intake"], status=None
    )
    assert done.returncode in (1, 2)
    assert not again.exists()


async def test_a_role_file_under_a_passphrase_needs_it(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content, gateway_token=TOKEN)
    await run("init", env=env)
    (tmp_path / "phrase").touch(0o600)
    (tmp_path / "phrase").write_text("le fleuve monte\n")
    file = tmp_path / "console.key"
    locked = ("--role", "console", "--to", file, "--passphrase-file", tmp_path / "phrase")
    await run("keys", "export", *locked, env=env)
    held = {"VIGIE_KEY_FILE": str(file)}
    held["VIGIE_KEYSTORE"] = str(tmp_path / "data-keys" / "keystore.sqlite")

    done = await run("focal-point", "list", env=env | held, status=1)
    assert "locked by a passphrase" in done.stderr
    phrase = {"VIGIE_PASSPHRASE_FILE": str(tmp_path / "phrase")}
    await run("focal-point", "list", env=env | held | phrase)
    done = await run("keys", "export", *locked, env=env, status=1)
    assert "holds a key already" in done.stderr
