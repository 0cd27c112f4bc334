"""A client that costs little, so that what is measured is the server and not the one who asks.

Raw HTTP/1.1 over keep-alive connections: a request is bytes that are ready, an answer is its status
and as many bytes as it says.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class Flood:
    """How many requests were answered with which status, in how many seconds."""

    statuses: Counter[int]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests answered 200, a second."""
        return self.statuses[200] / self.seconds


def request(path: str, form: str) -> bytes:
    """The bytes of a POST of a form that is encoded already."""
    head = (
        f"POST {path} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: bench\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n"
    )
    return (head + form).encode("ascii")


async def flood(port: int, requests: Iterator[bytes], seconds: float) -> Flood:
    """Send as fast as answers come, each connection its next request after the last answer."""
    statuses: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    started = perf_counter()
    until = started + seconds

    def following() -> bytes | None:
        return next(requests) if perf_counter() < until else None

    async def connect() -> None:
        _, connection = await loop.create_connection(
            lambda: _Connection(following, statuses), "127.0.0.1", port
        )
        await connection.closed

    await asyncio.gather(*(connect() for _ in range(CONNECTIONS)))
    return Flood(statuses, perf_counter() - started)


class _Connection(asyncio.Protocol):
    def __init__(self, following: Callable[[], bytes | None], statuses: Counter[int]) -> None:
        self.closed = asyncio.get_running_loop().create_future()
        self._following = following
        self._statuses = statuses
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        data = self._following()
        if data is None:
            self._transport.close()
        else:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        self._statuses[int(head[9:12])] += 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self.closed.set_result(None)
        else:
            self.closed.set_exception(error)
