"""`vigie alert`: how alerts stand, and those whose exact place a coordinator may tell."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from handlers.app import opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.cli.since import begins
from handlers.settings import Settings
from service.domain.responses import DISPUTED
from service.exact_place import NotAllowed, allow
from service.progress import Progress, progress
from service.store import alerts

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
    """List alerts, one a line: how far each has come, and how it ended.

    number, type, area, day, severity, then:

    state: open (nobody has it in hand), acknowledged (OK), on_the_way (VA), done (FIN) or corrected
    (taken back); and after how many minutes somebody first had it in hand.

    step: how many steps of its route in rules/escalation.yaml were carried out, and when the next
    comes if nobody answers. `vigie explain NUMBER` says whom each asked.

    told: how many people. `nobody`, after step 1 and more: all have paused, or nobody is enrolled.
    Find somebody. At step 0 it waits for a digest, or for the end of quiet hours.

    what they said last, how many each; how it ended by their words (contained 2, too_late 1), and
    `disputed` where as many say one thing as another.
    """
    zone, found = asyncio.run(_progress(since))
    if json_:
        rows = [asdict(each) for each in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=_iso))
        return
    for each in found:
        typer.echo("\t".join(_cells(each, zone)))


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


def _cells(alert: Progress, zone: ZoneInfo) -> Iterator[str]:
    """What the list says of an alert."""
    yield from (str(alert.alert), alert.type, alert.area, alert.day.isoformat())
    yield f"{alert.severity}, exercise" if alert.drill else alert.severity
    yield (
        alert.state
        if alert.minutes is None
        else f"{alert.state}, in hand after {alert.minutes:g} min"
    )
    following = alert.next_at
    after = f", next {following.astimezone(zone):%Y-%m-%d %H:%M}" if following else ""
    yield f"step {alert.step} of {alert.steps}{after}"
    yield f"told {alert.told or ('nobody yet' if following else 'nobody')}"
    yield _counts(alert.said)
    disputed = ": disputed" if alert.outcome == DISPUTED else ""
    # What each said is deleted before the alert is.
    yield (_counts(alert.outcomes) if alert.outcomes else alert.outcome or "-") + disputed


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def _iso(value: date) -> str:
    return value.isoformat()


async def _progress(since: str) -> tuple[ZoneInfo, list[Progress]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        after = begins(since, service.clock.now())
        async with service.store.read() as tx:
            found = await progress(tx, service.content, after)
        return service.content.timezone, found


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
