"""Replies tell nothing: the same bytes after the same wait, whatever the text and the sender."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from handlers.app import Service, opened, wired
from handlers.gateways.simulator import Simulator
from handlers.settings import Settings
from service import enrolment
from service.batch import REPLY_LIFE
from service.flood import Flood
from service.gateway import InboundSms
from service.store import migrate
from service.store.tables import delivery, inbox, outbox, person, report
from service.vault import keyfile
from service.vault.number import PhoneNumber
from service.workflow import Workflow
from tests.support.kolmogorov import p_value
from tests.support.network import TestClock, network, number

SOKOLO = "ML040410"
AWA, FANTA, MEDIATOR = number(1), number(2), number(901)
EACH = 2000
SENDERS = 200
NEUTRAL = "Bonjour, merci pour votre message."


@asynccontextmanager
async def simulated(folder: Path, seed: int) -> AsyncIterator[tuple[Service, Workflow]]:
    """A service on the simulator's gateway whose loops are turned by hand, and its chance known."""
    settings = Settings(data_dir=folder / "data", gateway="simulator")
    settings.data_dir.mkdir()
    keyfile.create(settings.root_key)
    async with opened(settings, "all", TestClock()) as base:
        service = wired(base, [Simulator()])
        await migrate.upgrade(base.store)
        workflow = Workflow(
            base.store,
            base.vault,
            base.content,
            base.clock,
            service.metrics,
            lambda: None,
            Flood(),
            Random(seed).random,
        )
        stopping = asyncio.Event()
        intake = asyncio.create_task(service.intake.run(stopping))
        yield service, workflow
        stopping.set()
        await intake


async def accept(service: Service, gateway: str, texts: list[tuple[str, str]]) -> None:
    """Put (sender, text) on the disk through the intake, as that gateway's."""
    now = service.clock.now()
    await asyncio.gather(
        *(
            service.intake.accept(
                InboundSms(gateway, f"in-{next(NAMES)}", PhoneNumber(sender), text, now)
            )
            for sender, text in texts
        )
    )


NAMES = itertools.count(1)
OF = {"ok": 10_000, "wrong": 20_000, "unknown": 30_000, "stranger": 40_000, "duress": 50_000}


def texts_of(kind: str, turn: int, forced: list[str]) -> list[tuple[str, str]]:
    """One text from each of a kind's senders: (sender, text). `forced` are the duress PINs."""
    said = {
        "ok": f"MA SOKOLO {turn % 9} {turn % 7}",
        "wrong": f"quoi de neuf {turn}",
        "unknown": "INS ABCDEFGH" if turn % 2 else f"MA ATLANTIS {turn % 9}",
        "stranger": f"MA SOKOLO {turn % 9} {turn % 7}" if turn % 2 else "bonjour",
    }
    if kind == "duress":
        pins = enumerate(forced)
        return [(number(OF[kind] + n), f"MA SOKOLO {turn % 9} {turn % 7} {pin}") for n, pin in pins]
    return [(number(OF[kind] + n), said[kind]) for n in range(SENDERS)]


async def test_the_wait_tells_nothing_of_what_was_sent_or_who_sent_it(tmp_path: Path) -> None:
    """2,000 texts of each kind through intake, workflow, outbox and dispatch, on one clock."""
    async with simulated(tmp_path, seed=4) as (service, workflow):
        clock = service.clock
        assert isinstance(clock, TestClock)
        slips = await enrolment.slips(
            service.store,
            service.vault,
            clock,
            "focal_point",
            SOKOLO,
            "fr",
            4 * SENDERS,
            with_pins=True,
        )
        known = [kind for kind in OF if kind != "stranger"]
        enrolling = [number(OF[kind] + n) for kind in known for n in range(SENDERS)]
        await accept(
            service,
            "operator",
            [(who, f"INS {slip.code}") for who, slip in zip(enrolling, slips, strict=True)],
        )
        forced = [slip.pins.duress for slip in slips[-SENDERS:] if slip.pins]
        await work_off(service, workflow, clock)
        started = clock.now()
        for turn in range(EACH // SENDERS):
            mixed = [each for kind in OF for each in texts_of(kind, turn, forced)]
            Random(turn).shuffle(mixed)
            await accept(service, "operator", mixed)
            clock.move(seconds=3)  # what it may take to read them all
            await work_off(service, workflow, clock)
            clock.move(hours=1)
        waits = await waits_since(service, started)
        assert {kind: len(found) for kind, found in waits.items()} == dict.fromkeys(OF, EACH)
        for one, other in itertools.combinations(OF, 2):
            assert p_value(waits[one], waits[other]) > 0.01, (one, other)
        every = [wait for found in waits.values() for wait in found]
        assert 20 <= min(every) <= 22
        assert 89 < max(every) <= 91  # due by 90 s, and looked for once a second


async def work_off(service: Service, workflow: Workflow, clock: TestClock) -> None:
    """Read all that came, and then look once a second for what is due, as dispatch does."""
    while await workflow.drain():
        pass
    for _ in range(95):
        while await service.dispatcher.drain():
            pass
        clock.move(seconds=1)


async def waits_since(service: Service, start: datetime) -> dict[str, list[float]]:
    """Seconds from receipt to sending of every answer, by kind of sender."""
    kinds = {
        service.vault.index(PhoneNumber(number(first + n))): kind
        for kind, first in OF.items()
        for n in range(SENDERS)
    }
    query = (
        select(inbox.c.sender_index, inbox.c.received_at, delivery.c.at, outbox.c.purpose)
        .join(outbox, outbox.c.inbox_id == inbox.c.id)
        .join(delivery, delivery.c.outbox_id == outbox.c.id)
        .where(inbox.c.received_at >= start)
    )
    waits: dict[str, list[float]] = defaultdict(list)
    async with service.store.read() as tx:
        for row in await tx.execute(query):
            assert row.purpose == "neutral"
            waits[kinds[row.sender_index]].append((row.at - row.received_at).total_seconds())
    return waits


async def test_the_same_bytes_whatever_was_sent(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        for phone in (AWA, FANTA):
            await vigie.enrol(phone, "focal_point", SOKOLO)
        await vigie.settle()
        before = len(vigie.at.texts)
        sent = [
            "MA SOKOLO 3 5",
            "mmmh",
            "",
            "INS ABCDEFGH",
            "OK 1",
            "AIDE",
            "MA ATLANTIS",
            "x" * 5000,
        ]
        for n, text in enumerate(sent):
            for phone in (AWA, number(700 + n)):
                await vigie.text(phone, text)
        await vigie.settle()
        assert [text.encode() for _, text in vigie.at.texts[before:]] == [NEUTRAL.encode()] * 16


async def test_an_answer_that_was_read_late_waits_no_longer_for_it(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await vigie.text(AWA, "MA SOKOLO")
        await vigie.work()
        assert vigie.sent_to(AWA) == []
        (reply,) = await vigie.rows(outbox)
        wait = reply.due_at - vigie.clock.now()
        assert timedelta(seconds=20) <= wait <= timedelta(seconds=90)
        vigie.clock.move(seconds=19)
        await vigie.work()
        assert vigie.sent_to(AWA) == []
        vigie.clock.move(seconds=72)
        await vigie.work()
        assert vigie.sent_to(AWA) == [NEUTRAL]


async def test_who_is_answered_too_late_is_not_answered(tmp_path: Path) -> None:
    """As with what came while the service was locked: it is read, and hours later puzzles only."""
    async with network(tmp_path) as vigie:
        await vigie.enrol(AWA, "focal_point", SOKOLO)
        await vigie.settle()
        before = len(vigie.at.texts)
        now = vigie.clock.now()
        for nth, ago in enumerate((REPLY_LIFE, REPLY_LIFE - timedelta(minutes=5))):
            message = InboundSms(
                "africastalking", f"late-{nth}", PhoneNumber(AWA), "MA SOKOLO", now
            )
            await vigie.service.intake.accept(message, received_at=now - ago)
        await vigie.settle()
        assert [text for _, text in vigie.at.texts[before:]] == [NEUTRAL]
        assert len(await vigie.rows(report)) == 2
        (code,) = await enrolment.invite(
            vigie.service.store, vigie.service.vault, vigie.clock, "focal_point", SOKOLO, "fr", 1
        )
        then = now - 2 * REPLY_LIFE
        late = InboundSms("africastalking", "late-ins", PhoneNumber(FANTA), f"INS {code}", then)
        await vigie.service.intake.accept(late, received_at=then)
        await vigie.settle()
        assert vigie.sent_to(FANTA)[0].startswith("Bienvenue")


async def test_silence_is_kept_until_it_is_taken_back(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        await vigie.enrol(AWA, "focal_point", SOKOLO)
        await vigie.settle()
        heard = len(vigie.sent_to(AWA))
        await vigie.text(AWA, "MA SOKOLO 1")  # its answer is on its way
        await vigie.work()
        await vigie.text(AWA, "Silence.")
        await vigie.text(AWA, "BR SOKOLO")
        await vigie.settle()
        assert len(vigie.sent_to(AWA)) == heard
        (known,) = await vigie.rows(person)
        assert known.silent
        await vigie.text(AWA, "PAROLE")
        await vigie.settle()
        assert vigie.sent_to(AWA)[heard:] == [NEUTRAL]


@pytest.mark.parametrize("word", ["SILENCE", "PAROLE"])
async def test_the_word_of_a_stranger_or_a_responder_is_answered_like_any_other(
    tmp_path: Path, word: str
) -> None:
    async with network(tmp_path) as vigie:
        await vigie.enrol(MEDIATOR, "responder", SOKOLO)
        await vigie.settle()
        for phone in (MEDIATOR, AWA):
            await vigie.text(phone, word)
        await vigie.settle()
        assert vigie.sent_to(AWA) == [NEUTRAL]
        assert vigie.sent_to(MEDIATOR)[1:] == [NEUTRAL]
