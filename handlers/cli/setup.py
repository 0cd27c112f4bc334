"""`vigie init`."""

import asyncio
import secrets
from typing import Annotated

import typer

from handlers import demo
from handlers.app import alone, assembled
from handlers.cli.keys import TOKEN_BYTES, write_tokens
from handlers.settings import Settings
from service import audit
from service.store import migrate
from service.vault import keyfile


def init(
    demo_: Annotated[
        bool,
        typer.Option(
            "--demo", help="Also enrol made-up people in Mali, on the simulator's phones."
        ),
    ] = False,
) -> None:
    """Make the keys, the gateway token and the database; what is there already is kept.

    The key file is the one thing that cannot be made again: without it every sealed number is
    lost. It lies outside the data directory; keep a copy of it in another safe place.
    """
    settings = Settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.root_key.exists():
        _say(f"kept     {settings.root_key}")
    else:
        phrase = settings.passphrase_file and keyfile.read_passphrase(settings.passphrase_file)
        keyfile.create(settings.root_key, phrase or None)
        _say(f"made     {settings.root_key}  (the root key: keep a copy elsewhere)")
    if settings.gateway_token is None and not settings.token_file.exists():
        write_tokens(settings, [secrets.token_urlsafe(TOKEN_BYTES)])
        _say(f"made     {settings.token_file}  (the secret part of the callback URLs)")
    asyncio.run(_prepare(settings, demo_))


async def _prepare(settings: Settings, with_demo: bool) -> None:
    with alone(settings, "all"):
        async with assembled(settings) as service:
            await migrate.upgrade(service.store)
            now = service.clock.now()
            await audit.entered(
                service.store, now, "cli", "made the database ready", demo=with_demo
            )
            _say(f"ready    the database, in {settings.data_dir}")
            if with_demo:
                enrolled = await demo.enrol(service)
                _say(f"enrolled {enrolled} made-up people" if enrolled else "kept     the people")


def _say(line: str) -> None:
    typer.echo(line, err=True)
