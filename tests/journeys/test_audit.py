"""The audit log as an operator meets it: what is entered, that reports are not, and `verify`."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from handlers.cli import app
from service import audit
from tests.support.content_dir import copy_of_content
from tests.support.leaks import Searcher
from tests.support.network import Network, network, number
from tests.support.process import Server, environment, run, until

SOKOLO, NIONO = "ML040410", "ML0404"


def command(env: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=env)


def listed(env: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    result = command(env, "audit", *arguments, "--json")
    assert result.exit_code == 0, result.output
    entries: list[dict[str, Any]] = json.loads(result.stdout)
    return entries


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(entry["actor"], entry["action"], entry["subject"]) for entry in entries]


def tampered(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database, database:
        for trigger in ("update", "delete", "insert"):
            database.execute(f"DROP TRIGGER IF EXISTS audit_{trigger}")
        database.execute(statement)


async def test_what_is_done_is_entered_and_what_is_reported_is_not(tmp_path: Path) -> None:
    """One installation from `init` on: commands, a service that starts, reloads and stops."""
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)

    def do(*arguments: str) -> None:
        assert command(env, *arguments).exit_code == 0

    def commands() -> None:
        do("init")
        do("focal-point", "invite", "--area", SOKOLO, "--count", "3")
        do("responder", "invite", "--area", NIONO)
        do("focal-point", "list")
        do("responder", "list")
        do("keys", "token")
        do("keys", "token", "--rotate")
        do("scan", "--now")
        do("explain", "--near-misses", "market-cluster")
        assert command(env, "explain", "17").exit_code == 1  # there is none: nothing was shown

    await asyncio.to_thread(commands)
    async with Server(env) as server:
        await server.start()
        rule = content / "rules/alerts/market-cluster.yaml"
        rule.write_text(rule.read_text("utf-8").replace("at_least: 3", "at_least: 4"), "utf-8")
        server._process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        await until(lambda: b"reloaded" in server.log.read_bytes())
        assert await server.stop() == 0

    entries = await asyncio.to_thread(listed, env)
    assert told(entries) == [
        ("cli", "made the database ready", ""),
        ("cli", "invited focal points", SOKOLO),
        ("cli", "invited responders", NIONO),
        ("cli", "listed focal points", ""),
        ("cli", "listed responders", ""),
        ("cli", "read tokens", ""),
        ("cli", "rotated tokens", ""),
        ("cli", "looked at scans", ""),
        ("cli", "read near misses", "market-cluster"),
        ("service", "started", ""),
        ("service", "took up content", ""),
        ("service", "stopped", ""),
    ]
    assert entries[1]["details"] == {"count": 3, "language": "fr"}
    started, took_up, stopped = (entry["details"]["content"] for entry in entries[-3:])
    assert started != took_up == stopped
    assert entries[-1]["details"]["role"] == "all"


async def on(vigie: Network, *arguments: str) -> Result:
    settings = vigie.service.settings
    env = {"VIGIE_DATA_DIR": str(settings.data_dir), "VIGIE_DATABASE_URL": str(settings.database)}
    return await asyncio.to_thread(command, env, *arguments)


async def test_the_log_tells_nothing_of_those_who_report(tmp_path: Path, database_url: str) -> None:
    """People enrol, report, are told, acknowledge and leave: not an entry more, and no number."""
    phones = [number(person) for person in range(1, 9)]
    async with network(tmp_path, database_url) as vigie:
        for phone in phones:
            await vigie.enrol(phone, "focal_point", SOKOLO)
        await vigie.enrol(number(901), "responder", NIONO)
        await vigie.settle()
        before = (await audit.verify(vigie.service.store, vigie.service.witness)).count
        for phone in phones[:4]:
            await vigie.text(phone, "MA SOKOLO 3 5")
            vigie.clock.move(hours=1)
        await vigie.text(number(901), "OK 1")
        await vigie.text(phones[0], "STOP")
        await vigie.settle()
        assert vigie.sent_to(number(901))
        assert (await audit.verify(vigie.service.store, vigie.service.witness)).count == before

        assert (await on(vigie, "explain", "1")).exit_code == 0
        entries = json.loads((await on(vigie, "audit", "--json")).stdout)
        assert told(entries)[-1] == ("cli", "read an explanation", "alert 1")
        searcher = Searcher([*phones, number(901)])
        assert not searcher.search_text(json.dumps(entries), "the log")


def test_verify_says_whether_it_is_whole_or_where_it_is_broken(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    assert command(env, "init").exit_code == 0
    for _ in range(3):
        assert command(env, "focal-point", "list").exit_code == 0

    whole = command(env, "audit", "verify")
    assert (whole.exit_code, whole.stdout[:27]) == (0, "4 entries, unbroken since 2")
    paper = command(env, "audit", "head").stdout.strip()
    assert paper.startswith("4-")
    assert command(env, "responder", "list").exit_code == 0
    assert command(env, "audit", "verify", "--head", paper.upper()).exit_code == 0
    wrong = command(env, "audit", "verify", "--head", "4-something")
    assert wrong.exit_code == 2

    tampered(tmp_path, "DELETE FROM audit WHERE position = 5")
    cut = command(env, "audit", "verify")
    assert cut.exit_code == 1
    assert "there were at least 5 entries" in cut.stdout
    assert command(env, "audit", "head").exit_code == 1
    assert command(env, "audit", "accept").exit_code == 0
    assert command(env, "audit", "verify", "--head", paper).exit_code == 0
    assert listed(env)[-1]["details"] == {"found": 4, "kept": 5}

    (tmp_path / "data-keys" / "audit-head").unlink()
    lost = command(env, "audit", "verify")
    assert lost.exit_code == 1
    assert "`audit-head` beside the key file is gone" in lost.stdout
    assert command(env, "audit", "accept").exit_code == 0

    tampered(tmp_path, "UPDATE audit SET actor = 'nobody' WHERE position = 2")
    changed = command(env, "audit", "verify", "--json")
    assert changed.exit_code == 1
    assert json.loads(changed.stdout)["fault"] == {"kind": "altered", "position": 2}
    assert command(env, "audit", "accept").exit_code == 1  # what is broken within stays broken


def test_since_shows_what_is_recent(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    assert command(env, "init").exit_code == 0
    assert len(listed(env, "--since", "72h")) == 1
    assert len(listed(env, "--since", "2026-01-01")) == 1
    assert listed(env, "--since", "2999-01-01") == []
    assert command(env, "audit", "--since", "soon").exit_code == 2


async def test_a_command_that_cannot_be_entered_shows_nothing(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    with closing(sqlite3.connect(tmp_path / "data" / "vigie.sqlite")) as database, database:
        database.execute("DROP TABLE audit")
    done = await run("keys", "token", env=env, status=1)
    assert done.stdout == ""
