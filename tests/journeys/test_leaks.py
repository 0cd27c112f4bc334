"""Two hundred numbers go through everything that can happen, and none is found anywhere after it.

A real `vigie serve` at DEBUG, with SQLAlchemy's and asyncio's own debugging on, takes
reports, garbage and forgeries, meets faults of its store and its gateway, and is killed. Then every
file that it made, all that it logged and all that it answered is searched for each number in every
form, and for the words of the texts. What the process's memory holds is beyond this test.
"""

import asyncio
import json
import random
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from urllib.parse import unquote_to_bytes

from handlers.demo import NEIGHBOURS
from handlers.gateways.simulator import PHONES
from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking, Raw
from tests.support.leaks import Searcher
from tests.support.process import TOKEN, Server, environment, run, sending_to, until
from tests.support.wire import ODD_MEDIA, Wire, malformed

# None ends as a time does where a date follows it in the database: `.123456` and `2026-11-23`.
NUMBERS = [f"+223{n}1" for n in random.Random(200).sample(range(7_000_000, 8_000_000), 200)]
FOCAL_POINTS, RESPONDERS = NUMBERS[:100], NUMBERS[100:110]
STRANGERS, MENTIONED, MISPLACED = NUMBERS[110:140], NUMBERS[140:170], NUMBERS[170:]
SEARCHER = Searcher(NUMBERS)
PHRASES = ("quetzalcoatl", "Xylophone-9", "ziggourat bleue")  # no text of Vigie has these words
PATIENCE = 0.5  # seconds for a request that is never whole
SMS = f"/gateways/africastalking/{TOKEN}/sms"

WRITINGS: tuple[Callable[[str], str], ...] = (
    lambda number: number,
    lambda number: number[4:],
    lambda number: f"00{number[1:]}",
    lambda number: " ".join((number[4:6], number[6:8], number[8:10], number[10:])),
    lambda number: "-".join((number[4:6], number[6:8], number[8:10], number[10:])),
    lambda number: ".".join((number[4:6], number[6:8], number[8:10], number[10:])),
    lambda number: f"({number[:4]}) {number[4:8]} {number[8:]}",
)

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
AfricasTalking.read_sms = staticmethod(faulty("edge", AfricasTalking.read_sms))
Intake._seal = faulty("intake", Intake._seal, told)
grammar.read = faulty("grammar", grammar.read)
"""


async def test_two_hundred_numbers_leave_no_trace(tmp_path: Path) -> None:
    async with FakeAfricasTalking() as at:
        env = debugging(tmp_path, **sending_to(at), log_format="json")
        await run("init", env=env)
        async with Server(env, TALKATIVE) as server:
            vigie = Vigie(tmp_path, at, env, Wire(await server.start()))
            await vigie.everybody_enrols()
            await vigie.reports_raise_alerts()
            await vigie.numbers_stand_where_they_should_not()
            await vigie.requests_are_malformed()
            await vigie.receipts_come()
            await vigie.the_gateway_misbehaves()
            await vigie.a_message_is_poison()
            await vigie.the_store_fails()
            await vigie.some_leave()
            await vigie.look_at_pages()
            assert vigie.traces() == [], "while it runs, with its WAL"
            load = asyncio.create_task(vigie.reports_raise_alerts())
            await asyncio.sleep(0.2)
            server.kill()
            await asyncio.gather(load, return_exceptions=True)
            assert vigie.traces() == [], "after SIGKILL"
            vigie.wire.url = await server.start()
            await vigie.look_at_pages()
            await vigie.look_with_commands()
            assert await server.stop() == 0
        assert vigie.traces() == [], "after a stop"
        received = b"\n".join(number.encode() for number, _ in at.texts)
    # Else nothing would have been shown.
    sent = unquote_to_bytes(b"\n".join(vigie.wire.sent).replace(b"+", b" "))
    assert {leak.number for leak in SEARCHER.search_bytes(sent, "sent")} == set(range(200))
    assert {leak.number for leak in SEARCHER.search_bytes(received, "received")} >= set(range(110))
    assert {where for where, _ in words_in({"sent": sent})} == {"sent"}
    log = server.log.read_text()
    for library in ("aiosqlite", "sqlalchemy.engine", "urllib3.connectionpool", "aiohttp.server"):
        assert f'"logger": "{library}' in log


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


def debugging(folder: Path, **settings: str) -> dict[str, str]:
    """An environment that is as talkative as it gets; without villages, to start sooner."""
    content = copy_of_content(folder / "content")
    hurry(content)
    env = environment(folder, content_dir=content, log_level="DEBUG", **settings)
    return env | {"PYTHONASYNCIODEBUG": "1", "PYTHONWARNINGS": "always"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def words_in(said: dict[str, bytes], words: Iterable[str] = PHRASES) -> list[tuple[str, str]]:
    """Where one of these words is found, however it is encoded, and which."""
    found = []
    for phrase in words:
        forms = {form for text in (phrase, phrase.upper()) for form in forms_of(text)}
        found += [
            (where, phrase) for where, data in said.items() if any(form in data for form in forms)
        ]
    return found


def forms_of(text: str) -> Iterator[bytes]:
    for data in (text.encode(), text.encode("utf-16-le")):
        yield data
        yield data.hex().encode()
        # Less the letters of base64 that what stands before and after shares.
        yield from (b64encode(bytes(before) + data)[4:-4] for before in range(3))


class Vigie:
    """The service under test and the phones around it, one method for each thing that happens."""

    def __init__(
        self, folder: Path, at: FakeAfricasTalking | None, env: dict[str, str], wire: Wire
    ) -> None:
        self.folder = folder
        self.at = at or FakeAfricasTalking()
        self.env = env
        self.wire = wire
        self.printed: list[str] = []

    async def everybody_enrols(self) -> None:
        for group, area, people in (
            ("focal-point", "ML040410", FOCAL_POINTS),
            ("responder", "ML04", RESPONDERS),
        ):
            invite = ("invite", "--area", area, "--count", str(len(people)))
            codes = (await self.command(group, *invite)).split()
            texts = [f"INS {code}" for code in codes]
            await self.hears(
                200, *(self.wire.text(*each) for each in zip(people, texts, strict=True))
            )
        await self.hears(200, *(self.wire.text(number, "INS ABCDEFGH") for number in STRANGERS))
        await self.settled()

    async def reports_raise_alerts(self) -> None:
        texts = ["MA SOKOLO 3 5", "EN DOGOFRY", "RAS", "hier 3 morts", "AIDE", ""]
        texts += [f"BR SOKOLO {phrase}" for phrase in PHRASES] + [*PHRASES]
        await self.hears(200, *map(self.wire.text, FOCAL_POINTS + STRANGERS, cycle(texts)))
        await self.settled()
        await self.hears(200, *(self.wire.text(number, "OK 1") for number in RESPONDERS))

    async def numbers_stand_where_they_should_not(self) -> None:
        """Inside texts, in ids and other fields, in tokens, paths, queries and headers."""
        say = self.wire.text
        for sender, number, write in zip(FOCAL_POINTS, MENTIONED, cycle(WRITINGS), strict=False):
            written = write(number)
            await self.hears(
                200,
                say(sender, f"MA SOKOLO 3 5 appelez {written}"),
                say(sender, f"{written} ziggourat bleue"),
                say(sender, f"INS {written}"),
                say(sender, f"MA {written} {written}"),
                say(RESPONDERS[int(number) % 9], f"OK {written}"),
            )
        fields = ("id", "to", "date", "linkId", "networkCode", "cost", "status", "phoneNumber")
        headers = ("User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Accept", "X-Number")
        for sender, number in zip(STRANGERS, MISPLACED, strict=True):
            form = {"from": sender, "text": "RAS"}
            await self.hears(
                200,
                self.wire.post("sms", form | {"id": number}),
                self.wire.post("sms", dict.fromkeys(fields, number) | form),
                self.wire.post("receipt", {"id": number, "status": number}),
                say(f"{number}x{number}", "RAS"),
                self.wire.ask(f"/?from={number}&text=quetzalcoatl"),
                self.wire.ask("/", headers=dict.fromkeys(headers, number)),
            )
            await self.hears(
                404,
                self.wire.post("sms", form, token=number),
                self.wire.ask(f"/gateways/{number}/{TOKEN}/sms", b"x"),
                self.wire.ask(f"/{number}/"),
            )
            await self.hears(405, self.wire.ask(f"{SMS}?from={number}"))
            await self.hears(400, self.wire.post("sms", {number: number}))
        await self.settled()

    async def requests_are_malformed(self) -> None:
        """What only forgers and broken machines send, as far as HTTP goes and beyond."""
        for number in MISPLACED[:5]:
            form = f"from={number}&text=quetzalcoatl".encode()
            await self.hears(413, self.wire.ask(SMS, form * 3000))
            for kind in ODD_MEDIA:
                named = {"Content-Type": kind.replace("NUMBER", number)}
                assert await self.wire.ask(SMS, form, headers=named) in (200, 400)
            requests = [r for head in malformed(number, SMS) for r in (head, head + form)]
            await asyncio.gather(*(self.wire.say(request, PATIENCE) for request in requests))

    async def receipts_come(self) -> None:
        for number in RESPONDERS:
            for message_id in self.at.message_ids[number]:
                form = {"id": message_id, "phoneNumber": number, "networkCode": "61001"}
                failed = {"status": "Failed", "failureReason": f"no {number}", "retryCount": "3"}
                await self.hears(
                    200,
                    self.wire.post("receipt", form | {"status": "Success"}),
                    self.wire.post("receipt", form | failed),
                )
        await self.settled()

    async def the_gateway_misbehaves(self) -> None:
        """Answers that are wrong, lost or no answers, with the numbers in them."""
        entries = [{"number": number, "statusCode": 999, "status": number} for number in NUMBERS]
        echo = json.dumps({"SMSMessageData": {"Message": NUMBERS[0], "Recipients": entries}})
        for raw in (
            Raw(201, echo),
            Raw(500, echo, "text/html"),
            Raw(401, " ".join(NUMBERS), "text/plain"),
            Raw(200, "[" * 100_000 + NUMBERS[0]),
            Raw(302, NUMBERS[0], "text/plain"),
        ):
            self.at.raw = raw
            await self.all_ask_for_help()
        self.at.raw = None
        self.at.drops = "after taking"
        await self.all_ask_for_help()
        self.at.drops = "never"
        self.at.codes = dict.fromkeys(RESPONDERS, 403)
        await self.all_ask_for_help()
        self.at.codes.clear()

    async def all_ask_for_help(self) -> None:
        """Let a text go out to every responder, and see the gateway take it."""
        before = len(self.at.texts)
        await self.hears(200, *(self.wire.text(number, "AIDE") for number in RESPONDERS))
        await until(lambda: {to for to, _ in self.at.texts[before:]} >= set(RESPONDERS))

    async def a_message_is_poison(self) -> None:
        """A text that waits its turn in a flood is damaged on the disk."""
        flood = (self.wire.text(FOCAL_POINTS[9], "MA SOKOLO quetzalcoatl") for _ in range(40))
        await self.hears(200, *flood)
        with closing(self.open()) as connection, connection:
            connection.execute(
                "update inbox set sealed_text = x'00', due_at = '2026-01-01 00:00:00.000000'"
                " where id = (select max(id) from inbox where state = 'waiting')"
            )
        damaged = "select 1 from inbox where state = 'quarantined' and problem = 'CannotOpen'"
        await until(lambda: self.rows(damaged))

    async def the_store_fails(self) -> None:
        """Tables are away, and a trigger refuses, while texts come in and are worked on."""
        with closing(self.open()) as connection:
            for table in ("inbox", "person"):
                failures = self.failures()
                connection.execute(f"alter table {table} rename to away")
                for sender in (FOCAL_POINTS[10], STRANGERS[0], RESPONDERS[0]):
                    stored = await self.wire.text(sender, "AG SOKOLO quetzalcoatl") == 200
                    assert stored == (table != "inbox")
                await self.look_at_pages()
                await until(lambda: self.failures() > failures)  # noqa: B023
                connection.execute(f"alter table away rename to {table}")
            connection.execute(
                "create trigger refuse before insert on report begin select raise(abort, 'no'); end"
            )
            assert await self.wire.text(FOCAL_POINTS[11], "MA SOKOLO 7 7 quetzalcoatl") == 200
            await self.settled()
            connection.execute("drop trigger refuse")
        refused = "select 1 from inbox where state = 'quarantined' and problem = 'IntegrityError'"
        assert self.rows(refused)

    def failures(self) -> int:
        return (self.folder / "serve.err").read_bytes().count(b"the store failed")

    async def some_leave(self) -> None:
        leaving, opting_out = (
            (*FOCAL_POINTS[50:60], RESPONDERS[9]),
            (*FOCAL_POINTS[60:70], *MISPLACED),
        )
        forms = [{"senderId": number, "phoneNumber": number} for number in opting_out]
        await self.hears(200, *(self.wire.text(number, "STOP") for number in leaving))
        await self.hears(200, *(self.wire.post("opt-out", form) for form in forms))
        await self.settled()

    async def look_at_pages(self) -> None:
        for path in ("/", "/metrics", "/healthz", "/readyz", "/simulator"):
            await self.wire.ask(path)

    async def look_with_commands(self) -> None:
        looks = (("focal-point", "list", "--json"), ("responder", "list"), ("doctor", "--json"))
        await asyncio.gather(*(self.command(*look) for look in looks))

    async def hears(self, status: int, *calls: Coroutine[None, None, int]) -> None:
        """Make these calls, several at once; all are answered so."""
        assert set(await asyncio.gather(*calls)) == {status}

    async def command(self, *arguments: str) -> str:
        done = await run(*arguments, env=self.env)
        self.printed += [done.stdout, done.stderr]
        return done.stdout

    async def settled(self) -> None:
        """Wait until the workflow has taken all whose turn has come."""
        due = (
            "select 1 from inbox where state = 'waiting' and due_at <= datetime('now', '+1 second')"
        )
        await until(lambda: not self.rows(due))

    def open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "data" / "vigie.sqlite", timeout=30)

    def rows(self, query: str) -> list[object]:
        with closing(self.open()) as connection:
            return connection.execute(query).fetchall()

    def traces(self) -> list[object]:
        """Numbers, phrases and secrets in files, their names, answers and commands' output."""
        said = {"answers": b"\n".join(self.wire.heard), "commands": "".join(self.printed).encode()}
        leaks = [SEARCHER.search_bytes(data, where) for where, data in said.items()]
        tree = SEARCHER.search_tree(self.folder)
        words = (*PHRASES, TOKEN, self.at.api_key)
        return [*tree, *leaks[0], *leaks[1], *words_in(said | files(self.folder), words)]
