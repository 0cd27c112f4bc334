"""`vigie export`: counts for others, with what would tell one reporter apart kept back."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import typer

from handlers.app import opened
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter
from handlers.settings import Settings
from service import export as exporting
from service.content import Content
from service.export import ALL, DIMENSIONS, Dimension, Line

YEAR = timedelta(days=365)
KEPT_BACK = "c"  # as statistical offices write "confidential"
SOURCES = "OCHA Mali and Direction nationale de la population (Mali), CC BY-IGO; changed by Vigie"


def export(
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="A day of the first quarter."),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day of the last quarter.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="What is told apart within a quarter: of week, area, type.")
    ] = "area,type",
    format_: Annotated[Literal["csv", "json"], typer.Option("--format")] = "csv",
    as_: AsIfAny = None,
) -> None:
    """Print how many reports, incidents and alerts there were, by quarter; the last year if unset.

    Areas are those that alerts may name. Counts of 1 to 4 are kept back, and as many others as it
    takes that none can be computed from sums: `c` in CSV, null in JSON. A cell that is not there
    counts 0. A quarter is given out 30 days after it is over, once and for all: asked again it is
    the same, or, with fewer of its dimensions, the sums of the same.
    """
    dimensions = _dimensions(by)
    try:
        lines, content = asyncio.run(_lines(dimensions, from_, to, as_))
    except exporting.NotAsked as refusal:
        typer.echo(refusal, err=True)
        raise typer.Exit(1) from None
    rows = [_row(line, dimensions, content) for line in lines]
    if format_ == "json":
        sources = {"sources": SOURCES} if "area" in dimensions else {}
        typer.echo(json.dumps(sources | {"rows": rows}, ensure_ascii=False, indent=2))
    else:
        typer.echo(_csv(rows, dimensions), nl=False)


def _dimensions(by: str) -> list[Dimension]:
    asked = [part.strip() for part in by.split(",") if part.strip()]
    unknown = [part for part in asked if part not in DIMENSIONS]
    if unknown or not asked:
        raise typer.BadParameter("one or more of week, area and type", param_hint="--by")
    return [name for name in DIMENSIONS if name in asked]


async def _lines(
    by: Sequence[Dimension], from_: datetime | None, to: datetime | None, as_: str | None
) -> tuple[list[Line], Content]:
    async with opened(Settings(), "console") as service:
        now = service.clock.now()
        last: date = to.date() if to else now.date()
        first: date = from_.date() if from_ else last - YEAR
        if first > last:
            raise typer.BadParameter("it comes after --to", param_hint="--from")
        await enter(service, as_, "exported counts", by=" ".join(by))
        _say_what_is_open(last, now.astimezone(service.content.timezone).date())
        async with service.store.write() as tx:
            found = await exporting.table(tx, service.content, by, first, last, now)
        return found, service.content


def _say_what_is_open(last: date, today: date) -> None:
    start = exporting.quarter_of(min(last, today))
    if (closes := exporting.closes(start)) > today:
        name = exporting.quarter_name(start)
        typer.echo(f"{name} is not closed: it is given out from {closes} on", err=True)


def _row(line: Line, by: Sequence[Dimension], content: Content) -> dict[str, Any]:
    row: dict[str, Any] = {"quarter": line.quarter} | dict(line.values)
    if "area" in by:
        area = line.values["area"]
        row["area_name"] = ALL if area == ALL else content.tree.name(area)
    described = asdict(line)
    return row | {name: described[name] for name in ("reports", "incidents", "alerts")}


def _csv(rows: Sequence[dict[str, Any]], by: Sequence[Dimension]) -> str:
    """As a table; names of areas carry their source with them, as their licence asks."""
    named = ["area_name"] if "area" in by else []
    columns = ["quarter", *by, *named, "reports", "incidents", "alerts", *(["source"] * len(named))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = row | {"source": SOURCES}
        writer.writerow([_safe(values[column]) for column in columns])
    return out.getvalue()


def _safe(value: object) -> object:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    if value is None:
        return KEPT_BACK
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
