"""The key pad of a simulated phone in a real browser, against the whole service behind it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Locator, Page, Request, expect
from sqlalchemy import select

from handlers import demo
from handlers.app import Service, assembled, running
from handlers.gateways.simulator import PHONES, SERVICE_CODE
from handlers.server import application
from handlers.settings import Settings
from service.store import AnyRow, migrate
from service.store.tables import inbox, report
from service.vault import keyfile
from tests.support.content_dir import PROJECT

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "a-token-of-22-letters-"


@dataclass
class Phone:
    """One phone of the page, the service that it dials, and what the browser complained of."""

    page: Page
    service: Service
    here: Locator
    called: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def shown(self) -> Locator:
        return self.here.locator(".shown")

    async def dial(self) -> None:
        await self.here.locator(".dial").click()
        await self._answered()

    async def press(self, keys: str) -> None:
        """Press these keys of the pad, then OK; see the next screen."""
        for key in keys:
            await self.here.locator(".key").get_by_text(key, exact=True).click()
        await self.here.get_by_role("button", name="OK").click()
        await self._answered()

    async def _answered(self) -> None:
        await expect(self.here.locator(".call[aria-busy=true]")).to_have_count(0)

    async def rows(self) -> list[AnyRow]:
        """What the sessions came to in the inbox."""
        async with self.service.store.read() as tx:
            return list((await tx.execute(select(inbox).where(inbox.c.kind == "ussd"))).all())


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: Browser, tmp_path: Path) -> AsyncIterator[Phone]:
    settings = Settings(
        data_dir=tmp_path / "data",
        content_dir=PROJECT,
        gateway="simulator",
        gateway_token=TOKEN,
    )
    settings.data_dir.mkdir()
    keyfile.create(settings.root_key)
    async with assembled(settings) as service:
        await migrate.upgrade(service.store)
        await demo.enrol(service)
    async with (
        assembled(settings) as service,
        running(service),
        TestServer(application(service, [TOKEN])) as server,
    ):
        page = await browser.new_page(reduced_motion="reduce")
        phone = Phone(page, service, page.locator('[data-phone="focal-1"]'))
        page.on("pageerror", lambda error: phone.complaints.append(str(error)))
        page.on("console", lambda said: phone.complaints.append(said.text))
        page.on("request", lambda request: _note(phone, request))
        await page.goto(str(server.make_url("/simulator")))
        await expect(page.locator("#line.live")).to_be_visible()
        yield phone
        await page.close()
    assert phone.complaints == []


def _note(phone: Phone, request: Request) -> None:
    if "/gateways/" in request.url:
        phone.called.append(request.url.rpartition("/gateways/")[2])


async def test_a_report_is_dialled_key_by_key(phone: Phone) -> None:
    await phone.here.get_by_role("button", name=f"Composer {SERVICE_CODE}").click()
    await expect(phone.shown).to_contain_text("1 Signaler")
    await phone.press("1")
    await expect(phone.shown).to_contain_text("1 Attaque de marché")
    await phone.press("1")
    await phone.press("20745")
    for keys, says in (("1", "Blessés"), ("1", "Quand"), ("1", "Sokolo")):
        await phone.press(keys)
        await expect(phone.shown).to_contain_text(says)
    await phone.press("1")
    await expect(phone.shown).to_have_text("Bonjour, merci pour votre message.")
    await expect(phone.here.get_by_role("textbox")).to_have_count(0)
    while not await _reported(phone):
        await phone.page.wait_for_timeout(50)
    # One path: the gateway's own URLs, each hop and the end.
    assert phone.called == [f"simulator/{TOKEN}/ussd"] * 8 + [f"simulator/{TOKEN}/ussd-end"]
    assert [row.problem for row in await phone.rows()] == [None]
    await phone.here.get_by_role("button", name="Raccrocher").click()
    await expect(phone.here.get_by_role("textbox", name="Écrire un SMS")).to_be_visible()


async def _reported(phone: Phone) -> list[AnyRow]:
    async with phone.service.store.read() as tx:
        return list((await tx.execute(select(report.c.type, report.c.place))).all())


async def test_back_home_and_what_is_not_understood(phone: Phone) -> None:
    await phone.dial()
    home = await phone.shown.text_content()
    await phone.press("1")
    types = await phone.shown.text_content()
    assert types != home
    await phone.press("2")
    await phone.press("0")
    await expect(phone.shown).to_have_text(types or "")
    await phone.press("00")
    await expect(phone.shown).to_have_text(home or "")
    await phone.press("77")
    await expect(phone.shown).not_to_have_text(home or "")
    assert all(len(each) <= 182 for each in (home or "", types or ""))


async def test_who_hangs_up_leaves_what_was_told(phone: Phone) -> None:
    await phone.dial()
    for keys in ("1", "1", "20745"):
        await phone.press(keys)
    await expect(phone.shown).to_contain_text("Morts")
    async with phone.page.expect_response("**/ussd-end") as ended:
        await phone.here.get_by_role("button", name="Raccrocher").click()
    assert (await ended.value).status == 200
    [row] = await phone.rows()
    assert row.hop is None, "it waits no longer for more of the session"


async def test_the_keyboard_is_enough(phone: Phone) -> None:
    await phone.here.get_by_role("textbox", name="Écrire un SMS").focus()
    await phone.page.keyboard.press("Tab")
    await phone.page.keyboard.press("Tab")
    await phone.page.keyboard.press("Enter")
    box = phone.here.get_by_role("textbox", name="Réponse, Awa · Sokolo")
    await expect(phone.shown).to_contain_text("1 Signaler")
    await expect(box).to_be_focused()
    await expect(box).to_have_accessible_description(await phone.shown.text_content() or "")
    await phone.page.keyboard.type("4")
    await phone.page.keyboard.press("Enter")
    await expect(phone.shown).not_to_contain_text("1 Signaler")
    await phone.page.keyboard.press("Escape")
    await expect(phone.here.locator(".dial")).to_be_focused()
    await expect(phone.here.get_by_role("log")).to_be_visible()


async def test_another_number_is_no_service(phone: Phone) -> None:
    await phone.here.locator(".key").get_by_text("*", exact=True).click()
    await phone.press("100#")
    await expect(phone.shown).to_have_text(f"Code de service inconnu. Composez {SERVICE_CODE}")
    assert phone.called == []
    await phone.press(SERVICE_CODE)
    await expect(phone.shown).to_contain_text("1 Signaler")


async def test_a_line_that_breaks_says_so(phone: Phone) -> None:
    await phone.dial()
    await expect(phone.shown).to_contain_text("1 Signaler")
    await phone.page.context.set_offline(True)
    await phone.press("1")
    await expect(phone.shown).to_have_text("Problème de connexion : la session est rompue.")
    await phone.page.context.set_offline(False)
    phone.complaints.clear()  # the browser says that it was offline
    await phone.dial()
    await expect(phone.shown).to_contain_text("1 Signaler")


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_keys_fit_the_screen(phone: Phone, width: int) -> None:
    await phone.page.set_viewport_size({"width": width, "height": 800})
    await phone.dial()
    await expect(phone.here.locator(".key")).to_have_count(12)
    await phone.press("1")
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(PHONES) == await phone.page.locator(".dial").count()
