"""How long a hop of a USSD session takes to be answered, at a steady rate of new sessions.

Each session is a whole report, a key at a time, as long after the last screen as PAUSE says. A hop
counts from when it was due, so that one which had to wait for a connection has waited. The baseline
is asked the same, by the same client.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from urllib.parse import urlencode

from tests.bench import plain, serving
from tests.bench.posting import request
from tests.bench.row import Row
from tests.bench.village import FOCAL_POINTS, GATEWAY, TOKEN, Village, number
from tests.support.fake_at import FakeAfricasTalking
from tests.support.rules_content import rows

PATH = f"/gateways/{GATEWAY}/{TOKEN}/ussd"
RATE, SECONDS, WARMING = 200, 10, 3
PAUSE = 0.2
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
            before = _processor_time(server)
            took = await phones.dial()
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
            f"a handler that only parses the form: {1e6 * to_parse / (ended * _HOPS):.0f} µs",
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
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self.screens = {"CON": 0, "END": 0, "stored": 0}

    async def dial(self) -> list[float]:
        """So many sessions a second; the milliseconds of each hop after the first seconds."""
        self._free = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        took: list[float] = []
        start = perf_counter()
        async with asyncio.TaskGroup() as sessions:
            for nth in range(RATE * (WARMING + SECONDS)):
                due = start + nth / RATE
                await asyncio.sleep(max(0.0, due - perf_counter()))
                warm = due - start >= WARMING
                sessions.create_task(self._session(nth, due, took if warm else []))
        while not self._free.empty():
            self._free.get_nowait()[1].close()
        return took

    async def _session(self, nth: int, due: float, took: list[float]) -> None:
        keys = _keys(nth, self._codes)
        for pressed in range(_HOPS):
            await asyncio.sleep(max(0.0, due - perf_counter()))
            await self._ask(request(self._path, _form(nth, "*".join(keys[:pressed]))))
            answered = perf_counter()
            took.append(1000 * (answered - due))
            due = answered + PAUSE

    async def _ask(self, hop: bytes) -> None:
        reader, writer = line = await self._free.get()
        writer.write(hop)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        screen = await reader.readexactly(length)
        self._free.put_nowait(line)
        self.screens[screen.decode().split(None, 1)[0]] += 1


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
