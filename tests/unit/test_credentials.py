"""A passphrase that systemd hands over."""

from pathlib import Path

import pytest

from service.vault import keyfile, keys


def test_a_credential_of_systemd_may_be_readable_by_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over = tmp_path / "credentials" / "passphrase"
    handed_over.parent.mkdir()
    handed_over.write_text("correct horse")
    handed_over.chmod(0o440)
    with pytest.raises(keys.WorldReadableKey):
        keyfile.read_passphrase(handed_over)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed_over.parent))
    assert keyfile.read_passphrase(handed_over) == "correct horse"
    handed_over.chmod(0o444)
    with pytest.raises(keys.WorldReadableKey):
        keyfile.read_passphrase(handed_over)
