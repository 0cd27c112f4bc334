"""`vigie feedback`: back to the community, in neutral words."""

import asyncio
from typing import Annotated, Literal

import typer

from handlers.app import opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import need_tables
from handlers.settings import Settings
from service import feedback as telling
from service.areas import band


def feedback(
    area: Annotated[str, typer.Option(help="The area's pcode: ML0501 (cercle), ML050101 …")],
    as_: As,
    text: Annotated[
        Literal["feedback", "check_in"],
        typer.Option(help="Which text of templates_sms/ all of the area gets."),
    ] = "feedback",
) -> None:
    """Tell all of an area that its texts were of use, in neutral words. Entered by your name.

    For when something was done. It goes to everybody enrolled there but those who want silence, to
    each at a moment of the next 24 hours that chance decides; never to one person. Refused where
    alerts cannot name the area, or fewer than k would get it.
    """
    try:
        told = asyncio.run(_tell(area.upper(), text, as_))
    except telling.NotAllowed as refusal:
        typer.echo(refusal, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"within a day, by day, {told} people get it", err=True)


async def _tell(area: str, text: str, name: str) -> str:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        async with service.store.write() as tx:
            told = await telling.tell(tx, service.content, area, name, service.clock.now(), text)
        return band(told, service.content.areas.k)
