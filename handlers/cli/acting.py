"""Who runs a sensitive command: a coordinator, by name and by a code that only they have."""

import sys
from typing import Annotated

import typer

from handlers.app import NotReady, Opened
from service import coordinators
from service.vault.keyfile import read_private

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


async def need_coordinator(service: Opened, name: str) -> None:
    """Raise NotReady unless whoever runs this command has that coordinator's code."""
    code = _code(service)
    if await coordinators.recognise(service.store, code, service.clock) != name:
        raise NotReady(
            f"this is not the code of a coordinator {name}. Check both; after "
            f"{coordinators.MOST_FAILURES} wrong codes even the right one is refused for a while"
        )


def _code(service: Opened) -> str:
    path = service.settings.coordinator_code_file
    if path is not None:
        content = read_private(path, "code file", "Check VIGIE_COORDINATOR_CODE_FILE")
        return content.decode("utf-8", "replace")
    if not sys.stdin.isatty():
        raise NotReady(
            "your code is needed: run this at a terminal, or name a file that holds it in "
            "VIGIE_COORDINATOR_CODE_FILE"
        )
    return str(typer.prompt("Your code", hide_input=True, err=True))
