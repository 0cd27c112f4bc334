"""The audit log: who read what is sensitive, who changed what, and proof that it says so still.

It holds no number and nothing of what a phone sent: reports, enrolments and STOP are not entered,
so that the log tells nothing of reporters. Each entry is part of a chain (`service.domain.chain`)
sealed with a key that is outside the database, and how far the chain had come is kept beside that
key, so that a cut end shows too.
"""

import asyncio
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain import chain
from service.domain.chain import Fault, Head, Link
from service.store import AnyRow, Store
from service.store import audit as audit_store
from service.telemetry import redact
from service.vault.keys import KeyNotHeld, Keyring, Purpose

log = structlog.get_logger()

ACTIONS: Final = frozenset(
    {
        "accepted a break in this log",
        "added a coordinator",
        "approved what takes two",
        "asked for what takes two",
        "asked who would be told",
        "cleared a responder",
        "cleared a warning",
        "began a drill",
        "ended a drill",
        "exported counts",
        "exported keys of a role",
        "invited focal points",
        "invited responders",
        "let late texts in",
        "listed focal points",
        "listed responders",
        "looked at scans",
        "made a backup",
        "made the database ready",
        "printed one-time PINs",
        "read an explanation",
        "read near misses",
        "read tokens",
        "refused codes for a while",
        "removed a coordinator",
        "replayed own reports",
        "restored a backup",
        "restored the root key",
        "retired keys",
        "revoked a focal point",
        "revoked a responder",
        "rotated keys",
        "rotated tokens",
        "split the root key",
        "started",
        "stopped",
        "told an area",
        "told an exact place",
        "took up content",
        "took up keys",
        "unlocked",
        "traced a leak",
    }
)
"""Everything that is entered, as the words after who did it. A new act is added here."""

_LARGEST_NUMBER = 999_999  # anything longer could be a subscriber number
_LONGEST = 80  # characters, of each text in an entry

Detail = str | int | bool | None


class NotNoted(Exception):
    """The act could not be entered in the audit log, so it is not done."""


class Witness:
    """What makes the log hard to forge: the key, and how far the log had come at the last commit.

    The latter is a file, which lies with the keys and not with the database.
    """

    def __init__(self, keyring: Keyring, path: Path) -> None:
        self._keyring = keyring
        self._path = path

    @classmethod
    def beside(cls, keystore: Path, keyring: Keyring) -> "Witness":
        """The witness that lies with a key store."""
        return cls(keyring, keystore.with_name("audit-head"))

    def take_up(self, keyring: Keyring) -> None:
        """Seal with the newest of these keys from now on."""
        self._keyring = keyring

    def keys(self) -> dict[int, bytes]:
        """The keys of seals, by version. Raises KeyNotHeld."""
        held = self._keyring
        return {version: held.key(Purpose.AUDIT, version) for version in held.versions}

    def seal(self, hash_: bytes) -> tuple[int, bytes]:
        """A hash's seal, and the version of its key. Raises KeyNotHeld."""
        newest = max(self._keyring.versions, default=0)
        return newest, chain.seal(self._keyring.key(Purpose.AUDIT, newest), hash_)

    def vouches(self, hash_: bytes, version: int, seal: bytes) -> bool:
        """Whether one of our keys made this seal of a hash; False too where it is not held now."""
        try:
            key = self._keyring.key(Purpose.AUDIT, version)
        except KeyNotHeld:
            return False
        return hmac.compare_digest(chain.seal(key, hash_), seal)

    def kept(self) -> Head | None:
        """How far the log had come; None where nothing was kept or the file is damaged."""
        try:
            return Head.read(self._path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, head: Head, *, anew: bool = False) -> None:
        """Remember that the log has come so far; a shorter one is passed over unless `anew`."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = Head.read(file.read())
            if before is not None and before.count >= head.count and not anew:
                return
            file.seek(0)
            file.write(f"{head}\n")
            file.truncate()
            file.flush()
            os.fsync(descriptor)

    async def committed(self, count: int, hash_: bytes) -> None:
        """Entries are on disk up to this one."""
        try:
            await asyncio.to_thread(self.keep, Head.of(count, hash_))
        except OSError:  # what was done is done: the next entry keeps it as well
            log.exception("the head of the audit log could not be kept")


def the_witness(witness: object) -> Witness:
    """The witness that a store was opened with. Raises NotNoted where it was with none."""
    if not isinstance(witness, Witness):
        raise NotNoted("the audit log needs its key: open the store with a witness")
    return witness


async def note(
    tx: AsyncConnection,
    now: datetime,
    actor: str,
    action: str,
    subject: str = "",
    **details: Detail,
) -> None:
    """Enter an act in the audit log, in the transaction that does it.

    `actor`: "service", "cli" or a coordinator's name. `action`: one of ACTIONS. Sensitive reads are
    entered in a transaction of their own, before anything is shown. Raises NotNoted where the store
    has no witness, ValueError for words that are not known or could hold a number.
    """
    if action not in ACTIONS:
        raise ValueError("an act that is not in ACTIONS")
    for text in (actor, subject, *details, *details.values()):
        _refuse_number(text)
    witness = the_witness(tx.info.get("witness"))
    before = await audit_store.last(tx)
    position, previous = (before.position + 1, before.hash) if before else (1, chain.START)
    told = json.dumps(details, sort_keys=True, ensure_ascii=False)
    hash_ = chain.follow(previous, position, _content(now, actor, action, subject, told))
    version, seal = witness.seal(hash_)
    row = {"position": position, "at": now, "actor": actor, "action": action, "subject": subject}
    row |= {"details": told, "hash": hash_, "seal": seal, "key_version": version}
    await audit_store.append(tx, row)
    tx.info["audit_head"] = (position, hash_)


async def entered(
    store: Store, now: datetime, actor: str, action: str, subject: str = "", **details: Detail
) -> None:
    """`note` in a transaction of its own: for what is read, and for what no database holds."""
    async with store.write() as tx:
        await note(tx, now, actor, action, subject, **details)


def fingerprint(hex_digest: str) -> str:
    """A digest as the log can hold it: its first 10 bytes in letters, which pass for no number."""
    return chain.spelled(bytes.fromhex(hex_digest)[:10])


def plain(words: str) -> str:
    """Words from a file that people write, as the log can hold them: shortened, and redacted."""
    return redact("".join(filter(str.isprintable, words)))[:_LONGEST]


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, as it was entered."""

    position: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Detail]


async def entries(tx: AsyncConnection, since: datetime | None = None) -> AsyncIterator[Entry]:
    """The entries, oldest first."""
    async for row in audit_store.walk(tx, since):
        details = json.loads(row.details)
        yield Entry(row.position, row.at, row.actor, row.action, row.subject, details)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What following the whole log found. `kept` says whether its end could be checked."""

    count: int
    since: date | None
    head: Head | None
    kept: bool
    fault: Fault | None


async def verify(store: Store, witness: Witness, written: Head | None = None) -> Verdict:
    """Follow the log from its first entry; `written` is a head that somebody has on paper."""
    kept = witness.kept()  # before the log is read: it grows while it is read
    walk = chain.Walk(witness.keys(), [head for head in (kept, written) if head])
    since: date | None = None
    async with store.read() as tx:
        async for row in audit_store.walk(tx):
            since = since or row.at.date()
            if not walk.step(_link(row)):
                break
    fault = walk.end()
    head = Head.of(walk.count, walk.last) if walk.count else None
    return Verdict(walk.count, since, head, kept is not None or not walk.count, fault)


async def accept(store: Store, witness: Witness, now: datetime, actor: str) -> Verdict:
    """Go on from where the log ends now, after a backup was put back; this is entered as well.

    What is broken stays so and stays to be seen: only the kept head is made anew.
    """
    expected = witness.kept()
    async with store.write() as tx:
        before = await audit_store.last(tx)
        found = before.position if before else 0
        kept = expected.count if expected else None
        await note(tx, now, actor, "accepted a break in this log", kept=kept, found=found)
        position, hash_ = tx.info["audit_head"]
    await asyncio.to_thread(witness.keep, Head.of(position, hash_), anew=True)
    return await verify(store, witness)


def _link(row: AnyRow) -> Link:
    content = _content(row.at, row.actor, row.action, row.subject, row.details)
    return Link(row.position, content, row.hash, row.seal, row.key_version)


def _content(at: datetime, actor: str, action: str, subject: str, details: str) -> bytes:
    """SHA-256 of what an entry says, as a JSON list, which no two different entries share."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    said = json.dumps([moment, actor, action, subject, details], ensure_ascii=False)
    return hashlib.sha256(said.encode()).digest()


def _refuse_number(value: Detail) -> None:
    if isinstance(value, str):
        fine = len(value) <= _LONGEST and value.isprintable() and redact(value) == value
    else:
        fine = value is None or abs(value) <= _LARGEST_NUMBER
    if not fine:
        raise ValueError("the audit log takes short plain words, and nothing that may be a number")
