"""The root key on disk, and the keys derived from it, each for one purpose."""

# ruff: noqa: N818 - an exception's name says what happened

import os
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

KEY_BYTES = 32
NONCE_BYTES = 12
_ROOT_AAD = b"vigie root key 1"


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


class KeyNotHeld(KeysError):
    """This process was not given the key for what was asked of it."""


class Purpose(StrEnum):
    """What a derived key is for. A key serves one purpose; the names are part of the derivation."""

    INDEX = "number-index"  # blind index of numbers (HMAC)
    MESSAGE_ID = "message-id"  # blinded gateway message ids (HMAC)
    MESSAGE_TEXT = "message-text"  # blinded texts, to know a repeat by (HMAC)
    INVITE_CODE = "invite-code"  # blinded invite codes (HMAC)
    SENDERS = "senders"  # X25519 private key that opens sealed numbers
    DAYS = "days"  # X25519 private key that opens the day keys, hence texts
    AUDIT = "audit"  # seals the audit log (HMAC)
    PEOPLE = "people"  # wraps the data key of each person (ChaCha20-Poly1305)


class Keyring:
    """Derived keys by purpose; a role's keyring holds only those that the role needs."""

    __slots__ = ("_keys", "version")

    def __init__(self, keys: Mapping[Purpose, bytes], version: int = 1) -> None:
        self._keys = dict(keys)
        self.version = version

    @classmethod
    def derive(cls, root: bytes, version: int = 1) -> "Keyring":
        """Every purpose's 32-byte key from the root key, by HKDF-SHA256 (RFC 5869)."""

        def key(purpose: Purpose) -> bytes:
            info = f"vigie/{version}/{purpose}".encode()
            return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(root)

        return cls({purpose: key(purpose) for purpose in Purpose}, version)

    def only(self, purposes: Iterable[Purpose]) -> "Keyring":
        """A keyring with these purposes alone."""
        return Keyring({purpose: self[purpose] for purpose in purposes}, self.version)

    def __getitem__(self, purpose: Purpose) -> bytes:
        try:
            return self._keys[purpose]
        except KeyError:
            raise KeyNotHeld(
                f"this process holds no key for “{purpose}”: run it in a role that does"
            ) from None

    def __contains__(self, purpose: Purpose) -> bool:
        return purpose in self._keys

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a keyring is never pickled or copied")


def create(path: Path, passphrase: str | None = None) -> None:
    """Write a new root key to `path`, wrapped under `passphrase` if one is given.

    The file gets mode 0600 and a missing directory 0700. Raises ExistingKey rather than overwrite:
    whatever the old key sealed could never be opened again.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = secrets.token_bytes(KEY_BYTES)
    content = _KeyFile(key=root) if passphrase is None else _wrap(root, passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ExistingKey(
            f"{path} holds a key already. Losing it loses every number and text sealed with it: "
            "move it away yourself if that is what you want."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def unlock(path: Path, passphrase: str | None = None) -> Keyring:
    """Read the root key of `path` and derive its keyring. Raises KeysError."""
    content = _read_private(path, "key file", "Run `vigie init` to make one, or set VIGIE_KEY_FILE")
    try:
        stored = _KeyFile.model_validate_json(content)
    except ValidationError:  # its message would quote the key
        raise DamagedKey(
            f"{path} is not a key file of this version. Restore it from your copy of the key."
        ) from None
    return Keyring.derive(_unwrap(stored, passphrase, path), stored.key_version)


def read_passphrase(path: Path) -> str:
    """The passphrase in the file at `path`, less its line end. Raises KeysError."""
    content = _read_private(path, "passphrase file", "Check VIGIE_PASSPHRASE_FILE")
    try:
        passphrase = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise DamagedKey(f"{path} is not UTF-8 text") from None
    if not passphrase:
        raise MissingKey(f"{path} is empty: write the passphrase into it")
    return passphrase


def _read_base64(value: object) -> object:
    return b64decode(value, validate=True) if isinstance(value, str) else value


_Base64 = Annotated[
    bytes,
    BeforeValidator(_read_base64),
    PlainSerializer(lambda value: b64encode(value).decode(), return_type=str),
]


class _Wrapping(BaseModel):
    """How the root key is wrapped. The defaults are RFC 9106's for 64 MiB of memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kdf: Literal["argon2id"] = "argon2id"
    iterations: Annotated[int, Field(ge=1, le=100)] = 3
    lanes: Annotated[int, Field(ge=1, le=64)] = 4
    memory_kib: Annotated[int, Field(ge=8 * 64, le=4 * 1024 * 1024)] = 64 * 1024
    salt: _Base64 = Field(min_length=16, max_length=64)
    nonce: _Base64 = Field(min_length=NONCE_BYTES, max_length=NONCE_BYTES)

    def cipher(self, passphrase: str) -> ChaCha20Poly1305:
        kdf = Argon2id(
            salt=self.salt,
            length=KEY_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return ChaCha20Poly1305(kdf.derive(passphrase.encode("utf-8", "surrogatepass")))


class _KeyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["vigie key 1"] = "vigie key 1"
    key_version: Annotated[int, Field(ge=1, le=255)] = 1
    key: _Base64 = Field(min_length=KEY_BYTES, max_length=KEY_BYTES + 16)
    wrapping: _Wrapping | None = None


def _wrap(root: bytes, passphrase: str) -> _KeyFile:
    wrapping = _Wrapping(salt=secrets.token_bytes(16), nonce=secrets.token_bytes(NONCE_BYTES))
    wrapped = wrapping.cipher(passphrase).encrypt(wrapping.nonce, root, _ROOT_AAD)
    return _KeyFile(key=wrapped, wrapping=wrapping)


def _unwrap(stored: _KeyFile, passphrase: str | None, path: Path) -> bytes:
    if stored.wrapping is None:
        return stored.key
    if passphrase is None:
        raise MissingKey(f"{path} is locked by a passphrase: set VIGIE_PASSPHRASE_FILE")
    try:
        return stored.wrapping.cipher(passphrase).decrypt(
            stored.wrapping.nonce, stored.key, _ROOT_AAD
        )
    except InvalidTag:
        raise WrongPassphrase(
            f"the passphrase does not open {path}: check for a space or line too many"
        ) from None


def _read_private(path: Path, what: str, remedy: str) -> bytes:
    """The content of a file that only its owner may read."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(64 * 1024)
    except OSError as error:
        raise MissingKey(
            f"the {what} {path} cannot be read ({error.strerror}). {remedy}."
        ) from None
    # systemd hands credentials over readable by a group of its own, in a folder nobody else enters.
    handed_over = path.is_relative_to(os.environ.get("CREDENTIALS_DIRECTORY", path / "none"))
    if mode & (0o007 if handed_over else 0o077):
        raise WorldReadableKey(
            f"other accounts may read the {what} {path} (mode {mode:04o}): run `chmod 600 {path}`"
        )
    return content


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
