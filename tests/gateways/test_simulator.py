"""The simulator as a gateway: the same forms, slots for numbers, screens that show what came."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import combinations

import pytest
from aiohttp import ClientResponse, ClientSession, web

from handlers.gateways.simulator import MOST_EVENTS, PAGE, PHONES, Event, Simulator, page_routes
from service.domain.geo import distance_km
from service.domain.grammar import read
from service.domain.reading import Draft
from service.gateway import DeliveryStatus, InboundOptOut, InboundReceipt, InboundSms
from service.vault.number import PhoneNumber
from tests.support.gateway_edge import TOKEN, Edge, running_edge
from tests.support.rules_content import codebook, gazetteer

BY_ID = {phone.id: phone.number for phone in PHONES}
SCRIPTED = PhoneNumber("+22370000001")


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
async def edge(simulator: Simulator) -> AsyncIterator[Edge]:
    app = web.Application()
    app.add_routes(page_routes(simulator, TOKEN))

    async def close(_: web.Application) -> None:
        await simulator.close()

    app.on_shutdown.append(close)
    async with running_edge(simulator, app=app) as edge:
        yield edge


def test_three_focal_points_and_two_responders() -> None:
    assert [(phone.id, phone.role) for phone in PHONES] == [
        ("focal-1", "focal_point"),
        ("focal-2", "focal_point"),
        ("focal-3", "focal_point"),
        ("responder-1", "responder"),
        ("responder-2", "responder"),
    ]
    assert len({phone.number for phone in PHONES}) == len(PHONES)
    assert all(PhoneNumber.parse(phone.number.reveal()) == phone.number for phone in PHONES)


@pytest.mark.parametrize(
    ("sender", "number"),
    [
        *((phone.id.encode(), phone.number) for phone in PHONES),
        (b"%2B22370000001", SCRIPTED),
        (b"70+00+00+01", SCRIPTED),
        (b"focal-9", None),
        (b"FOCAL-1", None),
        (b"36000", None),
        (b"", None),
    ],
)
async def test_a_text_comes_from_a_slot_or_a_number(
    edge: Edge, sender: bytes, number: PhoneNumber | None
) -> None:
    body = b"from=" + sender + b"&to=36000&text=MA+SOKOLO+3+5&id=1f&date=2026-03-01T08%3A30%3A00Z"
    assert await edge.post("sms", body) == (200, "stored\n")
    sent_at = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    assert edge.kept.messages == [InboundSms("simulator", "1f", number, "MA SOKOLO 3 5", sent_at)]


async def test_receipts_and_opt_outs_are_those_of_any_gateway(edge: Edge) -> None:
    assert (await edge.post("receipt", b"id=sim_1&status=success"))[0] == 200
    assert (await edge.post("opt-out", b"phoneNumber=responder-1"))[0] == 200
    assert (await edge.post("sms", b"from=focal-1"))[0] == 400
    assert edge.kept.messages == [
        InboundReceipt("simulator", "sim_1", DeliveryStatus.SUCCESS, None),
        InboundOptOut("simulator", BY_ID["responder-1"]),
    ]


async def test_what_is_sent_appears_on_the_screen_of_its_slot(simulator: Simulator) -> None:
    recipients = [BY_ID["responder-1"], SCRIPTED, BY_ID["responder-2"]]
    outcomes = await simulator.send("Alerte 17", recipients)
    assert [outcome.recipient for outcome in outcomes] == recipients
    assert {(outcome.state, outcome.reason) for outcome in outcomes} == {("accepted", "sent")}
    ids = [outcome.message_id or "" for outcome in outcomes]
    assert len(set(ids)) == 3
    assert simulator.since(0) == [
        Event(1, "responder-1", ids[0], "Alerte 17"),
        Event(2, "responder-2", ids[2], "Alerte 17"),
    ]
    assert simulator.since(1) == simulator.since(0)[1:]
    assert simulator.since(2) == []


async def test_after_a_restart_an_old_number_starts_over(simulator: Simulator) -> None:
    await simulator.send("RAS", [BY_ID["focal-1"]])
    assert [event.number for event in simulator.since(400)] == [1]


async def test_screens_forget_the_oldest(simulator: Simulator) -> None:
    for _ in range(MOST_EVENTS + 5):
        await simulator.send("RAS", [BY_ID["focal-1"]])
    kept = [event.number for event in simulator.since(0)]
    assert kept == list(range(6, MOST_EVENTS + 6))


@pytest.mark.parametrize(
    ("since", "numbers"),
    [
        ("1", [2]),
        ("2", []),
        *((start_over, [1, 2]) for start_over in ("", "0", "99", "-1", "x", "٢", "9" * 5000)),
    ],
)
async def test_events_can_be_polled(
    edge: Edge, simulator: Simulator, since: str, numbers: list[int]
) -> None:
    await simulator.send("Alerte 17", [BY_ID["responder-1"], BY_ID["responder-2"]])
    url = edge.url("/simulator/events")
    async with edge.client.get(url, params={"since": since}) as answer:
        events = (await answer.json())["events"]
    assert [event["number"] for event in events] == numbers


async def read_event(answer: ClientResponse) -> Event:
    lines = []
    while line := (await answer.content.readline()).strip():
        lines.append(line.decode())
    number, data = lines
    event = Event(**json.loads(data.removeprefix("data: ")))
    assert number == f"id: {event.number}"
    return event


async def test_events_are_streamed_and_resumed(edge: Edge, simulator: Simulator) -> None:
    url = edge.url("/simulator/events?since=0")
    headers = {"Accept": "text/event-stream"}
    await simulator.send("first\nline", [BY_ID["focal-1"]])
    async with edge.client.get(url, headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        assert (await read_event(answer)).text == "first\nline"
        await simulator.send("second", [BY_ID["focal-2"]])
        assert (await read_event(answer)).phone == "focal-2"
    await simulator.send("third", [BY_ID["focal-3"]])
    async with edge.client.get(url, headers=headers | {"Last-Event-ID": "2"}) as answer:
        assert (await read_event(answer)).text == "third"


async def test_a_burst_reaches_every_page_whole_and_in_order(
    edge: Edge, simulator: Simulator
) -> None:
    url, headers = edge.url("/simulator/events?since=0"), {"Accept": "text/event-stream"}

    async def watch() -> list[int]:
        async with ClientSession() as client, client.get(url, headers=headers) as answer:
            return [(await read_event(answer)).number for _ in range(100)]

    pages = [asyncio.create_task(watch()) for _ in range(3)]
    for i in range(100):
        await simulator.send(f"texte {i}", [BY_ID["focal-1"]])
        await asyncio.sleep(0)
    assert await asyncio.gather(*pages) == [list(range(1, 101))] * 3


async def test_a_stream_ends_when_the_service_stops(edge: Edge, simulator: Simulator) -> None:
    url, headers = edge.url("/simulator/events"), {"Accept": "text/event-stream"}
    async with edge.client.get(url, headers=headers) as answer:
        await simulator.close()
        assert await answer.content.read() == b""


@pytest.mark.parametrize(
    ("query", "language", "button"),
    [
        ("", "fr", "Charger l’histoire des attaques de marchés"),
        ("?lang=fr", "fr", "Charger l’histoire des attaques de marchés"),
        ("?lang=en", "en", "Load the market-attack story"),
        ("?lang=<script>", "fr", "Charger l’histoire des attaques de marchés"),
    ],
)
async def test_the_page_speaks_french_and_english(
    edge: Edge, query: str, language: str, button: str
) -> None:
    async with edge.client.get(edge.url("/simulator") + query) as answer:
        page = await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
    assert f'<html lang="{language}">' in page
    assert button in page
    assert re.findall(r'data-phone="([^"]+)"', page) == list(BY_ID)


async def test_the_page_needs_no_inline_script_or_style(edge: Edge) -> None:
    async with edge.client.get(edge.url("/simulator")) as answer:
        page = await answer.text()
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\s(style|on\w+)=", page)
    assert "//" not in page.replace("http://www.w3.org", ""), "nothing is fetched from elsewhere"


async def test_no_number_is_on_the_page_or_in_an_event(edge: Edge, simulator: Simulator) -> None:
    await simulator.send("Alerte 17", list(BY_ID.values()))
    seen = repr(PHONES) + repr(simulator.since(0))
    paths = ["/simulator", "/simulator?lang=en", "/simulator/events"]
    paths += [f"/simulator/static/{file.name}" for file in (PAGE / "static").iterdir()]
    for path in paths:
        async with edge.client.get(edge.url(path)) as answer:
            assert answer.status == 200
            seen += path + await answer.text()
    for number in BY_ID.values():
        assert number.reveal()[4:] not in re.sub(r"[\s.-]", "", seen)


@pytest.mark.parametrize(
    "path", ["page.html", "story.json", "../simulator.py", "%2e%2e/page.html", "..%2fpage.html"]
)
async def test_only_static_files_are_served(edge: Edge, path: str) -> None:
    async with edge.client.get(edge.url("/") + f"simulator/static/{path}") as answer:
        assert answer.status == 404


def test_words_are_the_same_in_both_languages() -> None:
    words = json.loads((PAGE / "words.json").read_text("utf-8"))
    assert words["fr"].keys() == words["en"].keys()
    assert [text for text, _ in words["fr"]["examples"] if text != "AIDE"] == [
        text for text, _ in words["en"]["examples"] if text != "HELP"
    ]


def test_the_story_is_three_market_attacks_by_two_people_in_72_hours() -> None:
    steps = json.loads((PAGE / "story.json").read_text("utf-8"))["steps"]
    assert [step["text"].split()[0] for step in steps] == ["MA", "MA", "MA"]
    assert len({step["phone"] for step in steps}) == 2
    assert {step["phone"] for step in steps} <= set(BY_ID)
    hours = [step["hours_ago"] for step in steps]
    assert hours == sorted(hours, reverse=True)
    assert hours[0] < 72
    assert all(step["caption"].keys() == {"fr", "en"} for step in steps)


def test_the_story_is_read_as_it_is_told_with_the_shipped_places() -> None:
    home = {phone.id: phone.area for phone in PHONES}
    points = []
    for step in json.loads((PAGE / "story.json").read_text("utf-8"))["steps"]:
        draft = read(step["text"], codebook(), gazetteer(), home[step["phone"]])
        assert isinstance(draft, Draft)
        assert draft.type == "market_attack"
        assert draft.place
        assert draft.place.cercle == "Niono"
        assert draft.place.point
        points.append(draft.place.point)
    assert all(distance_km(a, b) <= 25 for a, b in combinations(points, 2))


def test_every_phone_is_in_an_area_that_exists() -> None:
    assert all(gazetteer().by_code(phone.area) for phone in PHONES)
