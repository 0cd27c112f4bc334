"""How long it takes from the gateway's POST until the gateway is called with the answer."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import aiohttp

from tests.bench import serving
from tests.bench.row import Row
from tests.bench.village import PATH, Village
from tests.support.fake_at import FakeAfricasTalking

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RATE, SECONDS, WARMING = 200, 15, 2


class _Gateway(FakeAfricasTalking):
    """Notes when it is called for whom; answers come in the order in which each person texted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked: dict[str, deque[float]] = defaultdict(deque)
        self.took: list[float] = []
        self.requests = _Called(self)


class _Called(list[dict[str, str]]):
    def __init__(self, gateway: _Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    def append(self, form: dict[str, str]) -> None:
        now = perf_counter()
        for number in form["to"].split(","):
            if waiting := self._gateway.asked[number]:
                self._gateway.took.append(now - waiting.popleft())


async def measure(folder: Path) -> list[Row]:
    """Post at a steady rate, whether or not answers keep up."""
    async with _Gateway() as at:
        village = Village(folder / "latency", at.base_url)
        await village.settle()
        watcher = serving.Watcher(village)
        async with serving.vigie(village) as server, aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{server.port}{PATH}"
            reports = village.reports()
            await _post(http, url, reports, at, RATE * WARMING)
            await watcher.until_still()
            at.took.clear()
            answered = await _post(http, url, reports, at, RATE * SECONDS)
            await watcher.until_still()
    took = [seconds * 1000 for seconds in at.took]
    return [
        Row(
            f"from POST to gateway call at {RATE} reports/s, median of {len(took):,}",
            f"{median(took):.0f} ms",
            f"answered 200 after {median(answered) * 1000:.0f} ms",
        ),
        Row(
            "… 99th percentile",
            f"{quantiles(took, n=100)[98]:.0f} ms",
            f"answered 200 after {quantiles(answered, n=100)[98] * 1000:.0f} ms",
        ),
    ]


async def _post(
    http: aiohttp.ClientSession,
    url: str,
    reports: Iterator[tuple[str, str]],
    at: _Gateway,
    count: int,
) -> list[float]:
    """Post so many; how long each took to be answered, counted from when it was due."""
    answered = []

    async def post(form: str, due: float) -> None:
        async with http.post(url, data=form, headers=_FORM) as answer:
            assert answer.status == 200
        answered.append(perf_counter() - due)

    start = perf_counter()
    async with asyncio.TaskGroup() as posts:
        for nth in range(count):
            due = start + nth / RATE
            await asyncio.sleep(max(0.0, due - perf_counter()))
            sender, form = next(reports)
            at.asked[sender].append(due)
            posts.create_task(post(form, due))
    return answered
