"""The simulator's page in a real browser: typing, sending, receiving, and fitting the screen."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.typedefs import Handler
from playwright.async_api import Browser, Locator, Page, expect

from handlers.gateways.simulator import PHONES, Simulator, page_routes
from service.gateway import InboundSms
from tests.support.gateway_edge import TOKEN, Edge, running_edge

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = {phone.id: phone.number for phone in PHONES}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
)


@web.middleware
async def strict_policy(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = POLICY
    return response


@dataclass
class Demo:
    """The page, and both ends of it: what the gateway accepted, and what it sends."""

    page: Page
    edge: Edge
    simulator: Simulator
    complaints: list[str] = field(default_factory=list)

    async def open(self, query: str = "") -> None:
        await self.page.goto(self.edge.url("/simulator") + query)
        await expect(self.page.locator("#line.live")).to_be_visible()

    def phone(self, slot: str) -> Locator:
        return self.page.locator(f'[data-phone="{slot}"]')

    def texts(self) -> list[tuple[str, str]]:
        """(slot, text) of every text that was accepted."""
        slots = {number: slot for slot, number in NUMBERS.items()}
        return [
            (slots[message.sender], message.text)
            for message in self.edge.kept.messages
            if isinstance(message, InboundSms) and message.sender
        ]


@pytest_asyncio.fixture(loop_scope="module")
async def demo(browser: Browser) -> AsyncIterator[Demo]:
    simulator = Simulator()
    app = web.Application(middlewares=[strict_policy])
    app.add_routes(page_routes(simulator, TOKEN))
    async with running_edge(simulator, app=app) as edge:
        page = await browser.new_page(reduced_motion="reduce")
        demo = Demo(page, edge, simulator)
        page.on("pageerror", lambda error: demo.complaints.append(str(error)))
        page.on("console", lambda said: demo.complaints.append(said.text))
        yield demo
        await page.close()
        await simulator.close()


async def test_a_text_leaves_and_is_seen_to_leave(demo: Demo) -> None:
    await demo.open()
    phone = demo.phone("focal-1")
    await phone.get_by_role("textbox").fill("MA SOKOLO 3 5")
    await phone.get_by_role("button", name="Envoyer").click()
    await expect(phone.locator(".out")).to_have_text("MA SOKOLO 3 5envoyé ✓")
    await expect(phone.get_by_role("textbox")).to_have_value("")
    [message] = demo.edge.kept.messages
    assert isinstance(message, InboundSms)
    assert (message.gateway, message.sender) == ("simulator", NUMBERS["focal-1"])
    assert message.message_id
    assert message.sent_at
    assert demo.complaints == []


async def test_keys_are_enough(demo: Demo) -> None:
    await demo.open("?lang=en")
    box = demo.phone("focal-1").get_by_role("textbox")
    await box.focus()
    await demo.page.keyboard.type("RAS")
    await demo.page.keyboard.press("Shift+Enter")
    await demo.page.keyboard.type("merci")
    await demo.page.keyboard.press("Enter")
    await expect(demo.phone("focal-1").locator(".out .sent")).to_have_text("sent ✓")
    for _ in range(4):  # the send button, the green key, the next phone's messages, its text box
        await demo.page.keyboard.press("Tab")
    await demo.page.keyboard.type("RAS")
    await demo.page.keyboard.press("Enter")
    await expect(demo.phone("focal-2").locator(".out .sent")).to_have_text("sent ✓")
    assert demo.texts() == [("focal-1", "RAS\nmerci"), ("focal-2", "RAS")]


async def test_a_text_that_was_not_stored_says_so(demo: Demo) -> None:
    await demo.open()
    demo.edge.kept.available = False
    phone = demo.phone("focal-2")
    await phone.get_by_role("textbox").fill("RAS")
    await phone.get_by_role("button", name="Envoyer").click()
    await expect(phone.locator(".out .failed")).to_have_text("non envoyé, réessayez")


async def test_texts_arrive_live_on_their_own_phone_as_text(demo: Demo) -> None:
    await demo.open()
    await expect(demo.page.locator(".in")).to_have_count(0)
    alert = "Vigie 17 : attaques <b>de</b> marchés\nRépondez OK 17"
    await demo.simulator.send(alert, [NUMBERS["responder-1"]])
    await expect(demo.phone("responder-1").locator(".in p")).to_have_text(alert)
    await expect(demo.page.locator(".in")).to_have_count(1)
    await demo.simulator.send("Merci", [NUMBERS["responder-1"]])
    await expect(demo.phone("responder-1").locator(".in")).to_have_text([alert, "Merci"])
    await demo.page.reload()
    await expect(demo.phone("responder-1").locator(".in")).to_have_text([alert, "Merci"])
    assert demo.complaints == []


async def test_the_story_plays_through_the_gateway(demo: Demo) -> None:
    await demo.open("?lang=en")
    button = demo.page.get_by_role("button", name="Load the market-attack story")
    await button.click()
    await expect(demo.page.locator(".out .sent")).to_have_count(3)
    await expect(button).to_be_enabled()
    await expect(demo.page.locator("#caption")).to_contain_text("Three in 72 hours")
    assert demo.texts() == [
        ("focal-1", "MA SOKOLO 3 5"),
        ("focal-2", "MA KOGONI 1 4"),
        ("focal-1", "MA DIABALI 2 6"),
    ]
    dates = [m.sent_at for m in demo.edge.kept.messages if isinstance(m, InboundSms) and m.sent_at]
    assert [round((dates[-1] - date).total_seconds() / 3600) for date in dates] == [60, 30, 0]
    assert demo.complaints == []


async def test_the_language_can_be_switched_and_back(demo: Demo) -> None:
    await demo.open()
    await expect(demo.page.get_by_role("heading", level=1)).to_have_text("Téléphones simulés")
    await demo.page.get_by_role("link", name="English").click()
    await expect(demo.page.get_by_role("heading", level=1)).to_have_text("Simulated phones")
    await expect(demo.page.get_by_text("the people are made up")).to_be_visible()
    await demo.page.get_by_role("link", name="Français").click()
    await expect(demo.page.get_by_text("les personnes sont inventées")).to_be_visible()


async def test_a_reader_of_screens_is_told_what_is_what(demo: Demo) -> None:
    await demo.open("?lang=en")
    await expect(demo.page.get_by_role("article")).to_have_count(5)
    box = demo.page.get_by_role("textbox", name="Write a text, Awa · Sokolo")
    await expect(box).to_have_count(1)
    log = demo.page.get_by_role("log", name="Messages, Mediator · Ségou")
    await expect(log).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize(("width", "in_a_row"), [(360, 1), (768, 3), (1280, 5)])
async def test_the_phones_fit_the_screen(demo: Demo, width: int, in_a_row: int) -> None:
    await demo.page.set_viewport_size({"width": width, "height": 800})
    await demo.open()
    await demo.simulator.send("x" * 160, [NUMBERS["focal-1"]])
    await expect(demo.phone("focal-1").locator(".in")).to_have_count(1)
    assert await demo.page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [await article.bounding_box() for article in await demo.page.locator("article").all()]
    assert len([box for box in boxes if box and boxes[0] and box["y"] == boxes[0]["y"]]) == in_a_row
