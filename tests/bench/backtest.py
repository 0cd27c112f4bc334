"""How long a backtest of a million events with forty rules takes, and how much memory.

Everything from the file to the scores is in it. Each event is one report here, so that the engine
is told a million reports. The baseline, in the same run, is to read the file as CSV and do nothing.
"""

import csv
import gc
import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import cycle, islice, product
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from service.backtest import replay, tables
from service.backtest.events import dataset_of
from service.backtest.findings import Findings
from service.backtest.mapping import Mapping, read_mapping
from service.backtest.outcomes import read_outcomes
from service.content import Content, load
from service.domain.rule import Rule

PROJECT = Path(__file__).resolve().parents[2]
BACKTESTS = PROJECT / "rules" / "backtests"
UCDP = BACKTESTS / "ucdp_nigeria_1990_2019.csv"
EVENTS, RULES, PLACES, DAYS = 1_000_000, 40, 200, 3650
TYPES = (
    "market_attack", "banditry", "cattle_theft", "herder_farmer_clash", "crop_damage",
    "blocked_route", "land_water_dispute", "intercommunal_clash",
)  # fmt: skip
COLUMNS = ("event", "date", "lat", "lon", "place", "kind", "killed")
MAPPING = Mapping.model_validate(
    {
        "title": "Made-up events",
        "attribution": "",
        "recognised_by": COLUMNS,
        "columns": {name: (name,) for name in COLUMNS if name != "kind"},
        "reporters": {"otherwise": 1},
        "kinds": [{"type": t, "when": [{"column": "kind", "equals": t}]} for t in TYPES],
    }
)


class Taken(NamedTuple):
    """Seconds for all, and for the replay alone; bytes at the most; reports and alerts."""

    seconds: float
    replaying: float
    memory: int
    reports: int
    alerts: int


def rules(count: int) -> tuple[Rule, ...]:
    """Return rules over the types in turn, that differ in number, reach and span."""
    sizes = cycle(product((3, 4, 5, 6, 8), (25, 40), (72, 120)))
    return tuple(
        Rule.model_validate(
            {
                "id": f"bench-{number}",
                "title": {"en": "Bench"},
                "status": "live",
                "when": {
                    "types": [TYPES[number % len(TYPES)]],
                    "at_least": at_least,
                    "distinct_reporters": 2,
                    "within": {"km": km, "hours": hours},
                },
                "alert": {"severity": "severe"},
            }
        )
        for number, (at_least, km, hours) in enumerate(islice(sizes, count))
    )


def write_events(file: Path, count: int, seed: int = 1) -> None:
    """Write made-up events of ten years, in no order, from places over some 400 km."""
    chance = Random(seed)
    places = [
        (f"{chance.uniform(13, 17):.4f}", f"{chance.uniform(-6, -2):.4f}") for _ in range(PLACES)
    ]
    days = [
        f"{year}-{month:02}-{day:02}"
        for year, month, day in product(range(2010, 2020), range(1, 13), range(1, 29))
    ]
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(COLUMNS)
        for number in range(count):
            place = chance.randrange(PLACES)
            killed = chance.randrange(1, 30) if chance.random() < 0.02 else 0
            where = *places[place], f"place-{place}"
            rows.writerow([number, chance.choice(days), *where, chance.choice(TYPES), killed])


def backtest(file: Path, mapping: Mapping, content: Content) -> Taken:
    """Read, replay and score, as the command does."""
    started = perf_counter()
    data = dataset_of(file, tables.read(file), mapping, content.tree)
    gc.freeze()
    read = perf_counter()
    found = replay(data, content)
    replayed = perf_counter()
    outcomes = read_outcomes(BACKTESTS / "outcomes.yaml")
    Findings(data, outcomes, content.areas).of(found)
    taken = perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Taken(taken, replayed - read, memory, data.reports, len(found.alerts))


def _made_up(file: Path, rule_count: int) -> Taken:
    return backtest(file, MAPPING, replace(load(PROJECT), rules=rules(rule_count)))


def _ucdp() -> Taken:
    content = load(PROJECT)
    return backtest(UCDP, read_mapping(BACKTESTS / "ucdp.yaml", content.codebook), content)


def _read_only(file: Path) -> float:
    started = perf_counter()
    with file.open(newline="", encoding="utf-8") as opened:
        for _ in csv.reader(opened):
            pass
    return perf_counter() - started


def measure(events: int = EVENTS, rule_count: int = RULES) -> list[tuple[str, str]]:
    """Return (what, figure) rows. Each backtest runs in a process of its own, for its memory."""
    with (
        TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as apart,
    ):
        file = Path(folder) / "events.csv"
        write_events(file, events)
        reading = apart.submit(_read_only, file).result()
        million = apart.submit(_made_up, file, rule_count).result()
        ucdp = apart.submit(_ucdp).result()
    what = f"backtest, {events:,} events, {rule_count} rules"
    return [
        (what, f"{million.seconds:.1f} s, {million.memory / 1e6:,.0f} MB"),
        ("… of which the engine", f"{million.reports / million.replaying:,.0f} reports/s"),
        ("… as a ratio of only reading the CSV file", f"{million.seconds / reading:.0f}"),
        (f"backtest of UCDP's Nigeria, {ucdp.alerts:,} alerts", f"{ucdp.seconds:.2f} s"),
    ]


if __name__ == "__main__":
    for what, figure in measure():
        print(f"{what}: {figure}")
