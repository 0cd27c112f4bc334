"""The page of areas: what it says, in both languages, and what it tells the browser."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from handlers.console import area_pages, pages
from handlers.console.headers import SECURITY_HEADERS, security_headers
from service.areas import Shown
from service.domain.cover import Wanting

Client = TestClient[web.Request, web.Application]
WORDS = json.loads((area_pages.FOLDER / "words.json").read_text("utf-8"))
NIONO = Shown(
    "ML0404", "Niono", 2, datetime(2026, 11, 23, 9, tzinfo=UTC), 3, "5–9", "10–19", "Niono", None
)


def waiting(why: Wanting) -> Shown:
    return Shown("ML040410", "<Sokolo>", 3, None, None, "", "", "Niono", why)


async def page(aiohttp_client: Callable[..., Awaitable[Client]], path: str, *areas: Shown) -> str:
    async def shown() -> list[Shown]:
        return list(areas)

    app = web.Application(middlewares=[security_headers])
    app.add_routes(area_pages.routes(shown, lambda: 5))
    app.add_routes([web.static("/static", pages.HOME / "static")])
    client = await aiohttp_client(app)
    for asset in re.findall(
        r'(?:src|<link[^>]* href)="([^"]+)"', await (await client.get(path)).text()
    ):
        assert (await client.get(asset)).status == 200
    response = await client.get(path)
    assert response.status == 200
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()
    assert response.headers["Cache-Control"] == "no-store"
    return await response.text()


async def test_an_area_in_use_is_shown_with_its_bands_and_version(
    aiohttp_client: Callable[..., Awaitable[Client]],
) -> None:
    html = await page(aiohttp_client, "/areas", NIONO)
    for said in ("Niono", "ML0404", "2026-11-23", ">3<", "5–9", "10–19", "au moins 5", "OCHA Mali"):
        assert said in html
    assert not re.search(r"<script|<style| style=| on\w+=", html)


@pytest.mark.parametrize(
    ("why", "fr", "en"),
    [
        (Wanting("few", 2), "il manque 2 personne(s)", "2 more people enrolled here"),
        (Wanting("few", 2, 4), "et 4 ailleurs dans Niono", "and 4 elsewhere in Niono"),
        (Wanting("rest", 0, 3), "3 personne(s) de plus", "3 more people are needed elsewhere"),
        (Wanting("told_apart"), "Inscrivez ensemble", "Enrol the people of one place together"),
        (Wanting("coarsened"), "deux coordinateurs", "two coordinators"),
    ],
)
async def test_what_would_make_it_finer_is_said_in_words(
    aiohttp_client: Callable[..., Awaitable[Client]], why: Wanting, fr: str, en: str
) -> None:
    french = await page(aiohttp_client, "/areas", waiting(why))
    assert fr in french
    assert en in await page(aiohttp_client, "/areas?lang=en", waiting(why))
    assert "&lt;Sokolo&gt;" in french
    assert "<Sokolo>" not in french


@pytest.mark.parametrize("why", ["few", "rest", "told_apart", "coarsened"])
async def test_it_is_in_english_too(
    aiohttp_client: Callable[..., Awaitable[Client]], why: str
) -> None:
    html = await page(aiohttp_client, "/areas?lang=en", waiting(Wanting(why, 2)))  # type: ignore[arg-type]
    assert '<html lang="en">' in html
    assert "not in use, alerts say Niono" in html


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()
    assert area_pages.WORDS["fr"].keys() == area_pages.WORDS["en"].keys()
