"""What a responder is cleared for: options of `vigie responder invite`, and `… clear`."""

import asyncio
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from handlers.app import Opened, opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.settings import Settings
from service.clearing import NotCleared, clear, said
from service.domain.codebook import Severity

ANY, NONE = "any", "none"

From = Annotated[
    Severity | None, typer.Option("--from", help="They are told of what is as grave, or graver.")
]
UpTo = Annotated[
    Severity | None, typer.Option("--up-to", help="They are told of what is as grave, or less.")
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", help="They are told of this type of the codebook alone; repeat it for several."
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="They are never told of this type; repeat it for several."),
]

FunctionId = Annotated[
    str | None,
    typer.Option("--function", help="What they are, by a function's id of rules/escalation.yaml."),
]


def known_function(service: Opened, function: str | None) -> str | None:
    """The same function, if `rules/escalation.yaml` declares it; '' for none."""
    known = service.content.escalation.functions
    if function is None or function in known:
        return function
    if function == NONE:
        return ""
    close = get_close_matches(function, known, n=1)
    meant = f"; did you mean {close[0]}?" if close else f", only {', '.join(known)}"
    raise typer.BadParameter(f"there is no function {function}{meant}", param_hint="--function")


def changes(
    service: Opened,
    from_: Severity | None,
    up_to: Severity | None,
    types: Sequence[str] | None,
    without: Sequence[str] | None,
) -> dict[str, Any]:
    """What the options say of a clearance; what they leave out is not in it."""
    found: dict[str, Any] = {}
    if from_ is not None:
        found["lowest"] = from_
    if up_to is not None:
        found["highest"] = up_to
    if types:
        found["types"] = None if types == [ANY] else _known(service, types, "--type")
    if without:
        found["without"] = () if without == [NONE] else _known(service, without, "--without")
    return found


def _known(service: Opened, types: Sequence[str], option: str) -> tuple[str, ...]:
    known = [kind.id for kind in service.content.codebook.types]
    for each in types:
        if each not in known:
            close = get_close_matches(each, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ": see rules/codebook.yaml"
            raise typer.BadParameter(f"no type has the id {each}{meant}", param_hint=option)
    return tuple(types)


def clear_responder(
    pseudonym: Annotated[
        int, typer.Option(help="As `list` shows it.", min=1, max=MOST, show_default=False)
    ],
    as_: As,
    area: Annotated[
        str | None, typer.Option(help="The pcode of the area that they serve from now on.")
    ] = None,
    from_: From = None,
    up_to: UpTo = None,
    type_: Types = None,
    without: Without = None,
    function: FunctionId = None,
) -> None:
    """Change what a responder is told of, from now on; what is not said stays as it was.

    `--type any`, `--without none` and `--function none` take a limit or a function away. It holds
    for texts that wait to be sent, and for updates and corrections of alerts that they were told of
    before.
    """
    try:
        now = asyncio.run(_clear(pseudonym, as_, area, (from_, up_to, type_, without), function))
    except NotCleared as refusal:
        typer.echo(refusal, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"responder {pseudonym} is told of: {now}", err=True)


async def _clear(
    pseudonym: int,
    name: str,
    area: str | None,
    options: tuple[Any, Any, Any, Any],
    function: str | None,
) -> str:
    async with opened(Settings(), "console") as service:
        area = area and area.upper()
        if area is not None and area not in service.content.tree:
            raise typer.BadParameter(
                f"no area has the pcode {area}: see rules/places/areas.csv", param_hint="--area"
            )
        change = changes(service, *options)
        function = known_function(service, function)
        if not change and area is None and function is None:
            raise typer.BadParameter(
                "say what changes: --area, --from, --up-to, --type, --without, --function"
            )
        await need_tables(service)
        await need_coordinator(service, name)
        async with service.store.write() as tx:
            now = service.clock.now()
            return said(await clear(tx, pseudonym, area, change, name, now, function))
