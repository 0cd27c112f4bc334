"""An edge on loopback that keeps what it accepts, and a client that sends it raw bytes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer

from handlers.gateways.door import Door
from handlers.gateways.edge import REASONS, HttpGateway, gateway_routes
from service.gateway import Inbound, UssdHop
from service.intake import Unavailable
from service.telemetry import Metrics
from service.ussd import Screen

TOKEN = "a-token-of-22-letters-"
URLENCODED = "application/x-www-form-urlencoded"


class Kept:
    """Stands where intake and the USSD menu stand, and keeps messages and hops in memory."""

    def __init__(self) -> None:
        self.messages: list[Inbound | UssdHop] = []
        self.available = True
        self.fault: Exception | None = None

    async def accept(self, message: Inbound) -> None:
        if self.fault:
            raise self.fault
        if not self.available:
            raise Unavailable
        self.messages.append(message)

    async def hop(self, hop: UssdHop) -> Screen:
        await self.end(hop)
        return Screen("menu", last=hop.answers == "last")

    async def end(self, hop: UssdHop) -> None:
        if not self.available:
            raise Unavailable
        self.messages.append(hop)


@dataclass
class Edge:
    """A running edge. `post` returns (status, body)."""

    name: str
    kept: Kept
    metrics: Metrics
    server: BaseTestServer
    client: ClientSession = field(repr=False)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def post(
        self, kind: str, body: bytes, content_type: str | None = URLENCODED, token: str = TOKEN
    ) -> tuple[int, str]:
        headers = {} if content_type is None else {"Content-Type": content_type}
        url = self.url(f"/gateways/{self.name}/{token}/{kind}")
        skip = ["Content-Type"] if content_type is None else []
        async with self.client.post(
            url, data=body, headers=headers, skip_auto_headers=skip
        ) as answer:
            return answer.status, await answer.text()


def metrics() -> Metrics:
    """Real metrics with the edge's own lists, the others empty."""
    return Metrics(
        gateways=("africastalking", "simulator"),
        kinds=("sms", "ussd", "receipt", "opt_out"),
        refusals=REASONS,
        types=(),
        problems=(),
        decisions=(),
        severities=(),
        warnings=("duress", "wrong_pins"),
        statuses=(),
    )


@asynccontextmanager
async def running_edge(
    gateway: HttpGateway,
    tokens: Sequence[str] = (TOKEN,),
    app: web.Application | None = None,
    door: Door | None = None,
) -> AsyncIterator[Edge]:
    """The gateway's routes on a real server on loopback."""
    app = app or web.Application()
    kept, counted = Kept(), metrics()
    app.add_routes(gateway_routes(gateway, door or Door(tokens), kept, kept, counted))
    async with TestServer(app) as server, ClientSession() as client:
        yield Edge(gateway.name, kept, counted, server, client)
