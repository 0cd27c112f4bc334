"""`vigie backtest`: what rules would have done, had they been there."""

import asyncio
import gc
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from handlers.app import opened
from handlers.cli import backtest_report as report
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter
from handlers.settings import PROJECT, Settings
from service.backtest import Dataset, EventsError, replay, tables
from service.backtest.compare import difference
from service.backtest.events import dataset_of
from service.backtest.findings import Findings
from service.backtest.history import history
from service.backtest.mapping import read_mapping, recognise
from service.backtest.outcomes import Outcome, read_outcomes
from service.backtest.plot import Dot, amoc
from service.backtest.rules import load_over
from service.backtest.score import sent
from service.backtest.sweep import Sweep, SweepError, read_sweep, variants
from service.content import Content, ContentError

BACKTESTS = Path("rules", "backtests")
HISTORY = "history"

_DELAY = re.compile(r"([0-9]{1,4})([hd])", re.ASCII)


def _hours(written: str, option: str) -> int:
    match = _DELAY.fullmatch(written)
    if match is None:
        raise typer.BadParameter(f"{written}: write 24h or 3d", param_hint=option)
    return int(match[1]) * (24 if match[2] == "d" else 1)


def _directory(what: str) -> Any:
    return typer.Option(help=what, exists=True, file_okay=False)


def _file(what: str) -> Any:
    return typer.Option(help=what, exists=True, dir_okay=False)


Events = Annotated[
    str,
    typer.Option(help="A CSV or XLSX file of UCDP GED, ACLED or alike; or `history`, the reports "
                 "that this service has received."),
]  # fmt: skip
Rules = Annotated[
    Path | None,
    _directory("The rules to judge by: holds rules/, or is one, or only files of rules; "
               "VIGIE_CONTENT_DIR if unset."),
]  # fmt: skip
Compare = Annotated[Path | None, _directory("Changed rules: which alerts are gained and lost.")]
MappingFile = Annotated[
    Path | None, _file("What the columns mean; if unset, the one in rules/backtests/ that fits.")
]
OutcomesFile = Annotated[
    Path | None, _file("What alerts should have foreseen; rules/backtests/outcomes.yaml if unset.")
]
Delay = Annotated[str, typer.Option(metavar="24h|3d", help="How late every report arrives.")]
Spread = Annotated[
    str,
    typer.Option(metavar="24h|3d", help="How much later still, by chance: its mean."),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same chance delays.")]
SweepOption = Annotated[
    str | None,
    typer.Option("--sweep", metavar="RULE.NUMBER=FROM..TO",
                 help="Try one number of a rule at many values: market-cluster.at_least=2..8"),
]  # fmt: skip
Plot = Annotated[
    Path | None, typer.Option(help="Draw the sweep, as SVG: false alarms against lead and recall.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


def backtest(
    events: Events = HISTORY,
    rules: Rules = None,
    compare: Compare = None,
    mapping: MappingFile = None,
    outcomes: OutcomesFile = None,
    delay: Delay = "0h",
    delay_spread: Spread = "0h",
    seed: Seed = 1,
    sweep: SweepOption = None,
    plot: Plot = None,
    as_: AsIfAny = None,
    json_: AsJson = False,
) -> None:
    """Replay what happened and say what the rules would have made of it.

    Each report is judged when it is received, by what was known then. Exits with 1 if rows of the
    file could not be read.
    """
    if plot and not sweep:
        raise typer.BadParameter("a plot needs a --sweep", param_hint="--plot")
    late, spread = _hours(delay, "--delay"), _hours(delay_spread, "--delay-spread")
    settings = Settings()
    try:
        content = load_over(rules or settings.content_dir, settings.content_dir)
        changed = load_over(compare, settings.content_dir) if compare else None
        looked_for = read_outcomes(outcomes or _shipped(settings, "outcomes.yaml"))
        data, how = _dataset(settings, events, mapping, content, as_)
    except ContentError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        typer.echo(f"{len(error.problems)} problems: nothing was replayed", err=True)
        raise typer.Exit(1) from None
    except EventsError as error:
        typer.echo(report.clean(str(error)), err=True)
        raise typer.Exit(1) from None
    gc.freeze()  # so many events need not be searched for garbage again and again
    data.delay(late, spread, seed)
    for line in report.bad_rows(data):
        typer.echo(line, err=True)
    found = _find(data, content, looked_for, changed, how)
    if sweep:
        found |= _sweep(data, content, looked_for[0], sweep, plot)
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if json_ else report.text(found))
    if data.bad:
        raise typer.Exit(1)


def _find(
    data: Dataset,
    content: Content,
    outcomes: tuple[Outcome, ...],
    changed: Content | None,
    how: str,
) -> dict[str, Any]:
    """Replay, and return what was found as JSON has it; the text is made of the same."""
    findings = Findings(data, outcomes, content.areas)
    with _progress("replaying") as progress:
        first = replay(data, content, progress=progress)
    found = report.head(data, how, content) | report.judged(data, findings, findings.of(first))
    if changed is not None:
        with _progress("replaying the change") as progress:
            second = replay(data, changed, progress=progress)
        found["changed"] = report.judged(data, findings, findings.of(second))["rules"]
        found["difference"] = report.difference(
            difference(first.alerts, second.alerts), next(iter(findings.judges.values()))
        )
    return found


def _sweep(
    data: Dataset, content: Content, outcome: Outcome, written: str, picture: Path | None
) -> dict[str, Any]:
    try:
        sweep = read_sweep(written, content.rules)
    except SweepError as error:
        raise typer.BadParameter(str(error), param_hint="--sweep") from None
    findings = Findings(data, (outcome,), content.areas)
    judge = findings.judges[outcome.id]
    tried: list[tuple[float, Any]] = []
    with _progress(f"trying {len(sweep.values)} values") as progress:
        for number, (value, rules) in enumerate(variants(sweep, content.rules)):
            if progress is not None:
                progress(number, len(sweep.values))
            if isinstance(rules, str):
                tried.append((value, rules))
            else:
                alerts = replay(data, content, rules).of(sweep.rule)
                tried.append((value, judge.score(sent(alerts))))
    if picture is not None:
        _draw(picture, data, outcome, sweep, tried, findings)
    return {"sweep": report.sweep(sweep, outcome, tried, findings.baselines[outcome.id])}


def _draw(
    picture: Path,
    data: Dataset,
    outcome: Outcome,
    sweep: Sweep,
    tried: list[tuple[float, Any]],
    findings: Findings,
) -> None:
    dots = [Dot(f"{value:g}", score) for value, score in tried if not isinstance(score, str)]
    baseline = Dot("wherever there was an incident last month", findings.baselines[outcome.id])
    title = f"{sweep.rule}: {'.'.join(sweep.path)} from {sweep.values[0]:g} to {sweep.values[-1]:g}"
    drawn = amoc(title, str(outcome), data.attribution, dots, baseline)
    picture.write_text(drawn, encoding="utf-8")
    typer.echo(f"{picture} is drawn", err=True)


def _dataset(
    settings: Settings, events: str, mapping: Path | None, content: Content, as_: str | None
) -> tuple[Dataset, str]:
    """Read the events; and how that was done, in words."""
    if events == HISTORY:
        return asyncio.run(_history(settings, content, as_)), "this service's own reports"
    path = Path(events)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {events}", param_hint="--events")
    table = tables.read(path)
    if mapping is not None:
        chosen, by = read_mapping(mapping, content.codebook), f"by {mapping.name}, as you said"
    else:
        known = {
            file.name: read_mapping(file, content.codebook)
            for file in sorted(_shipped(settings, "").glob("*.yaml"))
            if file.name != "outcomes.yaml"
        }
        name = recognise(table.header, known)
        chosen, by = known[name], f"by {name}, which its columns fit"
    with _progress("reading") as progress:
        data = dataset_of(path, table, chosen, content.tree, progress)
    return data, f"{path.name}, read as {chosen.title} {by}"


async def _history(settings: Settings, content: Content, as_: str | None) -> Dataset:
    async with opened(settings, "console") as service:
        await enter(service, as_, "replayed own reports")
        return await history(service.store, content.tree, content.gazetteer)


def _shipped(settings: Settings, name: str) -> Path:
    """Return a file of rules/backtests/: the content's own, or the project's if it has none."""
    own = settings.content_dir / BACKTESTS
    return (own if own.is_dir() else PROJECT / BACKTESTS) / name


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
