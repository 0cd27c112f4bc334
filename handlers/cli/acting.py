"""Who runs a command: a coordinator, by name and by a code that only they have."""

import sys
from typing import Annotated

import typer

from handlers.app import NotReady, Opened
from handlers.settings import Settings
from service import coordinators
from service.clock import Clock
from service.store import Store
from service.store import coordinators as rows
from service.vault.keyfile import read_private

NOBODY = "cli"
"""Who acts, in the audit log, where no coordinator is asked for; none can be named so."""

As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME",
        help="The coordinator that you are. Your code is asked for, or read from the file that "
        "VIGIE_COORDINATOR_CODE_FILE names; never give it on the command line.",
        show_default=False,
    ),
]
AsIfAny = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="The coordinator that you are, once there are coordinators; as for the other commands "
        "your code is asked for, or read from the file that VIGIE_COORDINATOR_CODE_FILE names.",
        show_default=False,
    ),
]


async def need_coordinator(service: Opened, name: str) -> None:
    """Raise NotReady unless whoever runs this command has that coordinator's code."""
    await acting(service.settings, service.store, service.clock, name)


async def acting(settings: Settings, store: Store, clock: Clock, name: str | None) -> str:
    """Who runs this command, as the audit log is to say it.

    As long as nobody is a coordinator that is nobody in particular, and said so; from the first
    one on it is a coordinator, by their code. Raises NotReady.
    """
    if name is None:
        async with store.read() as tx:
            there = await rows.count(tx)
        if there:
            raise NotReady(
                "this is entered in the audit log by name, since there are coordinators: say which "
                "of them you are, with --as NAME (`vigie coordinator list`)"
            )
        typer.echo(
            f"nobody is a coordinator yet, so this is entered as “{NOBODY}”: "
            "`vigie coordinator add NAME` makes the first",
            err=True,
        )
        return NOBODY
    if await coordinators.recognise(store, _code(settings), clock) != name:
        raise NotReady(
            f"this is not the code of a coordinator {name}. Check both; after "
            f"{coordinators.MOST_FAILURES} wrong codes even the right one is refused for a while"
        )
    return name


def _code(settings: Settings) -> str:
    path = settings.coordinator_code_file
    if path is not None:
        content = read_private(path, "code file", "Check VIGIE_COORDINATOR_CODE_FILE")
        return content.decode("utf-8", "replace")
    if not sys.stdin.isatty():
        raise NotReady(
            "your code is needed: run this at a terminal, or name a file that holds it in "
            "VIGIE_COORDINATOR_CODE_FILE"
        )
    return str(typer.prompt("Your code", hide_input=True, err=True))
