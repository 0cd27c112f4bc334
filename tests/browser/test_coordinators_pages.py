"""The pages of coordinators in a real browser: they fit every screen, and complain of nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from handlers.console import area_pages, pages
from handlers.console.headers import security_headers
from service.areas import Shown
from service.domain.cover import Wanting

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
AREAS = [
    Shown("ML04", "Ségou", 1, NOW, 3, "20–49", "20–49", "Ségou", None),
    Shown("ML0404", "Niono", 2, NOW, 3, "5–9", "10–19", "Niono", None),
    Shown("ML040410", "Sokolo", 3, None, None, "", "", "Niono", Wanting("few", 2, 4)),
    Shown("ML040411", "<b>Toridaga-Ko</b>", 3, None, None, "", "", "Niono", Wanting("told_apart")),
]


@asynccontextmanager
async def opened(browser: Browser, path: str, width: int) -> AsyncIterator[Page]:
    """The page at this width; what it complains of fails the test."""

    async def shown() -> list[Shown]:
        return AREAS

    async def status() -> pages.HomeStatus:
        return pages.HomeStatus(["simulator"], True, {"open": 2, "done": 1}, True, False, 1)

    app = web.Application(middlewares=[security_headers])
    app.add_routes(pages.routes(status))
    app.add_routes(area_pages.routes(shown, lambda: 5))
    complaints: list[str] = []
    async with TestServer(app) as server:
        page = await browser.new_page(viewport={"width": width, "height": 800})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        await page.goto(str(server.make_url(path)))
        yield page
        await page.close()
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/", "/?lang=en", "/areas", "/areas?lang=en"])
async def test_a_page_fits_the_screen(browser: Browser, path: str, width: int) -> None:
    async with opened(browser, path, width) as page:
        await expect(page.locator("h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_areas_are_read_as_written(browser: Browser) -> None:
    async with opened(browser, "/areas?lang=en", 1280) as page:
        names = await page.get_by_role("rowheader").all_inner_texts()
        assert names == [f"{area.name} {area.area}" for area in AREAS]
        await expect(page.get_by_text("2 more people enrolled here")).to_be_visible()


async def test_the_first_page_leads_to_the_areas(browser: Browser) -> None:
    async with opened(browser, "/?lang=en", 360) as page:
        await page.locator('a[href^="/areas"]').first.click()
        await expect(page.get_by_role("rowheader")).to_have_count(len(AREAS))
