"""What is wrong in the coordinators' files, said to whoever wrote them."""

from collections.abc import Iterable
from typing import NamedTuple

from service.content.french import in_french

MOST_PROBLEMS = 1000
"""A file is given few more: nobody reads further, and a hostile one costs no more."""


class Problem(NamedTuple):
    """One thing to put right.

    `file` is relative to the content directory, `line` and `column` count from 1, `text` is what
    stands there, `why` says what is wrong with it and `suggestion` what to write or do instead,
    both in English until `in_french`.
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

    def __str__(self) -> str:
        return self.told()

    def told(self, kind: str = "") -> str:
        """Return all of it in one line, whatever the file holds; `kind` is said before it."""
        parts = [kind] if kind else []
        parts += [self.text] if self.text and f"`{self.text}`" not in self.why else []
        line = f"{self.where}: {': '.join((*parts, self.why))}"
        line += f"; {self.suggestion}" if self.suggestion else ""
        return printable(line)

    def in_french(self) -> "Problem":
        """Return the same problem in French, as far as there are words for it."""
        suggestion = self.suggestion and (in_french(self.suggestion) or self.suggestion)
        return self._replace(why=in_french(self.why) or self.why, suggestion=suggestion)


class ContentError(Exception):
    """The content cannot be used: see `problems`, in the order of files and lines.

    `warnings` is what should be looked at besides.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = in_order(problems)
        self.warnings = in_order(warnings)
        first = self.problems[0]
        super().__init__(
            f"{len(self.problems)} problems in the content, the first at {first.where}: "
            f"{first.why}. `vigie check` lists them all"
        )

    def __reduce__(self) -> tuple[type["ContentError"], tuple[object, ...]]:
        """It is made anew from its problems where it comes from another process."""
        return type(self), (self.problems, self.warnings)


def printable(text: str) -> str:
    """Return a text without anything that could steer a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each problem once, in the order of files and lines."""
    return tuple(sorted(set(problems), key=lambda each: each[:3]))
