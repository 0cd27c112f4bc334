"""The keys derived from the root key, each for one purpose, in one or more versions."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12


class KeysError(Exception):
    """The keys cannot be used; the message says what the operator can do."""


class MissingKey(KeysError):
    """There is no key file, or no passphrase for it."""


class ExistingKey(KeysError):
    """There is a key file already, and it is never overwritten."""


class WrongPassphrase(KeysError):
    """The passphrase does not open the key file."""


class WorldReadableKey(KeysError):
    """Other accounts of this machine may read the key file."""


class DamagedKey(KeysError):
    """The file is not a key file that this version can read."""


class WrongRole(KeysError):
    """The key file holds the keys of one role, and another was asked for."""


class WrongShares(KeysError):
    """These shares do not make the root key."""


class KeyNotHeld(KeysError):
    """This process was not given the key for what was asked of it."""


class Purpose(StrEnum):
    """What a derived key is for. A key serves one purpose; the names are part of the derivation."""

    INDEX = "number-index"  # blind index of numbers (HMAC)
    MESSAGE_ID = "message-id"  # blinded gateway message ids (HMAC)
    MESSAGE_TEXT = "message-text"  # blinded texts, to know a repeat by (HMAC)
    VARIANTS = "variants"  # which wording of a text a person gets (HMAC)
    INVITE_CODE = "invite-code"  # blinded invite codes (HMAC)
    LOCKED = "locked"  # X25519 private key that opens what came while the service was locked
    PIN_PEPPER = "pin-pepper"  # wraps the key of each person's PINs (ChaCha20-Poly1305)
    SENDERS = "senders"  # X25519 private key that opens sealed numbers
    DAYS = "days"  # X25519 private key that opens the day keys, hence texts
    AUDIT = "audit"  # seals the audit log (HMAC)
    PEOPLE = "people"  # wraps the data key of each person (ChaCha20-Poly1305)


class Keyring:
    """Derived keys by version and purpose; a role's keyring holds only those that the role needs.

    `role` is set where the keys come from a role's own key file. A keyring without any key is that
    of a service which is locked.
    """

    __slots__ = ("_keys", "role")

    def __init__(
        self, keys: Mapping[int, Mapping[Purpose, bytes]], role: str | None = None
    ) -> None:
        self._keys = {version: dict(keys[version]) for version in sorted(keys, reverse=True)}
        self.role = role

    @classmethod
    def derive(cls, root: bytes, version: int = 1) -> "Keyring":
        """Every purpose's 32-byte key from one root key, by HKDF-SHA256 (RFC 5869)."""
        return cls.of_roots({version: root})

    @classmethod
    def of_roots(cls, roots: Mapping[int, bytes]) -> "Keyring":
        """Every purpose's key from each version of the root key."""

        def key(version: int, purpose: Purpose) -> bytes:
            info = f"vigie/{version}/{purpose}".encode()
            return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(roots[version])

        return cls({v: {purpose: key(v, purpose) for purpose in Purpose} for v in roots})

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions, the newest first; none where the keyring is empty."""
        return tuple(self._keys)

    def only(self, purposes: Iterable[Purpose]) -> "Keyring":
        """A keyring with these purposes alone. Raises KeyNotHeld."""
        wanted = tuple(purposes)
        kept = {v: {p: self.key(p, v) for p in wanted} for v in self.versions}
        return Keyring({v: keys for v, keys in kept.items() if keys}, self.role)

    def key(self, purpose: Purpose, version: int) -> bytes:
        """The key of one version. Raises KeyNotHeld."""
        try:
            return self._keys[version][purpose]
        except KeyError:
            raise KeyNotHeld(
                f"this process holds no key for “{purpose}” (version {version}): run it in a role "
                "that does"
            ) from None

    def as_dict(self) -> dict[int, dict[Purpose, bytes]]:
        """The keys themselves: for a key file, and for handing them to the service."""
        return {version: dict(keys) for version, keys in self._keys.items()}

    def __getitem__(self, purpose: Purpose) -> bytes:
        """The newest version's key. Raises KeyNotHeld."""
        return self.key(purpose, max(self._keys, default=0))

    def __contains__(self, purpose: Purpose) -> bool:
        return any(purpose in keys for keys in self._keys.values())

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        held = {purpose: None for keys in self._keys.values() for purpose in keys}
        return f"Keyring({', '.join(held)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a keyring is never pickled or copied")
