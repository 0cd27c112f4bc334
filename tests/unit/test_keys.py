"""The key file: made once, private, whole, and of no use without its passphrase."""

import json
import pickle
from base64 import b64encode
from pathlib import Path

import pytest

from service.vault import keyfile, keys
from service.vault.keys import Keyring, Purpose

PASSPHRASE = "éléphant du désert"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "root.json"


def holding(secrets: bytes) -> bytes:
    """A key file that no passphrase wraps."""
    return b'{"format": "vigie key 1", "key": "' + b64encode(secrets) + b'"}'


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_file_opens_to_the_same_keys_each_time(
    key_file: Path, passphrase: str | None
) -> None:
    keyfile.create(key_file, passphrase)

    first, second = (keyfile.unlock(key_file, passphrase) for _ in range(2))

    assert all(first[purpose] == second[purpose] for purpose in Purpose)
    assert len({first[purpose] for purpose in Purpose}) == len(Purpose)


def test_a_key_file_is_for_its_owner_only(key_file: Path) -> None:
    keyfile.create(key_file)

    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    keyfile.create(key_file)
    before = key_file.read_bytes()

    with pytest.raises(keys.ExistingKey, match="move it away"):
        keyfile.create(key_file)

    assert key_file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_key_that_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    keyfile.create(key_file)
    key_file.chmod(mode)

    with pytest.raises(keys.WorldReadableKey, match=f"chmod 600 {key_file}"):
        keyfile.unlock(key_file)


def test_a_missing_key_says_how_to_make_one(key_file: Path) -> None:
    with pytest.raises(keys.MissingKey, match="vigie init"):
        keyfile.unlock(key_file)


def test_a_wrapped_key_needs_its_passphrase(key_file: Path) -> None:
    keyfile.create(key_file, PASSPHRASE)

    with pytest.raises(keys.MissingKey, match="VIGIE_PASSPHRASE_FILE"):
        keyfile.unlock(key_file)
    with pytest.raises(keys.WrongPassphrase) as raised:
        keyfile.unlock(key_file, "wrong horse")

    assert "horse" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_wrapped_key_file_holds_no_key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bytes(range(32))
    monkeypatch.setattr(keyfile.secrets, "token_bytes", lambda size: root[:size])

    keyfile.create(key_file, PASSPHRASE)

    stored = keyfile.b64decode(json.loads(key_file.read_text())["key"])
    assert root[:8] not in stored


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"format": "vigie key 2", "key": "AAAA"}',
        b'{"format": "vigie key 1", "key": "c2VjcmV0"}',
        b'{"format": "vigie key 1", "key": "not base64 secret"}',
        holding(b'{"roots": {"0": "' + b"A" * 43 + b'="}}'),
        holding(b'{"roots": {"1": "c2VjcmV0"}}'),
        holding(b'{"roots": {}}'),
        holding(b'{"role": "intake", "roots": {"1": "' + b"A" * 43 + b'="}}'),
        holding(b'{"role": "intake", "keys": {"1": {"a secret purpose": "' + b"A" * 43 + b'="}}}'),
        b"[" * 100_000,
    ],
)
def test_a_damaged_key_file_is_not_quoted(key_file: Path, content: bytes) -> None:
    keyfile.create(key_file)
    key_file.write_bytes(content)

    with pytest.raises(keys.DamagedKey, match="not a key file") as raised:
        keyfile.unlock(key_file)

    assert "c2Vj" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_role_holds_only_its_keys(key_file: Path) -> None:
    keyfile.create(key_file)
    keyring = keyfile.unlock(key_file)

    intake = keyring.only([Purpose.INDEX])

    assert intake[Purpose.INDEX] == keyring[Purpose.INDEX]
    assert Purpose.SENDERS not in intake
    with pytest.raises(keys.KeyNotHeld, match="senders"):
        intake[Purpose.SENDERS]
    with pytest.raises(keys.KeyNotHeld):
        intake.only([Purpose.DAYS])


def test_a_keyring_hides_itself() -> None:
    keyring = Keyring.derive(bytes(32))

    assert repr(keyring[Purpose.INDEX]) not in repr(keyring)
    assert "number-index" in repr(keyring)
    with pytest.raises(TypeError):
        pickle.dumps(keyring)


def test_key_versions_share_nothing() -> None:
    first, second = Keyring.derive(bytes(32), 1), Keyring.derive(bytes(32), 2)

    assert not {first[p] for p in Purpose} & {second[p] for p in Purpose}


def test_the_derivation_never_changes() -> None:
    """What old keys sealed must open with every later version of the software."""
    assert (
        Keyring.derive(bytes(32))[Purpose.INDEX].hex()
        == "a66356f90bc43bc9a37bf2fc5068c9a6d116d9df030316bcaf4770e34672eaeb"
    )


def test_a_passphrase_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.touch(0o600)

    with pytest.raises(keys.MissingKey, match="empty"):
        keyfile.read_passphrase(file)
    file.write_text(f"{PASSPHRASE} \r\n")
    assert keyfile.read_passphrase(file) == f"{PASSPHRASE} "
    file.write_bytes(b"\xff\xff")
    with pytest.raises(keys.DamagedKey):
        keyfile.read_passphrase(file)
    file.chmod(0o644)
    with pytest.raises(keys.WorldReadableKey, match="chmod 600"):
        keyfile.read_passphrase(file)
