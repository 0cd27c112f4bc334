"""What `vigie doctor` says of a machine, from what was read of it."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.cli import machine
from handlers.cli.findings import Finding

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"


def one(found: object) -> Finding:
    (finding,) = list(found)  # type: ignore[call-overload]
    assert isinstance(finding, Finding)
    assert bool(finding.do) == (finding.state != "good")
    return finding


@pytest.mark.parametrize(
    ("text", "state", "says"),
    [
        (SWAPS, "good", "none"),
        (None, "good", "not known"),
        (SWAPS + "/dev/zram0 partition 100 0 5\n", "good", "none on a disk"),
        (SWAPS + "/dev/sda2 partition 100 0 -2\n", "warning", "/dev/sda2"),
        (SWAPS + "/dev/zram0 x 1 0 5\n/swapfile file 1 0 -2\n", "warning", "to /swapfile"),
    ],
)
def test_swap(text: str | None, state: str, says: str) -> None:
    found = one(machine.swap(text))
    assert (found.state, says in found.what) == (state, True)


@pytest.mark.parametrize(
    ("text", "state"),
    [("core\n", "good"), (None, "good"), ("/dev/null", "good"), ("|/usr/lib/apport %p", "warning")],
)
def test_core_pattern(text: str | None, state: str) -> None:
    found = one(machine.core_pattern(text))
    assert found.state == state
    assert ("/usr/lib/apport" in found.what) == (state == "warning")


@pytest.mark.parametrize(("text", "state"), [("1\n", "good"), (None, "good"), ("0\n", "warning")])
def test_ptrace_scope(text: str | None, state: str) -> None:
    assert one(machine.ptrace_scope(text)).state == state


@pytest.mark.parametrize(
    ("now", "kept", "state"),
    [
        (NOW, True, "good"),
        (NOW, None, "good"),
        (NOW, False, "warning"),
        (datetime(1970, 1, 1, tzinfo=UTC), True, "bad"),
    ],
)
def test_clock(now: datetime, kept: bool | None, state: str) -> None:
    assert one(machine.clock(now, kept)).state == state


def test_space() -> None:
    assert one(machine.space(10**10)).state == "good"
    assert one(machine.space(10**6)).state == "bad"


def test_permissions() -> None:
    fine = {Path("data"): 0o700, Path("data/key"): 0o600}
    assert one(machine.permissions(fine)).state == "good"
    open_ = fine | {Path("keys/root.key"): 0o640, Path("data/backup.vigie"): 0o604}
    found = list(machine.permissions(open_))
    assert [(each.state, each.do) for each in found] == [
        ("bad", "chmod go-rwx keys/root.key"),
        ("bad", "chmod go-rwx data/backup.vigie"),
    ]


def test_keys_and_data_lie_apart(tmp_path: Path) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys"
    assert list(machine.apart(keys / "root.key", data, {keys / "token": b"x"})) == []
    assert one(machine.apart(data / "root.key", data, {})).state == "bad"
    found = one(machine.apart(keys / "r", data, {keys / "id": b"# made\nAGE-SECRET-KEY-1Q"}))
    assert (found.state, "opens backups" in found.what) == ("bad", True)


def test_what_is_read_of_folders_is_all_that_lies_in_them(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("AGE-SECRET-KEY-1Q")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "closed").touch(0o600)
    found = machine.modes([tmp_path, tmp_path / "missing"])
    assert {path.name: mode for path, mode in found.items()} == {
        tmp_path.name: stat.S_IMODE(tmp_path.stat().st_mode),
        "closed": 0o600,
        "open": 0o644,
    }
    assert machine.heads([tmp_path])[tmp_path / "open"] == b"AGE-SECRET-KEY-1Q"


def test_this_machine_is_read() -> None:
    assert machine.read("/proc/swaps")
    assert machine.read("/proc/no/such/file") is None
    assert machine.synchronised() in (True, False, None)
