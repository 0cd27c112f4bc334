"""Which processes of Vigie run on a data directory: each holds a file of its own there, locked.

The lock tells who lives, whatever became of a number that another process may have by now.
"""

import contextlib
import fcntl
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
        file.write(_namespace())
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def end_all(settings: Settings) -> tuple[int, int]:
    """End every running service at once, unfinished: how many were ended, how many are elsewhere.

    Elsewhere is another container, whose processes cannot be reached from this one.
    """
    ended = elsewhere = 0
    folder = settings.data_dir / _FOLDER
    for path in sorted(folder.glob("*")) if folder.exists() else ():
        if not _lives(path):
            path.unlink(missing_ok=True)
        elif _ended(path):
            ended += 1
        else:
            elsewhere += 1
    return ended, elsewhere


def _ended(path: Path) -> bool:
    if path.read_text() != _namespace():
        return False
    try:
        os.kill(int(path.name), signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    path.unlink(missing_ok=True)
    return True


def _lives(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _namespace() -> str:
    """What tells the process numbers of this container from those of another."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
