"""`vigie audit`: who did what, and proof that nobody has changed what it says."""

import asyncio
import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Final

import typer

from handlers.app import opened
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import need_tables, who_acts
from handlers.cli.since import begins
from handlers.settings import Settings
from service import audit
from service.audit import Entry, Verdict
from service.domain.chain import FaultKind, Head

commands = typer.Typer(help="The audit log: who did what.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]

BROKEN: Final[dict[FaultKind, str]] = {
    "missing": "entry {at} is missing: it was removed",
    "altered": "entry {at} does not fit those before it: one was changed, removed, put in or moved",
    "unsealed": "entry {at} was not written by this service: its seal is of no key of ours",
    "uncovered": "from entry {at} on nothing was sealed with a key of ours",
    "cut": "there were at least {at} entries: the last ones were removed, or an older copy of the "
    "database was put back",
    "differs": "entry {at} is not the one of the head that was kept: the log was made anew",
}


@commands.callback()
def list_(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="Only what was done since: 2026-11-01, 72h, 30d or 8w.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """List who did what, the oldest first; `verify` says whether it is whole.

    Administrative acts and reads of what is sensitive are entered: by the coordinator's name, by
    "cli" as long as there was none, or by "service". Reports, enrolments and STOP are not: the log
    tells nothing of those who report.
    """
    if context.invoked_subcommand is not None:
        return
    entries = asyncio.run(_entries(since))
    if json_:
        told = [asdict(entry) for entry in entries]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2, default=datetime.isoformat))
    for entry in () if json_ else entries:
        typer.echo(_line(entry))


@commands.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(help="A head that `vigie audit head` printed once and that was kept apart."),
    ] = None,
    json_: AsJson = False,
) -> None:
    """Follow the log from its first entry: was any changed, removed, put in or moved?

    Exits with 1 where it is broken, and says where.
    """
    written = Head.read(head) if head else None
    if head and written is None:
        raise typer.BadParameter("a head looks like 412-bdfg-hjkl-…: copy all of it")
    verdict = asyncio.run(_verify(written))
    if json_:
        told = asdict(verdict) | {"head": verdict.head and str(verdict.head)}
        typer.echo(json.dumps(told, indent=2, default=date.isoformat))
    else:
        typer.echo(_said(verdict))
    if verdict.fault or not verdict.kept:
        raise typer.Exit(1)


@commands.command("head")
def head_(json_: AsJson = False) -> None:
    """Print in one short line how far the log has come.

    Write it on paper, or send it to a colleague: with it, `vigie audit verify --head` shows whether
    anybody changed what was entered until now, even somebody who had the keys.
    """
    verdict = asyncio.run(_verify(None))
    if verdict.fault or verdict.head is None:
        typer.echo(_said(verdict), err=True)
        raise typer.Exit(1)
    found = str(verdict.head)
    typer.echo(json.dumps({"head": found}) if json_ else found)


@commands.command()
def accept(as_: AsIfAny = None) -> None:
    """Go on after a backup of the database was put back, or the kept head was lost.

    Run `verify` first, and know why it speaks of removed entries. This is entered in the log, with
    how many entries there were and are. A log that is broken within stays broken.
    """
    verdict = asyncio.run(_accept(as_))
    typer.echo(_said(verdict), err=True)
    if verdict.fault:
        raise typer.Exit(1)


async def _entries(since: str | None) -> list[Entry]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        after = begins(since, service.clock.now()) if since else None
        async with service.store.read() as tx:
            return [entry async for entry in audit.entries(tx, after)]


async def _verify(written: Head | None) -> Verdict:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        return await audit.verify(service.store, service.witness, written)


async def _accept(as_: str | None) -> Verdict:
    async with opened(Settings(), "console") as service:
        actor = await who_acts(service, as_)
        return await audit.accept(service.store, service.witness, service.clock.now(), actor)


def _line(entry: Entry) -> str:
    details = ", ".join(f"{name} {value}" for name, value in entry.details.items())
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    words = (str(entry.position), at, entry.actor, entry.action, entry.subject, details)
    return "\t".join(words).rstrip("\t")


def _said(verdict: Verdict) -> str:
    if verdict.fault:
        return BROKEN[verdict.fault.kind].format(at=verdict.fault.position)
    if not verdict.count:
        return "nothing has been entered yet"
    whole = f"{verdict.count} entries, unbroken since {verdict.since}"
    if verdict.kept:
        return whole
    return (
        f"{whole}; but the file `audit-head` beside the key file is gone, so that nothing here "
        "shows whether the last entries were removed: run `vigie audit verify --head …`, then "
        "`vigie audit accept`"
    )
