"""`vigie costs`: what texts cost, by gateway and currency."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from handlers.app import opened
from handlers.cli.ready import need_tables
from handlers.cli.since import begins
from handlers.settings import Settings
from service.store import deliveries

_MILLION = 1_000_000


def costs(
    since: Annotated[
        str | None, typer.Option(help="Only what was spent since: 2026-11-01, 72h, 30d or 8w.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Sum what the gateways said that texts cost; whole days, in UTC.

    What a gateway names no price for is not in it. The sums stay when the texts are forgotten.
    """
    rows = asyncio.run(_costs(since))
    if json_:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        figures = f"{row['cost']} {row['currency']}\t{row['texts']} texts"
        typer.echo(f"{figures}\t{row['gateway']}\t{row['first']} to {row['last']}")
    if not rows:
        typer.echo("no gateway has named a price yet", err=True)


async def _costs(since: str | None) -> list[dict[str, Any]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        first = begins(since, service.clock.now()).date() if since else None
        async with service.store.read() as tx:
            spent = await deliveries.spent(tx, first)
    return [
        {
            "gateway": row.gateway,
            "currency": row.currency,
            "texts": int(row.texts),
            "cost": str(Decimal(int(row.cost)) / _MILLION),
            "first": _day(row.first),
            "last": _day(row.last),
        }
        for row in spent
    ]


def _day(day: date) -> str:
    return day.isoformat()
