"""How long a hop of a USSD session takes to be answered, at a steady rate of new sessions.

Each session is a whole report, a key at a time, some time after the last screen: PAUSE, longer or
shorter, as people are. A hop counts from when it was due, so that one which had to wait for a
connection has waited. The baseline is asked the same, by the same client; what that takes of the
machine is told too.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from urllib.parse import urlencode

from tests.bench import plain, serving
from tests.bench.posting import request
from tests.bench.row import Row
from tests.bench.village import FOCAL_POINTS, GATEWAY, TOKEN, Village, number
from tests.support.fake_at import FakeAfricasTalking
from tests.support.rules_content import rows

PATH = f"/gateways/{GATEWAY}/{TOKEN}/ussd"
RATE, SECONDS, WARMING = 200, 10, 3
PAUSE = (0.1, 0.5)  # seconds
CONNECTIONS = 64
TARGET_MS = 20.0
_SENT = "SELECT count(*) FROM inbox WHERE kind = 'ussd' AND hop IS NULL"


async def measure(folder: Path) -> list[Row]:
    """The service and the baseline, one after the other."""
    async with FakeAfricasTalking() as at:
        village = Village(folder / "ussd", at.base_url)
        await village.settle()
        watcher = serving.Watcher(village)
        codes = [row[0] for row in random.Random(1).sample(rows("places"), 200)]
        async with serving.plain(folder) as server:
            parsed = await _Phones(server.port, plain.PATH, codes).dial()
            to_parse = _processor_time(server)
        async with serving.vigie(village) as server:
            phones = _Phones(server.port, PATH, codes)
            before, own = _processor_time(server), process_time()
            took = await phones.dial()
            own = process_time() - own
            await watcher.until_read()
            used = _processor_time(server) - before
        ended = phones.screens["END"]
        assert watcher.ask(_SENT) == ended == RATE * (WARMING + SECONDS), "a session was lost"
        assert sum(phones.screens.values()) == ended * _HOPS
    middle = median(took)
    return [
        Row(
            f"hop of a USSD session at {RATE} sessions/s, {_HOPS} hops each: median",
            f"{middle:.1f} ms",
            f"a handler that only parses the form: {median(parsed):.1f} ms",
            f"under {TARGET_MS:.0f} ms",
            middle < TARGET_MS,
        ),
        Row(
            "… 99th percentile",
            f"{quantiles(took, n=100)[98]:.1f} ms",
            f"a handler that only parses the form: {quantiles(parsed, n=100)[98]:.1f} ms",
        ),
        Row(
            "… processor time, reading the report and all that follows included",
            f"{1e6 * used / (ended * _HOPS):.0f} µs",
            f"a handler that only parses the form: {1e6 * to_parse / (ended * _HOPS):.0f} µs; "
            f"who asks: {1e6 * own / (ended * _HOPS):.0f} µs",
        ),
    ]


def _processor_time(server: serving.Server) -> float:
    """Seconds, of all its threads."""
    times = server.process.cpu_times()
    return float(times.user + times.system)


def _keys(nth: int, codes: Sequence[str]) -> list[str]:
    """A market attack or a robbery; the place by its code; nobody hurt; yesterday; send."""
    return ["1", str(1 + nth % 2), codes[nth % len(codes)], "1", "2", "2", "1"]


_HOPS = len(_keys(0, ["0"])) + 1


class _Phones:
    """Many phones at one server, over connections that are kept."""

    def __init__(self, port: int, path: str, codes: Sequence[str]) -> None:
        self._port = port
        self._path = path
        self._codes = codes
        self._free: asyncio.Queue[_Line]
        self._pauses = random.Random(2)
        self.screens = {"CON": 0, "END": 0, "stored": 0}

    async def dial(self) -> list[float]:
        """So many sessions a second; the milliseconds of each hop after the first seconds."""
        self._free = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, line = await loop.create_connection(_Line, "127.0.0.1", self._port)
            self._free.put_nowait(line)
        took: list[float] = []
        start = perf_counter()
        async with asyncio.TaskGroup() as sessions:
            for nth in range(RATE * (WARMING + SECONDS)):
                due = start + nth / RATE
                await asyncio.sleep(max(0.0, due - perf_counter()))
                warm = due - start >= WARMING
                sessions.create_task(self._session(nth, due, took if warm else []))
        while not self._free.empty():
            self._free.get_nowait().hang_up()
        return took

    async def _session(self, nth: int, due: float, took: list[float]) -> None:
        keys = _keys(nth, self._codes)
        for pressed in range(_HOPS):
            await asyncio.sleep(max(0.0, due - perf_counter()))
            await self._ask(request(self._path, _form(nth, "*".join(keys[:pressed]))))
            answered = perf_counter()
            took.append(1000 * (answered - due))
            due = answered + self._pauses.uniform(*PAUSE)

    async def _ask(self, hop: bytes) -> None:
        line = await self._free.get()
        screen = await line.ask(hop)
        self._free.put_nowait(line)
        self.screens[screen.split(None, 1)[0].decode()] += 1


class _Line(asyncio.Protocol):
    """One connection, which is asked one hop at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, hop: bytes) -> asyncio.Future[bytes]:
        self._received = b""
        self._screen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(hop)
        return self._screen

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, screen = self._received.partition(b"\r\n\r\n")
        if blank and len(screen) == _length(head):
            self._screen.set_result(screen)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._screen.done():
            self._screen.set_exception(error or ConnectionError("hung up in the middle of a hop"))

    def hang_up(self) -> None:
        self._transport.close()


def _length(head: bytes) -> int:
    assert head.startswith(b"HTTP/1.1 200"), head
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _form(nth: int, answers: str) -> str:
    return urlencode(
        {
            "sessionId": f"ATUid_{nth}",
            "phoneNumber": number(nth % FOCAL_POINTS),
            "networkCode": "61002",
            "serviceCode": "*384*36#",
            "text": answers,
        }
    )
