"""A made-up network on disk: people who have enrolled, and what they text."""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import urlencode

from handlers.app import Service, assembled
from handlers.settings import Settings
from service import enrolment
from service.content import Content
from service.domain import grammar
from service.domain.gazetteer import Place
from service.domain.geo import Point, distance_km
from service.domain.reading import Draft
from service.gateway import InboundSms
from service.store import inbox, migrate
from service.store.people import Role
from service.vault import keyfile
from service.vault.keys import Purpose
from service.vault.number import PhoneNumber
from tests.support.content_dir import PROJECT, hurry
from tests.support.network import number
from tests.support.rules_content import rows

TOKEN = "a-token-for-the-bench-0123456789"
API_KEY = "atsk_not_a_real_key"
GATEWAY = "africastalking"
PATH = f"/gateways/{GATEWAY}/{TOKEN}/sms"
FOCAL_POINTS, RESPONDERS, PLACES = 1000, 20, 200
# A type of which one report is enough for an alert, and how far apart two reports have one each.
PROBE, PROBES_APART_KM = "kidnapping", 15
_CHUNK = 5_000


class Village:
    """The data and keys of a service in `folder`, with its people; the same for every run."""

    def __init__(self, folder: Path, gateway_url: str, responders: int = RESPONDERS) -> None:
        folder.mkdir()
        self.folder = folder
        self._responders = responders
        content = folder / "content"
        for part in ("rules", "templates_sms"):
            copytree(PROJECT / part, content / part)
        hurry(content)
        self.settings = Settings(
            data_dir=folder / "data",
            content_dir=content,
            gateway=GATEWAY,
            gateway_token=TOKEN,
            at_username="vigie",
            at_api_key=API_KEY,
            at_base_url=gateway_url,
        )
        self.texts: list[str] = []
        self.probes: list[str] = []
        self._ids = itertools.count(1)
        self._random = random.Random(1)

    async def settle(self) -> None:
        """Make keys and database, and let everybody enrol by the invite that they text."""
        self.settings.data_dir.mkdir()
        keyfile.create(self.settings.root_key)
        async with assembled(self.settings) as service:
            await migrate.upgrade(service.store)
            places = _places(service.content, self._random)
            self.texts = _texts(service.content, places)
            self.probes = _probes(service.content, places)
            stopping = asyncio.Event()
            intake = asyncio.create_task(service.intake.run(stopping))
            for person in range(FOCAL_POINTS + self._responders):
                area = places[person % len(places)].area
                if person < FOCAL_POINTS:
                    await _enrol(service, person, "focal_point", area)
                else:  # so that every alert has somebody to tell
                    region = service.content.tree.path(area)[-2]
                    await _enrol(service, person, "responder", region)
            stopping.set()
            await intake
            while await service.workflow.drain():
                pass

    def reports(self) -> Iterator[str]:
        """Forms of reports as the gateway posts them, each focal point in turn."""
        while True:
            yield self.form(self._random.choice(self.texts))

    def form(self, text: str) -> str:
        """The form of one report, from the next focal point."""
        turn = next(self._ids)
        return urlencode(
            {
                "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "from": number(turn % FOCAL_POINTS),
                "id": f"in-{turn}",
                "linkId": "SampleLinkId123",
                "text": text,
                "to": "36000",
                "networkCode": "61002",
            }
        )

    async def fill_inbox(self, count: int, span: timedelta, ago: timedelta = timedelta()) -> None:
        """Put reports into the inbox that came evenly over a time that ended so long `ago`.

        They lie there as the intake leaves them, except that all texts are sealed for today: the
        keys of days that are over may be shredded already.
        """
        async with assembled(self.settings) as service:
            now = service.clock.now()
            vault = service.vault
            sealing = vault.sealing()
            senders = [PhoneNumber(number(person)) for person in range(FOCAL_POINTS)]
            indexes = [vault.index(sender) for sender in senders]
            sealed = [vault.seal_sender(sender, "") for sender in senders]

            def row(nth: int) -> dict[str, Any]:
                at = now - ago - span * (1 - nth / count)
                person = self._random.randrange(FOCAL_POINTS)
                dedupe = vault.blind(Purpose.MESSAGE_ID, f"filled-{next(self._ids)}")
                text = self._random.choice(self.texts)
                return {
                    **{
                        "gateway": GATEWAY,
                        "kind": "sms",
                        "state": "waiting",
                        "text_day": now.date(),
                    },
                    "dedupe": dedupe,
                    "sender_index": indexes[person],
                    "sealed_sender": sealed[person],
                    "sealed_text": sealing.seal_text(text, now.date(), dedupe.hex()),
                    **{"received_at": at, "sent_at": at, "due_at": at},
                }

            for start in range(0, count, _CHUNK):
                rows = [row(nth) for nth in range(start, min(start + _CHUNK, count))]
                async with service.store.write() as tx:
                    await inbox.add(tx, rows)


async def _enrol(service: Service, person: int, role: Role, area: str) -> None:
    store, vault, now = service.store, service.vault, service.clock.now()
    (code,) = await enrolment.invite(store, vault, service.clock, role, area, "fr", 1)
    sender = PhoneNumber(number(person))
    await service.intake.accept(InboundSms(GATEWAY, f"ins-{person}", sender, f"INS {code}", now))


def _places(content: Content, chance: random.Random) -> list[Place]:
    codes = [row[0] for row in chance.sample(rows("places"), PLACES)]
    return [place for code in codes if (place := content.gazetteer.by_code(code))]


def _texts(content: Content, places: Sequence[Place]) -> list[str]:
    """Reports from every place of every type that needs several, as far as each is read.

    One of the others has an alert of its own, which would hold back that of a probe nearby.
    """
    texts = [
        f"{kind.code} {place.name} {place.cercle} {nth % 10} 5"
        for kind in content.codebook.types
        if not kind.alone
        for nth, place in enumerate(places)
    ]
    return _understood(content, texts)


def _probes(content: Content, places: Sequence[Place]) -> list[str]:
    """Reports of which each leads to an alert of its own at once: of grave things, far apart."""
    code = content.codebook.type(PROBE).code
    apart: list[Point] = []
    texts = []
    for place in places:
        point = place.point
        if point and all(distance_km(point, other) > PROBES_APART_KM for other in apart):
            apart.append(point)
            texts.append(f"{code} {place.name} {place.cercle} 1 0")
    return _understood(content, texts)


def _understood(content: Content, texts: Sequence[str]) -> list[str]:
    readings = ((text, grammar.read(text, content.codebook, content.gazetteer)) for text in texts)
    return [text for text, reading in readings if isinstance(reading, Draft)]
