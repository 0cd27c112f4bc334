"""How long it takes from the gateway's POST until the gateway is called with the alert.

Answers to focal points wait by chance, so they tell nothing of this. Among the reports are probes,
each of which leads to an alert of its own at once; the first text of each alert counts.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import aiohttp

from tests.bench import serving
from tests.bench.row import Row
from tests.bench.village import PATH, PROBE, Village
from tests.support.fake_at import FakeAfricasTalking

# A probe's message, and which alert was opened by it: an episode has its opener in its name.
_PROBES = "SELECT inbox_id FROM report WHERE type = ? ORDER BY inbox_id"
_ALERTS = """
    SELECT alert.id, report.inbox_id FROM alert JOIN report
    ON report.id = CAST(substr(episode, instr(episode, ':') + 1) AS INTEGER) WHERE alert.type = ?
"""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RATE, SECONDS, WARMING = 200, 15, 2
EVERY = 25  # one report in so many is a probe


class _Gateway(FakeAfricasTalking):
    """Notes when it is first called with each alert, by the alert's number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.called: dict[int, float] = {}
        self.requests = _Calls(self.called)


class _Calls(list[dict[str, str]]):
    def __init__(self, called: dict[int, float]) -> None:
        super().__init__()
        self._called = called

    def append(self, form: dict[str, str]) -> None:
        if alert := re.match(r"ALERTE (\d+)", form["message"]):
            self._called.setdefault(int(alert[1]), perf_counter())


async def measure(folder: Path) -> list[Row]:
    """Post at a steady rate, whether or not alerts keep up."""
    async with _Gateway() as at:
        village = Village(folder / "latency", at.base_url)
        await village.settle()
        watcher = serving.Watcher(village)
        async with serving.vigie(village) as server, aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{server.port}{PATH}"
            await _post(http, url, village.reports(), RATE * WARMING)
            asked: list[float] = []
            answered = await _post(http, url, _mixed(village, asked), RATE * SECONDS)
            await watcher.until_still()
        probes = [probe for (probe,) in watcher.rows(_PROBES, PROBE)]
        times = dict(zip(probes, asked, strict=True))
        alerts = watcher.rows(_ALERTS, PROBE)
        told = ((at.called[a], times[p]) for a, p in alerts if a in at.called)
        took = [1000 * (called - posted) for called, posted in told]
    assert len(took) > len(asked) / 2, "few probes led to an alert"
    return [
        Row(
            f"from POST to gateway call with the alert at {RATE} reports/s, median of {len(took)}",
            f"{median(took):.0f} ms",
            f"answered 200 after {median(answered) * 1000:.0f} ms",
        ),
        Row(
            "… 99th percentile",
            f"{quantiles(took, n=100)[98]:.0f} ms",
            f"answered 200 after {quantiles(answered, n=100)[98] * 1000:.0f} ms",
        ),
    ]


def _mixed(village: Village, asked: list[float]) -> Iterator[str]:
    """Reports with probes among them; when each of these was asked for is noted."""
    probes = iter(village.probes)
    for nth, report in enumerate(village.reports()):
        probe = next(probes, None) if nth % EVERY == 0 else None
        if probe is None:
            yield report
        else:
            asked.append(perf_counter())
            yield village.form(probe)


async def _post(
    http: aiohttp.ClientSession, url: str, forms: Iterator[str], count: int
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
            posts.create_task(post(next(forms), due))
    return answered
