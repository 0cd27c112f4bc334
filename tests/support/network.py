"""A whole Vigie for the tests: real HTTP in, a real database, a fake Africa's Talking, one clock.

async with network(tmp_path, database_url) as vigie:
    await vigie.enrol(number(1), "focal_point", "ML040410")
    await vigie.text(number(1), "MA SOKOLO 3 5")
    await vigie.settle()
    assert vigie.sent_to(number(1)) == [...]
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Table, func, select

from handlers.app import Service, opened, running, wired
from handlers.gateways.africastalking import AfricasTalking
from handlers.server import listening
from handlers.settings import Settings
from service import enrolment, pins
from service.store import inbox, migrate, outbox, questions, releases, stages
from service.store.people import Role
from service.store.tables import outbox as outbox_table
from service.vault import keyfile
from tests.support.fake_at import FakeAfricasTalking

TOKEN = "a-token-for-the-tests-0123456789"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def number(person: int) -> str:
    """A made-up number, in E.164."""
    return f"+223790{person:05d}"


class TestClock:
    """A clock that moves when it is told to."""

    __test__ = False

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Network:
    """A running service and the phones around it; `at2` is the second gateway, if it has one."""

    service: Service
    at: FakeAfricasTalking
    at2: FakeAfricasTalking
    clock: TestClock
    url: str
    http: aiohttp.ClientSession
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def post(self, kind: str, form: dict[str, str], gateway: str = "africastalking") -> int:
        """Call the gateway's URL as Africa's Talking would; the status of the answer."""
        url = f"{self.url}/gateways/{gateway}/{TOKEN}/{kind}"
        async with self.http.post(url, data=form) as answer:
            return answer.status

    async def text(
        self, sender: str, text: str, *, id_: str | None = None, sent_at: datetime | None = None
    ) -> None:
        """Send a text from this phone, and see it accepted."""
        form = {
            "from": sender,
            "to": "36000",
            "text": text,
            "date": f"{sent_at or self.clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "id": id_ or f"in-{next(self._ids)}",
        }
        assert await self.post("sms", form) == 200

    async def dial(self, phone: str, answers: str = "", session: str = "ATUid_1") -> str:
        """Send one hop of a USSD session, with all answers so far; what the phone is to show."""
        form = {
            "sessionId": session,
            "phoneNumber": phone,
            "networkCode": "61001",
            "serviceCode": "*384*36#",
            "text": answers,
        }
        url = f"{self.url}/gateways/africastalking/{TOKEN}/ussd"
        async with self.http.post(url, data=form) as answer:
            assert answer.status == 200
            return await answer.text()

    async def hung_up(self, phone: str, answers: str, session: str = "ATUid_1") -> None:
        """Tell of the end of a USSD session, and see it accepted."""
        form = {
            "sessionId": session,
            "phoneNumber": phone,
            "status": "Incomplete",
            "durationInMillis": "21000",
            "hopsCount": str(answers.count("*") + 1),
            "input": answers,
            "lastAppResponse": "CON",
            "errorMessage": "",
        }
        assert await self.post("ussd-end", form) == 200

    async def receipt(
        self,
        message_id: str,
        status: str,
        phone: str,
        gateway: str = "africastalking",
        **others: str,
    ) -> None:
        """Send a delivery receipt, and see it accepted."""
        form = {"id": message_id, "status": status, "phoneNumber": phone, "networkCode": "61001"}
        assert await self.post("receipt", form | others, gateway) == 200

    async def enrol(self, phone: str, role: Role, area: str, language: str = "fr") -> None:
        """Invite somebody, and let them text the code from their phone."""
        service = self.service
        (code,) = await enrolment.invite(
            service.store, service.vault, self.clock, role, area, language, 1
        )
        await self.text(phone, f"INS {code}")

    async def enrol_with_pins(self, phone: str, area: str) -> pins.Pair:
        """Enrol a focal point with a slip that has PINs on it; the PINs."""
        service = self.service
        (slip,) = await enrolment.slips(
            service.store, service.vault, self.clock, "focal_point", area, "fr", 1, with_pins=True
        )
        assert slip.pins is not None
        await self.text(phone, f"INS {slip.code}")
        return slip.pins

    async def settle(self) -> None:
        """Wait until nothing is due in the inbox or the outbox, and all answers have been sent.

        Answers wait by chance: the clock moves on to when the last of them is due.
        """
        await self.work()
        longest = timedelta(seconds=self.service.content.phones.replies.wait.at_most)
        async with self.service.store.read() as tx:
            o = outbox_table.c
            waits = (o.state == "waiting") & o.inbox_id.is_not(None)
            soon = waits & (o.due_at <= self.clock.now() + longest)
            last = await tx.scalar(select(func.max(o.due_at)).where(soon))
        if last is not None:
            self.clock.at = max(self.clock.at, last)
            await self.work()

    async def work(self) -> None:
        """Wait until nothing is due in the inbox or the outbox; the clock stands still."""
        async with asyncio.timeout(30):
            while await self._due():
                self.service.workflow.wake()
                self.service.dispatcher.wake()
                await asyncio.sleep(0.01)

    async def _due(self) -> bool:
        now = self.clock.now()
        async with self.service.store.read() as tx:
            waiting, _ = await inbox.depth(tx, now)
            held = await releases.due_episodes(tx, now)
            asked = await questions.due(tx, now, 1)
            steps = await stages.due_alerts(tx, now)
            sending = await outbox.depth(tx, now) if self._is_sending() else 0
            return bool(waiting or held or asked or steps or sending)

    def _is_sending(self) -> bool:
        """Whether any gateway is given texts; else they wait for the clock to move."""
        lanes = self.service.dispatcher._lanes.values()
        return any(lane.state() != "open" for lane in lanes)

    def sent_to(self, phone: str) -> list[str]:
        """The texts that have been sent to this phone, in order."""
        return [text for to, text in self.at.texts if to == phone]

    async def rows(self, table: Table) -> list[Any]:
        """Everything in a table, in the order of ids."""
        async with self.service.store.read() as tx:
            return list((await tx.execute(select(table).order_by(table.c.id))).all())


def settings_for(folder: Path, **others: Any) -> Settings:
    """Settings of a service that has its data and keys in this folder."""
    ours = {"gateway_token": TOKEN, "gateway": "africastalking", "port": 0}
    return Settings(data_dir=folder / "data", **(ours | others))


@asynccontextmanager
async def network(
    folder: Path,
    database_url: str | None = None,
    clock: TestClock | None = None,
    **settings_: Any,
) -> AsyncIterator[Network]:
    """Start a service in `folder`; what an earlier one left there is taken up."""
    clock = clock or TestClock()
    settings = settings_for(folder, database_url=database_url, **settings_)
    settings.data_dir.mkdir(exist_ok=True)
    if not settings.root_key.exists():
        keyfile.create(settings.root_key)
    async with (
        FakeAfricasTalking() as at,
        FakeAfricasTalking() as at2,
        opened(settings, "all", clock) as base,
    ):
        gateways = [
            AfricasTalking(fake.username, fake.api_key, base_url=fake.base_url, name=name)
            for fake, name in zip((at, at2), settings.gateway, strict=False)
        ]
        service = wired(base, gateways)
        await migrate.upgrade(service.store)
        async with (
            running(service),
            listening(service, [TOKEN]) as url,
            aiohttp.ClientSession() as http,
        ):
            await service.timers.forgotten()  # else it would forget what a test says was long ago
            yield Network(service, at, at2, clock, url, http)
        for gateway in gateways:
            await gateway.close()
