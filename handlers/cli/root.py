"""`vigie keys unlock`, `split`, `restore`, `rotate`, `status`, `retire`: the root key."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from handlers.app import NotReady
from handlers.cli.acting import AsIfAny
from handlers.cli.secrets import (
    ByShares,
    fitting,
    gather_shares,
    noted,
    opened_keystore,
    passphrase,
    read_root,
)
from handlers.settings import Settings
from handlers.unlocking import hand_over, running_roles
from service.clock import SystemClock
from service.rekeying import Standing, standing
from service.store import Store
from service.vault import keyfile
from service.vault import shares as shares_of
from service.vault.keyfile import Secrets
from service.vault.keys import ExistingKey, Keyring, KeysError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]
LAST_VERSION = 255


def unlock(shares: ByShares = False) -> None:
    """Hand the keys to the service that runs, after a start without them.

    Asks for the passphrase of the key file, or for the words of shares; neither is shown nor
    written to the disk. With VIGIE_KEY_FILE set to a role's key file, that role is unlocked.
    """
    settings = Settings()
    if shares:
        keyring = fitting(settings, Keyring.of_roots(gather_shares()))
    else:
        keyring = keyfile.unlock(settings.root_key, passphrase(settings))
    if not _hand_round(settings, keyring):
        raise NotReady("no service took the keys: is `vigie serve` running, with this key store?")


def split(
    shares: Annotated[int, typer.Option(min=2, max=16, help="How many shares to make.")] = 3,
    needed: Annotated[int, typer.Option(min=2, max=16, help="How many of them it takes.")] = 2,
    as_: AsIfAny = None,
) -> None:
    """Print the root key in shares, once: lists of words (SLIP-39), to be copied onto paper.

    Any `--needed` of them make the key again, fewer tell nothing of it. Give each to another
    person. After `vigie keys rotate` and `vigie keys retire` split again: old shares make the old
    key.
    """
    if needed > shares:
        raise typer.BadParameter(f"{shares} shares cannot make {needed}", param_hint="--needed")
    settings = Settings()
    roots = read_root(settings)
    noted(settings, Keyring.of_roots(roots), as_, "split the root key", f"{needed} of {shares}")
    for number, words in enumerate(shares_of.split(roots, shares, needed), start=1):
        typer.echo(f"share {number} of {shares}, of which {needed} are needed:", err=True)
        typer.echo(words)


def restore(shares: ByShares = False, as_: AsIfAny = None) -> None:
    """Make a lost key file again from shares; under the passphrase of VIGIE_PASSPHRASE_FILE.

    Without shares or a copy of the key file, what it sealed is lost: see deploy/README.md.
    """
    settings = Settings()
    if not shares:
        raise typer.BadParameter("say --shares: there is no other way", param_hint="--shares")
    if settings.root_key.exists():
        raise ExistingKey(f"{settings.root_key} is there: move it away first, if it is damaged")
    roots = gather_shares()
    keyring = fitting(settings, Keyring.of_roots(roots))
    phrase = settings.passphrase_file and keyfile.read_passphrase(settings.passphrase_file)
    noted(settings, keyring, as_, "restored the root key")
    keyfile.write_new(settings.root_key, Secrets(roots=roots), phrase or None)
    typer.echo(f"made {settings.root_key}", err=True)
    _hand_round(settings, keyring)


def rotate(as_: AsIfAny = None) -> None:
    """Put a new root key beside the old one; the service that runs takes it up.

    New things are sealed with the new key once every part of the service holds it; then what the
    old one sealed is moved. `vigie keys status` says how far that is, `vigie keys retire` ends it.
    """
    settings = Settings()
    phrase = passphrase(settings)
    roots = keyfile.read_root(settings.root_key, phrase)
    if len(roots) > 1:
        raise NotReady(
            f"a rotation to version {max(roots)} is under way: `vigie keys status` says what is "
            "left, `vigie keys retire` ends it"
        )
    version = max(roots) + 1
    if version > LAST_VERSION:
        raise NotReady(f"there are no more than {LAST_VERSION} versions: begin anew")
    noted(settings, Keyring.of_roots(roots), as_, "rotated keys", f"to version {version}")
    roots |= keyfile.new_root(version)
    keyfile.replace(settings.root_key, Secrets(roots=roots), phrase)
    keyring = fitting(settings, Keyring.of_roots(roots))  # publishes what others seal with
    typer.echo(f"made version {version}: your copy of the key file, and shares, lack it", err=True)
    _hand_round(settings, keyring)


def status(json_: AsJson = False) -> None:
    """Show the versions of the keys, and what still hangs on an earlier one."""
    settings = Settings()
    found = _standing(settings, read_root(settings))
    if json_:
        left = {name: asdict(each) for name, each in found.left.items()}
        holders = [holder._asdict() for holder in found.holders]
        told = {"newest": found.newest, "oldest": found.oldest, "left": left, "holders": holders}
        typer.echo(json.dumps(told, indent=2, default=str))
        return
    for line in _told(found):
        typer.echo(line)


def retire(as_: AsIfAny = None) -> None:
    """Drop the earlier version of the root key, once nothing hangs on it; else say what does.

    People and days are moved within minutes. Messages and receipts are known by the earlier version
    for 72 hours more, invites for as long as they live: `vigie keys status` says until when.
    """
    settings = Settings()
    phrase = passphrase(settings)
    roots = keyfile.read_root(settings.root_key, phrase)
    if len(roots) == 1:
        raise NotReady(f"there is version {max(roots)} alone: nothing is to be retired")
    found = _standing(settings, roots)
    if found.in_the_way:
        for line in _told(found):
            typer.echo(line, err=True)
        raise NotReady(f"version {found.oldest} is still needed: nothing was dropped")
    kept = {found.newest: roots[found.newest]}
    keyring = Keyring.of_roots(kept)
    noted(settings, keyring, as_, "retired keys", f"version {found.oldest}")
    with opened_keystore(settings) as keystore:
        keystore.withdraw_before(found.newest)
    keyfile.replace(settings.root_key, Secrets(roots=kept), phrase)
    typer.echo(f"dropped version {found.oldest}: destroy your copies of it, and shares", err=True)
    _hand_round(settings, keyring)


def register(commands: typer.Typer) -> None:
    """Put these commands into the group `vigie keys`."""
    every: tuple[Callable[..., None], ...] = (unlock, split, restore, rotate, status, retire)
    for command in every:
        commands.command()(command)


def _standing(settings: Settings, roots: dict[int, bytes]) -> Standing:
    async def look() -> Standing:
        store = Store(settings.database)
        try:
            with opened_keystore(settings) as keystore:
                return await standing(store, keystore, list(roots), SystemClock())
        finally:
            await store.close()

    return asyncio.run(look())


def _told(found: Standing) -> Iterator[str]:
    """What `status` says, a line each."""
    if found.newest == found.oldest:
        yield f"version {found.newest} alone"
    else:
        yield f"versions {found.oldest} and {found.newest}"
    for holder in found.holders:
        yield f"{holder.part} seals with version {holder.seals}, opens from {holder.oldest} on"
    for holder in found.behind:
        if holder.newest < found.newest:
            yield (
                f"{holder.part} does not hold version {found.newest} yet: `vigie keys export`, "
                "then SIGHUP or `vigie keys unlock` with its key file"
            )
    for name, left in found.left.items():
        if left.count:
            until = f", until {left.until:%Y-%m-%d %H:%M} UTC at the latest" if left.until else ""
            yield f"{left.count} {name} hang on an earlier version{until}"


def _hand_round(settings: Settings, keyring: Keyring) -> int:
    """Give each process that runs the keys of its role; how many took them."""
    took = 0
    for role, path in running_roles(settings):
        if keyring.role not in (None, role):
            continue
        try:
            against = hand_over(keyring, role, path)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)  # of a process that was killed
            continue
        except (KeysError, OSError) as error:
            against = str(error)
        typer.echo(f"{role}: {against or 'took the keys'}", err=True)
        took += against is None
    return took
