"""What is wrong in the coordinators' files, said to whoever wrote them."""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing to put right.

    `file` is relative to the content directory, `line` and `column` count from 1, `text` is what
    stands there, `why` says what is wrong with it and `suggestion` what to write or do instead.
    Both are English; `service.content.french` has them in French.
    """

    file: str
    line: int
    column: int
    text: str
    why: str
    suggestion: str | None = None

    @property
    def where(self) -> str:
        """`file:line:column`, as editors and terminals link it."""
        return f"{self.file}:{self.line}:{self.column}"


class ContentError(Exception):
    """The content cannot be used: see `problems`, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda each: each[:3]))
        first = self.problems[0]
        super().__init__(
            f"{len(self.problems)} problems in the content, the first at {first.where}: "
            f"{first.why}. `vigie check` lists them all"
        )
