"""The home page: what it says, in both languages, and what it tells the browser."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html import unescape

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from handlers.console.headers import SECURITY_HEADERS, security_headers
from handlers.console.pages import HOME, HomeStatus, routes
from service.domain.responses import STATES

Client = TestClient[web.Request, web.Application]
Visit = Callable[..., Awaitable[str]]

WELL = HomeStatus(gateways=["simulator"], ready=True, alerts={"open": 3}, simulator=True)
WORDS = json.loads((HOME / "words.json").read_text())


@pytest.fixture
def visit(aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Visit:
    async def visit(status: HomeStatus = WELL, path: str = "/") -> str:
        async def current() -> HomeStatus:
            return status

        app = web.Application(middlewares=[security_headers])
        app.add_routes(routes(current))
        client = await aiohttp_client(app)
        response = await client.get(path)
        assert response.status == 200
        assert response.content_type == "text/html"
        return unescape(await response.text())

    return visit


@pytest.fixture
async def client(aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Client:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    async def own(_request: web.Request) -> web.Response:
        return web.Response(headers={"Referrer-Policy": "same-origin"})

    async def current() -> HomeStatus:
        return WELL

    app = web.Application(middlewares=[security_headers])
    app.add_routes([*routes(current), web.get("/stream", stream), web.get("/own", own)])
    return await aiohttp_client(app)


async def test_it_says_that_all_is_well_and_leads_to_the_simulator(visit: Visit) -> None:
    page = await visit()
    assert WORDS["fr"]["well"] in page
    assert "<dd>3</dd>" in page
    assert 'href="/simulator?lang=fr"' in page


async def test_it_says_how_many_alerts_stand_how(visit: Visit) -> None:
    counts = {"open": 1, "on_the_way": 2, "corrected": 7}
    page = await visit(replace(WELL, alerts=counts), "/?lang=en")
    words = WORDS["en"]["alerts"]
    assert set(words) == set(STATES)
    for state, count in counts.items():
        assert f"<dt>{words[state]}</dt><dd>{count}</dd>" in page
    assert words["done"] not in page


async def test_it_says_that_the_database_is_silent_and_claims_no_count(visit: Visit) -> None:
    page = await visit(replace(WELL, ready=False))
    assert WORDS["fr"]["unwell"] in page
    assert WORDS["fr"]["well"] not in page
    assert "<dd>–</dd>" in page


async def test_it_says_that_the_service_is_locked(visit: Visit) -> None:
    page = await visit(replace(WELL, locked=True), "/?lang=en")
    assert WORDS["en"]["locked"] in page
    assert WORDS["en"]["well"] not in page


async def test_it_says_how_many_responders_cannot_be_told(visit: Visit) -> None:
    assert WORDS["fr"]["passed_over"].format(3) in await visit(replace(WELL, passed_over=3))
    english = await visit(replace(WELL, passed_over=1), "/?lang=en")
    assert WORDS["en"]["passed_over"].format(1) in english
    assert WORDS["fr"]["passed_over"].split("{}")[1] not in await visit()


async def test_it_says_that_somebody_may_be_under_threat_and_not_who(visit: Visit) -> None:
    assert WORDS["fr"]["threat"].format(2) in await visit(replace(WELL, warnings=2))
    assert WORDS["fr"]["threat"].split("{}")[0] not in await visit()


async def test_another_gateway_has_no_simulator(visit: Visit) -> None:
    page = await visit(replace(WELL, gateways=["africastalking"], simulator=False))
    assert "Africa's Talking" in page
    assert "/simulator" not in page


async def test_a_gateway_without_words_is_shown_by_its_name_and_escaped(
    aiohttp_client: Callable[[web.Application], Awaitable[Client]],
) -> None:
    async def current() -> HomeStatus:
        return replace(WELL, gateways=["<modem>"])

    app = web.Application()
    app.add_routes(routes(current))
    page = await (await (await aiohttp_client(app)).get("/")).text()
    assert "&lt;modem&gt;" in page
    assert "<modem>" not in page


@pytest.mark.parametrize(
    ("path", "language"),
    [("/", "fr"), ("/?lang=en", "en"), ("/?lang=fr", "fr"), ("/?lang=<script>", "fr")],
)
async def test_it_is_in_both_languages(visit: Visit, path: str, language: str) -> None:
    page = await visit(path=path)
    assert f'<html lang="{language}">' in page
    assert WORDS[language]["lead"] in page
    assert "script" not in page


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()
    for key in ("steps", "documents", "gateways"):
        assert len(WORDS["fr"][key]) == len(WORDS["en"][key])


@pytest.mark.parametrize("path", ["/", "/?lang=en"])
async def test_it_names_where_the_data_comes_from(visit: Visit, path: str) -> None:
    page = await visit(path=path)
    for source in (
        "OCHA Mali",
        "Direction nationale de la population",
        "GeoNames",
        "Who's On First",
        "WFP",
        "CC BY-IGO",
        "CC BY 4.0",
    ):
        assert source in page


async def test_it_loads_only_from_here_what_its_policy_allows(client: Client) -> None:
    page = await (await client.get("/")).text()
    loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', page)
    assert sorted(set(loaded)) == ["/static/home.css", "/static/icon.svg"]
    assert not re.search(r"<script|<style| style=| on\w+=", page)
    size = len(page.encode())
    for path in set(loaded):
        response = await client.get(path)
        assert response.status == 200
        size += len(await response.read())
    assert size < 12_000


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/static/home.css", 200), ("/nowhere", 404), ("/static/../pages.py", 404)],
)
async def test_every_answer_has_the_security_headers(
    client: Client, path: str, status: int
) -> None:
    response = await client.get(path)
    assert response.status == status
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()


async def test_a_page_keeps_a_header_of_its_own(client: Client) -> None:
    response = await client.get("/own")
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stream_that_has_left_is_let_through(client: Client) -> None:
    assert (await client.get("/stream")).status == 200


async def test_the_state_is_never_kept_by_a_browser(client: Client) -> None:
    assert (await client.get("/")).headers["Cache-Control"] == "no-store"
