"""`vigie alert`: how alerts stand, and those whose exact place a coordinator may tell."""

import asyncio
import json
from typing import Annotated

import typer

from handlers.app import opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.cli.since import begins
from handlers.settings import Settings
from service.domain.responses import tally
from service.exact_place import NotAllowed, allow
from service.store import alerts, outbox, responses

commands = typer.Typer(
    help="How alerts stand; and the exact place, which a coordinator alone can let be told.",
    no_args_is_help=True,
)


@commands.command("list")
def list_(
    since: Annotated[
        str, typer.Option(help="Only alerts that were told since: 2026-11-01, 72h, 30d or 8w.")
    ] = "30d",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """List alerts: how each stands, how it ended, how many were told and what they said last."""
    rows = asyncio.run(_standing(since))
    if json_:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        typer.echo("\t".join(_cell(value) for value in row.values()))


@commands.command()
def waiting(
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """List the alerts whose exact place was asked for and not told: number, type, area, day."""
    rows = asyncio.run(_waiting())
    if json_:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        typer.echo("\t".join(str(value) for value in row.values()))


@commands.command()
def release(
    number: Annotated[int, typer.Argument(min=1, max=MOST, help="The number of the alert.")],
    as_: As,
) -> None:
    """Tell the exact place of an alert to those who had the alert. It is entered by your name.

    Refused where the rule does not ask for it, where a type is not public in the codebook, or where
    fewer than three different people reported the very place. What was told cannot be taken back.
    """
    try:
        name = asyncio.run(_release(number, as_))
    except NotAllowed as refusal:
        typer.echo(refusal, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"told: {name}", err=True)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items() if count) or "-"
    return "-" if value is None else str(value)


async def _standing(since: str) -> list[dict[str, object]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            rows = await alerts.since(tx, begins(since, service.clock.now()))
            told = await outbox.told(tx, [row.id for row in rows])
            given = await responses.of_alerts(tx, [row.id for row in rows])
    return [
        {
            "alert": row.id,
            "type": row.type,
            "area": row.area,
            "day": row.day.isoformat(),
            "severity": row.severity,
            "drill": row.drill,
            "state": row.state,
            "outcome": row.outcome,
            "told": len(told.get(row.id, ())) or "nobody",
            "said": dict(tally(given.get(row.id, ()))),
        }
        for row in rows
    ]


async def _waiting() -> list[dict[str, object]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            rows = await alerts.place_asked(tx)
        tree = service.content.tree
        return [
            {
                "alert": row.id,
                "type": row.type,
                "area": row.area,
                "name": tree.name(row.area) if row.area in tree else "?",
                "day": row.day.isoformat(),
            }
            for row in rows
        ]


async def _release(number: int, name: str) -> str:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        async with service.store.write() as tx:
            code = await allow(tx, service.content, number, name, service.clock.now())
        place = service.content.gazetteer.by_code(code)
        return place.name if place is not None else code
