"""Basic phones on a page, with made-up people: a gateway like any other, for showing and trying.

It takes the same forms as Africa's Talking, at its own URL. The page names a phone by its slot
(`from=focal-1`), so that no number is ever on the page, in a URL or in an event; a number in E.164
is taken too, for scripts. What is sent to a slot appears on its screen, which lives in memory only.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from handlers.gateways import africastalking, africastalking_ussd
from handlers.gateways.forms import Form, Refused
from service.domain.screens import LIMITS
from service.gateway import InboundOptOut, InboundReceipt, InboundSms, Outcome, UssdHop
from service.vault.number import PhoneNumber

NAME = "simulator"
PAGE = Path(__file__).parent / "simulator_page"

SERVICE_CODE = "*384*36#"  # what the phones dial for the menu
MOST_EVENTS = 200
KEEP_ALIVE_SECONDS = 15.0

Language = Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Phone:
    """One slot on the page: whose phone it is, and where that person is enrolled (a pcode)."""

    id: str
    role: Literal["focal_point", "responder"]
    area: str
    language: Language
    label: Mapping[Language, str]
    number: PhoneNumber


def _same(label: str) -> Mapping[Language, str]:
    return MappingProxyType({"fr": label, "en": label})


PHONES = (
    Phone("focal-1", "focal_point", "ML040410", "fr", _same("Awa · Sokolo"),
          PhoneNumber("+22379000001")),
    Phone("focal-2", "focal_point", "ML040402", "fr", _same("Moussa · Dogofry"),
          PhoneNumber("+22379000002")),
    Phone("focal-3", "focal_point", "ML040401", "fr", _same("Fanta · Diabaly"),
          PhoneNumber("+22379000003")),
    Phone("responder-1", "responder", "ML0404", "fr",
          MappingProxyType({"fr": "Comité de paix · Niono", "en": "Peace committee · Niono"}),
          PhoneNumber("+22379000011")),
    Phone("responder-2", "responder", "ML04", "en",
          MappingProxyType({"fr": "Médiatrice · Ségou", "en": "Mediator · Ségou"}),
          PhoneNumber("+22379000012")),
)  # fmt: skip
"""The slots, for the demo's enrolment too. The numbers are made up; no other line has them."""


@dataclass(frozen=True, slots=True)
class Event:
    """A text that reached a screen. `number` counts up from 1; `id` is what a receipt names."""

    number: int
    phone: str
    id: str
    text: str


class Simulator:
    """The gateway, and the screens that it sends to."""

    name = NAME

    def __init__(self, phones: Sequence[Phone] = PHONES) -> None:
        self.phones = phones
        self._number_of = {phone.id: phone.number for phone in phones}
        self._slot_of = {phone.number: phone.id for phone in phones}
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._count = 0
        self.changed = asyncio.Event()
        """Set when there is something new, and then replaced by a fresh one."""
        self.closed = False

    def read_sms(self, form: Form) -> InboundSms | Refused:
        return africastalking.read_sms(form, NAME, self._sender)

    def read_receipt(self, form: Form) -> InboundReceipt | Refused:
        return africastalking.read_receipt(form, NAME)

    def read_opt_out(self, form: Form) -> InboundOptOut | Refused:
        return africastalking.read_opt_out(form, NAME, self._sender)

    def read_ussd(self, form: Form) -> UssdHop | Refused:
        return africastalking_ussd.read_hop(form, NAME, self._sender)

    def read_ussd_end(self, form: Form) -> UssdHop | Refused:
        return africastalking_ussd.read_end(form, NAME, self._sender)

    write_ussd = staticmethod(africastalking_ussd.written)

    def _sender(self, written: str) -> PhoneNumber | None:
        return self._number_of.get(written) or PhoneNumber.parse(written)

    async def send(self, text: str, recipients: Sequence[PhoneNumber]) -> list[Outcome]:
        """Show the text on the recipients' screens. A number without a slot is out of sight."""
        return [self._deliver(text, recipient) for recipient in recipients]

    def _deliver(self, text: str, recipient: PhoneNumber) -> Outcome:
        message_id = f"sim_{secrets.token_hex(8)}"
        if slot := self._slot_of.get(recipient):
            self._count += 1
            self._events.append(Event(self._count, slot, message_id, text))
            self._wake()
        return Outcome(recipient, "accepted", "sent", message_id)

    def since(self, number: int) -> list[Event]:
        """The events after that one, oldest first. A number from before a restart starts over."""
        after = number if number <= self._count else 0
        return [event for event in self._events if event.number > after]

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def close(self) -> None:
        """Ends the event streams. To be called when the app shuts down, before it cleans up."""
        self.closed = True
        self._wake()


# ---- The page -------------------------------------------------------------------------------


def page_routes(simulator: Simulator, token: str) -> list[web.AbstractRouteDef]:
    """`/simulator`, its static files, and `/simulator/events?since=N`. The page posts texts and
    USSD hops with `token` to the gateway's own URLs, as any gateway would."""
    words = json.loads((PAGE / "words.json").read_text("utf-8"))
    story = json.loads((PAGE / "story.json").read_text("utf-8"))
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html")

    async def page(request: web.Request) -> web.Response:
        language: Language = "en" if request.query.get("lang") == "en" else "fr"
        html = template.render(
            language=language,
            words=words[language],
            phones=simulator.phones,
            story=[step | {"caption": step["caption"][language]} for step in story["steps"]],
            gateway=f"/gateways/{NAME}/{token}",
            service_code=SERVICE_CODE,
            screen=LIMITS["gsm7"],
        )
        # The page holds the token.
        return web.Response(
            text=html, content_type="text/html", headers={"Cache-Control": "no-store"}
        )

    async def events(request: web.Request) -> web.StreamResponse:
        after = _event_number(
            request.headers.get("Last-Event-ID") or request.query.get("since", "")
        )
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await _stream(request, simulator, after)
        return web.json_response({"events": [asdict(event) for event in simulator.since(after)]})

    return [
        web.get("/simulator", page),
        web.get("/simulator/events", events),
        web.static("/simulator/static", PAGE / "static"),
    ]


async def _stream(request: web.Request, simulator: Simulator, after: int) -> web.StreamResponse:
    """Server-sent events until the page or the service goes away."""
    stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await stream.prepare(request)
    try:
        while not simulator.closed:
            changed = simulator.changed  # taken before reading, so that nothing falls between
            for event in simulator.since(after):
                after = event.number
                await stream.write(f"id: {after}\ndata: {json.dumps(asdict(event))}\n\n".encode())
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await changed.wait()
            except TimeoutError:
                await stream.write(b": still here\n\n")
    except ConnectionResetError:
        pass
    return stream


def _event_number(raw: str) -> int:
    return int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 16 else 0
