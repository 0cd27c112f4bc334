"""Lists of words that texts must not hold: one a line, `*` for any ending, after `->` what to say
instead. Capitals and accents do not matter.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from service.texts.files import TextProblem


class Word(NamedTuple):
    """A word of the list as it is written there, its pattern over folded text, and the advice."""

    word: str
    pattern: re.Pattern[str]
    instead: str | None


class BannedWords(NamedTuple):
    """A list as read from `file`; `why` says what its words do."""

    file: str
    why: str
    words: tuple[Word, ...]

    def found_in(self, text: str) -> Iterator[tuple[int, str, Word]]:
        """Each banned word that `text` holds: its offset, how it is written there, and the word."""
        folded = _folded(text)
        for banned in self.words:
            for match in banned.pattern.finditer(folded):
                yield match.start(), text[match.start() : match.end()], banned


def read_list(file: str, why: str, source: str) -> tuple[BannedWords, list[TextProblem]]:
    """The list, without the lines that are no words, and a problem for each of those."""
    words, problems = [], []
    for number, line in enumerate(source.split("\n"), start=1):
        word, _, instead = (part.strip() for part in line.partition("->"))
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if not re.fullmatch(r"[\w' -]+\*?", word):
            said = "a word is made of letters, with at most one * at its end"
            problems.append(TextProblem(file, number, 1, line.strip(), said))
            continue
        stem, ending = (word[:-1], r"\w*") if word.endswith("*") else (word, "")
        pattern = re.compile(rf"\b{re.escape(_folded(stem))}{ending}\b")
        words.append(Word(word, pattern, instead or None))
    if not words:
        advice = "bring the list back: without it no text is checked for such words"
        problems.append(TextProblem(file, 1, 1, "", "the list is missing or empty", advice))
    return BannedWords(file, why, tuple(words)), problems


def _folded(text: str) -> str:
    """Lower case without accents, each character in its old place."""
    return "".join(unicodedata.normalize("NFD", each)[0].lower()[0] for each in text)
