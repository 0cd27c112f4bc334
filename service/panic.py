"""Destroys keys: files are overwritten, then unlinked, and the disk is told to make it so."""

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from service.vault import keyfile

PHRASES = ("destroy the keys", "détruire les clés", "detruire les cles")
_JOURNALS = ("-journal", "-wal", "-shm")
_EXPORTED = "exported"  # beside the root key: where keys of it were written to


@dataclass(slots=True)
class Destroyed:
    """What became of each file: destroyed, or still there and why."""

    gone: list[Path] = field(default_factory=list)
    left: list[tuple[Path, str]] = field(default_factory=list)


def is_meant(typed: str) -> bool:
    """Whether this is one of the phrases that say that it is meant."""
    return " ".join(typed.casefold().split()) in PHRASES


def key_files(root_key: Path, keystore: Path, others: Iterable[Path]) -> list[Path]:
    """All that can open something, what opens most first: root key, role keys, key store, others.

    Roles' keys and a key file being replaced lie beside the root key and end in `.key` or begin
    with its name.
    """
    beside = sorted(root_key.parent.glob("*.key")) + sorted(
        root_key.parent.glob(root_key.name + "*")
    )
    stores = [keystore.with_name(keystore.name + suffix) for suffix in ("", *_JOURNALS)]
    wanted = [root_key, *beside, *stores, *others]
    return [path for path in dict.fromkeys(wanted) if path.is_file() or path.is_symlink()]


def remember(root_key: Path, written: Path) -> None:
    """Keep in mind, beside the root key, where keys of it were written. Raises OSError."""
    with root_key.with_name(_EXPORTED).open("a", encoding="ascii") as file:
        file.write(json.dumps(str(written.absolute())) + "\n")
        file.flush()
        os.fsync(file.fileno())


def remembered(root_key: Path) -> list[Path]:
    """The files with keys of this root that were ever written elsewhere."""
    found: list[Path] = []
    with suppress(OSError):
        for line in root_key.with_name(_EXPORTED).read_text("ascii", "replace").splitlines():
            with suppress(ValueError):  # cut short as the machine went down: the others count
                found.append(Path(str(json.loads(line))))
    return list(dict.fromkeys(found))


def are_keys(path: Path) -> bool:
    """Whether a key file lies there, and not something else by now, which stays."""
    try:
        with path.open("rb") as file:
            return keyfile.FORMAT.encode() in file.read(200)
    except OSError:
        return False


def destroy(paths: Iterable[Path]) -> Destroyed:
    """Destroy these files, in this order. One that cannot be is passed over and told.

    Each takes one write and one sync; the folders are synced once, at the end. A memory card may
    keep old blocks all the same, which is why what remains is sealed with keys of its own.
    """
    done = Destroyed()
    for path in paths:
        try:
            _overwrite(path)
        except OSError as error:
            done.left.append((path, f"not overwritten: {error.strerror}"))
        try:
            path.unlink()
        except OSError as error:
            done.left = [(left, why) for left, why in done.left if left != path]
            done.left.append((path, error.strerror or "cannot be removed"))
        else:
            done.gone.append(path)
    for folder in {path.parent for path in done.gone}:
        _sync(folder)
    return done


def _overwrite(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        file.write(secrets.token_bytes(max(os.fstat(file.fileno()).st_size, 1)))
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
