"""The key file: the root key in all its live versions, or the derived keys of one role."""

import os
import secrets
import stat
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from service.vault.keys import (
    KEY_BYTES,
    NONCE_BYTES,
    DamagedKey,
    ExistingKey,
    Keyring,
    MissingKey,
    Purpose,
    WorldReadableKey,
    WrongPassphrase,
    WrongRole,
)

FORMAT: Final = "vigie key 1"
_AAD = FORMAT.encode()
_LONGEST = 64 * 1024  # bytes


def _read_base64(value: object) -> object:
    return b64decode(value, validate=True) if isinstance(value, str) else value


_Base64 = Annotated[
    bytes,
    BeforeValidator(_read_base64),
    PlainSerializer(lambda value: b64encode(value).decode(), return_type=str),
]
_Key = Annotated[_Base64, Field(min_length=KEY_BYTES, max_length=KEY_BYTES)]
_Version = Annotated[int, Field(ge=1, le=255)]  # one byte of each box says it


class Secrets(BaseModel):
    """What a key file holds: `roots` by version or, for one `role`, `keys` by version and purpose.

    It prints nothing of them. Its JSON is what is wrapped, and what is handed to a locked service.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    roots: dict[_Version, _Key] = Field(default_factory=dict, repr=False)
    role: str | None = None
    keys: dict[_Version, dict[Purpose, _Key]] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "Secrets":
        if bool(self.roots) == bool(self.keys) or bool(self.keys) != (self.role is not None):
            raise ValueError("a key file holds roots, or a role and its keys")
        return self

    @classmethod
    def of(cls, keyring: Keyring, role: str) -> "Secrets":
        """The keys of a role's keyring, without any root."""
        return cls(role=role, keys=keyring.as_dict())

    def keyring(self) -> Keyring:
        """The derived keys."""
        return Keyring.of_roots(self.roots) if self.roots else Keyring(self.keys, self.role)


def new_root(version: int = 1) -> dict[int, bytes]:
    """A root key of its own version."""
    return {version: secrets.token_bytes(KEY_BYTES)}


def create(path: Path, passphrase: str | None = None) -> None:
    """Write a new root key to `path`, wrapped under `passphrase` if one is given."""
    write_new(path, Secrets(roots=new_root()), passphrase)


def write_new(path: Path, content: Secrets, passphrase: str | None = None) -> None:
    """Write a key file that is not there yet.

    The file gets mode 0600 and a missing directory 0700. Raises ExistingKey rather than overwrite:
    whatever the old key sealed could never be opened again.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ExistingKey(
            f"{path} holds a key already. Losing it loses every number and text sealed with it: "
            "move it away yourself if that is what you want."
        ) from None
    _write(descriptor, content, passphrase)
    _sync_directory(path.parent)


def replace(path: Path, content: Secrets, passphrase: str | None = None) -> None:
    """Put this in the place of the key file at `path`: wholly, or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # of a run that was killed
    _write(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), content, passphrase)
    fresh.replace(path)
    _sync_directory(path.parent)


def read(path: Path, passphrase: str | None = None) -> Secrets:
    """What the key file at `path` holds. Raises KeysError."""
    content = read_private(path, "key file", "Run `vigie init` to make one, or set VIGIE_KEY_FILE")
    try:
        stored = _KeyFile.model_validate_json(content)
        return Secrets.model_validate_json(_unwrap(stored, passphrase, path))
    except ValidationError:  # its message would quote the key
        raise DamagedKey(
            f"{path} is not a key file of this version. Restore it from your copy of the key."
        ) from None


def read_root(path: Path, passphrase: str | None = None) -> dict[int, bytes]:
    """The root key's versions in the key file at `path`. Raises WrongRole, KeysError."""
    found = read(path, passphrase)
    if not found.roots:
        raise WrongRole(
            f"{path} holds the keys of the role “{found.role}” alone: this needs the root key, "
            "so set VIGIE_KEY_FILE to it"
        )
    return found.roots


def unlock(path: Path, passphrase: str | None = None) -> Keyring:
    """The keyring of the key file at `path`. Raises KeysError."""
    return read(path, passphrase).keyring()


def is_wrapped(path: Path) -> bool:
    """Whether a passphrase opens the key file; False too where there is none that can be read."""
    try:
        content = path.read_bytes()
        return _KeyFile.model_validate_json(content[:_LONGEST]).wrapping is not None
    except (OSError, ValidationError):
        return False


def read_passphrase(path: Path) -> str:
    """The passphrase in the file at `path`, less its line end. Raises KeysError."""
    content = read_private(path, "passphrase file", "Check VIGIE_PASSPHRASE_FILE")
    try:
        passphrase = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise DamagedKey(f"{path} is not UTF-8 text") from None
    if not passphrase:
        raise MissingKey(f"{path} is empty: write the passphrase into it")
    return passphrase


class _Wrapping(BaseModel):
    """How the secrets are wrapped: with RFC 9106's figures for 64 MiB of memory, but one lane.

    OpenSSL's lanes are threads of one pool, in which two hashes at once wait for each other for
    ever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kdf: Literal["argon2id"] = "argon2id"
    iterations: Annotated[int, Field(ge=1, le=100)] = 3
    lanes: Literal[1] = 1
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

    format: Literal["vigie key 1"] = FORMAT
    key: _Base64 = Field(min_length=1, max_length=_LONGEST)
    wrapping: _Wrapping | None = None


def _write(descriptor: int, content: Secrets, passphrase: str | None) -> None:
    plain = content.model_dump_json(exclude_defaults=True).encode()
    stored = _KeyFile(key=plain) if passphrase is None else _wrap(plain, passphrase)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(stored.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _wrap(plain: bytes, passphrase: str) -> _KeyFile:
    wrapping = _Wrapping(salt=secrets.token_bytes(16), nonce=secrets.token_bytes(NONCE_BYTES))
    wrapped = wrapping.cipher(passphrase).encrypt(wrapping.nonce, plain, _AAD)
    return _KeyFile(key=wrapped, wrapping=wrapping)


def _unwrap(stored: _KeyFile, passphrase: str | None, path: Path) -> bytes:
    if stored.wrapping is None:
        return stored.key
    if passphrase is None:
        raise MissingKey(
            f"{path} is locked by a passphrase. A command asks for it at a terminal; where there "
            "is none, set VIGIE_PASSPHRASE_FILE. A service that runs takes it from `vigie keys "
            "unlock`"
        )
    try:
        return stored.wrapping.cipher(passphrase).decrypt(stored.wrapping.nonce, stored.key, _AAD)
    except InvalidTag:
        raise WrongPassphrase(
            f"the passphrase does not open {path}: check for a space or line too many"
        ) from None


def read_private(path: Path, what: str, remedy: str) -> bytes:
    """The content of a file that only its owner may read."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_LONGEST)
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
