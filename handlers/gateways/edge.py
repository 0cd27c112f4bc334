"""The one HTTP edge of every gateway: token, size, form, and an answer that keeps its word.

A gateway module turns a form into a message; this turns requests into forms, and answers. 200 means
that the message is on disk; of a hop of a USSD session, so does a screen that nothing can be
answered to. No answer and no metric repeats anything that was sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from handlers.gateways.door import SHUT, Door
from handlers.gateways.forms import Form, Refused, read_form
from service.gateway import Inbound, InboundOptOut, InboundReceipt, InboundSms, UssdHop
from service.intake import Unavailable
from service.telemetry import Metrics
from service.ussd import Screen

LIMIT = 64 * 1024
"""Largest body in bytes. A text of ten segments with every letter escaped is under 16 KiB."""

RETRY_AFTER_SECONDS = 5

REFUSALS: Mapping[int, str] = MappingProxyType(
    {400: "unreadable", 405: "method", 413: "too_large", 503: "unavailable"}
)
"""The metric's word for each answer that is not 200, nor 404: `SHUT` has those."""

Message = TypeVar("Message")

REASONS = (*REFUSALS.values(), *SHUT)


class HttpGateway(Protocol):
    """What a gateway module gives the edge: its name in the URL, and readers without I/O."""

    @property
    def name(self) -> str: ...

    def read_sms(self, form: Form) -> InboundSms | Refused: ...

    def read_receipt(self, form: Form) -> InboundReceipt | Refused: ...

    def read_opt_out(self, form: Form) -> InboundOptOut | Refused: ...

    def read_ussd(self, form: Form) -> UssdHop | Refused: ...

    def read_ussd_end(self, form: Form) -> UssdHop | Refused: ...

    def write_ussd(self, screen: Screen) -> str: ...


class Intake(Protocol):
    """Returns once the message is on disk; raises `Unavailable` if it cannot be put there now."""

    async def accept(self, message: Inbound) -> None: ...


class Sessions(Protocol):
    """The USSD menu: the screen after a hop, whatever was answered; what a session came to."""

    async def hop(self, hop: UssdHop) -> Screen: ...

    async def end(self, hop: UssdHop) -> None: ...


Take = Callable[[Form], Awaitable[web.Response]]
"""What is done with a form: the answer to it. Raises Unavailable where it cannot be stored now."""


def gateway_routes(
    gateway: HttpGateway, door: Door, intake: Intake, ussd: Sessions, metrics: Metrics
) -> list[web.RouteDef]:
    """`/gateways/<name>/<token>/sms`, `…/receipt`, `…/opt-out`, `…/ussd` and `…/ussd-end`.

    For whom the door opens.
    """
    takers: dict[str, Take] = {  # tried in this order: a session has many hops
        "ussd": _showing(gateway, ussd),
        "sms": _storing(gateway.read_sms, intake.accept),
        "receipt": _storing(gateway.read_receipt, intake.accept),
        "opt-out": _storing(gateway.read_opt_out, intake.accept),
        "ussd-end": _storing(gateway.read_ussd_end, ussd.end),
    }

    def handler(take: Take) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # This comes before all else, the method too: for whom it is shut, nothing is here.
            if shut := door.shut(request):
                metrics.refused.count(gateway.name, shut)
                raise web.HTTPNotFound
            answer = await _answer(request, door, take)
            if answer is None:
                metrics.refused.count(gateway.name, "signature")
                raise web.HTTPNotFound
            if answer.status in REFUSALS:
                metrics.refused.count(gateway.name, REFUSALS[answer.status])
            return answer

        return handle

    return [
        web.route("*", f"/gateways/{gateway.name}/{{token}}/{kind}", handler(take))
        for kind, take in takers.items()
    ]


def _storing(
    read: Callable[[Form], Message | Refused], store: Callable[[Message], Awaitable[None]]
) -> Take:
    async def take(form: Form) -> web.Response:
        message = read(form)
        if isinstance(message, Refused):
            return _says(400, message.why)
        await store(message)
        return _says(200, "stored")

    return take


def _showing(gateway: HttpGateway, ussd: Sessions) -> Take:
    async def take(form: Form) -> web.Response:
        hop = gateway.read_ussd(form)
        if isinstance(hop, Refused):
            return _says(400, hop.why)
        return web.Response(text=gateway.write_ussd(await ussd.hop(hop)))

    return take


async def _answer(request: web.Request, door: Door, take: Take) -> web.Response | None:
    """The answer; None where the body is not signed as it has to be."""
    if request.method != "POST":
        return _says(405, "only POST is understood here", Allow="POST")
    try:
        body = await _body(request)
    except web.RequestPayloadError:
        return _says(400, "the body cannot be read")
    if body is None:
        return _says(413, f"the body is larger than {LIMIT} bytes")
    if not door.is_signed(request.headers, body):
        return None
    form = read_form(request.headers.get("Content-Type", ""), body)
    if isinstance(form, Refused):
        return _says(400, form.why)
    try:
        return await take(form)
    except Unavailable:
        return _says(503, "cannot store now, send again", Retry_After=str(RETRY_AFTER_SECONDS))


async def _body(request: web.Request) -> bytes | None:
    """The whole body, None if it is over the limit. What a header claims of its size is not used:
    it may lie, and a compressed body is larger than it says."""
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > LIMIT:
            return None
    return bytes(body)


def _says(status: int, text: str, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=text + "\n", headers=named)
