"""10,000 callbacks that no gateway of ours made, or that it made before: none becomes a report.

A real `vigie serve` at DEBUG, with every lock on its door: token, addresses, signatures. The
attacker has recorded real callbacks with all their headers, knows the token, and stands behind our
own proxy like anybody. Then, with the token alone to guard it: replays that come days later.
"""

import asyncio
import gzip
import hmac
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from click.testing import Result
from typer.testing import CliRunner

from handlers.cli import app
from service.store.tables import inbox, report
from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking
from tests.support.leaks import Searcher
from tests.support.network import Network, network, number
from tests.support.process import TOKEN, Server, environment, run, sending_to, until

FORGED = 10_000
SOKOLO = "ML040410"
KEY = "a-key-of-signatures-0123"
GATEWAY, STRANGER = "192.0.2.7", "203.0.113.9"
OTHER_TOKEN = "another-gateway-s-token-0123456789"
PEOPLE = [number(person) for person in range(1, 21)]
# Only forgeries carry these: wherever one turns up, something that was sent was repeated.
ECHO = f"+223{79_314_159}"
PHRASE = "quetzalcoatl"
AT_ONCE = 16
CLOSED = 0


@dataclass(frozen=True)
class Callback:
    """A request as it was recorded, or as it was made up."""

    body: bytes
    path: str = f"/gateways/africastalking/{TOKEN}/sms"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)

    def signed(self, seconds: float = 0, key: str = KEY) -> "Callback":
        moment = str(int(time.time() + seconds))
        made = hmac.new(key.encode(), self.body + moment.encode(), "sha256").hexdigest()
        headers = {"X-Forwarded-For": GATEWAY, "X-Timestamp": moment, "X-Signature": made}
        return replace(self, headers=self.headers | headers)

    def with_headers(self, **headers: str) -> "Callback":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers=self.headers | named)


def text(sender: str, words: str, sent_at: datetime, id_: str | None) -> Callback:
    form = {"date": f"{sent_at:%Y-%m-%dT%H:%M:%SZ}", "from": sender, "to": "36000", "text": words}
    return Callback(urlencode(form | ({"id": id_} if id_ else {})).encode())


def now() -> datetime:
    return datetime.now(UTC)


class Attacker:
    """Makes forgeries of every kind from what was recorded."""

    def __init__(self, recorded: list[Callback]) -> None:
        self._recorded = recorded
        self._chance = random.Random(4)

    def kinds(self) -> dict[str, Callable[[], Callback]]:
        return {
            "wrong token": self.wrong_token,
            "another gateway": self.another_gateway,
            "wrong method": self.wrong_method,
            "no signature": lambda: self.forged().with_headers(X_Forwarded_For=GATEWAY),
            "wrong key": lambda: self.forged().signed(key="guessed-key-of-signatures"),
            "wrong signature": self.wrong_signature,
            "stale": lambda: self.forged().signed(self._chance.choice((-1e9, -86400, -301, 330))),
            "forbidden address": self.forbidden_address,
            "replayed as recorded": self.recorded,
            "sent again by the gateway": lambda: self.recorded().signed(),
            "changed": self.changed,
            "cut short": self.cut_short,
            "too large": lambda: Callback(b"text=" + b"x" * 70_000).signed(),
            "a bomb": self.bomb,
            "no gzip": self.no_gzip,
            "unreadable": lambda: self.forged().with_headers(Content_Type="a/b").signed(),
        }

    def recorded(self) -> Callback:
        return self._chance.choice(self._recorded)

    def forged(self) -> Callback:
        """A report that would count, of a stranger or in the name of somebody enrolled."""
        sender = self._chance.choice((ECHO, self._chance.choice(PEOPLE)))
        words = f"MA SOKOLO {self._chance.randrange(1, 99)} {PHRASE}"
        return text(sender, words, now(), f"forged-{self._chance.getrandbits(64):x}")

    def wrong_token(self) -> Callback:
        wrong = self._chance.choice(("", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), ECHO))
        forged = self.forged().signed()
        return replace(forged, path=f"/gateways/africastalking/{wrong}/sms")

    def another_gateway(self) -> Callback:
        path = self._chance.choice(
            (f"/gateways/simulator/{TOKEN}/sms", f"/gateways/africastalking/{OTHER_TOKEN}/sms")
        )
        return replace(self.forged().signed(), path=path)

    def wrong_method(self) -> Callback:
        method = self._chance.choice(("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"))
        return replace(self.forged().signed(), method=method)

    def wrong_signature(self) -> Callback:
        return self.forged().signed().with_headers(X_Signature=self._chance.randbytes(32).hex())

    def forbidden_address(self) -> Callback:
        claim = self._chance.choice(
            (STRANGER, f"{GATEWAY}, {STRANGER}", f"{GATEWAY}, x", f"{GATEWAY},", "", f"{GATEWAY}:1")
        )
        forged = self.forged().signed()
        return forged.with_headers(X_Forwarded_For=claim, Forwarded=f"for={GATEWAY}")

    def changed(self) -> Callback:
        """A recorded callback in which anything else is said, under its own signature."""
        recorded = self.recorded()
        body = bytearray(recorded.body)
        for _ in range(self._chance.randrange(1, 5)):
            body[self._chance.randrange(len(body))] ^= 1 << self._chance.randrange(7)
        if bytes(body) == recorded.body:
            body += b"&text=RAS"
        return replace(recorded, body=bytes(body))

    def cut_short(self) -> Callback:
        recorded = self.recorded()
        return replace(recorded, body=recorded.body[: self._chance.randrange(len(recorded.body))])

    def bomb(self) -> Callback:
        return replace(Callback(b"").signed(), body=BOMB).with_headers(Content_Encoding="gzip")

    def no_gzip(self) -> Callback:
        body = f"{PHRASE} {ECHO}".encode()
        return Callback(body).signed().with_headers(Content_Encoding="gzip")


BOMB = gzip.compress(b"text=" + b"x" * 2_000_000)

# What each kind may be answered; a copy of what is stored is "stored", as it is to a gateway.
ANSWERS = {
    "wrong method": {404, 405},
    "replayed as recorded": {200, 404},  # 404 once the signature is five minutes old
    "sent again by the gateway": {200},
    # The server closes before it has read all, and the answer may be lost with the connection.
    "too large": {413, CLOSED},
    "a bomb": {413, CLOSED},
    "no gzip": {400, CLOSED},
    "unreadable": {400},
}


class Caller:
    """Sends callbacks, some at once, and keeps all that is answered."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.heard: set[bytes] = set()

    async def call(self, callback: Callback) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **callback.headers}
        if len(callback.body) > 1_000 or "Content-Encoding" in headers:
            headers["Connection"] = "close"  # nothing else is lost with it
        url, data = self._url + callback.path, callback.body
        async with self._turn:
            try:
                async with self._http.request(
                    callback.method, url, data=data, headers=headers
                ) as answer:
                    named = [pair for pair in answer.raw_headers if pair[0] != b"Date"]
                    self.heard.add(repr(named).encode() + await answer.read())
                    return answer.status
            except aiohttp.ClientOSError:
                return CLOSED


async def test_ten_thousand_forged_or_replayed_callbacks(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path / "content")
    hurry(content)
    async with FakeAfricasTalking() as at:
        env = environment(
            tmp_path,
            content_dir=content,
            **sending_to(at),
            log_level="DEBUG",
            log_format="json",
            gateway_allow=GATEWAY,
            trusted_proxies="127.0.0.1",
            gateway_hmac_key=KEY,
        )
        await run("init", env=env)
        invite = ("focal-point", "invite", "--area", SOKOLO, "--count", str(len(PEOPLE)))
        codes = (await run(*invite, env=env)).stdout.split()
        database = tmp_path / "data" / "vigie.sqlite"
        async with Server(env) as server, aiohttp.ClientSession() as http:
            caller = Caller(await server.start(), http)
            for person, code in zip(PEOPLE, codes, strict=True):
                enrolled = text(person, f"INS {code}", now(), f"ins-{person[-3:]}").signed()
                assert await caller.call(enrolled) == 200
            await until(lambda: count(database, "person") == len(PEOPLE))
            recorded = [
                text(person, f"VB SOKOLO {n + 1}", now() - timedelta(minutes=n), named).signed()
                for n, person in enumerate(PEOPLE)
                for named in (f"recorded-{n}", None)
            ]
            for callback in recorded:
                assert await caller.call(callback) == 200
            await until(lambda: count(database, "report") == len(recorded))
            before = stored(database)

            answered = await attack(caller, Attacker(recorded))

            await until(lambda: count(database, "inbox", "state = 'waiting'") == 0)
            assert stored(database) == before
            # The server is as good as before: a true report is still taken.
            report = text(PEOPLE[0], "VB SOKOLO 77", now(), "true").signed()
            assert await caller.call(report) == 200
            await until(lambda: count(database, "report") == len(recorded) + 1)
            assert await server.stop() == 0
    assert sum(answered.values()) == FORGED
    assert {kind for kind, _ in answered} == set(Attacker(recorded).kinds())
    for (kind, status), times in sorted(answered.items()):
        assert status in ANSWERS.get(kind, {404}), (kind, status, times)
    log = server.log.read_bytes()
    echoed = log + b"".join(caller.heard)
    assert PHRASE.encode() not in echoed
    assert TOKEN.encode() not in echoed
    assert Searcher([ECHO, *PEOPLE]).search_bytes(echoed, "log and answers") == []
    assert log.count(b'"route": "/gateways/africastalking/{token}/sms"') > FORGED * 0.7
    for level in ("error", "critical"):
        assert f'"level": "{level}"'.encode() not in log, level


def stored(database: Path) -> list[list[tuple[object, ...]]]:
    """All that messages have brought about."""
    tables = ("inbox", "report", "incident", "decision", "alert", "person")
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return [
            connection.execute(f"select * from {table} order by 1").fetchall() for table in tables
        ]


def count(database: Path, table: str, where: str = "true") -> int:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        query = f"select count(*) from {table} where {where}"
        return int(connection.execute(query).fetchone()[0])


async def attack(caller: Caller, attacker: Attacker) -> Counter[tuple[str, int]]:
    """Send all of it; how often each kind was answered with each status."""
    kinds = attacker.kinds()
    every = list(islice(cycle(kinds.items()), FORGED - 1_000))
    answered: Counter[tuple[str, int]] = Counter()

    async def send(kind: str, callback: Callback) -> None:
        answered[kind, await caller.call(callback)] += 1

    for start in range(0, len(every), 500):
        some = every[start : start + 500]
        await asyncio.gather(*(send(kind, make()) for kind, make in some))
    # One callback, five hundred times at the same moment: as recorded, and signed anew.
    once = attacker.recorded()
    await asyncio.gather(*(send("replayed as recorded", once) for _ in range(500)))
    await asyncio.gather(*(send("sent again by the gateway", once.signed()) for _ in range(500)))
    return answered


# --- what a gateway sends late, and what is replayed when the inbox has forgotten it


def form(sender: str, words: str, sent_at: datetime, id_: str | None) -> dict[str, str]:
    given = {"from": sender, "to": "36000", "text": words, "date": f"{sent_at:%Y-%m-%d %H:%M:%S}"}
    return given | ({"id": id_} if id_ else {})


async def command(vigie: Network, *arguments: str) -> Result:
    settings = vigie.service.settings
    env = {"VIGIE_DATA_DIR": str(settings.data_dir), "VIGIE_DATABASE_URL": str(settings.database)}
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)


@pytest.mark.parametrize("id_", ["recorded", None])
@pytest.mark.parametrize("ahead", [-5, 0, 5])
async def test_no_replay_is_counted_however_late_it_comes(
    tmp_path: Path, id_: str | None, ahead: int
) -> None:
    """With a live token and no signatures, and a gateway whose clock is `ahead` hours off."""
    async with network(tmp_path) as vigie:
        await vigie.enrol(PEOPLE[0], "focal_point", SOKOLO)
        sent_at = vigie.clock.now() + timedelta(hours=ahead)
        recorded = form(PEOPLE[0], "VB SOKOLO 3", sent_at, id_)
        assert await vigie.post("sms", recorded) == 200
        await vigie.settle()
        (counted,) = await vigie.rows(report)
        for hours in (1, 47, 12, 6, 6, 1, 24, 240):
            vigie.clock.move(hours=hours)
            await vigie.service.timers.forget()
            assert await vigie.post("sms", recorded) == 200
            await vigie.settle()
            assert [each.id for each in await vigie.rows(report)] == [counted.id]
        assert [row.problem for row in await vigie.rows(inbox)] == ["too_old"]


async def test_what_a_gateway_held_back_is_set_aside_and_let_in_by_a_person(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await vigie.enrol(PEOPLE[0], "focal_point", SOKOLO)
        await vigie.enrol(PEOPLE[1], "focal_point", SOKOLO)
        await vigie.settle()
        before = len(vigie.at.texts)
        days = timedelta(days=4)
        for n in range(3):
            sent_at = vigie.clock.now() - days + timedelta(minutes=n)
            await vigie.text(PEOPLE[0], f"VB SOKOLO {n + 1}", sent_at=sent_at, id_=f"late-{n}")
        await vigie.text(PEOPLE[0], "VB SOKOLO 9", sent_at=vigie.clock.now() + days, id_="new")
        await vigie.settle()
        assert await vigie.rows(report) == []
        assert len(vigie.at.texts) == before
        assert b"vigie_messages_quarantined_total 4.0" in vigie.service.metrics.render()

        asked = await command(vigie, "late", "--json")
        assert json.loads(asked.stdout) == {"too_old": 3, "too_new": 1}
        assert "4 text(s) are set aside" in (await command(vigie, "doctor", "--json")).stdout
        assert (await command(vigie, "late", "--accept")).exit_code == 0
        await vigie.settle()
        assert sorted(row.livestock for row in await vigie.rows(report)) == [1, 2, 3, 9]
        assert json.loads((await command(vigie, "late", "--json")).stdout)["too_old"] == 0
        entries = json.loads((await command(vigie, "audit", "--json")).stdout)
        assert entries[-1]["action"] == "let late texts in"
        assert entries[-1]["details"] == {"too_new": 1, "too_old": 3}


async def test_stop_counts_however_late_it_comes(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await vigie.enrol(PEOPLE[0], "focal_point", SOKOLO)
        await vigie.settle()
        await vigie.text(PEOPLE[0], "STOP", sent_at=vigie.clock.now() - timedelta(days=9))
        await vigie.settle()
        await vigie.text(PEOPLE[0], "VB SOKOLO 3")
        await vigie.settle()
        assert await vigie.rows(report) == []
