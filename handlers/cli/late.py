"""`vigie late`: texts that came with a date too far from the day on which they came."""

import asyncio
import json
from typing import Annotated

import typer

from handlers.app import opened
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter, need_tables
from handlers.settings import Settings
from service.store import inbox

_WHY = {
    "too_old": "sent too long before they came: a gateway that was cut off, or a replay",
    "too_new": "dated hours ahead: the gateway's clock, or this machine's, is wrong",
}


def late(
    accept: Annotated[
        bool, typer.Option("--accept", help="Have them read after all, as if they were on time.")
    ] = False,
    as_: AsIfAny = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Count the texts that are set aside because their date cannot be believed.

    Vigie remembers a text for three days, and can tell a repeat for so long. One that was sent
    earlier may be a copy of one that counted already. If the gateway was cut off, let them in with
    --accept, within three days of their coming: then they are gone. STOP counts however late.
    """
    counts = asyncio.run(_late(accept, as_))
    if json_:
        typer.echo(json.dumps(counts, indent=2))
        return
    for why, count in counts.items():
        typer.echo(f"{count}\t{_WHY[why]}")
    if accept:
        typer.echo(f"{sum(counts.values())} will be read now", err=True)


async def _late(accept: bool, as_: str | None) -> dict[str, int]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            counts = await inbox.misdated(tx)
        if accept:
            too_old, too_new = counts["too_old"], counts["too_new"]
            await enter(service, as_, "let late texts in", too_old=too_old, too_new=too_new)
            async with service.store.write() as tx:
                await inbox.let_in(tx)
        return counts
