"""How many texts a second are accepted, each on disk before it is answered."""

from pathlib import Path
from statistics import median

from tests.bench import plain, serving
from tests.bench.posting import flood, request
from tests.bench.row import Row
from tests.bench.village import PATH, Village
from tests.support.fake_at import FakeAfricasTalking

ROUNDS, SECONDS = 5, 2.0
TARGET = 0.30


async def measure(folder: Path) -> list[Row]:
    """Rounds of both servers in turn, so that whatever else the machine does meets both."""
    async with FakeAfricasTalking() as at:
        village = Village(folder / "intake", at.base_url)
        await village.settle()
        posts = (request(PATH, form) for form in village.reports())
        baseline = (request(plain.PATH, form) for form in village.reports())
        watcher = serving.Watcher(village)
        async with serving.vigie(village) as vigie, serving.plain(folder) as parser:
            rates, ratios = [], []
            for _ in range(ROUNDS):
                parsed = await flood(parser.port, baseline, SECONDS)
                stored = await flood(vigie.port, posts, SECONDS)
                assert set(stored.statuses) == set(parsed.statuses) == {200}
                rates.append(stored.rate)
                ratios.append(stored.rate / parsed.rate)
                await watcher.until_still()
                at.requests.clear()
        ratio = median(ratios)
        return [
            Row(
                "texts accepted, each on disk before its 200",
                f"{median(rates):,.0f}/s",
                f"{ratio:.2f} of a handler that only parses the form",
                f"at least {TARGET:.2f} of it",
                ratio >= TARGET,
            )
        ]
