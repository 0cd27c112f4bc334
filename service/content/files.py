"""Reading the files of a content directory, with a limit on what is believed to be one."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from service.content.problem import Problem

YAML_LIMIT = 1_000_000
TABLE_LIMIT = 4_000_000


class Files:
    """Text files below a content directory: what is wrong with them, and a digest of them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.problems: list[Problem] = []
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change when any text read so far does."""
        return self._digest.hexdigest()[:16]

    def has(self, file: str) -> bool:
        """Whether there is anything of that name, readable or not."""
        return os.path.lexists(self.directory / file)

    def text(self, file: str, limit: int) -> str | None:
        """Return the UTF-8 text of a file of at most `limit` bytes; None if that is a problem."""
        try:
            with (self.directory / file).open("rb") as opened:
                raw = opened.read(limit + 1)
        except OSError as error:
            self._refuse(file, f"the file cannot be read: {os.strerror(error.errno or 0)}")
            return None
        self._add(file, raw)
        if len(raw) > limit:
            size = f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1000} KB"
            why = f"the file is larger than {size}"
            self._refuse(file, why, suggestion="split it, or check that it is the right file")
            return None
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode("utf-8-sig", "replace")
            line, column = position(before, len(before))
            wrong = f"0x{raw[error.start]:02X}"
            self._refuse(file, "this is not UTF-8", line, column, wrong, "save the file as UTF-8")
            return None

    def names(self, folder: str, suffix: str = ".yaml") -> Iterator[str]:
        """Yield the files of a folder that end in `suffix`, sorted; any other is a problem."""
        for path in sorted((self.directory / folder).glob("[!.]*")):
            file = f"{folder}/{path.name}"
            if path.suffix == suffix:
                yield file
            else:
                suggestion = f"name it {path.stem}{suffix}, or take it out of this folder"
                self._refuse(file, f"only {suffix} files are read here", suggestion=suggestion)

    def _add(self, name: str, raw: bytes) -> None:
        self._digest.update(f"{name}\0{len(raw)}\0".encode())
        self._digest.update(raw)

    def _refuse(
        self,
        file: str,
        why: str,
        line: int = 1,
        column: int = 1,
        text: str = "",
        suggestion: str | None = None,
    ) -> None:
        self.problems.append(Problem(file, line, column, text, why, suggestion))


def position(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
