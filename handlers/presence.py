"""Which processes of Vigie run on a data directory: each holds a file of its own there, locked.

The lock tells who lives, whatever became of a number that another process may have by now. The file
says which key files the process was started with, which are not everybody's.
"""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from handlers.settings import Settings

_FOLDER = "running"


@contextlib.contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Be known to run until the end of the block."""
    folder = settings.data_dir / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / str(os.getpid())
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{_namespace()}\n")
        file.writelines(f"{json.dumps(str(key.absolute()))}\n" for key in secrets(settings))
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def secrets(settings: Settings) -> list[Path]:
    """The files that open something, beside the key store, by these settings."""
    given = (settings.root_key, settings.token_file, settings.passphrase_file)
    return [path for path in given if path is not None]


def told(settings: Settings) -> list[Path]:
    """The same of all processes that run here, or ended without a word."""
    found: list[Path] = []
    for path in _announcements(settings):
        with contextlib.suppress(OSError, ValueError):
            found += [Path(str(json.loads(line))) for line in path.read_text().splitlines()[1:]]
    return list(dict.fromkeys(found))


def end_all(settings: Settings) -> tuple[int, int]:
    """End every running service at once, unfinished: how many were ended, how many are elsewhere.

    Elsewhere is another container, whose processes cannot be reached from this one.
    """
    ended = elsewhere = 0
    for path in _announcements(settings):
        if not _lives(path):
            path.unlink(missing_ok=True)
        elif _ended(path):
            ended += 1
        else:
            elsewhere += 1
    return ended, elsewhere


def _announcements(settings: Settings) -> list[Path]:
    """What bears a process's number; nothing else that lies there may be in the way of a panic."""
    folder = settings.data_dir / _FOLDER
    return sorted(path for path in folder.glob("*") if path.name.isdecimal() and path.is_file())


def _ended(path: Path) -> bool:
    try:
        if path.read_text().split("\n")[0] != _namespace():
            return False
        os.kill(int(path.name), signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    path.unlink(missing_ok=True)
    return True


def _lives(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # locked; or another account's, of which nothing can be known
        return True
    return False


def _namespace() -> str:
    """What tells the process numbers of this container from those of another."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
