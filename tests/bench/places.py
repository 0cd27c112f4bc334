"""What places and the grammar cost, each beside a measure of the same machine in the same run."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from service.domain import grammar, words
from service.domain.gazetteer import Gazetteer
from service.domain.meant import Meant
from tests.support.rules_content import RULES, TABLES, codebook, rows

HOME = "ML0506"
TEXT = "MA Sokolo Niono 3 morts 5 blessés hier soir, des hommes sur des motos sont venus de Konna; "


def measure() -> list[tuple[str, str]]:
    """Rows of what was measured and how much it was."""
    files = [RULES / "places" / f"{table}.csv" for table in TABLES]
    reading = _seconds(lambda: [_read(file) for file in files], repeat=7)
    loading = _seconds(_load, repeat=7)
    places = _load()
    meant = Meant(places, HOME)

    written = [row[1] for row in rows("places")]
    names = [words.split(name, 100).runs for name in written]
    keys = {words.key(name): name for name in written}
    folding = _seconds(lambda: [keys[words.key(name)] for name in written], repeat=5) / len(names)
    finding = _seconds(lambda: [meant.find(name) for name in names], repeat=5) / len(names)
    commonest = ("madina",)
    worst = _seconds(lambda: [meant.find(commonest) for _ in range(100)], repeat=7) / 100

    text = (TEXT * 20)[: grammar.TEXT_LIMIT]
    splitting = _seconds(lambda: re.findall(r"\w+", text.lower()), repeat=50)
    parsing = _seconds(lambda: grammar.read(text, codebook(), places, HOME), repeat=50)
    plain = _seconds(lambda: grammar.read("MA SOKOLO 3 5", codebook(), places, HOME), repeat=200)
    return [
        (f"load {len(places):,} places", f"{loading * 1e3:.0f} ms"),
        ("… as a ratio of reading the same CSV files only", f"{loading / reading:.1f}"),
        ("look up a place, mean over every village", f"{finding * 1e6:.1f} µs"),
        ("… as a ratio of folding the name and one look-up in a dict", f"{finding / folding:.1f}"),
        ("look up the commonest name (48 places)", f"{worst * 1e6:.1f} µs"),
        (f"read a text of {len(text):,} characters", f"{parsing * 1e3:.2f} ms"),
        ("… as a ratio of only splitting it by a regular expression", f"{parsing / splitting:.1f}"),
        ("read `MA SOKOLO 3 5`", f"{plain * 1e6:.0f} µs"),
    ]


def _read(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


def _load() -> Gazetteer:
    return Gazetteer.from_tables(*(rows(table) for table in TABLES))


def _seconds(action: Callable[[], object], repeat: int) -> float:
    """The median time of one run, in seconds."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return median(times)
