"""Lists of words that texts must not hold: one a line, `*` for any beginning or ending, after `->`
what to say instead. Capitals, accents, hooks (ɓ as b) and what has no width do not matter.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from service.domain.messages import to_gsm7
from service.texts.files import TextProblem


class Word(NamedTuple):
    """A word of the list as it is written there, its pattern over folded text, and the advice.

    `core` stands in whatever the pattern matches: it is soon seen where it does not.
    """

    word: str
    core: str
    pattern: re.Pattern[str]
    instead: str | None


class BannedWords(NamedTuple):
    """A list as read from `file`; `why` says what its words do."""

    file: str
    why: str
    words: tuple[Word, ...]

    def found_in(self, text: str) -> Iterator[tuple[int, str, Word]]:
        """Each banned word that `text` holds: its offset, how it is written there, and the word."""
        folded, places = _folded(text)
        for banned in self.words:
            for match in banned.pattern.finditer(folded) if banned.core in folded else ():
                start, end = places[match.start()], places[match.end() - 1] + 1
                yield start, text[start:end], banned


def read_list(file: str, why: str, source: str) -> tuple[BannedWords, list[TextProblem]]:
    """The list, without the lines that are no words, and a problem for each of those."""
    words, problems = [], []
    for number, line in enumerate(source.split("\n"), start=1):
        word, _, instead = (part.strip() for part in line.partition("->"))
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if not re.fullmatch(r"\*?[\w' -]+\*?", word):
            said = "a word is made of letters, with at most one * at its beginning and its end"
            problems.append(TextProblem(file, number, 1, line.strip(), said))
            continue
        words.append(_word(word, instead or None))
    if not words:
        advice = "bring the list back: without it no text is checked for such words"
        problems.append(TextProblem(file, 1, 1, "", "the list is missing or empty", advice))
    return BannedWords(file, why, tuple(words)), problems


def _word(word: str, instead: str | None) -> Word:
    """Its pattern takes letters alone to make a word longer, not _ or digits."""
    letters = r"[^\W\d_]*"
    before = letters if word.startswith("*") else ""
    after = letters if word.endswith("*") else ""
    parts = _folded(word.strip("*"))[0].split() or [""]
    stem = r"\W+".join(map(re.escape, parts))
    pattern = re.compile(rf"(?<![^\W\d_]){before}{stem}{after}(?![^\W\d_])")
    return Word(word, parts[0], pattern, instead)


def _folded(text: str) -> tuple[str, list[int]]:
    """Small plain letters as somebody reads them, and for each the place of what it was."""
    letters, places = [], []
    for place, character in enumerate(text):
        read = _read(character)
        letters.append(read)
        places += [place] * len(read)
    return "".join(letters), places


@cache
def _read(character: str) -> str:
    """As which small plain letters somebody reads it; as none what has no width."""
    if unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    plain = to_gsm7(unicodedata.normalize("NFKD", character)[0])
    read = character if plain == "?" else plain
    apart = unicodedata.normalize("NFD", read.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
