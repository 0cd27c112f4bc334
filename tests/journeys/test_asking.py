"""A doubtful place is asked back where the coordinators let it be, and filed in any case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service.asking import PATIENCE
from service.store.tables import outbox, question, report, withdrawal
from tests.support.content_dir import PROJECT
from tests.support.network import Network, TestClock, network, number

MOPTI = "ML0506"
AWA, MOUSSA, MEDIATOR, STRANGER = number(1), number(2), number(901), number(777)
NEUTRAL = "Bonjour, merci pour votre message."
DOUBTFUL = "BR MORIBOUGOU 2"  # there is one in Macina and one in Ségou, both of the région of Ségou
ASKED = f"{NEUTRAL} Envoyez 1 pour Moribougou (Macina), 2 pour Moribougou (Ségou)."
MACINA, SEGOU, AROUND = "Macina", "Ségou", "ML04"


def content_that_asks(folder: Path) -> Path:
    """The whole content, by reference, but for the setting."""
    (folder / "rules").mkdir(parents=True)
    (folder / "templates_sms").symlink_to(PROJECT / "templates_sms")
    for each in (PROJECT / "rules").iterdir():
        if each.name != "phones.yaml":
            (folder / "rules" / each.name).symlink_to(each)
    asked = (PROJECT / "rules/phones.yaml").read_text(encoding="utf-8")
    assert "ask_back: false" in asked
    asks = asked.replace("ask_back: false", "ask_back: true")
    (folder / "rules/phones.yaml").write_text(asks, encoding="utf-8")
    return folder


@pytest.fixture
def asks(tmp_path: Path) -> Path:
    return content_that_asks(tmp_path / "content")


async def enrol(vigie: Network, *phones: str) -> None:
    for phone in phones:
        await vigie.enrol(phone, "focal_point", MOPTI)
    await vigie.settle()


@asynccontextmanager
async def asked(folder: Path, asks: Path) -> AsyncIterator[Network]:
    """A network in which a focal point has just been asked which place they mean."""
    async with network(folder, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.settle()
        yield vigie


async def filed(vigie: Network) -> list[tuple[str, str]]:
    """Cercle (or pcode) and status of each report."""
    places = vigie.service.content.gazetteer
    found = []
    for row in await vigie.rows(report):
        place = places.by_code(row.place)
        wide = place is None or place.kind in ("region", "cercle")
        found.append((row.area if wide or place is None else place.cercle, row.status))
    return found


async def pass_by(vigie: Network, **by: float) -> None:
    vigie.clock.move(**by)
    await vigie.settle()


@pytest.mark.parametrize(("answer", "place"), [("1", MACINA), (" 2.", SEGOU)])
async def test_the_place_that_is_chosen_is_filed(
    tmp_path: Path, asks: Path, database_url: str, answer: str, place: str
) -> None:
    async with network(tmp_path, database_url, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        hour = vigie.clock.now().replace(minute=0, second=0, microsecond=0)
        vigie.clock.move(minutes=50)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.settle()
        assert vigie.sent_to(AWA)[1:] == [ASKED]
        assert await filed(vigie) == []
        vigie.clock.move(minutes=12)
        await vigie.text(AWA, answer)
        await vigie.settle()
        assert await filed(vigie) == [(place, "counted")]
        (row,) = await vigie.rows(report)
        assert (row.killed, row.occurred_at, row.received_at) == (2, hour, hour)
        assert vigie.sent_to(AWA)[2:] == [NEUTRAL]
        await pass_by(vigie, minutes=20)
        assert len(await vigie.rows(report)) == 1


async def test_the_question_waits_by_chance_as_every_answer_does(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        came = vigie.clock.now()
        await vigie.text(AWA, DOUBTFUL)
        await vigie.work()
        (asked,) = [row for row in await vigie.rows(outbox) if row.purpose == "which_place"]
        assert timedelta(seconds=20) <= asked.due_at - came <= timedelta(seconds=90)
        (row,) = await vigie.rows(question)
        assert row.asked_at == asked.due_at
        assert row.due_at == row.asked_at + PATIENCE


async def test_without_an_answer_it_is_filed_around_both_after_any_restart(
    tmp_path: Path, asks: Path, database_url: str
) -> None:
    clock = TestClock()
    async with network(tmp_path, database_url, clock, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.settle()
    async with network(tmp_path, database_url, clock, content_dir=asks) as vigie:
        await pass_by(vigie, minutes=14)
        assert await filed(vigie) == []
    clock.move(days=4)  # longer than any message is kept
    async with network(tmp_path, database_url, clock, content_dir=asks) as vigie:
        await pass_by(vigie, minutes=2)
        assert await filed(vigie) == [(AROUND, "counted")]
        (row,) = await vigie.rows(report)
        assert row.confidence <= 0.5


async def test_a_late_answer_corrects_what_was_filed(tmp_path: Path, asks: Path) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, DOUBTFUL)
        await pass_by(vigie)
        await pass_by(vigie, minutes=16)
        assert await filed(vigie) == [(AROUND, "counted")]
        for id_ in ("late", "late", "again"):
            await vigie.text(AWA, "2", id_=id_)
        await vigie.settle()
        assert await filed(vigie) == [(AROUND, "retracted"), (SEGOU, "counted")]
        vigie.clock.move(hours=2)
        await vigie.text(AWA, "1")
        await vigie.settle()
        assert len(await vigie.rows(report)) == 2


async def test_nobody_is_asked_as_it_comes_and_nothing_is_lost(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.settle()
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL]
        assert await filed(vigie) == [(AROUND, "counted")]


async def test_neither_strangers_nor_the_silent_nor_responders_are_asked(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.enrol(MEDIATOR, "responder", MOPTI)
        await vigie.text(AWA, "SILENCE")
        await vigie.settle()
        before = len(vigie.at.texts)
        for phone in (AWA, MEDIATOR, STRANGER):
            await vigie.text(phone, DOUBTFUL)
        await vigie.settle()
        assert [text for _, text in vigie.at.texts[before:]] == [NEUTRAL] * 2
        assert await filed(vigie) == [(AROUND, "counted")] * 2
        assert await vigie.rows(question) == []


async def test_one_thing_is_asked_at_a_time_and_a_new_report_waits_for_nothing(
    tmp_path: Path, asks: Path
) -> None:
    async with asked(tmp_path, asks) as vigie:
        for text in ("VB MORIBOUGOU 30", "MA KONNA 1"):
            await vigie.text(AWA, text)
            await vigie.settle()
        assert vigie.sent_to(AWA)[1:] == [ASKED, NEUTRAL, NEUTRAL]
        assert await filed(vigie) == [(AROUND, "counted"), ("Mopti", "counted")]
        await vigie.text(AWA, "1")
        await vigie.settle()
        assert (await filed(vigie))[2:] == [(MACINA, "counted")]


async def test_an_answer_to_nothing_is_no_report_and_is_answered_like_any_other(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA, MOUSSA)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.settle()
        for phone in (MOUSSA, STRANGER):
            await vigie.text(phone, "1")
        await vigie.text(AWA, "3")
        await vigie.text(AWA, "1 2")
        await vigie.settle()
        assert vigie.sent_to(MOUSSA)[1:] == vigie.sent_to(STRANGER) == [NEUTRAL]
        assert await filed(vigie) == []


async def test_a_copy_of_an_earlier_answer_does_not_answer_the_next_question(
    tmp_path: Path, asks: Path
) -> None:
    async with asked(tmp_path, asks) as vigie:
        sent: datetime = vigie.clock.now()
        await vigie.text(AWA, "1", sent_at=sent)
        await vigie.settle()
        vigie.clock.move(minutes=1)
        await vigie.text(AWA, "VB MORIBOUGOU 30")
        await vigie.settle()
        await vigie.text(AWA, "1", sent_at=sent)
        await vigie.settle()
        assert await filed(vigie) == [(MACINA, "counted")]
        await vigie.text(AWA, "2")
        await vigie.settle()
        assert (await filed(vigie))[1:] == [(SEGOU, "counted")]


async def test_what_is_withdrawn_while_it_is_asked_is_filed_as_withdrawn(
    tmp_path: Path, asks: Path
) -> None:
    async with asked(tmp_path, asks) as vigie:
        await vigie.text(AWA, "ANN")
        await pass_by(vigie, minutes=16)
        assert await filed(vigie) == [(AROUND, "retracted")]


async def test_a_doubtful_correction_replaces_when_it_is_filed_and_not_before(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, "BR KONNA 1")
        vigie.clock.move(minutes=2)
        await vigie.text(AWA, f"COR {DOUBTFUL}")
        await vigie.settle()
        assert await filed(vigie) == [("Mopti", "counted")]
        await vigie.text(AWA, "1")
        await vigie.settle()
        assert await filed(vigie) == [("Mopti", "retracted"), (MACINA, "counted")]


async def test_under_duress_the_same_is_asked_and_nothing_counts(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        pins = await vigie.enrol_with_pins(AWA, MOPTI)
        await vigie.settle()
        await vigie.text(AWA, f"{DOUBTFUL} {pins.duress}")
        await vigie.settle()
        assert vigie.sent_to(AWA)[1:] == [ASKED]
        await vigie.text(AWA, f"1 {pins.duress}")
        await pass_by(vigie, minutes=20)
        assert await filed(vigie) == [(AROUND, "quarantined")]
        assert await vigie.rows(withdrawal) == []


async def test_who_leaves_takes_the_question_along_and_the_report_stays(
    tmp_path: Path, asks: Path
) -> None:
    async with network(tmp_path, content_dir=asks) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, DOUBTFUL)
        await vigie.work()
        await vigie.text(AWA, "STOP")
        await pass_by(vigie, minutes=20)
        assert len(vigie.sent_to(AWA)) == 1
        assert await filed(vigie) == [(AROUND, "counted")]
