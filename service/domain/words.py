"""How written words become keys that compare equal however they were typed.

Accents, case, hyphens, apostrophes and spaces do not count, and the letters of the national
languages fall back to those of a basic phone: `Toguéré-Coumbé`, `TOGUERE COUMBE`, `toguerecoumbe`.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

# What a Bambara or Fulfulde speaker types where the keypad lacks the letter.
_NATIONAL_LETTERS = str.maketrans({
    "ɛ": "e", "ɔ": "o", "ŋ": "n", "ɲ": "ny", "ɓ": "b", "ɗ": "d", "ƴ": "y", "œ": "oe", "æ": "ae",
})  # fmt: skip
_PIECE = re.compile(r"[a-z]+|[0-9]+")
# `1/2 …`, `(1/2) …`, `… (1/2)`: which part of a long text this is, as phones and gateways mark it.
_PART = re.compile(
    r"\s*(?:\(\s*)?([1-9])\s*/\s*([2-9])(?:\s*\)|\s*[:.-])?\s+(?=[0-9]*\s*[^\W\d_])"
    r"|.*\(\s*([1-9])\s*/\s*([2-9])\s*\)\s*$",
    re.DOTALL,
)
_MARKED = 700  # characters: a longer text is no part
_BREAK = re.compile(r"[\n\r;.!?/|+&]")  # what may stand between two reports


class Words(NamedTuple):
    """A text's runs of letters and runs of digits, in order: `3m SOKOLO` as `3 m sokolo`.

    `glued` holds the places of the runs of letters that stood against a number with nothing
    between, as the `m` of `3m`; `breaks` of those with a line's or sentence's end before them.
    """

    runs: tuple[str, ...]
    glued: frozenset[int]
    breaks: frozenset[int] = frozenset()

    def behind(self, used: int) -> "Words":
        """What is left behind the first words."""
        return self.between(used, len(self.runs))

    def apart(self, at: int, pieces: tuple[str, ...]) -> "Words":
        """The same with one run taken apart."""
        more = len(pieces) - 1
        glued, breaks = (
            frozenset(each + more if each > at else each for each in places)
            for places in (self.glued, self.breaks)
        )
        return Words((*self.runs[:at], *pieces, *self.runs[at + 1 :]), glued, breaks)

    def between(self, start: int, end: int) -> "Words":
        """The words from `start` and before `end`."""
        glued, breaks = (
            frozenset(each - start for each in places if start <= each < end)
            for places in (self.glued, self.breaks)
        )
        return Words(self.runs[start:end], glued, breaks)


class Part(NamedTuple):
    """Which part of a long text this is, of how many."""

    nth: int
    of: int


def unmarked(text: str) -> tuple[str, Part | None]:
    """The text without the mark of a part, and which part that says it is."""
    found = _PART.match(text[:_MARKED])
    if found is None:
        return text, None
    at_start = found[1] is not None
    part = Part(*(int(each) for each in found.group(*((1, 2) if at_start else (3, 4)))))
    if part.nth > part.of:
        return text, None
    return text[found.end() :] if at_start else text[: text.rindex("(")], part


def split(text: str, limit: int) -> Words:
    """The words of the first `limit` characters of any string whatever."""
    folded = _fold(text[:limit])[:limit]
    matches = list(_PIECE.finditer(folded))
    glued, breaks = set(), set()
    behind = 0
    for index, match in enumerate(matches):
        start = match.start()
        if start == behind:
            if start and folded[start - 1].isdigit():
                glued.add(index)
        elif index and _BREAK.search(folded, behind, start):
            breaks.add(index)
        behind = match.end()
    return Words(tuple(match[0] for match in matches), frozenset(glued), frozenset(breaks))


def key(text: str) -> str:
    """The letters and digits of a name, joined: equal for every way of typing it."""
    folded = text.lower()
    if folded.isalpha() and folded.isascii():
        return folded
    return joined(_PIECE.findall(_fold(text)))


def joined(runs: Iterable[str]) -> str:
    """The key of words that are already split."""
    return "".join(runs)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_NATIONAL_LETTERS))
    return "".join(map(_plain, decomposed[: 2 * len(text)]))


def _plain(character: str) -> str:
    """An ASCII character as it is; a digit of any script as 0-9; an accent as nothing."""
    if character.isascii():
        return character
    if unicodedata.combining(character):
        return ""
    digit = unicodedata.decimal(character, None)
    return " " if digit is None else str(digit)
