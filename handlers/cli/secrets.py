"""What commands need that work with the root key itself: the key, its shares, and a note."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from handlers import asking
from handlers.cli.acting import acting
from handlers.settings import Settings
from service import audit
from service.audit import Witness
from service.clock import SystemClock
from service.store import Store, migrate
from service.vault import keyfile, shares
from service.vault.keys import Keyring, MissingKey, WrongShares
from service.vault.keystore import Keystore
from service.vault.vault import Vault

ByShares = Annotated[
    bool, typer.Option("--shares", help="Ask for shares of the root key, made by `keys split`.")
]


def read_root(settings: Settings) -> dict[int, bytes]:
    """The root key's versions, by version. Raises KeysError."""
    return keyfile.read_root(settings.root_key, passphrase(settings))


def passphrase(settings: Settings) -> str | None:
    """The key file's passphrase, asked for where no file holds it; None where it has none."""
    return asking.passphrase(settings, piped=True)


def gather_shares() -> dict[int, bytes]:
    """The root key's versions, from as many shares as it takes. Raises WrongShares, MissingKey."""
    given: list[shares.Share] = []
    while shares.missing(given):
        words = asking.secret(f"Words of share {len(given) + 1}")
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


def fitting(settings: Settings, keyring: Keyring) -> Keyring:
    """The same keyring, if the key store belongs to it. Raises KeysError."""
    with opened_keystore(settings) as keystore:
        Vault(keyring, keystore)
    return keyring


@contextmanager
def opened_keystore(settings: Settings) -> Iterator[Keystore]:
    """The key store alone."""
    keystore = Keystore(settings.keystore_file)
    try:
        yield keystore
    finally:
        keystore.close()


def noted(
    settings: Settings, keyring: Keyring, as_: str | None, action: str, subject: str = ""
) -> None:
    """Enter what is about to be done with keys in the audit log. Raises NotNoted, NotReady."""
    asyncio.run(_note(settings, keyring, as_, action, subject))


async def _note(
    settings: Settings, keyring: Keyring, as_: str | None, action: str, subject: str
) -> None:
    clock = SystemClock()
    store = Store(settings.database, Witness.beside(settings.keystore_file, keyring))
    try:
        if store.is_sqlite and not any(path.exists() for path in store.files()):
            return  # there is no database yet, nor anything to note about it
        if await migrate.is_current(store):
            actor = await acting(settings, store, clock, as_)
            await audit.entered(store, clock.now(), actor, action, subject)
    finally:
        await store.close()
