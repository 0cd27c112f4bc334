"""`vigie keys`: the gateway's path tokens."""

import os
import secrets
from typing import Annotated

import typer

from handlers.app import tokens
from handlers.settings import Settings

commands = typer.Typer(help="Tokens of the callback URLs.", no_args_is_help=True)

TOKEN_BYTES = 32


@commands.callback()
def _group() -> None:
    """Tokens of the callback URLs."""


@commands.command()
def token(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new token; the newest one so far stays live.")
    ] = False,
) -> None:
    """Print the live tokens, newest first: each opens /gateways/NAME/TOKEN/sms.

    To rotate: `vigie keys token --rotate`, restart the service, give the gateway the new URL, and
    rotate once more when nothing comes to the old one.
    """
    settings = Settings()
    if rotate:
        if settings.gateway_token:
            raise typer.BadParameter("VIGIE_GATEWAY_TOKEN is set: change it there")
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
