"""What `vigie doctor` says of the machine: each check judges what was read, and reads nothing."""

import ctypes
import errno
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from handlers.cli.findings import Finding, State

LEAST_FREE = 500 * 1024 * 1024  # bytes
# This version was written then: a clock that says less has lost its battery.
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
_IDENTITY = b"AGE-SECRET-KEY-1"
_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR


def swap(proc_swaps: str | None) -> Iterator[Finding]:
    """`/proc/swaps`: memory that may be on a disk."""
    if proc_swaps is None:
        yield Finding("swap", "good", "not known: this is not Linux")
        return
    devices = [line.split()[0] for line in proc_swaps.splitlines()[1:] if line.strip()]
    disks = [device for device in devices if not device.startswith("/dev/zram")]
    if disks:
        yield Finding(
            "swap",
            "warning",
            f"memory, where keys are, may be written to {', '.join(disks)}",
            "swapoff --all and take it out of /etc/fstab, or encrypt it with a key that is made "
            "anew at each start; the log says at `serve` whether memory is locked",
        )
    else:
        yield Finding("swap", "good", "none on a disk")


def core_pattern(pattern: str | None) -> Iterator[Finding]:
    """`/proc/sys/kernel/core_pattern`: who gets the memory of a program that crashes."""
    if pattern is not None and pattern.startswith("|"):
        program = pattern[1:].split()[0]
        yield Finding(
            "core dumps",
            "warning",
            f"of programs that crash the memory goes to {program}; not of this one, which forbids "
            "it as it starts",
            "sysctl kernel.core_pattern=/dev/null, or remove what keeps dumps (systemd-coredump, "
            "apport)",
        )
    else:
        yield Finding("core dumps", "good", "no program collects them; this one makes none")


def ptrace_scope(scope: str | None) -> Iterator[Finding]:
    """`/proc/sys/kernel/yama/ptrace_scope`: who may look into a process of the same account."""
    if scope is not None and scope.strip() == "0":
        yield Finding(
            "ptrace",
            "warning",
            "programs of one account may read each other's memory; not that of `vigie serve`, "
            "unless by root",
            "sysctl kernel.yama.ptrace_scope=1",
        )
    else:
        said = "not known" if scope is None else "programs may not read each other's memory"
        yield Finding("ptrace", "good", said)


def clock(now: datetime, synchronised: bool | None) -> Iterator[Finding]:
    """The time, and whether a time service keeps it: None where the kernel does not say.

    By how much it is wrong cannot be seen from here.
    """
    if now < WRITTEN:
        do = "set the clock; on a board without a battery, install a time service"
        yield Finding("clock", "bad", f"it says {now:%Y-%m-%d}, which has passed", do)
        return
    said = f"{now:%Y-%m-%d %H:%M} UTC"
    if synchronised is False:
        yield Finding(
            "clock",
            "warning",
            f"{said}, which no time service keeps: by how much it is wrong cannot be seen",
            "install a time service (systemd-timesyncd, chrony), or compare it with a phone",
        )
    elif synchronised is None:
        yield Finding("clock", "good", f"{said}; whether a time service keeps it is not known")
    else:
        yield Finding("clock", "good", f"{said}, kept by a time service")


def space(free: int) -> Iterator[Finding]:
    """Bytes free where the data is."""
    state: State = "good" if free >= LEAST_FREE else "bad"
    do = "" if state == "good" else "make room: when the disk is full, no report is accepted"
    yield Finding("disk", state, f"{free // 1024**2} MiB free", do)


def permissions(modes: Mapping[Path, int]) -> Iterator[Finding]:
    """Data, keys and backups by their mode bits."""
    open_to_all = [path for path, mode in modes.items() if mode & (stat.S_IRWXG | stat.S_IRWXO)]
    for path in open_to_all:
        yield Finding(
            "permissions", "bad", f"other accounts can read {path}", f"chmod go-rwx {path}"
        )
    if not open_to_all:
        yield Finding("permissions", "good", "data and keys are this account's alone")


def apart(root_key: Path, data_dir: Path, begins: Mapping[Path, bytes]) -> Iterator[Finding]:
    """Whether one copy would take what opens and what is sealed. `begins`: files' first bytes."""
    if root_key.resolve().is_relative_to(data_dir.resolve()):
        yield Finding(
            "keys apart",
            "bad",
            "the key file lies in the data directory, so one copy takes both",
            "move it, and set VIGIE_KEY_FILE",
        )
    for path in [path for path, head in begins.items() if _IDENTITY in head]:
        yield Finding(
            "keys apart",
            "bad",
            f"{path} opens backups: with it here, whoever takes this machine opens them",
            "move it to a safe place; to make backups only its public key is needed",
        )


def modes(paths: Iterable[Path]) -> dict[Path, int]:
    """The mode bits of those of these paths that are there, and of what lies in the folders."""
    found = {}
    for path in _all(paths):
        status = path.stat()
        found[path] = stat.S_IMODE(status.st_mode)
    return found


def heads(folders: Iterable[Path]) -> dict[Path, bytes]:
    """The first bytes of the small files in these folders that can be read."""
    found = {}
    for path in _all(folders):
        try:
            if path.is_file() and path.stat().st_size < 64 * 1024:
                found[path] = path.read_bytes()[:1024]
        except OSError:
            continue
    return found


def _all(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.exists():
            yield path
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if not each.is_symlink())


def read(path: str) -> str | None:
    """A file of the system; None where there is none to read."""
    try:
        return Path(path).read_text()
    except OSError:
        return None


def synchronised() -> bool | None:
    """Whether the kernel takes its clock for kept (adjtimex, which needs no rights to ask)."""
    if sys.platform != "linux":
        return None
    room = ctypes.create_string_buffer(512)  # struct timex, all zeros: only asks
    state = ctypes.CDLL(None, use_errno=True).adjtimex(room)
    if state < 0:
        return None if ctypes.get_errno() in (errno.EPERM, errno.ENOSYS) else False
    return bool(state != _UNSYNCHRONISED)
