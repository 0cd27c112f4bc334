"""The `vigie` command as an operator meets it: real processes, their output and exit status.

Good is 0, problems are 1, wrong use is 2. Data goes to standard output, everything else to standard
error, and what the operator can mend is said without a traceback.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking
from tests.support.leaks import Searcher
from tests.support.process import TOKEN, Server, environment, run, sending_to, until
from tests.support.wire import Wire

Environment = dict[str, str]
CODE = re.compile(r"[A-Z]{8}")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `vigie init` has run, to be copied; with few places, to start sooner."""
    folder = tmp_path_factory.mktemp("made")
    hurry(copy_of_content(folder / "content"))
    asyncio.run(run("init", env=environment(folder, content_dir=folder / "content")))
    return folder


@pytest.fixture
def env(made: Path, tmp_path: Path) -> Environment:
    """The environment of a fresh copy of an initialised Vigie."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return environment(tmp_path, content_dir=tmp_path / "content")


async def fails(*arguments: str, env: Environment, status: int, saying: str) -> None:
    """The command ends with this status and one clear message, and prints no data."""
    done = await run(*arguments, env=env, status=status)
    assert saying in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def prefixed(settings: Environment) -> Environment:
    return {f"VIGIE_{name.upper()}": value for name, value in settings.items()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_init_makes_keys_and_a_database_once(tmp_path: Path) -> None:
    env = environment(tmp_path)
    first = await run("init", env=env)
    keys = tmp_path / "data-keys"
    before = [(keys / name).read_bytes() for name in ("root.key", "gateway-token")]
    again = await run("init", env=env)
    assert [(keys / name).read_bytes() for name in ("root.key", "gateway-token")] == before
    assert first.stdout == again.stdout == ""
    assert "made" in first.stderr
    assert "made" not in again.stderr
    assert {mode(tmp_path / "data"), mode(keys)} == {0o700}
    assert {mode(file) for folder in (tmp_path / "data", keys) for file in folder.iterdir()} == {
        0o600
    }


@pytest.mark.parametrize("command", [("serve",), ("responder", "list")])
async def test_without_init_a_line_says_what_to_do(command: tuple[str], tmp_path: Path) -> None:
    env = environment(tmp_path)
    await fails(*command, env=env, status=1, saying="Run `vigie init`")


@pytest.mark.parametrize(
    ("settings", "command", "saying"),
    [
        ({}, ("serve", "--port", "65536"), "65535"),
        ({"port": "http"}, ("serve",), "VIGIE_PORT"),
        ({"gateway": "pigeon"}, ("serve",), "VIGIE_GATEWAY"),
        ({"gateway_token": "short"}, ("serve",), "VIGIE_GATEWAY_TOKEN"),
        ({"database_url": "mysql://vigie:atsk_secret@db/x"}, ("doctor",), "VIGIE_DATABASE_URL"),
        ({}, ("serve", "--role", "king"), "--role"),
        ({}, ("focal-point", "invite", "--area", "ML99"), "ML99"),
        ({}, ("focal-point", "invite"), "--area"),
        ({}, ("responder", "invite", "--area", "ML04", "--language", "tlh"), "'tlh'"),
        ({}, ("responder", "invite", "--area", "ML04", "--count", "0"), "--count"),
        ({"gateway_token": TOKEN}, ("keys", "token", "--rotate"), "VIGIE_GATEWAY_TOKEN"),
    ],
)
async def test_what_is_used_wrongly_is_said(
    settings: Environment, command: tuple[str, ...], saying: str, env: Environment
) -> None:
    await fails(*command, env=env | prefixed(settings), status=2, saying=saying)


@pytest.mark.parametrize(
    ("settings", "saying"),
    [
        ({"gateway": "africastalking"}, "VIGIE_AT_USERNAME and VIGIE_AT_API_KEY"),
        ({"at_api_key": "atsk_secret"}, "VIGIE_GATEWAY=africastalking"),
        ({"content_dir": "/nowhere"}, "nothing was started"),
        ({"database_url": "postgresql+asyncpg://u:atsk_secret@127.0.0.1:1/x"}, "does not answer"),
        ({"host": "no.such.host.example"}, "--host"),
        ({"data_dir": "/dev/null/data"}, "/dev/null/data"),
    ],
)
async def test_serve_that_cannot_start_says_why_and_no_secret(
    settings: Environment, saying: str, env: Environment, tmp_path: Path
) -> None:
    key = {"key_file": str(tmp_path / "data-keys" / "root.key")}
    done = await run("serve", env=env | prefixed(key | settings), status=1)
    assert saying in done.stderr
    assert "Traceback" not in done.stderr
    assert "atsk_secret" not in done.stderr


async def test_an_address_in_use_is_said(env: Environment) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await run("serve", "--port", port, env=env, status=1)
    assert f"port {port} (Address already in use)" in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_invite_prints_codes_and_nothing_else(env: Environment) -> None:
    invite = ("focal-point", "invite", "--area", "ml0404", "--count", "3")
    done = await run(*invite, env=env)
    codes = done.stdout.splitlines()
    assert len(set(codes)) == 3
    assert all(CODE.fullmatch(code) for code in codes)
    nobody, told = done.stderr.split("\n", 1)
    assert nobody.startswith("nobody is a coordinator yet")
    assert told.startswith("invites 1 to 3, in this order")


async def test_a_list_of_people_shows_no_number(env: Environment, tmp_path: Path) -> None:
    numbers = [f"+2237468135{n}" for n in range(3)]
    invite = ("focal-point", "invite", "--area", "ML0404", "--count", "3")
    codes = (await run(*invite, env=env)).stdout.split()
    async with Server(env | {"VIGIE_GATEWAY_TOKEN": TOKEN}) as server:
        wire = Wire(await server.start())
        for number, code in zip(numbers, codes, strict=True):
            form = {"from": number, "to": "36000", "text": f"INS {code}"}
            assert await wire.post("sms", form, gateway="simulator") == 200
        await until(lambda: count(tmp_path, "person") == 3)
    people = json.loads((await run("focal-point", "list", "--json", env=env)).stdout)
    assert {frozenset(person) for person in people} == {
        frozenset(
            (
                *("pseudonym", "area", "name", "language", "since"),
                *("answers", "pin", "one_time_pins", "warning"),
            )
        )
    }
    plain = await run("focal-point", "list", env=env)
    assert len(plain.stdout.splitlines()) == 3
    said = json.dumps(people) + plain.stdout + plain.stderr
    assert Searcher(numbers).search_text(said, "the list") == []


def count(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database:
        (number,) = database.execute(f"select count(*) from {table}").fetchone()
    return int(number)


async def doctor(env: Environment, status: int) -> dict[str, dict[str, str]]:
    """What `vigie doctor --json` finds, by name; the worst where a name comes twice."""
    done = await run("doctor", "--json", env=env, status=status)
    assert done.stderr == ""
    worst = ("bad", "warning", "good")
    findings = sorted(json.loads(done.stdout), key=lambda each: worst.index(each["state"]))
    return {each["name"]: each for each in reversed(findings)}


async def test_doctor_finds_a_fresh_set_up_good(env: Environment) -> None:
    found = await doctor(env, 0)
    warned = {name for name, each in found.items() if each["state"] == "warning"}
    # A simulator, and nobody enrolled; clock, swap and the like are the machine's affair.
    assert warned - {"clock", "swap", "core dumps", "ptrace"} == {"gateway", "areas"}
    assert all(found[name]["do"] for name in warned)
    plain = await run("doctor", env=env)
    assert all(name in plain.stdout for name in found)


def open_the_key(folder: Path) -> Environment:
    (folder / "data-keys" / "root.key").chmod(0o644)
    return {}


def open_the_data(folder: Path) -> Environment:
    (folder / "data").chmod(0o755)
    return {}


def move_the_keys_into_the_data(folder: Path) -> Environment:
    shutil.move(folder / "data-keys", folder / "data" / "keys")
    return {"key_file": str(folder / "data" / "keys" / "root.key")}


def damage_the_key(folder: Path) -> Environment:
    (folder / "data-keys" / "root.key").write_text("{}")
    return {}


def lose_the_key(folder: Path) -> Environment:
    (folder / "data-keys" / "root.key").unlink()
    return {}


def lose_the_token(folder: Path) -> Environment:
    (folder / "data-keys" / "gateway-token").unlink()
    return {}


def lose_the_key_store(folder: Path) -> Environment:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database, database:
        database.execute(
            "insert into membership (id, role, area, joined_at)"
            " values (1, 'responder', 'ML04', '2026-11-01')"
        )
        database.execute(
            "insert into person (id, role, number_index, sealed_number, area, language, silent,"
            " wrong_pins, undelivered, membership_id)"
            " values (1, 'responder', x'01', x'01', 'ML04', 'fr', 0, 0, 0, 1)"
        )
    (folder / "data-keys" / "keystore.sqlite").unlink()
    return {}


def break_the_codebook(folder: Path) -> Environment:
    with (folder / "content" / "rules" / "codebook.yaml").open("a") as codebook:
        codebook.write("types: again\n")
    return {}


def lose_the_database(folder: Path) -> Environment:
    (folder / "data" / "vigie.sqlite").unlink()
    return {}


def damage_the_database(folder: Path) -> Environment:
    (folder / "data" / "vigie.sqlite").write_bytes(b"no database at all" * 500)
    return {}


def let_a_message_wait(folder: Path) -> Environment:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database, database:
        database.execute(
            "insert into inbox (gateway, kind, dedupe, received_at, due_at, state) values"
            " ('simulator', 'sms', x'00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'waiting')"
        )
    return {}


def ask_for_a_gateway_without_credentials(_folder: Path) -> Environment:
    return {"gateway": "africastalking"}


def ask_for_a_database_that_is_away(_folder: Path) -> Environment:
    return {"database_url": "postgresql+asyncpg://u:atsk_secret@127.0.0.1:1/x"}


@pytest.mark.parametrize(
    ("spoil", "name", "saying"),
    [
        (open_the_key, "keys", "chmod 600"),
        (open_the_data, "permissions", "chmod go-rwx"),
        (move_the_keys_into_the_data, "keys apart", "VIGIE_KEY_FILE"),
        (damage_the_key, "keys", "your copy"),
        (lose_the_key, "keys", "vigie init"),
        (lose_the_token, "keys", "vigie init"),
        (lose_the_key_store, "key store", "1 of 1 people"),
        (break_the_codebook, "content", "vigie check"),
        (lose_the_database, "database", "vigie init"),
        (damage_the_database, "database", "VIGIE_DATABASE_URL"),
        (let_a_message_wait, "inbox", "vigie serve"),
        (ask_for_a_gateway_without_credentials, "gateway", "VIGIE_AT_API_KEY"),
        (ask_for_a_database_that_is_away, "database", "VIGIE_DATABASE_URL"),
    ],
)
async def test_doctor_names_what_is_bad_and_what_to_do(
    spoil: Callable[[Path], Environment],
    name: str,
    saying: str,
    env: Environment,
    tmp_path: Path,
) -> None:
    found = await doctor(env | prefixed(spoil(tmp_path)), 1)
    assert found[name]["state"] == "bad"
    assert saying in found[name]["what"] + found[name]["do"]
    assert "atsk_secret" not in json.dumps(found)


async def test_two_services_never_share_a_data_directory(env: Environment) -> None:
    async with Server(env) as server:
        await server.start()
        await fails("serve", env=env, status=1, saying="another vigie is running")
        await fails("init", env=env, status=1, saying="another vigie is running")
        server.kill()
        await server.start()  # the lock goes with the process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_finishes_what_is_in_hand(
    number: signal.Signals, env: Environment, tmp_path: Path
) -> None:
    """The gateway has taken a text and not yet answered: its answer is waited for and recorded."""
    async with FakeAfricasTalking() as at, Server(env | prefixed(sending_to(at))) as server:
        wire = Wire(await server.start())
        at.answering.clear()
        assert await wire.text("+22374681357", "who are you") == 200
        await until(lambda: at.requests)
        ending = asyncio.create_task(server.stop(number))
        await until(lambda: b"finishing what is in hand" in server.log.read_bytes())
        assert server.running
        at.answering.set()
        assert await ending == 0
        assert "Traceback" not in server.log.read_text()
    with closing(sqlite3.connect(tmp_path / "data" / "vigie.sqlite")) as database:
        assert database.execute("select state from outbox").fetchall() == [("sent",)]
    assert not (tmp_path / "data" / "vigie.sqlite-wal").exists()


async def test_a_token_lives_on_through_one_rotation(env: Environment) -> None:
    (first,) = (await run("keys", "token", env=env)).stdout.split()
    live = (await run("keys", "token", "--rotate", env=env)).stdout.split()
    assert live[1:] == [first]
    async with Server(env) as server:
        wire = Wire(await server.start())
        form = {"from": "+22374681357", "to": "36000", "text": "RAS"}
        statuses = [await wire.post("sms", form, token, "simulator") for token in (*live, "x" * 43)]
        assert statuses == [200, 200, 404]
        newest = (await run("keys", "token", "--rotate", env=env)).stdout.split()
        assert newest[1:] == live[:1]
        os.kill(server.pid, signal.SIGHUP)
        await until(lambda: "reloaded" in server.log.read_text())
        statuses = [
            await wire.post("sms", form, token, "simulator") for token in (*newest, *live[1:])
        ]
        assert statuses == [200, 200, 404]
        log = server.log.read_text()
    assert not any(token in log for token in (*live, *newest))
    assert all(len(token) >= 43 for token in newest)


async def test_a_passphrase_locks_the_key(tmp_path: Path) -> None:
    phrase = tmp_path / "passphrase"
    phrase.touch(mode=0o600)
    phrase.write_text("le fleuve monte en août\n")
    env = environment(tmp_path, content_dir=copy_of_content(tmp_path / "content"))
    locked = env | {"VIGIE_PASSPHRASE_FILE": str(phrase)}
    await run("init", env=locked)
    async with Server(locked) as server:
        await server.start()
        assert await server.stop() == 0
    await fails("responder", "list", env=env, status=1, saying="VIGIE_PASSPHRASE_FILE")
    phrase.write_text("le fleuve monte en aout\n")
    await fails("serve", env=locked, status=1, saying="does not open")
    phrase.chmod(0o644)
    await fails("serve", env=locked, status=1, saying="chmod 600")
    phrase.unlink()
    await fails("responder", "list", env=locked, status=1, saying="VIGIE_PASSPHRASE_FILE")
