"""`vigie alert`: alerts whose exact place a coordinator may tell."""

import asyncio
import json
from typing import Annotated

import typer

from handlers.app import opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.settings import Settings
from service.exact_place import NotAllowed, allow
from service.store import alerts

commands = typer.Typer(
    help="Alerts whose rule asks for the exact place: a coordinator alone can let it be told.",
    no_args_is_help=True,
)


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
