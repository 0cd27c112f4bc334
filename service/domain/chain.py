"""The audit log's chain: what each entry commits to, and where a chain is broken.

An entry's hash covers the hash before it, its position and its content, so that whoever changes,
removes, inserts or reorders entries must make every later hash anew. The seal (HMAC-SHA256 over the
hash) needs a key that the database does not hold, so that making them anew is seen. Since a hash
commits to all before it, one seal guards every earlier entry, those under keys long rotated too.
What no chain shows by itself is that its end was cut off: a head kept elsewhere shows it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

START = bytes(32)
"""What the first entry follows."""

# Consonants alone: they spell no word, read aloud well, and pass for no number anywhere.
_LETTERS = bytes.maketrans(b"0123456789abcdef", b"bdfghjklmnprstvz")
_HEAD_BYTES = 12
_HEAD = re.compile(r"([1-9]\d{0,11})-([bdfghjklmnprstvz]{4}(?:-[bdfghjklmnprstvz]{4}){5})")

FaultKind = Literal["missing", "altered", "unsealed", "uncovered", "cut", "differs"]


def spelled(digest: bytes) -> str:
    """Bytes in letters, two a byte."""
    return digest.hex().encode().translate(_LETTERS).decode()


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries a log has, and what the last one's hash begins with, in letters."""

    count: int
    letters: str

    @classmethod
    def of(cls, count: int, hash_: bytes) -> "Head":
        return cls(count, spelled(hash_[:_HEAD_BYTES]))

    @classmethod
    def read(cls, written: str) -> "Head | None":
        """What `str` gave, copied by hand; None where it is not one."""
        found = _HEAD.fullmatch(written.strip().lower())
        return cls(int(found[1]), found[2].replace("-", "")) if found else None

    def __str__(self) -> str:
        groups = (self.letters[i : i + 4] for i in range(0, len(self.letters), 4))
        return "-".join((str(self.count), *groups))


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is stored; `content` is SHA-256 of what it says, as it says it now."""

    position: int
    content: bytes
    hash: bytes
    seal: bytes
    key_version: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain is broken.

    missing: there is no entry at this position. altered: it, or what it follows, is not what was
    written. unsealed: its seal is not of the key. uncovered: from it on, no seal is of a key that
    is held. cut: a head that was kept has more entries. differs: the entry of a head that was kept
    is another one.
    """

    kind: FaultKind
    position: int


def follow(previous: bytes, position: int, content: bytes) -> bytes:
    """An entry's hash: its content has this SHA-256, and the one before it is hashed `previous`.

    Every part is of fixed length, so that none can run into the next.
    """
    return hashlib.sha256(
        b"vigie audit entry 1" + previous + position.to_bytes(8, "big") + content
    ).digest()


def seal(key: bytes, hash_: bytes) -> bytes:
    """What only a holder of the key can say of a hash."""
    return hmac.digest(key, b"vigie audit seal 1" + hash_, "sha256")


class Walk:
    """Follows a chain from its first entry; stops at the first fault."""

    def __init__(self, keys: Mapping[int, bytes], heads: Sequence[Head] = ()) -> None:
        """`keys` by version; `heads` were kept elsewhere, and the chain must have come by them."""
        self._keys = keys
        self._heads = heads
        self._covered = 0
        self.count = 0
        self.last = START
        self.fault: Fault | None = None

    def step(self, link: Link) -> bool:
        """Take the next entry; whether the chain is whole so far."""
        self.fault = self._fault_of(link)
        if self.fault is None:
            self.count, self.last = link.position, link.hash
        return self.fault is None

    def end(self) -> Fault | None:
        """The first fault of all, now that there are no more entries."""
        if self.fault is None and self._covered < self.count:
            self.fault = Fault("uncovered", self._covered + 1)
        longer = [head.count for head in self._heads if head.count > self.count]
        if self.fault is None and longer:
            self.fault = Fault("cut", max(longer))
        return self.fault

    def _fault_of(self, link: Link) -> Fault | None:
        position = self.count + 1
        if link.position != position:
            return Fault("missing", position)
        if not hmac.compare_digest(follow(self.last, position, link.content), link.hash):
            return Fault("altered", position)
        if key := self._keys.get(link.key_version):
            if not hmac.compare_digest(seal(key, link.hash), link.seal):
                return Fault("unsealed", position)
            self._covered = position
        known = {head for head in self._heads if head.count == position}
        return Fault("differs", position) if known - {Head.of(position, link.hash)} else None
