"""`vigie backup` and `vigie restore`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from handlers.app import alone, opened
from handlers.cli.acting import NOBODY, AsIfAny
from handlers.cli.ready import need_tables, who_acts
from handlers.settings import Settings
from service import audit, backup
from service.backup import Restored

commands = typer.Typer(
    help="Back up the database into one encrypted file, without any key.",
    invoke_without_command=True,
)


@commands.callback()
def back_up(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option(help="The file to write; never one that exists.")
    ] = None,
    recipient: Annotated[
        str | None,
        typer.Option(help="Public key of who may open it; VIGIE_BACKUP_RECIPIENT if not given."),
    ] = None,
    as_: AsIfAny = None,
) -> None:
    """Write the database into one encrypted file, while the service runs.

    Only the identity of its recipient opens it: make one with `vigie backup keygen`, and keep it
    away from this machine. No key is in it, and whoever is forgotten after it was made stays
    forgotten. `vigie restore` puts it back. Whoever names another recipient than the settings do
    says who they are, with --as; a backup each night needs nobody.
    """
    if context.invoked_subcommand is not None:
        return
    settings = Settings()
    of_the_settings = recipient in (None, settings.backup_recipient)
    recipient = recipient or settings.backup_recipient
    if to is None:
        raise typer.BadParameter("name the file to write", param_hint="--to")
    if recipient is None or not backup.is_recipient(recipient):
        raise typer.BadParameter(
            "give the public key age1… that `vigie backup keygen` printed, here or in "
            "VIGIE_BACKUP_RECIPIENT",
            param_hint="--recipient",
        )
    asyncio.run(_back_up(settings, to, recipient, as_, unattended=of_the_settings))
    _say(f"written  {to} ({to.stat().st_size:,} bytes)")


async def _back_up(
    settings: Settings, to: Path, recipient: str, as_: str | None, *, unattended: bool
) -> None:
    async with opened(settings, "console") as service:
        await need_tables(service)
        now = service.clock.now()
        nobody = unattended and as_ is None
        actor = NOBODY if nobody else await who_acts(service, as_)
        await audit.entered(service.store, now, actor, "made a backup")
        await backup.write(service.store, to, recipient, now, _tell)


@commands.command()
def keygen(
    to: Annotated[Path, typer.Option(help="Where to write the identity; keep it elsewhere.")],
) -> None:
    """Make an identity, which opens backups, and print its public key, which makes them.

    Set the public key as VIGIE_BACKUP_RECIPIENT. Move the identity off this machine: a stick in a
    safe, or paper. Without it no backup opens; whoever has it and a backup reads places and times
    of reports, and no number.
    """
    secret, public = backup.new_identity()
    with open(to, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"# opens backups of Vigie made for {public}\n{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    _say(f"made     {to}: move it off this machine, and keep a second copy")
    typer.echo(public)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `vigie backup`.")],
    identity: Annotated[
        Path, typer.Option(help="The file of `vigie backup keygen` that opens it.")
    ],
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven",
            help="Put it back though no key here sealed it: the keys of before are lost.",
        ),
    ] = False,
) -> None:
    """Put a backup into a new installation: all of it, or nothing.

    The root key and the key store must be those from before, where they survived: then everybody is
    enrolled as they were, but for those who left since. Whose key is gone has to be enrolled anew,
    with a new invite; reports and alerts are kept. Stop the service first.
    """
    done = asyncio.run(_restore(Settings(), source, _read(identity), unproven=unproven))
    _say(f"restored {done.rows} rows of {done.made_at:%Y-%m-%d %H:%M} UTC; {done.people} people")
    if done.unreachable:
        _say(
            f"left out {done.unreachable} people whose key is gone: they left, or the key store "
            "is not that of before. Whoever is still with you needs a new invite."
        )


def _read(identity: Path) -> str:
    """What an identity file says, as far as it is text."""
    return identity.read_text(encoding="utf-8", errors="replace")[:10_000]


async def _restore(settings: Settings, source: Path, identity: str, *, unproven: bool) -> Restored:
    with alone(settings, "all"):
        async with opened(settings, "all") as service:
            store, now = service.store, service.clock.now()
            done = await backup.restore(
                store, service.vault, source, identity, now, _tell, unproven=unproven
            )
            await audit.accept(store, service.witness, now, NOBODY)
            await audit.entered(
                store, now, NOBODY, "restored a backup", people=done.people, proven=done.proven
            )
    return done


def _tell(table: str, rows: int) -> None:
    _say(f"  {rows:>9,} {table}")


def _say(line: str) -> None:
    typer.echo(line, err=True)
