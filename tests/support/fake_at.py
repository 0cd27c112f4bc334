"""A server on loopback that speaks Africa's Talking's bulk SMS API, well and badly.

    async with FakeAfricasTalking() as at:
        gateway = AfricasTalking("vigie", at.api_key, base_url=at.base_url)

It answers as the documents say unless a test sets one of the attributes to something worse.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

STATUS_WORDS = {
    100: "Processed",
    101: "Success",
    102: "Queued",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}


@dataclass
class Raw:
    """An answer word for word, in place of the proper one."""

    status: int
    body: str
    content_type: str = "application/json"


@dataclass
class FakeAfricasTalking:
    """`requests` holds the form of every request that was taken, in order, also those that got no
    answer; `texts` the same as (number, text) pairs."""

    username: str = "vigie"
    api_key: str = "atsk_not_a_real_key"
    codes: dict[str, int] = field(default_factory=dict)
    """statusCode by number; 101 for all others."""
    left_out: set[str] = field(default_factory=set)
    """Numbers that the answer does not speak of."""
    raw: Raw | None = None
    drops: Literal["never", "after taking"] = "never"
    """Closes the connection instead of answering."""
    content_type: str = "application/json"
    requests: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self.answering = asyncio.Event()
        """While it is clear, requests are taken and wait for their answer."""
        self.answering.set()
        self.attempts: list[dict[str, str]] = []
        """The form of every request, also of those that were turned away."""
        self.taken: list[tuple[str, str]] = []
        """Those of `texts` that the answer said were accepted."""
        self._ids = 0
        self.message_ids: dict[str, list[str]] = defaultdict(list)
        """The ids given out, by number, in order."""

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [
            (number, form["message"])
            for form in self.requests
            for number in form["to"].split(",")
            if number
        ]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/version1/messaging", self._messaging)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.answering.set()
        await self._runner.cleanup()

    async def _messaging(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("apiKey") != self.api_key:
            return web.Response(status=401, text="The supplied authentication is invalid")
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("username") != self.username:
            return web.Response(status=401, text="The supplied authentication is invalid")
        for name in ("to", "message"):
            if name not in form:
                return web.Response(
                    status=400, text=f"Request is missing required form field '{name}'"
                )
        self.attempts.append(form)
        if self.raw and self.raw.status == 401:
            return web.Response(status=401, text=self.raw.body)
        self.requests.append(form)
        await self.answering.wait()
        if self.drops == "after taking":
            assert request.transport is not None
            request.transport.abort()
        if self.raw:
            return web.Response(
                status=self.raw.status, text=self.raw.body, content_type=self.raw.content_type
            )
        numbers = [number for number in form["to"].split(",") if number not in self.left_out]
        self.taken += [(n, form["message"]) for n in numbers if self.codes.get(n, 101) < 200]
        said = {"SMSMessageData": self._data(numbers)}
        return web.Response(status=201, text=json.dumps(said), content_type=self.content_type)

    def _data(self, numbers: list[str]) -> Mapping[str, object]:
        recipients = [self._recipient(number) for number in numbers]
        taken = sum(recipient["messageId"] != "None" for recipient in recipients)
        return {
            "Message": f"Sent to {taken}/{len(numbers)} Total Cost: XOF {taken * 15}.0000",
            "Recipients": recipients,
        }

    def _recipient(self, number: str) -> dict[str, object]:
        code = self.codes.get(number, 101)
        self._ids += 1
        taken = code < 200
        message_id = f"ATXid_{self._ids:08x}" if taken else "None"
        self.message_ids[number].append(message_id)
        return {
            "statusCode": code,
            "number": number,
            "status": STATUS_WORDS.get(code, "Mystery"),
            "cost": "XOF 15.0000" if taken else "0",
            "messageId": message_id,
            "messageParts": 1,
        }
