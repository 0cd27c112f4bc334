"""`vigie drill`: exercises, by the same way as everything else, and marked as such."""

import asyncio
import json
from datetime import timedelta
from typing import Annotated

import typer

from handlers.app import NotReady, opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import need_tables
from handlers.settings import Settings
from service.audit import note
from service.store import drills

commands = typer.Typer(
    help="Exercises: reports that begin with EXERCICE are judged, and every text says so.",
    no_args_is_help=True,
)

_Area = Annotated[str, typer.Option(help="The area's pcode: ML0501 (cercle), ML050101 …")]


@commands.command()
def start(
    area: _Area,
    as_: As,
    hours: Annotated[int, typer.Option(min=1, max=72, help="How long it goes on.")] = 4,
) -> None:
    """Hold an exercise in an area. It is entered by your name.

    For its people, a report that begins with `EXERCICE` goes all the way, and every text to
    responders begins with that word. Nothing of it is counted, nor seen by the rules beside what
    is so. Reports without the word are reports as ever.
    """
    asyncio.run(_start(area.upper(), hours, as_))


@commands.command()
def stop(area: _Area, as_: As) -> None:
    """End the exercises of an area. It is entered by your name. Exit status 1 if there are none."""
    if not asyncio.run(_stop(area.upper(), as_)):
        typer.echo("there is no exercise in this area: see `vigie drill list`", err=True)
        raise typer.Exit(1)


@commands.command("list")
def list_(
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """List the exercises that go on: area, name, end."""
    rows = asyncio.run(_list())
    if json_:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        typer.echo("\t".join(row.values()))


async def _start(area: str, hours: int, name: str) -> None:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        if area not in service.content.tree:
            raise NotReady(f"no area has the pcode {area}: see rules/places/areas.csv")
        now = service.clock.now()
        async with service.store.write() as tx:
            await drills.begin(tx, area, now, now + timedelta(hours=hours))
            await note(tx, now, name, "began a drill", area, hours=hours)


async def _stop(area: str, name: str) -> bool:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        now = service.clock.now()
        async with service.store.write() as tx:
            ended = await drills.end(tx, area, now)
            if ended:
                await note(tx, now, name, "ended a drill", area)
        return ended


async def _list() -> list[dict[str, str]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            rows = await drills.going_on(tx, service.clock.now())
        tree = service.content.tree
        return [
            {
                "area": row.area,
                "name": tree.name(row.area) if row.area in tree else "?",
                "ends_at": row.ends_at.isoformat(timespec="minutes"),
            }
            for row in rows
        ]
