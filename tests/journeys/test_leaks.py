"""A thousand numbers go through everything that can happen, and none is found anywhere after it.

Real processes of `vigie serve`, one for each role, at DEBUG, with SQLAlchemy's and asyncio's own
debugging on, take reports, garbage and forgeries, meets faults of their store and their gateway,
and are aborted. Then every file that they made, all that they logged and all that they answered,
backups and what is in them, is searched for each number in every form, through compression and
encodings, and for the words of the texts. What the processes' memory holds is beyond this test.
"""

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pyrage
import pytest

from handlers.demo import NEIGHBOURS
from handlers.gateways.simulator import PHONES
from tests.support.cold import opened_without_keys
from tests.support.databases import postgres
from tests.support.fake_at import FakeAfricasTalking
from tests.support.leaking import (
    FOCAL_POINTS,
    NUMBERS,
    PHRASES,
    RESPONDERS,
    SEARCHER,
    STRANGERS,
    Vigie,
    debugging,
    files,
    words_in,
)
from tests.support.leaks import Searcher
from tests.support.process import TOKEN, Server, run, sending_to, until
from tests.support.roles import ROLES, keys_of_roles
from tests.support.wire import Wire

# SQLAlchemy keeps to warnings by itself, whatever the level of the log.
TALKATIVE = """
import logging
import sqlalchemy
logging.getLogger("sqlalchemy").setLevel("DEBUG")
from handlers.cli import main
"""

# Faults that no test can bring about from outside: each raises with all that it knows.
FAULTY = """
from handlers.cli import main
from handlers.gateways.africastalking import AfricasTalking
from service.domain import grammar
from service.intake import Intake

def faulty(word, work, reveal=str):
    def wrapper(*arguments):
        if word in reveal(arguments):
            raise RuntimeError(f"not {reveal(arguments)}", arguments) from ValueError(arguments)
        return work(*arguments)
    return wrapper

async def send(self, text, recipients):
    raise RuntimeError("not sent to " + " ".join(number.reveal() for number in recipients))

def told(arguments):
    message = arguments[1]
    return message.text + message.sender.reveal()

AfricasTalking.send = send
AfricasTalking.read_sms = faulty("edge", AfricasTalking.read_sms)
Intake._seal = faulty("intake", Intake._seal, told)
grammar.read = faulty("grammar", grammar.read)
"""


@pytest.fixture
def dumps_allowed() -> Iterator[None]:
    """Whoever starts a process here lets it dump its memory: only itself can forbid that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def dumps(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.glob("core*") if path.is_file()]


async def test_a_thousand_numbers_leave_no_trace(tmp_path: Path, dumps_allowed: None) -> None:
    async with FakeAfricasTalking() as at, AsyncExitStack() as running:
        env = debugging(tmp_path, **sending_to(at), log_format="json")
        env |= {"PYTHONFAULTHANDLER": "1"}
        await run("init", env=env)
        roles = await keys_of_roles(tmp_path, env)
        servers = {
            role: await running.enter_async_context(Server(roles[role], TALKATIVE, role))
            for role in ROLES
        }
        urls = {role: await server.start() for role, server in servers.items()}
        vigie = Vigie(tmp_path, at, env, Wire(urls["intake"]))
        vigie.pages = Wire(urls["console"])
        await vigie.everybody_enrols()
        await vigie.reports_raise_alerts(100)
        await vigie.numbers_stand_where_they_should_not()
        await vigie.requests_are_malformed()
        await vigie.receipts_come()
        await vigie.the_gateway_misbehaves()
        await vigie.a_message_is_poison()
        await vigie.the_store_fails()
        await vigie.some_leave()
        await vigie.look_at_pages()
        identity = await vigie.backs_up()
        assert vigie.traces() == [], "while it runs, with its WAL"
        load = asyncio.create_task(vigie.reports_raise_alerts(10))
        await asyncio.sleep(0.2)
        for server in servers.values():
            os.kill(server.pid, signal.SIGABRT)
        assert {await server.ended() for server in servers.values()} == {-signal.SIGABRT}
        await asyncio.gather(load, return_exceptions=True)
        for role, server in servers.items():
            urls[role] = await server.start()
        vigie.wire.url, vigie.pages.url = urls["intake"], urls["console"]
        await vigie.look_at_pages()
        await vigie.look_with_commands()
        assert {await server.stop() for server in servers.values()} == {0}
        assert vigie.traces() == [], "after an abort and a stop"
        received = b"\n".join(number.encode() for number, _ in at.texts)
    assert dumps(Path(), tmp_path, tmp_path / "data") == []
    plain = pyrage.decrypt((tmp_path / "backup.vigie").read_bytes(), [identity])
    assert SEARCHER.search_layers(plain, "in the backup") == []
    assert opened_without_keys(tmp_path, identity, plain) == []
    # Else nothing would have been shown.
    sent = unquote_to_bytes(b"\n".join(vigie.wire.sent).replace(b"+", b" "))
    every = set(range(len(NUMBERS)))
    enrolled = set(range(len(FOCAL_POINTS) + len(RESPONDERS)))
    assert {leak.number for leak in SEARCHER.search_bytes(sent, "sent")} == every
    assert {leak.number for leak in SEARCHER.search_bytes(received, "received")} >= enrolled
    assert {where for where, _ in words_in({"sent": sent})} == {"sent"}
    log = "".join(server.log.read_text() for server in servers.values())
    assert "Fatal Python error: Aborted" in log
    for library in ("aiosqlite", "sqlalchemy.engine", "urllib3.connectionpool", "aiohttp.server"):
        assert f'"logger": "{library}' in log


# As talkative as a server gets with what deploy/README.md asks for.
LOGGING = (
    "-clog_min_messages=log",
    "-clog_statement=none",
    "-clog_min_duration_statement=-1",
    "-clog_min_error_statement=panic",
    "-clog_parameter_max_length=0",
    "-clog_parameter_max_length_on_error=0",
    "-clog_error_verbosity=terse",
    "-clog_connections=on",
    "-clog_disconnections=on",
    "-clog_checkpoints=on",
    "-clog_lock_waits=on",
    "-clog_temp_files=0",
    "-clog_autovacuum_min_duration=0",
)


async def test_postgresql_s_files_and_log_hold_none(tmp_path: Path) -> None:
    with postgres(*LOGGING) as database, database.database() as url:
        async with FakeAfricasTalking() as at:
            settings = sending_to(at) | {"database_url": url}
            env = debugging(tmp_path, **settings, log_format="json")
            await run("init", env=env)
            async with Server(env, TALKATIVE) as server:
                wire = Wire(await server.start())
                vigie = Vigie(tmp_path, at, env, wire)
                people = NUMBERS[:40]
                invite = ("focal-point", "invite", "--area", "ML040410", "--count", "40")
                codes = (await vigie.command(*invite)).split()
                for number, code in zip(people, codes, strict=True):
                    assert await wire.text(number, f"INS {code}") == 200
                for number in (*people, *STRANGERS[:20]):
                    assert await wire.text(number, f"MA SOKOLO 3 5 {number} {PHRASES[0]}") == 200
                await until(lambda: len({to for to, _ in at.texts}) == 60)
                for number in people[:10]:
                    assert await wire.text(number, "STOP") == 200
                await vigie.backs_up()
                assert await server.stop() == 0
            assert vigie.traces() == []
        folder = database.log.parent
        assert "connection authorized" in database.log.read_text()
        assert SEARCHER.search_tree(folder / "data") == []
        assert SEARCHER.search_layers(database.log.read_bytes(), "log") == []
        assert words_in(files(folder / "data") | {"log": database.log.read_bytes()}) == []
        # Else nothing would have been shown: what is stored is in these files.
        assert [1 for data in files(folder / "data").values() if b"focal_point" in data]


async def test_faults_that_know_everything_tell_nothing(tmp_path: Path) -> None:
    async with FakeAfricasTalking() as at:
        env = debugging(tmp_path, **sending_to(at), log_format="console")
        await run("init", env=env)
        async with Server(env, FAULTY) as server:
            vigie = Vigie(tmp_path, at, env, Wire(await server.start()))
            for sender, phrase in zip(NUMBERS, PHRASES * 5, strict=False):
                assert await vigie.wire.text(sender, f"edge {phrase}") == 500
                assert await vigie.wire.text(sender, f"intake {phrase}") == 500
                assert await vigie.wire.text(sender, f"grammar {phrase}") == 200
                assert await vigie.wire.text(sender, phrase) == 200
            await vigie.settled()
            await until(lambda: b"a gateway failed" in server.log.read_bytes())
            assert await server.stop() == 0
        assert vigie.traces() == []
        assert len(vigie.rows("select 1 from inbox where state = 'quarantined'")) == 15


async def test_the_simulator_shows_no_number(tmp_path: Path) -> None:
    people = [phone.number.reveal() for phone in PHONES]
    people += [f"+{22379001005 + n}" for n in range(sum(NEIGHBOURS.values()))]
    searcher = Searcher([*people, *STRANGERS])
    env = debugging(tmp_path, gateway_token=TOKEN, log_format="console")
    printed = await run("init", "--demo", env=env)
    async with Server(env) as server:
        wire = Wire(await server.start())
        for sender in (*(phone.id for phone in PHONES), *people, *STRANGERS):
            form = {"from": sender, "to": "36000", "text": "EN SOKOLO quetzalcoatl"}
            assert await wire.post("sms", form, gateway="simulator") == 200
        await Vigie(tmp_path, None, env, wire).settled()
        for path in ("", "/events", "/events?since=1", "/static/page.js"):
            assert await wire.ask(f"/simulator{path}") in (200, 404)
        streaming = b"GET /simulator/events HTTP/1.1\r\nAccept: text/event-stream\r\n"
        listening = asyncio.create_task(wire.say(streaming + b"Host: vigie.example\r\n\r\n"))
        await asyncio.sleep(0.2)
        assert await server.stop() == 0
        assert b"ALERT" in await listening
    heard = b"\n".join(wire.heard)
    assert searcher.search_tree(tmp_path) == []
    assert searcher.search_bytes(heard + printed.stderr.encode(), "said") == []
    assert words_in({"answers": heard, **files(tmp_path)}) == []
