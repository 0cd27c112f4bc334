"""`vigie rules record`: what became of the alerts that each rule raised."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from handlers.app import opened
from handlers.cli.ready import need_tables
from handlers.cli.since import begins
from handlers.settings import Settings
from service.domain.responses import DISPUTED, OUTCOMES
from service.record import Line
from service.record import record as record_of

commands = typer.Typer(help="The rules, as their alerts turned out.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Rules, as their alerts turned out."""


@commands.command()
def record(
    since: Annotated[
        str | None,
        typer.Option(help="Only alerts that were told since: 2026-11-01, 72h, 30d or 8w."),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Print for each rule how many alerts it raised, how they were answered, and how they ended.

    In time is: within the wait of the first step of the alert's route, in rules/escalation.yaml.
    The share of false alarms is of the alerts on whose outcome responders agreed.
    """
    lines = asyncio.run(_lines(since))
    if json_:
        typer.echo(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2))
        return
    for line in lines:
        typer.echo(told(line))


def told(line: Line) -> str:
    """One rule's record for a person."""
    parts = [f"{line.rule}: {line.alerts} {'alert' if line.alerts == 1 else 'alerts'}"]
    if line.alerts:
        parts.append(f"{line.acknowledged} acknowledged, {line.in_time} of {line.timed} in time")
    if line.minutes is not None:
        parts.append(f"median {line.minutes:g} min")
    ended = (
        f"{name} {line.outcomes[name]}" for name in (*OUTCOMES, DISPUTED) if name in line.outcomes
    )
    if said := ", ".join(ended):
        parts.append(said)
    if line.false_alarms is not None and line.interval is not None:
        low, high = line.interval
        parts.append(f"false alarms {line.false_alarms:.0%} ({low:.0%} to {high:.0%})")
    return "; ".join(parts)


async def _lines(since: str | None) -> list[Line]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        after = begins(since, service.clock.now()) if since else None
        async with service.store.read() as tx:
            return await record_of(tx, service.content, after)
