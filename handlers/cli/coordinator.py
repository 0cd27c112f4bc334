"""`vigie coordinator`: who runs the network, and what two of them must agree on."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.app import opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.cli.secrets import ByShares, fitting, gather_shares
from handlers.settings import Settings
from service import coordinators
from service.store import AnyRow
from service.store import coordinators as rows
from service.vault.keys import Keyring

commands = typer.Typer(
    help="Who runs the network, and what two of them must agree on. Have three: two that can be "
    "reached, and one more for when a code is lost.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A short name that is used here alone: a–z, 0–9, -.")]
AsOrFirst = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help="The coordinator that you are; the first is added by nobody."
    ),
]

# What is done at once when an act is approved; the others are read from the approvals.
_DONE_AT_ONCE: dict[str, Callable[[AsyncConnection, datetime, AnyRow, str], Awaitable[str]]] = {
    coordinators.ADD: coordinators.add_approved,
}


@commands.command()
def add(name: Name, as_: AsOrFirst = None, shares: ByShares = False) -> None:
    """Make a coordinator and print their code, which is shown once and kept by them alone.

    The second is added by the first. Each later one waits until a second coordinator approves.
    Where all codes are lost, those who have the shares of the root key make one by --shares.
    """
    if shares and as_ is not None:
        raise typer.BadParameter("say --as or --shares, one of them", param_hint="--shares")
    settings = Settings()
    shared = fitting(settings, Keyring.of_roots(gather_shares())) if shares else None
    made = asyncio.run(_add(settings, name, as_, shared))
    if isinstance(made, int):
        say_waits(made)
    else:
        _say_code(name, made)


async def _add(settings: Settings, name: str, by: str | None, shared: Keyring | None) -> str | int:
    async with opened(settings, "console", keyring=shared) as service:
        await need_tables(service)
        if by is not None:
            await need_coordinator(service, by)
        async with service.store.write() as tx:
            now = service.clock.now()
            return await coordinators.add(tx, now, name, by, by_shares=shared is not None)


@commands.command("list")
def list_(
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """List the coordinators, and what waits for a second of them."""
    people, waiting = asyncio.run(_list())
    if json_:
        typer.echo(json.dumps({"coordinators": people, "waiting": waiting}, indent=2))
        return
    for person in people:
        typer.echo(f"{person['name']}\tsince {person['since']}")
    for asked in waiting:
        subject = " ".join(str(value) for value in asked["subject"].values())
        typer.echo(
            f"{asked['id']}\t{asked['act']} {subject}\tasked by {asked['asked_by']} "
            f"on {asked['asked_at']}: `vigie coordinator approve {asked['id']} --as NAME`"
        )


async def _list() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            people = await rows.present(tx)
            waiting = await rows.waiting(tx, service.clock.now())
    return [
        {"name": person.name, "since": person.added_at.date().isoformat()} for person in people
    ], [
        {
            "id": asked.id,
            "act": asked.act,
            "subject": asked.subject,
            "asked_by": asked.asked_by,
            "asked_at": asked.asked_at.date().isoformat(),
        }
        for asked in waiting
    ]


@commands.command()
def remove(name: Name, as_: As) -> None:
    """Shut a coordinator out, at once. Their name is never given to another."""
    asyncio.run(_remove(name, as_))
    typer.echo(f"{name} is a coordinator no more", err=True)


async def _remove(name: str, by: str) -> None:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, by)
        async with service.store.write() as tx:
            await coordinators.remove(tx, service.clock.now(), name, by)


@commands.command()
def approve(
    number: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=MOST, help="Its number: see `list`.")
    ],
    as_: As,
) -> None:
    """Approve what another coordinator asked for. Read first what it is, with `list`."""
    approved, made = asyncio.run(_approve(number, as_))
    typer.echo(f"approved: {approved.act}", err=True)
    if made is not None:
        _say_code(str(approved.subject["name"]), made)


async def _approve(number: int, name: str) -> tuple[AnyRow, str | None]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        now = service.clock.now()
        async with service.store.write() as tx:
            approved = await coordinators.approve(tx, now, number, name)
            act = _DONE_AT_ONCE.get(approved.act)
            return approved, await act(tx, now, approved, name) if act else None


def say_waits(number: int) -> None:
    """Tell that an act waits for a second coordinator."""
    typer.echo(
        f"this takes two: a second coordinator runs `vigie coordinator approve {number} --as NAME`",
        err=True,
    )


def _say_code(name: str, code: str) -> None:
    typer.echo(f"the code of {name}; it is shown this once, for them alone to keep:", err=True)
    typer.echo(code)
