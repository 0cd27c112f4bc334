"""What commands need that work with the root key itself: its passphrase, its shares, and a note."""

import asyncio
import os
import sys

import typer

from handlers.settings import Settings
from service import audit
from service.audit import Witness
from service.clock import SystemClock
from service.store import Store, migrate
from service.vault import keyfile, shares
from service.vault.keys import Keyring, MissingKey, WrongShares


def read_root(settings: Settings) -> dict[int, bytes]:
    """The root key's versions, by version. Raises KeysError."""
    return keyfile.read_root(settings.root_key, passphrase(settings))


def passphrase(settings: Settings) -> str | None:
    """The key file's passphrase, None where it has none; asked for where no file holds it."""
    if settings.passphrase_file and settings.passphrase_file.exists():
        return keyfile.read_passphrase(settings.passphrase_file)
    if not keyfile.is_wrapped(settings.root_key):
        return None
    return _ask(f"Passphrase of {settings.root_key}")


def gather_shares() -> dict[int, bytes]:
    """The root key's versions, from as many shares as it takes. Raises WrongShares, MissingKey."""
    given: list[shares.Share] = []
    while shares.missing(given):
        words = _ask(f"Words of share {len(given) + 1}")
        if not words:
            raise MissingKey(
                f"{len(given)} share(s) are too few: it takes {shares.missing(given)} more"
            )
        try:
            shares.add(given, shares.read(words))
        except WrongShares as error:
            if not os.isatty(0):
                raise
            typer.echo(str(error), err=True)
    return shares.combine(given)


def noted(settings: Settings, keyring: Keyring, action: str, subject: str = "") -> None:
    """Enter what is about to be done with keys in the audit log. Raises NotNoted."""
    asyncio.run(_note(settings, keyring, action, subject))


async def _note(settings: Settings, keyring: Keyring, action: str, subject: str) -> None:
    store = Store(settings.database, Witness.beside(settings.keystore_file, keyring))
    try:
        if store.is_sqlite and not any(path.exists() for path in store.files()):
            return  # there is no database yet, nor anything to note about it
        if await migrate.is_current(store):
            await audit.entered(store, SystemClock().now(), "cli", action, subject)
    finally:
        await store.close()


def _ask(what: str) -> str:
    """A line that is not shown: from the terminal, or from standard input where there is none."""
    if os.isatty(0):
        return str(typer.prompt(what, hide_input=True, default="", show_default=False, err=True))
    return sys.stdin.readline().rstrip("\r\n")
