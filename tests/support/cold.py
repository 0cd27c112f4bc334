"""A cold copy: the data directory and a backup in hands that have no key of ours.

Every sealed box is tried, as what it is and as anything else, with whatever such hands could make.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from service.vault import keyfile
from service.vault.envelopes import VaultError
from service.vault.keys import KeysError
from service.vault.keystore import Keystore
from service.vault.vault import Vault


def opened_without_keys(folder: Path, identity: Any, lines: bytes) -> list[object]:
    """What could be opened of the data in `folder`: nothing. `lines` is the backup, decrypted."""
    assert lines
    other = folder / "other" / "root.key"
    keyfile.create(other)
    keyring = keyfile.unlock(other)
    vault = Vault(keyring, Keystore(other.with_name("keystore.sqlite")))
    found: list[object] = []
    boxes = list(_boxes(folder / "data" / "vigie.sqlite"))
    assert len(boxes) > 500
    for table, row, context, box in boxes:
        for attempt in _attempts(vault, row, context, box):
            try:
                found.append((table, row, attempt()))
            except VaultError:
                continue
    # Not even with the key store, which is only half of what a person's number needs.
    with pytest.raises(KeysError, match="another key"):
        Vault(keyring, Keystore(folder / "data-keys" / "keystore.sqlite"))
    stranger = pyrage.x25519.Identity.generate()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt((folder / "backup.vigie").read_bytes(), [stranger])
    return found


def _boxes(database: Path) -> Iterator[tuple[str, int, str, bytes]]:
    """(table, row, context, box) of everything that is sealed."""
    with closing(sqlite3.connect(database)) as connection:
        for id_, dedupe, *boxes in connection.execute(
            "select id, dedupe, sealed_sender, sealed_text from inbox"
        ):
            yield from (("inbox", id_, dedupe.hex(), box) for box in boxes if box)
        for id_, box in connection.execute("select id, sealed_number from person"):
            yield "person", id_, str(id_), box


def _attempts(vault: Vault, row: int, context: str, box: bytes) -> Iterator[Callable[[], object]]:
    yield lambda: vault.open_sender(box, context)
    yield lambda: vault.open_person(row, box)
    today = datetime.now(UTC).date()
    for days in (0, 1):
        yield lambda days=days: vault.open_text(box, today - timedelta(days=days), context)
