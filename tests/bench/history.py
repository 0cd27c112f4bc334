"""What a long history costs: to process it, to have it in mind, and to start with it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from tests.bench import serving
from tests.bench.row import Row
from tests.bench.village import Village
from tests.support.fake_at import FakeAfricasTalking

FIRST, ALL = 20_000, 100_000
SPAN = timedelta(days=365)
MOST_MEGABYTES, MOST_SECONDS = 200, 3.0


async def measure(folder: Path) -> list[Row]:
    """A year's reports, processed in one go: all of them are in mind until they are swept.

    Nobody is enrolled who would be told: sending is another measure.
    """
    async with FakeAfricasTalking() as at:
        village = Village(folder / "history", at.base_url, responders=0)
        await village.settle()
        watcher = serving.Watcher(village)
        first = SPAN * FIRST / ALL
        await village.fill_inbox(FIRST, first, SPAN - first)
        async with serving.vigie(village, "engine"):
            rate = await _drained(watcher)
        await village.fill_inbox(ALL - FIRST, SPAN - first)
        async with serving.vigie(village) as server:
            await watcher.until_read()
            megabytes = server.resident() / 1e6
        async with serving.vigie(village) as server:
            seconds = server.started_in
            restarted = server.resident() / 1e6
    decided = watcher.ask("SELECT count(*) FROM report")
    return [
        Row("reports processed, from inbox to decision", f"{rate:,.0f}/s"),
        Row(
            f"resident memory after {decided:,} reports in {SPAN.days} days",
            f"{megabytes:.0f} MB",
            f"{restarted:.0f} MB after a restart",
            f"under {MOST_MEGABYTES} MB",
            megabytes < MOST_MEGABYTES,
        ),
        Row(
            "from exec to ready with that history",
            f"{seconds:.1f} s",
            "",
            f"under {MOST_SECONDS:.0f} s",
            seconds < MOST_SECONDS,
        ),
    ]


async def _drained(watcher: serving.Watcher) -> float:
    """Reports a second, from when the first are seen to be done to the last."""
    waiting = left = watcher.waiting()
    while left == waiting:
        await asyncio.sleep(0.01)
        left = watcher.waiting()
    waiting, started = left, perf_counter()
    await watcher.until_read()
    return waiting / (perf_counter() - started)
