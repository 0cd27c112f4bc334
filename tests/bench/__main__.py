"""`make bench`: everything that is measured, in one table. Exit status 1 if a target was missed."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from tests.bench import anomaly, backtest, delivery, engine, history, intake, latency, places, ussd
from tests.bench.row import Row

SERVICE: dict[str, Callable[[Path], Coroutine[None, None, list[Row]]]] = {
    "intake": intake.measure,
    "latency": latency.measure,
    "ussd": ussd.measure,
    "history": history.measure,
    "delivery": delivery.measure,
}
PARTS: dict[str, Callable[[], Sequence[Row | tuple[str, str]]]] = {
    "places": places.measure,
    "engine": engine.measure,
    "anomaly": anomaly.measure,
    "backtest": backtest.measure,
}
MARKS = {True: "[green]yes[/green]", False: "[bold red]no[/bold red]", None: ""}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = [*SERVICE, *PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(names)}")
    parser.add_argument("--json", action="store_true", help="for machines, on standard output")
    asked = parser.parse_args()
    if unknown := set(asked.parts).difference(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    conditions = _conditions()
    rows: list[Row] = []
    for name in asked.parts or names:
        measured = _run(name)
        rows += measured
        if not asked.json:  # at once: a run that is broken off has told what it knows
            _show(name, measured, conditions)
    if asked.json:
        print(json.dumps({**conditions, "rows": [asdict(row) for row in rows]}, indent=2))
    return int(any(row.met is False for row in rows))


def _run(name: str) -> list[Row]:
    print(f"measuring {name} …", file=sys.stderr, end=" ", flush=True)
    started = perf_counter()
    rows: Sequence[Row | tuple[str, str]]
    try:
        if name in SERVICE:
            with tempfile.TemporaryDirectory(prefix="vigie-bench-") as folder:
                rows = asyncio.run(SERVICE[name](Path(folder)))
        else:
            rows = PARTS[name]()
    except (TimeoutError, RuntimeError) as error:  # what the other parts measured is not lost
        rows = [Row(name, "not measured", f"{type(error).__name__}: {error}", "", False)]
    print(f"{perf_counter() - started:.0f} s", file=sys.stderr)
    return [row if isinstance(row, Row) else Row(*row) for row in rows]


def _conditions() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _show(part: str, rows: Sequence[Row], conditions: dict[str, object]) -> None:
    told = ", ".join(f"{name} {value}" for name, value in conditions.items())
    table = Table(
        title=f"{part}, measured ({told})", caption="Machines differ: ratios travel best."
    )
    for column in ("what", "figure", "beside", "target", "met"):
        table.add_column(column, justify="right" if column == "figure" else "left")
    for row in rows:
        table.add_row(row.what, row.figure, row.beside, row.target, MARKS[row.met])
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
