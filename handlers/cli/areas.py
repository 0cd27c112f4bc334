"""`vigie areas`: what alerts may name, who stands behind it, and what would make it finer."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

import typer

from handlers.app import opened
from handlers.area_words import WORDS, wanting
from handlers.cli.acting import As, need_coordinator
from handlers.cli.coordinator import say_waits
from handlers.cli.ready import need_tables
from handlers.settings import Settings
from service import areas, coordinators
from service.areas import Shown
from service.domain.areas import COUNTRY
from service.store.areas import COARSEN, LIFT

commands = typer.Typer(
    help="The areas that alerts may name, and who stands behind them.", invoke_without_command=True
)


@commands.callback()
def list_(
    context: typer.Context,
    language: Annotated[
        Literal["fr", "en"], typer.Option(help="The language that it is told in.")
    ] = "en",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """List every area that has or had people enrolled.

    Of each: whether alerts may name it, since when, how many people an alert that names it points
    at, how many of them were there all that time (both in bands: an exact count would tell who
    came or went), and what would bring it into use.
    """
    if context.invoked_subcommand is not None:
        return
    found, k = asyncio.run(_shown())
    if json_:
        told = [asdict(area) | {"in_use": area.in_use} for area in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2, default=datetime.isoformat))
        return
    for line in _lines(found, k, language):
        typer.echo(line)


@commands.command()
def coarsen(
    area: Annotated[str, typer.Argument(help="The area's pcode: ML0501 (cercle), ML050101 …")],
    as_: As,
    lift: Annotated[
        bool, typer.Option("--lift", help="Instead: end it; the area may come into use again.")
    ] = False,
) -> None:
    """Ask that alerts name neither this area nor any within it, but what lies around it.

    For when you know something that counts do not tell. It holds as soon as a second coordinator
    approves it. The other way there is nothing: no area is named that too few stand behind.
    """
    number = asyncio.run(_coarsen(area.upper(), as_, LIFT if lift else COARSEN))
    say_waits(number)


async def _shown() -> tuple[list[Shown], int]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            found = await areas.shown(tx, service.content, service.clock.now())
        return found, service.content.areas.k


async def _coarsen(area: str, name: str, act: str) -> int:
    async with opened(Settings(), "console") as service:
        if area not in service.content.tree or area == COUNTRY:
            raise typer.BadParameter(
                f"no area has the pcode {area}: see rules/places/areas.csv", param_hint="AREA"
            )
        await need_tables(service)
        await need_coordinator(service, name)
        async with service.store.write() as tx:
            now = service.clock.now()
            return await coordinators.ask(tx, now, name, act, {"area": area})


def _lines(found: Sequence[Shown], k: int, language: str) -> list[str]:
    words = WORDS[language]
    lines = []
    for area in found:
        indent = "  " * area.depth
        if area.in_use:
            since = f", {words['since']} {area.since.date()}" if area.since else ""
            version = f" ({words['version']} {area.version})" if area.version else ""
            people = f"; {words['behind']}: {area.behind}, {words['steady']}: {area.steady}"
            lines.append(f"{indent}{area.name}: {words['in_use']}{since}{version}{people}")
        else:
            lines.append(f"{indent}{area.name}: {wanting(area, k, language)}")
    return lines
