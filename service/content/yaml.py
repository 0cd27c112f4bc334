"""Strict YAML: the part of the language that means what it looks like.

Built from the parser's events, so that a hostile file is refused at the first node that shows it:
no anchors and aliases (a few lines of them make billions of values), no tags, no second document,
bounded depth and size. Every scalar stays the text that was written; whoever reads the document
types it by a schema, so `no`, `010` and `12:30` cannot change their meaning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from service.content.files import position
from service.content.problem import Problem

MOST_DEPTH = 50
MOST_NODES = 20_000
_SHOWN = 60

Data = str | None | list["Data"] | dict[str, "Data"]
Path = tuple[str | int, ...]

# The C parser is ten times as fast; a small board may have a PyYAML that was built without it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\n\r\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)


class Mark(NamedTuple):
    """Where something stands, from 1, and what it is."""

    line: int
    column: int
    text: str


@dataclass(slots=True)
class Document:
    """A file's data, where each part of it stands, and what is wrong with it as YAML.

    `data` is made of dict, list, str, and None for a value that was left empty; it is None where
    the file was refused. `values` and `keys` have the marks of what stands at each path.
    """

    file: str
    data: Data = None
    problems: list[Problem] = field(default_factory=list)
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def at(self, path: Path) -> Data:
        """Return the data at `path`, which the document has."""
        data = self.data
        for step in path:
            data = data[step]  # type: ignore[index]  # each step is of what it is a step into
        return data

    def problem(
        self, path: Path, why: str, suggestion: str | None = None, at_key: bool = False
    ) -> Problem:
        """Return a problem at the value at `path`, or at its key; else at what should hold it."""
        here = self.reach(path)
        marks = self.keys if at_key and here in self.keys else self.values
        mark = marks.get(here, Mark(1, 1, ""))
        return Problem(self.file, *mark, why, suggestion)

    def reach(self, path: Path) -> Path:
        """Return the steps of `path` that the document has.

        The others are passed over: a validator names the branches that it tried as if they were
        steps, and what is missing stands nowhere.
        """
        here: Path = ()
        for step in path:
            here = (*here, step) if (*here, step) in self.values else here
        return here


class _RefusedError(Exception):
    """The file is no document that could be read on; the argument is the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def compose_strict(file: str, source: str) -> Document:
    """Read strict YAML; `file` is only named in problems. Never raises for any text."""
    document = Document(file)
    try:
        _refuse_characters(file, source)
        _Composer(document).compose(source)
    except _RefusedError as refused:
        document.data = None
        document.problems.append(refused.problem)
    return document


def _refuse_characters(file: str, source: str) -> None:
    """Refuse what the parser would refuse less plainly, or (directives) only after minutes."""
    for pattern, why, suggestion in (
        (_UNPRINTABLE, "a character that is not text", "remove it, or save the file as UTF-8"),
        (re.compile("\t"), "a tab", "use spaces"),
        (_DIRECTIVE, "a line that begins with %", "put the text in quotes, or remove the line"),
    ):
        if found := pattern.search(source):
            shown = ascii(found[0])[1:-1]
            where = position(source, found.start())
            raise _RefusedError(Problem(file, *where, shown, why, suggestion))


class _Open(NamedTuple):
    """A list or mapping that is being read."""

    held: list[Data] | dict[str, Data]
    path: Path


class _Composer:
    """Turns events into data, without recursion."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: list[_Open] = []
        self._key: list[str | None] = []  # of each open mapping, the key that awaits its value
        self._nodes = 0
        self._documents = 0

    def compose(self, source: str) -> None:
        for event in self._events(source):
            match event:
                case yaml.AliasEvent():
                    self._refuse(event, *_NO_ALIASES, shown=f"*{event.anchor}")
                case yaml.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        self._refuse(event, "a second document begins", "keep one in a file")
                case yaml.ScalarEvent():
                    self._check(event)
                    self._scalar(event)
                case yaml.CollectionStartEvent():
                    self._check(event)
                    self._begin(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
                case yaml.CollectionEndEvent():
                    self._open.pop()
                    self._key.pop()

    def _events(self, source: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(source, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            why, suggestion, unclosed = _explained(error.problem or "")
            mark = error.context_mark if unclosed else error.problem_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            lines = source.splitlines() or [""]
            text = shown(lines[min(line, len(lines)) - 1].strip())
            raise _RefusedError(
                Problem(self._document.file, line, column, text, why, suggestion)
            ) from None

    def _check(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        """Refuse what has no place in a node; count it."""
        if event.anchor is not None:
            self._refuse(event, *_NO_ALIASES, shown=f"&{event.anchor}")
        if event.tag is not None:
            why, suggestion = "a tag, which has no meaning here", "write the value alone"
            self._say(event, why, suggestion, event.tag)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self._refuse(event, f"the file has more than {MOST_NODES} values", "split it")

    def _begin(self, event: yaml.NodeEvent, held: list[Data] | dict[str, Data]) -> None:
        if self._wants_key():
            self._refuse(event, "a key must be one word or text", "put the key in quotes")
        if len(self._open) == MOST_DEPTH:
            self._refuse(event, f"more than {MOST_DEPTH} lists or keys inside each other", None)
        key = self._key[-1] if self._key and self._key[-1] is not None else ""
        self._open.append(_Open(held, self._put(held, event, key)))
        self._key.append(None)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if not self._wants_key():
            empty = not event.value and event.implicit[0]
            self._put(None if empty else event.value, event, event.value)
            return
        mapping = self._open[-1]
        path = (*mapping.path, event.value)
        if event.value in mapping.held:
            first = self._document.keys[path].line
            suggestion = f"keep one of the two; the other is in line {first}"
            self._say(event, "this key stands here twice", suggestion, event.value)
        self._document.keys[path] = _mark(event, event.value)
        self._key[-1] = event.value

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].held, dict) and self._key[-1] is None

    def _put(self, value: Data, event: yaml.NodeEvent, text: str) -> Path:
        """Place a value in what is open; return its path."""
        if not self._open:
            self._document.data = value
            path: Path = ()
        else:
            held, above = self._open[-1]
            key = self._key[-1]
            if isinstance(held, list):
                path = (*above, len(held))
                held.append(value)
            else:
                path = (*above, key or "")
                held[key or ""] = value
                self._key[-1] = None
        self._document.values[path] = _mark(event, text)
        return path

    def _say(self, event: yaml.Event, why: str, suggestion: str | None, shown: str) -> None:
        mark = _mark(event, shown)
        self._document.problems.append(Problem(self._document.file, *mark, why, suggestion))

    def _refuse(self, event: yaml.Event, why: str, suggestion: str | None, shown: str = "") -> None:
        raise _RefusedError(Problem(self._document.file, *_mark(event, shown), why, suggestion))


_NO_ALIASES = ("anchors and aliases (& and *) are not read", "write the text out, or quote it")

# What the parser says, and what a coordinator can do about it.
_EXPLANATIONS = (
    (
        "mapping values are not allowed",
        "a `:` where no key can stand",
        "indent as the lines around it are, or put a text that holds `: ` in quotes",
    ),
    ("end of stream", "a quote is opened and never closed", "close the quote"),
    ("',' or ']'", "a list that begins with [ is not closed", "close it with ]"),
    ("',' or '}'", "what begins with { is not closed", "close it with }"),
    ("cannot start any token", "a text cannot begin with this character", "put it in quotes"),
    ("expected key", "this line is not indented as those before it", "use the same indentation"),
    ("expected <block end>", "this line is not indented as those before it", "indent it alike"),
    ("'-' indicator", "this line is not indented as those before it", "indent it alike"),
    ("document start", "this line is not indented as those before it", "indent it alike"),
    ("sequence entries", "a list cannot begin here", "begin it on a line of its own"),
    ("block collection", "this line is not indented as those before it", "indent it alike"),
    ("could not find expected ':'", "a key without its `:`", "write `key: value`"),
)


def _explained(problem: str) -> tuple[str, str | None, bool]:
    """Say a parser's problem plainly, and whether it is of what was opened and not closed."""
    for said, why, suggestion in _EXPLANATIONS:
        if said in problem:
            return why, suggestion, "closed" in why
    return f"this is not YAML: {problem}", None, False


def _mark(event: yaml.Event, text: str) -> Mark:
    start = event.start_mark
    line, column = (start.line, start.column) if start else (0, 0)
    return Mark(line + 1, column + 1, shown(text))


def shown(text: str) -> str:
    """Return as much of a text as a problem shows."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
