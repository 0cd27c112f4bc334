"""The one HTTP edge of every gateway: token, size, form, and an answer that keeps its word.

A gateway module turns a form into a message; this turns requests into forms, and answers. 200 means
that the message is on disk. No answer and no metric repeats anything that was sent.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from handlers.gateways.forms import Form, Refused, read_form
from service.gateway import Inbound, InboundOptOut, InboundReceipt, InboundSms
from service.intake import Unavailable
from service.telemetry import Metrics

LIMIT = 64 * 1024
"""Largest body in bytes. A text of ten segments with every letter escaped is under 16 KiB."""

RETRY_AFTER_SECONDS = 5

REFUSALS: Mapping[int, str] = MappingProxyType(
    {400: "unreadable", 404: "token", 405: "method", 413: "too_large", 503: "unavailable"}
)
"""The metric's word for each answer that is not 200."""


class HttpGateway(Protocol):
    """What a gateway module gives the edge: its name in the URL, and readers without I/O."""

    @property
    def name(self) -> str: ...

    def read_sms(self, form: Form) -> InboundSms | Refused: ...

    def read_receipt(self, form: Form) -> InboundReceipt | Refused: ...

    def read_opt_out(self, form: Form) -> InboundOptOut | Refused: ...


class Intake(Protocol):
    """Returns once the message is on disk; raises `Unavailable` if it cannot be put there now."""

    async def accept(self, message: Inbound) -> None: ...


Reader = Callable[[Form], Inbound | Refused]


def gateway_routes(
    gateway: HttpGateway, tokens: Sequence[str], intake: Intake, metrics: Metrics
) -> list[web.RouteDef]:
    """`/gateways/<name>/<token>/sms`, `…/receipt` and `…/opt-out`, for each of the live tokens.

    `tokens` may change while the service runs: it is looked at for each request.
    """
    readers: dict[str, Reader] = {
        "sms": gateway.read_sms,
        "receipt": gateway.read_receipt,
        "opt-out": gateway.read_opt_out,
    }

    def handler(read: Reader) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # The token comes before all else, the method too: without one, nothing is here.
            if not _is_live(request.match_info["token"], tokens):
                metrics.refused.count(gateway.name, REFUSALS[404])
                raise web.HTTPNotFound
            answer = await _answer(request, read, intake)
            if answer.status in REFUSALS:
                metrics.refused.count(gateway.name, REFUSALS[answer.status])
            return answer

        return handle

    return [
        web.route("*", f"/gateways/{gateway.name}/{{token}}/{kind}", handler(read))
        for kind, read in readers.items()
    ]


def _is_live(token: str, live: Sequence[str]) -> bool:
    given = token.encode("utf-8", "surrogatepass")
    # A sum looks at every token; any() would stop at the first, and the time taken would tell.
    return sum(hmac.compare_digest(given, each.encode()) for each in live) > 0


async def _answer(request: web.Request, read: Reader, intake: Intake) -> web.Response:
    if request.method != "POST":
        return _says(405, "only POST is understood here", Allow="POST")
    try:
        body = await _body(request)
    except web.RequestPayloadError:
        return _says(400, "the body cannot be read")
    if body is None:
        return _says(413, f"the body is larger than {LIMIT} bytes")
    form = read_form(request.headers.get("Content-Type", ""), body)
    message = form if isinstance(form, Refused) else read(form)
    if isinstance(message, Refused):
        return _says(400, message.why)
    try:
        await intake.accept(message)
    except Unavailable:
        return _says(503, "cannot store now, send again", Retry_After=str(RETRY_AFTER_SECONDS))
    return _says(200, "stored")


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
