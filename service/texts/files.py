"""The files of `templates_sms/`, as coordinators leave them."""

from collections.abc import Mapping
from typing import NamedTuple

from service.texts.head import Text

FOLDER = "templates_sms"
LOADED_WORDS = f"{FOLDER}/loaded_words.txt"
TELLING_WORDS = f"{FOLDER}/telling_words.txt"

Templates = Mapping[str, Mapping[str, Text]]
"""Texts by language and name; one of the names is `words`."""


class TextProblem(NamedTuple):
    """What is wrong where, for the person who wrote it.

    `line` and `column` count from 1; `text` is what stands there; `suggestion` is what to write or
    do instead, None where nothing better can be said.
    """

    file: str
    line: int
    column: int
    text: str
    why: str
    suggestion: str | None = None


class Sources(NamedTuple):
    """What the files hold: the texts, and two lists of words.

    Loaded words accuse or name a community, and no text may hold them. Telling words betray what
    a focal point's phone is used for.
    """

    templates: Templates
    loaded_words: str
    telling_words: str


def file_of(language: str, name: str) -> str:
    """The path by which coordinators know a text."""
    return f"{FOLDER}/{language}/{name}.txt"


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
