"""A thousand numbers and the phones around a service that is as talkative as it gets.

Shared by the tests that look for what it leaves behind.
"""

import asyncio
import json
import random
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pyrage

from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking, Raw
from tests.support.leaks import Searcher, layers
from tests.support.process import TOKEN, environment, run, until
from tests.support.wire import ODD_MEDIA, Wire, malformed

# None ends as a time does where a date follows it in the database: `.123456` and `2026-11-23`.
NUMBERS = [f"+223{n}1" for n in random.Random(200).sample(range(7_000_000, 8_000_000), 1000)]
FOCAL_POINTS, RESPONDERS = NUMBERS[:80], NUMBERS[80:90]
STRANGERS, MENTIONED, MISPLACED = NUMBERS[90:940], NUMBERS[940:970], NUMBERS[970:]
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


def debugging(folder: Path, **settings: str) -> dict[str, str]:
    """An environment that is as talkative as it gets; without villages, to start sooner."""
    content = copy_of_content(folder / "content")
    hurry(content)
    env = environment(folder, content_dir=content, log_level="DEBUG", **settings)
    (folder / "tmp").mkdir()
    env["TMPDIR"] = str(folder / "tmp")
    return env | {"PYTHONASYNCIODEBUG": "1", "PYTHONWARNINGS": "always"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def opened(said: dict[str, bytes]) -> dict[str, bytes]:
    """What was said, and what it holds that is compressed or encoded."""
    inner = {
        f"{where}: {layer} at {offset}": data
        for where, whole in said.items()
        for offset, layer, data in layers(whole)
    }
    return said | inner


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
        self.pages = wire
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

    async def reports_raise_alerts(self, some: int | None = None) -> None:
        """From every focal point, and from some strangers, or all."""
        texts = ["MA SOKOLO 3 5", "EN DOGOFRY", "RAS", "hier 3 morts", "AIDE", ""]
        texts += [f"BR SOKOLO {phrase}" for phrase in PHRASES] + [*PHRASES]
        await self.hears(200, *map(self.wire.text, FOCAL_POINTS + STRANGERS[:some], cycle(texts)))
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
        for sender, number in zip(STRANGERS, MISPLACED, strict=False):
            form = {"from": sender, "text": "RAS"}
            await self.hears(
                200,
                self.wire.post("sms", form | {"id": number}),
                self.wire.post("sms", dict.fromkeys(fields, number) | form),
                self.wire.post("receipt", {"id": number, "status": number}),
                say(f"{number}x{number}", "RAS"),
                self.pages.ask(f"/?from={number}&text=quetzalcoatl"),
                self.pages.ask("/", headers=dict.fromkeys(headers, number)),
            )
            await self.hears(
                404,
                self.wire.post("sms", form, token=number),
                self.wire.ask(f"/gateways/{number}/{TOKEN}/sms", b"x"),
                self.wire.ask(f"/{number}/"),
            )
            hop = {"sessionId": number, "phoneNumber": number, "text": "4*1*2"}
            written = (f"3*{number[4:]}*1", f"1*1*{number}", f"1*1*1*3*{number[4:]}*3", "1*1*1*1*1")
            await self.hears(
                200,
                self.wire.post("ussd", dict.fromkeys(fields, number) | hop),
                *(self.wire.post("ussd", hop | {"text": answers}) for answers in written),
                self.wire.post("ussd-end", hop | {"input": number, "errorMessage": number}),
            )
            await self.hears(404, self.wire.post("ussd", hop, token=number))
            await self.hears(400, self.wire.post("ussd", hop | {"sessionId": ""}))
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
            await self.one_asks_for_help()
            self.at.raw = None
            await self.ask_for_help(RESPONDERS)  # else the gateway would be passed over
        self.at.drops = "after taking"
        await self.one_asks_for_help()
        self.at.drops = "never"
        self.at.codes = dict.fromkeys(RESPONDERS, 403)
        await self.ask_for_help(RESPONDERS)
        self.at.codes.clear()

    async def one_asks_for_help(self) -> None:
        """Let a text go out, and see that the gateway was called with it."""
        tried = len(self.at.attempts)
        await self.hears(200, self.wire.text(RESPONDERS[0], "AIDE"))
        await until(lambda: len(self.at.attempts) > tried)

    async def ask_for_help(self, responders: Sequence[str]) -> None:
        """Let a text go out to each of these, and see the gateway take it."""
        before = len(self.at.texts)
        await self.hears(200, *(self.wire.text(number, "AIDE") for number in responders))
        await until(lambda: {to for to, _ in self.at.texts[before:]} >= set(responders))

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
                    stored = await self.wire.text(sender, "GR SOKOLO quetzalcoatl") == 200
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
        logs = [log.read_bytes() for log in self.folder.glob("serve*.err")]
        return sum(log.count(b"the store failed") for log in logs)

    async def backs_up(self) -> "pyrage.x25519.Identity":
        """Make a backup; what opens it."""
        identity = pyrage.x25519.Identity.generate()
        to = ("--to", str(self.folder / "backup.vigie"))
        await self.command("backup", *to, "--recipient", str(identity.to_public()))
        return identity

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
        for path in ("/", "/areas", "/areas?lang=en", "/metrics", "/healthz", "/simulator"):
            await self.pages.ask(path)

    async def look_with_commands(self) -> None:
        looks = (
            ("focal-point", "list", "--json"),
            ("responder", "list"),
            ("doctor", "--json"),
            ("areas", "--json"),
            ("audit", "--json"),
            ("export",),
            ("export", "--format", "json"),
            ("explain", "1"),
        )
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
        heard = b"\n".join(self.wire.heard + self.pages.heard)
        said = {"answers": heard, "commands": "".join(self.printed).encode()}
        leaks = [SEARCHER.search_bytes(data, where) for where, data in said.items()]
        tree = SEARCHER.search_tree(self.folder)
        words = (*PHRASES, TOKEN, self.at.api_key)
        return [*tree, *leaks[0], *leaks[1], *words_in(opened(said | files(self.folder)), words)]
