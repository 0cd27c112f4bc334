"""`vigie keys`: the root key, the roles' keys, and the gateway's path tokens."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

import typer

from handlers.app import keys_of, tokens
from handlers.cli import root
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter_alone
from handlers.cli.secrets import noted, read_root
from handlers.settings import Settings
from service.panic import remember
from service.vault import keyfile
from service.vault.keys import Keyring

commands = typer.Typer(help="Keys, and tokens of the callback URLs.", no_args_is_help=True)

TOKEN_BYTES = 32


@commands.callback()
def _group() -> None:
    """Keys, and tokens of the callback URLs."""


@commands.command()
def export(
    role: Annotated[
        Literal["intake", "engine", "sender", "console"],
        typer.Option(help="The role that is to have keys of its own.", show_default=False),
    ],
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there yet.")],
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="Holds a passphrase, in one line, that is to lock the new file."),
    ] = None,
    as_: AsIfAny = None,
) -> None:
    """Write a key file for one role, with the keys that it needs and no other.

    Start that role with VIGIE_KEY_FILE set to the file and VIGIE_KEYSTORE to the key store. The
    root key then need not be on the machine at all. After `vigie keys rotate` and `vigie keys
    retire`, export again: to a new file, which you then move over the old one.
    """
    settings = Settings()
    keyring = Keyring.of_roots(read_root(settings))
    lock = keyfile.read_passphrase(passphrase_file) if passphrase_file else None
    noted(settings, keyring, as_, "exported keys of a role", role)
    keyfile.write_new(to, keyfile.Secrets.of(keys_of(keyring, role), role), lock)
    try:
        remember(settings.root_key, to)  # for `vigie panic`
    except OSError:
        to.unlink()
        raise
    typer.echo(f"made {to}: keys of the role “{role}” alone", err=True)


@commands.command()
def token(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new token; the newest one so far stays live.")
    ] = False,
    as_: AsIfAny = None,
) -> None:
    """Print the live tokens, newest first: each opens /gateways/NAME/TOKEN/sms.

    To rotate: `vigie keys token --rotate`, send the service SIGHUP, give the gateway the new URL,
    and rotate once more when nothing comes to the old one.
    """
    settings = Settings()
    if rotate and settings.gateway_token:
        raise typer.BadParameter("VIGIE_GATEWAY_TOKEN is set: change it there")
    asyncio.run(enter_alone(settings, as_, "rotated tokens" if rotate else "read tokens"))
    if rotate:
        write_tokens(settings, [secrets.token_urlsafe(TOKEN_BYTES), *tokens(settings)[:1]])
    for live in tokens(settings):
        typer.echo(live)


def write_tokens(settings: Settings, live: list[str]) -> None:
    """Replace the token file as a whole, readable by this account alone."""
    path = settings.token_file
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("\n".join(live) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


root.register(commands)
