"""Killed at random moments under load, Vigie loses nothing and says nothing twice without cause.

SIGKILL shows that nothing accepted lives in the process's memory alone. That a commit survives the
loss of power is SQLite's promise (synchronous=FULL), and the disk's.
"""

import asyncio
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from service.domain.geo import Point, distance_km
from tests.support.content_dir import content_of_three_rules, hurry
from tests.support.fake_at import FakeAfricasTalking
from tests.support.network import number
from tests.support.process import TOKEN, Server, environment, run, sending_to, until
from tests.support.rules_content import rows as place_rows

KILLS = 50
SENDERS = 120  # so many that nobody's own rate is reached before the next start
RESPONDERS = [number(900 + n) for n in range(3)]
POSTING = 8  # messages under way at once
APART_KM = 11  # kidnappings farther apart than the rule's 10 km alert each for itself

# How often each thing happens.
ALARMING = 0.05  # a message that raises an alert of its own
REPEATED, RETRIED = 0.1, 0.3  # one that was accepted, or was not, is sent again
KILLED_EARLY = 0.2  # the service is killed while it starts
IN_FLIGHT = 0.5  # it is killed while the gateway has texts and does not answer
# When it is killed: after it began to start, and after it was ready.
START_SECONDS, LIFE_SECONDS = (0.0, 1.0), (0.05, 0.6)

ALERT = re.compile(r"^ALERT\w* (\d+)")


@dataclass(eq=False)
class Message:
    """A text of its own, which a gateway sends until it hears 200: its counts are its serial."""

    serial: int
    sender: str
    code: str
    place: str
    type: str

    @property
    def counts(self) -> tuple[str, int, int]:
        killed, injured = divmod(self.serial, 1000)
        return self.type, killed, injured

    @property
    def form(self) -> dict[str, str]:
        _, killed, injured = self.counts
        text = f"{self.code} {self.place} {killed} morts {injured} blesses"
        return {"from": self.sender, "to": "36000", "text": text, "id": f"crash-{self.serial}"}


@dataclass
class Gateway:
    """The telephone company's side: sends new texts, and those again that got no 200."""

    chance: random.Random
    alarming: Iterator[str]
    ordinary: list[str]
    serials: Iterator[int] = field(default_factory=count)
    accepted: list[Message] = field(default_factory=list)
    unanswered: list[Message] = field(default_factory=list)
    torn: int = 0
    """Requests that the service took and did not answer."""

    async def load(self, url: str) -> None:
        """Post until the service is gone."""
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as posting:
            for _ in range(POSTING):
                posting.create_task(self._post_on(http, url))

    async def _post_on(self, http: aiohttp.ClientSession, url: str) -> None:
        try:
            while True:
                if self.accepted and self.chance.random() < REPEATED:
                    # The gateway did not hear our 200.
                    again = self.chance.choice(self.accepted)
                    assert await is_accepted(http, url, again.form)
                else:
                    retry = self.unanswered and self.chance.random() < RETRIED
                    await self.post(http, url, self.unanswered.pop(0) if retry else self._new())
        except aiohttp.ClientConnectorError:
            return
        except aiohttp.ClientError:
            self.torn += 1

    async def post(self, http: aiohttp.ClientSession, url: str, message: Message) -> None:
        """Post once, and remember whether it was accepted."""
        accepted = False
        try:
            accepted = await is_accepted(http, url, message.form)
        finally:
            (self.accepted if accepted else self.unanswered).append(message)

    def _new(self) -> Message:
        serial = next(self.serials)
        sender = number(self.chance.randrange(SENDERS))
        if self.chance.random() < ALARMING and (place := next(self.alarming, None)):
            return Message(serial, sender, "EN", place, "kidnapping")
        return Message(serial, sender, "VB", self.chance.choice(self.ordinary), "cattle_theft")


async def test_fifty_kills_lose_no_message_and_repeat_only_what_was_in_flight(
    tmp_path: Path,
) -> None:
    chance = random.Random(20260)
    in_flight: Counter[tuple[int, int]] = Counter()  # (alert, person) → kills amid its sending
    gateway = Gateway(chance, *places())
    async with FakeAfricasTalking() as at:
        # The villages and most rules are left out, so that it starts sooner.
        content = content_of_three_rules(tmp_path / "content")
        hurry(content)
        env = environment(tmp_path, content_dir=content, **sending_to(at))
        await run("init", env=env)
        database = tmp_path / "data" / "vigie.sqlite"
        async with Server(env) as server:
            url = await server.start()
            people = await enrol(url, database, env)
            for _ in range(KILLS):
                await until_killed(server, gateway, at, chance)
                in_flight.update(claimed(database))
                at.answering.set()
                server.launch()
            url = await server.ready()
            async with aiohttp.ClientSession() as http:
                while gateway.unanswered:
                    await gateway.post(http, url, gateway.unanswered.pop())
            await settled(database)
            assert await server.stop() == 0
        texts = Counter(
            (int(alert[1]), people[to]) for to, text in at.texts if (alert := ALERT.match(text))
        )
    assert rows(database, "select distinct state, problem from inbox") == [("done", None)]
    reports = rows(database, "select type, killed, injured from report")
    assert Counter(reports) == Counter(message.counts for message in gateway.accepted)
    assert max(Counter(reports).values()) == 1
    kidnappings = [m for m in gateway.accepted if m.type == "kidnapping"]
    alerts = [alert for (alert,) in rows(database, "select id from alert")]
    assert len(alerts) == len(kidnappings)
    for alert in alerts:
        for person in people.values():
            assert 1 <= texts[alert, person] <= 1 + in_flight[alert, person]
    # The test would show nothing had no kill torn a request or a sending.
    assert gateway.torn
    assert in_flight
    assert max(texts.values()) > 1


async def until_killed(
    server: Server, gateway: Gateway, at: FakeAfricasTalking, chance: random.Random
) -> None:
    """One life of the service: it is killed while it starts, or under load."""
    server.prepare()
    if chance.random() < KILLED_EARLY:
        await asyncio.sleep(chance.uniform(*START_SECONDS))
        server.kill()
        return
    url = await server.ready()
    if chance.random() < IN_FLIGHT:
        at.answering.clear()  # the gateway has the texts and has not answered: they are in flight
    load = asyncio.create_task(gateway.load(url))
    await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
    server.kill()
    await load


def places() -> tuple[Iterator[str], list[str]]:
    """Pcodes of communes that lie apart, for kidnappings; and of all, for cattle thefts."""
    points = {
        pcode: Point(float(lat), float(lon))
        for pcode, _, _, _, lat, lon in place_rows("areas")
        if len(pcode) == len("ML040410") and lat
    }
    apart: dict[str, Point] = {}
    for pcode, point in points.items():
        if all(distance_km(point, other) > APART_KM for other in apart.values()):
            apart[pcode] = point
    return iter(apart), list(points)


async def is_accepted(http: aiohttp.ClientSession, url: str, form: dict[str, str]) -> bool:
    """Post a text as the gateway would; whether it was told that it is stored."""
    address = f"{url}/gateways/africastalking/{TOKEN}/sms"
    async with http.post(address, data=form) as answer:
        return answer.status == 200


async def enrol(url: str, database: Path, env: dict[str, str]) -> dict[str, int]:
    """Enrol everybody by invite; the responders' ids by their numbers."""
    invite = ("invite", "--count")
    focal = await run("focal-point", *invite, str(SENDERS), "--area", "ML040410", env=env)
    responders = await run("responder", *invite, str(len(RESPONDERS)), "--area", "ML", env=env)
    people = {}
    async with aiohttp.ClientSession() as http:

        async def text(sender: str, code: str) -> None:
            form = {"from": sender, "to": "36000", "text": f"INS {code}", "id": f"ins-{sender}"}
            assert await is_accepted(http, url, form)

        codes = enumerate(focal.stdout.split())
        await asyncio.gather(*(text(number(sender), code) for sender, code in codes))
        await settled(database)
        for phone, code in zip(RESPONDERS, responders.stdout.split(), strict=True):
            await text(phone, code)
            await settled(database)
            ((people[phone],),) = rows(database, "select max(id) from person")
    return people


async def settled(database: Path) -> None:
    """Wait until nothing waits in the inbox or the outbox."""
    query = """select (select count(*) from inbox where state = 'waiting')
                    + (select count(*) from outbox where state in ('waiting', 'claimed'))"""
    await until(lambda: rows(database, query) == [(0,)])


def claimed(database: Path) -> list[tuple[int, int]]:
    """What a killed service was sending: alert and person of the texts that it had claimed."""
    query = "select alert_id, person_id from outbox where state = 'claimed' and purpose = 'alert'"
    return rows(database, query)


def rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return connection.execute(query).fetchall()
