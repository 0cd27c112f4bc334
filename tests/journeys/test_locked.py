"""After a reboot without its passphrase the service still takes every message in, and betrays none.

Real processes: killed, started without keys, killed again, unlocked while texts come in.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.content_dir import copy_of_content
from tests.support.fake_at import FakeAfricasTalking
from tests.support.leaks import Searcher
from tests.support.process import Server, environment, run, sending_to, until
from tests.support.wire import Wire

FOCAL_POINTS = [f"+2237468135{n}" for n in range(4)]
RESPONDER = "+22374681361"
SEARCHER = Searcher([*FOCAL_POINTS, RESPONDER])
PHRASE = "le fleuve monte avant la lune"
REPORT = "MA SOKOLO 3 5 quetzalcoatl"


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database:
        return database.execute(query).fetchall()


def told(number: str, text: str, id_: str) -> dict[str, str]:
    return {"from": number, "to": "36000", "text": text, "id": id_}


def in_clear(folder: Path) -> list[str]:
    """What is found on the disk of numbers, words of texts and the passphrase."""
    found = [f"{leak.where}: a number" for leak in SEARCHER.search_tree(folder)]
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() and not file.is_socket() else b""
        for words in (b"quetzalcoatl", b"QUETZALCOATL", PHRASE.encode()):
            if words in content:
                found.append(f"{file.name}: {words!r}")
    return found


def holding(folder: Path, words: str) -> list[str]:
    """The files with these words in them."""
    return [f.name for f in folder.rglob("*") if f.is_file() and words.encode() in f.read_bytes()]


async def enrol(env: dict[str, str], wire: Wire, folder: Path) -> None:
    for group, area, people in (
        ("focal-point", "ML040410", FOCAL_POINTS),
        ("responder", "ML04", [RESPONDER]),
    ):
        invite = (group, "invite", "--area", area, "--count", str(len(people)))
        codes = (await run(*invite, env=env)).stdout.split()
        for number, code in zip(people, codes, strict=True):
            assert await wire.text(number, f"INS {code}") == 200
    everybody = len(FOCAL_POINTS) + 1
    await until(lambda: len(rows(folder, "select 1 from person")) == everybody)


async def test_what_comes_while_locked_is_sealed_and_becomes_an_alert(tmp_path: Path) -> None:
    stick, pulled = tmp_path / "stick", tmp_path / "pulled"
    stick.mkdir()
    (stick / "phrase").touch(0o600)
    (stick / "phrase").write_text(PHRASE + "\n")
    machine = tmp_path / "machine"
    machine.mkdir()
    async with FakeAfricasTalking() as at:
        content = copy_of_content(machine / "content")
        env = environment(machine, content_dir=content, **sending_to(at))
        env["VIGIE_PASSPHRASE_FILE"] = str(stick / "phrase")
        await run("init", env=env)
        async with Server(env) as server:
            wire = Wire(await server.start())
            await enrol(env, wire, machine)
            server.kill()
            stick.rename(pulled)

            wire.url = await server.start(says="locked")
            async with aiohttp.ClientSession() as http, http.get(f"{wire.url}/?lang=en") as page:
                assert "The service is locked" in await page.text()
            for n, number in enumerate(FOCAL_POINTS[:3]):
                assert await wire.post("sms", told(number, REPORT, f"ATXid_{n}")) == 200
            assert await wire.post("sms", told(FOCAL_POINTS[0], REPORT, "ATXid_0")) == 200
            assert len(rows(machine, "select 1 from locked")) == 4
            assert in_clear(machine) == []
            server.kill()  # 200 meant: on the disk

            wire.url = await server.start(says="locked")
            assert await wire.post("sms", told(FOCAL_POINTS[1], REPORT, "ATXid_1")) == 200
            await refused_with_the_wrong_passphrase(env)
            before = rows(machine, "select max(received_at) from locked")[0][0]
            answers = await asyncio.gather(unlocked(env), *traffic(wire, 60))

            assert set(answers[1:]) <= {200, 503}
            assert answers.count(200) > 50
            await until(lambda: RESPONDER in {to for to, text in at.texts if "OK 1" in text})
            await until(lambda: not rows(machine, "select 1 from locked"))
            await server.ready()
            ids = rows(machine, "select count(*), count(distinct dedupe) from inbox")[0]
            assert ids[0] == ids[1]
            # Three reports, though five were sent; each with the time at which it first came.
            reports = rows(machine, "select 1 from report where type = 'market_attack'")
            assert len(reports) == 3
            came = rows(machine, f"select 1 from inbox where received_at <= '{before}'")
            assert len(came) == len(FOCAL_POINTS) + 1 + 3
            assert await server.stop() == 0
        assert in_clear(machine) == []


async def unlocked(env: dict[str, str]) -> int:
    done = await run("keys", "unlock", env=env, stdin=PHRASE + "\n")
    assert "all: took the keys" in done.stderr
    return 200


async def refused_with_the_wrong_passphrase(env: dict[str, str]) -> None:
    done = await run("keys", "unlock", env=env, stdin="le fleuve\n", status=1)
    assert "does not open" in done.stderr
    assert "fleuve" not in done.stderr


def traffic(wire: Wire, count: int) -> list[Any]:
    """Texts that come in before, while and after the service is unlocked."""

    async def text(n: int) -> int:
        await asyncio.sleep(n * 0.1)
        return await wire.post("sms", told(FOCAL_POINTS[3], f"RAS {n}", f"ATXid_later_{n}"))

    return [text(n) for n in range(count)]


async def test_shares_unlock_and_make_the_key_file_again(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    words = (await run("keys", "split", env=env)).stdout.splitlines()
    others = (await run("keys", "split", env=env)).stdout.splitlines()
    assert len(words) == 3
    root = tmp_path / "data-keys" / "root.key"
    key = root.read_bytes()
    done = await run("keys", "restore", "--shares", env=env, stdin="\n".join(words), status=1)
    assert "is there" in done.stderr
    root.unlink()

    async with Server(env) as server:
        await server.start(says="locked")
        said = f"{words[0]}\n{others[1]}\n"
        done = await run("keys", "unlock", "--shares", env=env, stdin=said, status=1)
        assert "of another split" in done.stderr
        said = "\n".join([words[2].upper(), words[0]]) + "\n"
        await run("keys", "unlock", "--shares", env=env, stdin=said)
        await server.ready()
        assert await server.stop() == 0

    await run("keys", "restore", "--shares", env=env, stdin=f"{words[1]}\n{words[2]}\n")
    assert root.read_bytes() == key
    assert root.stat().st_mode & 0o777 == 0o600
    assert not holding(tmp_path, " ".join(words[0].split()[5:9]))


@pytest.mark.parametrize("other", [True, False])
async def test_the_socket_takes_nothing_but_keys_that_fit(other: bool, tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    root = tmp_path / "data-keys" / "root.key"
    root.rename(tmp_path / "taken away")
    async with Server(env) as server:
        await server.start(says="locked")
        (socket,) = (tmp_path / "data-keys").glob("*.socket")
        assert socket.stat().st_mode & 0o777 == 0o600
        if other:
            elsewhere = env | {"VIGIE_KEY_FILE": str(tmp_path / "x" / "root.key")}
            await run("init", env=elsewhere | {"VIGIE_DATA_DIR": str(tmp_path / "y")})
            store = {"VIGIE_KEYSTORE": str(tmp_path / "data-keys" / "keystore.sqlite")}
            done = await run("keys", "unlock", env=elsewhere | store, status=1)
            assert "made with another key file" in done.stderr
        else:
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(b'{"roots": {"1": "quetzalcoatl"}}')
            writer.write_eof()
            assert await reader.read() == b"what was handed over are no keys"
            writer.close()
        await server.ready(says="locked")
        assert "quetzalcoatl" not in server.log.read_text()
        assert await server.stop() == 0
    assert not list((tmp_path / "data-keys").glob("*.socket"))
