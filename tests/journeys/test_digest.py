"""Digests: what can wait is told twice a day in one text, and nothing else about it changes.

The texts of a digest leave two minutes after its time: what falls due meanwhile is in it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from handlers.cli.way_words import WayTeller
from service.domain.codebook import Severity
from service.domain.evidence import Decision
from service.domain.messages import measure
from service.store import people
from service.store.tables import alert, delivery, outbox, person, response, spending, stage
from service.trace import trace
from service.ways import ways
from tests.journeys.test_escalation import ALL, after, carry_out, decided, enrol
from tests.support.fake_at import Raw
from tests.support.network import Network, TestClock, network
from tests.support.routes import ROUTES, content_with_routes

DIGEST = 'digest: {up_to: minor, zone: Africa/Bamako, at: ["07:00", "19:00"]}\nroutes:\n'
AWA, BOUBA, COUMBA, PREFECT = ALL[:4]  # Awa and Bouba serve Sokolo; the others wider areas
QUIET = 409
CROPS, ROUTE, WELL, TAKEN_BACK, RISES, MARKET = map(str, range(101, 107))  # episodes


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_with_routes(tmp_path / "content", ROUTES.replace("routes:\n", DIGEST))


@asynccontextmanager
async def minor_alerts(
    tmp_path: Path, content: Path, count: int, **others: object
) -> AsyncIterator[Network]:
    """A network at noon, when so many minor alerts have left and wait for the digest at seven."""
    async with network(tmp_path, content_dir=content, **others) as vigie:
        await enrol(vigie)
        for nth in range(count):
            await carry_out(vigie, decided(vigie, str(nth), "minor"))
        await after(vigie, hours=3)
        assert len(await vigie.rows(alert)) == count
        yield vigie


async def digest_comes(vigie: Network, day: int = 23, hour: int = 19) -> None:
    vigie.clock.at = vigie.clock.at.replace(day=day, hour=hour, minute=0)
    await vigie.work()  # the steps are carried out …
    await after(vigie, minutes=2)  # … and the texts leave


def heard(vigie: Network, phone: str) -> list[str]:
    """The texts about alerts that were sent to a phone."""
    return [text for text in vigie.sent_to(phone) if "ALERTE" in text and "VIGIE" not in text]


def told(text: str) -> list[int]:
    """The alerts that a digest tells of."""
    return [int(number) for number in re.findall(r"^Alerte (\d+), ", text, re.MULTILINE)]


async def number_of(vigie: Network, episode: str) -> int:
    named = {row.episode: row.id for row in await vigie.rows(alert)}
    number: int = named[f"market-cluster:{episode}"]
    return number


async def test_a_day_with_minor_alerts_one_severe_one_taken_back_and_one_that_rises(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    clock = TestClock()
    made: dict[str, Decision] = {}
    async with network(tmp_path, database_url, clock=clock, content_dir=content) as vigie:
        await enrol(vigie)
        for episode in (CROPS, ROUTE, WELL, TAKEN_BACK, RISES):
            made[episode] = decided(vigie, episode, "minor")
            await carry_out(vigie, made[episode])
        await carry_out(vigie, decided(vigie, MARKET, "severe"))
        assert [text.split("\n")[0] for text in heard(vigie, AWA)] == ["ALERTE 1, gravité élevée"]
        await vigie.text(AWA, "OK 1")
        await vigie.settle()
        clock.at = clock.at.replace(hour=12, minute=0)
        await vigie.work()
        assert len(await vigie.rows(alert)) == 6
        await carry_out(vigie, replace(made[TAKEN_BACK], kind="correct"))
        await carry_out(vigie, replace(made[RISES], kind="escalate", severity="severe"))
        risen = await number_of(vigie, RISES)
        for phone in (AWA, BOUBA):
            assert heard(vigie, phone)[-1].startswith(f"ALERTE {risen}, gravité élevée\n")
            assert len(heard(vigie, phone)) == 2
        await vigie.text(AWA, f"OK {risen}")
        await vigie.settle()
    clock.move(hours=1)
    async with network(tmp_path, database_url, clock=clock, content_dir=content) as vigie:
        clock.at = clock.at.replace(hour=18, minute=59)
        await vigie.work()
        assert vigie.at.texts == []
        clock.at = clock.at.replace(hour=19, minute=0)
        await vigie.work()
    async with network(tmp_path, database_url, clock=clock, content_dir=content) as vigie:
        await after(vigie, minutes=2)
        waited = [await number_of(vigie, each) for each in (CROPS, ROUTE, WELL)]
        for phone in (AWA, BOUBA):
            (text,) = vigie.sent_to(phone)
            assert text.startswith("3 ALERTES, gravité faible au plus\n")
            assert text.split("\n")[-1].startswith(f"OK {min(waited)}: lue; INFO {min(waited)}: ")
            assert told(text) == sorted(waited)
        assert len(vigie.at.texts) == 2
        assert [row.state for row in await vigie.rows(outbox)].count("waiting") == 0


async def test_each_alert_of_a_digest_is_answered_by_its_number_and_goes_on_by_itself(
    tmp_path: Path, content: Path
) -> None:
    async with minor_alerts(tmp_path, content, 3) as vigie:
        await digest_comes(vigie)
        (text,) = heard(vigie, AWA)
        assert told(text) == [1, 2, 3]
        await vigie.text(AWA, "OK")
        await vigie.settle()
        assert await vigie.rows(response) == []  # it may be about any of the three
        await vigie.text(AWA, "OK 2")
        await vigie.text(AWA, "INFO 3")
        await vigie.settle()
        assert [row.alert_id for row in await vigie.rows(response)] == [2]
        assert heard(vigie, AWA)[-1].startswith("INFO ALERTE 3: ouverte, gravité faible\n")
        # Whoever is next hears of the other two, with the next digest.
        assert heard(vigie, COUMBA) == heard(vigie, PREFECT) == []
        await digest_comes(vigie, day=24, hour=7)
        for phone in (COUMBA, PREFECT):
            (text,) = heard(vigie, phone)
            assert told(text) == [1, 3]
        assert len([text for text in heard(vigie, AWA) if told(text)]) == 1
        states = {row.alert_id: set() for row in await vigie.rows(stage)}
        for row in await vigie.rows(stage):
            states[row.alert_id].add(row.state)
        assert states == {1: {"told", "waiting"}, 2: {"told", "stopped"}, 3: {"told", "waiting"}}


async def test_one_alone_is_told_as_an_alert_always_is(tmp_path: Path, content: Path) -> None:
    async with minor_alerts(tmp_path, content, 1) as vigie:
        await digest_comes(vigie)
        (text,) = heard(vigie, AWA)
        assert text.startswith("ALERTE 1, gravité faible\n")


async def test_a_digest_is_cut_where_it_would_take_more_segments_than_it_may(
    tmp_path: Path, content: Path
) -> None:
    async with minor_alerts(tmp_path, content, 20) as vigie:
        await digest_comes(vigie)
        texts = sorted(heard(vigie, AWA), key=lambda text: told(text))
        most = vigie.service.content.texts.most_segments("digest", "fr")
        assert [number for text in texts for number in told(text)] == list(range(1, 21))
        assert [measure(text).segments == most for text in texts] == [True, True, False]
        for text, following in pairwise(texts):
            line = following.split("\n")[1]
            assert measure(f"{text}\n{line}").segments > most
        assert all(text.startswith(f"{len(told(text))} ALERTES, ") for text in texts)


async def test_one_receipt_tells_of_all_that_it_carried_and_it_is_paid_and_failed_once(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    async with minor_alerts(tmp_path, content, 3, database_url=database_url) as vigie:
        before = sum(row.texts for row in await vigie.rows(spending))
        await digest_comes(vigie)
        assert sum(row.texts for row in await vigie.rows(spending)) == before + 2
        tries = [row for row in await vigie.rows(delivery) if row.outbox_id > 0][-6:]
        assert len({row.message_index for row in tries}) == 2
        assert [row.cost for row in tries].count(None) == 4
        # Awa's says first that it failed, then, from before that, that it is under way.
        awa, bouba = (vigie.at.message_ids[phone][-1] for phone in (AWA, BOUBA))
        await vigie.receipt(awa, "Failed", AWA)
        await vigie.receipt(awa, "Sent", AWA)
        await vigie.receipt(bouba, "Success", BOUBA)
        await vigie.receipt(bouba, "Sent", BOUBA)
        await vigie.work()
        by_person: dict[int, set[str]] = {}
        for row in await vigie.rows(outbox):
            if row.purpose == "alert":
                by_person.setdefault(row.person_id, set()).add(row.state)
        assert sorted(map(tuple, by_person.values())) == [("sent",), ("waiting",)]
        assert [row.undelivered for row in await vigie.rows(person) if row.undelivered] == [1]
        await after(vigie, minutes=2)
        first, again = heard(vigie, AWA)
        assert first == again
        assert len(heard(vigie, BOUBA)) == 1
        await vigie.receipt(awa, "Success", AWA)  # it had arrived after all
        await vigie.work()
        assert {row.state for row in await vigie.rows(outbox) if row.purpose == "alert"} == {"sent"}
        assert not any(row.undelivered for row in await vigie.rows(person))


async def test_what_a_gateway_does_not_take_is_tried_again_as_one_text(
    tmp_path: Path, content: Path
) -> None:
    async with minor_alerts(tmp_path, content, 3) as vigie:
        vigie.at.codes = {AWA: QUIET}
        await digest_comes(vigie)
        for _ in range(3):
            await after(vigie, minutes=5)
        vigie.at.codes = {}
        await after(vigie, minutes=30)
        texts = [form["message"] for form in vigie.at.attempts if AWA in form["to"]]
        digests = [text for text in texts if "ALERTES" in text]
        assert len(digests) > 2
        assert len(set(digests)) == 1
        assert told(heard(vigie, AWA)[-1]) == [1, 2, 3]


async def test_a_gateway_that_is_tried_with_one_text_gets_a_whole_digest(
    tmp_path: Path, content: Path
) -> None:
    async with minor_alerts(tmp_path, content, 2) as vigie:
        vigie.at.raw = Raw(401, "no")
        vigie.clock.at = vigie.clock.at.replace(hour=18, minute=55)
        for nth in range(3):
            await carry_out(vigie, decided(vigie, str(50 + nth), "severe"))
        assert vigie.service.dispatcher._lanes["africastalking"].state() == "open"
        before = len(vigie.at.texts)
        vigie.clock.at = vigie.clock.at.replace(hour=19, minute=0)
        await vigie.work()
        vigie.at.raw = None
        await after(vigie, minutes=30)  # one text shows that it works again …
        await after(vigie, minutes=1)  # … and all others follow
        texts = [text for _, text in vigie.at.texts[before:]]
        # What is graver goes first.
        assert texts[0].startswith("ALERTE ")
        assert [told(text) for text in texts if "ALERTES" in text] == [[1, 2], [1, 2]]


async def test_what_was_in_flight_when_it_crashed_is_sent_once_more_without_what_was_answered(
    tmp_path: Path, content: Path
) -> None:
    clock = TestClock()
    async with minor_alerts(tmp_path, content, 3, clock=clock) as vigie:
        await digest_comes(vigie)
        await vigie.text(AWA, "OK 2")
        await vigie.settle()
        async with vigie.service.store.write() as tx:  # as a crash before its record leaves it
            sent = outbox.c.purpose == "alert"
            ids = [row.id for row in await vigie.rows(outbox) if row.purpose == "alert"]
            await tx.execute(delete(delivery).where(delivery.c.outbox_id.in_(ids)))
            await tx.execute(
                update(outbox).where(sent).values(state="claimed", claimed_until=clock.at)
            )
    async with network(tmp_path, clock=clock, content_dir=content) as vigie:
        await vigie.work()
        assert sorted((to == AWA, told(text)) for to, text in vigie.at.texts) == [
            (False, [1, 2, 3]),
            (True, [1, 3]),
        ]
        await after(vigie, hours=1)
        assert len(vigie.at.texts) == 2


async def test_each_is_held_against_what_its_responder_may_read_when_it_leaves(
    tmp_path: Path, content: Path
) -> None:
    async with minor_alerts(tmp_path, content, 3) as vigie:
        vigie.clock.at = vigie.clock.at.replace(hour=19, minute=0)
        await vigie.work()
        rows = {row.id: row for row in await vigie.rows(person) if row.role == "responder"}
        first = min(rows)
        async with vigie.service.store.write() as tx:
            await people.clear(tx, first, {"types": ["cattle_theft"]})
            await tx.execute(update(alert).where(alert.c.id == 3).values(type="cattle_theft"))
            await tx.execute(update(alert).where(alert.c.id == 2).values(state="corrected"))
        await after(vigie, minutes=2)
        (text,) = heard(vigie, AWA)
        assert text.startswith("ALERTE 3, ")
        (text,) = heard(vigie, BOUBA)
        assert told(text) == [1, 3]


async def test_an_exercise_is_in_no_text_with_what_is_so(tmp_path: Path, content: Path) -> None:
    async with minor_alerts(tmp_path, content, 4) as vigie:
        async with vigie.service.store.write() as tx:
            await tx.execute(update(alert).where(alert.c.id.in_([1, 3])).values(drill=True))
        await digest_comes(vigie)
        texts = sorted(heard(vigie, AWA), reverse=True)
        assert [told(text) for text in texts] == [[1, 3], [2, 4]]
        assert [text.startswith("EXERCICE: 2 ALERTES") for text in texts] == [True, False]


async def test_explain_says_in_which_digest_a_step_is_told(tmp_path: Path, content: Path) -> None:
    async with minor_alerts(tmp_path, content, 1) as vigie:

        async def steps() -> list[tuple[str, str | None]]:
            async with vigie.service.store.read() as tx:
                (way,) = await ways(tx, vigie.service.content, 1)
            teller = WayTeller(vigie.service.content, "en", str, str)
            for line in teller.lines((way,)):
                said.append(line)
            return [
                (f"{each.due_at:%d %H:%M}", each.digest and f"{each.digest:%H:%M}")
                for each in way.steps
            ]

        said: list[str] = []
        in_three = [("23 19:00", "19:00"), ("24 07:00", "07:00"), ("24 19:00", "19:00")]
        assert await steps() == in_three
        assert sum("not yet, in the digest of" in line for line in said) == 3
        await digest_comes(vigie)
        assert await steps() == in_three
        (told_of,) = [line for line in said if "told 2 (" in line]
        assert told_of.endswith("), in the digest of 19:00")


async def test_a_leaked_digest_tells_whose_copy_it_was(tmp_path: Path, content: Path) -> None:
    async with minor_alerts(tmp_path, content, 6) as vigie:
        await digest_comes(vigie)
        service = vigie.service
        first, second = sorted(row.id for row in await vigie.rows(person))[8:10]
        for phone, whose in ((AWA, first), (BOUBA, second)):
            (text,) = heard(vigie, phone)
            lines = " ".join(text.lower().split("\n"))
            async with service.store.read() as tx:
                for leak in (text, lines, "\n".join(text.split("\n")[1:7])):
                    found = (await trace(tx, service.vault, service.content, leak)).together
                    assert (found.verdict, found.fits, found.bits) == ("one", (whose,), 18.0)


@pytest.mark.parametrize("severity", ["moderate", "severe", "extreme"])
async def test_nothing_graver_is_ever_in_a_digest_or_waits_for_one(
    tmp_path: Path, content: Path, severity: Severity
) -> None:
    async with minor_alerts(tmp_path, content, 2) as vigie:
        for nth in range(2):
            await carry_out(vigie, decided(vigie, str(50 + nth), severity))
        vigie.clock.at = vigie.clock.at.replace(hour=18, minute=0)
        await vigie.work()
        grave = heard(vigie, AWA)
        assert [told(text) for text in grave] == [[], []]
        await digest_comes(vigie)
        assert [told(text) for text in heard(vigie, AWA)] == [[], [], [1, 2]]
