"""What a text mentions: every type, place, number and day in it, in whatever order they come."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from service.domain.codebook import (
    COUNTS,
    Codebook,
    Count,
    IncidentType,
    Meaning,
    Role,
    TypeMention,
)
from service.domain.gazetteer import CODE_LENGTHS, Gazetteer, Named
from service.domain.words import Words

MOST_DIGITS = 9  # of any number that is made an int
BEYOND_BELIEF = 10**MOST_DIGITS

# How a type was written: by its code; by another name; or by a code that is also an everyday
# word (`en`, `ma`), elsewhere than first.
Strength = Literal["code", "alias", "word"]


class TypeNote(NamedTuple):
    type: IncidentType
    strength: Strength
    at: int  # which word of the text


class PlaceNote(NamedTuple):
    named: Named
    in_prose: bool  # words that were not understood stand before it


@dataclass(slots=True)
class Notes:
    """Everything that a text mentions, each in the order in which it does; none of its words."""

    types: list[TypeNote] = field(default_factory=list)
    places: list[PlaceNote] = field(default_factory=list)
    counted: list[tuple[Count, int]] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    no_codes: list[int] = field(default_factory=list)  # of `bare`: long as a code, but none
    days_ago: list[int] = field(default_factory=list)
    prose: bool = False  # words that were not understood


def take_notes(split: Words, codebook: Codebook, gazetteer: Gazetteer) -> Notes:
    """What these words mention."""
    return _Reader(split, codebook, gazetteer).notes


class _Reader:
    """Goes through the words once, on construction."""

    def __init__(self, split: Words, codebook: Codebook, gazetteer: Gazetteer) -> None:
        self._split = split
        self._codebook = codebook
        self._gazetteer = gazetteer
        self._awaiting: Count | None = None  # `morts: 3`
        self.notes = Notes()
        at = 0
        while at < len(split.runs):
            at += self._take_number(at) if split.runs[at].isdecimal() else self._take_words(at)
        self._await(None)

    def _take_number(self, at: int) -> int:
        """A count with its word, days, a place code, or a bare number."""
        digits = self._split.runs[at]
        number = self._number(digits)
        if self._awaiting:
            self._count(self._awaiting, number)
            self._awaiting = None
            return 1
        meaning, used = self._counted_by(at + 1)
        if meaning:
            self._count(meaning.role, number)
            return 1 + used
        if len(digits) in CODE_LENGTHS and not self.notes.places:
            if named := self._gazetteer.at(self._split.runs, at):
                self.notes.places.append(PlaceNote(named, self.notes.prose))
                return 1
            self.notes.no_codes.append(number)
        self.notes.bare.append(number)
        return 1

    def _number(self, digits: str) -> int:
        """The number, or one that nobody believes where it is absurd.

        So is `000`, the tail of `3 000`.
        """
        absurd = len(digits) > MOST_DIGITS or (len(digits) > 2 and digits.startswith("0"))
        return BEYOND_BELIEF if absurd else int(digits)

    def _count(self, role: Role, number: int) -> None:
        if role == "days":
            self.notes.days_ago.append(number)
        elif role in COUNTS:
            self.notes.counted.append((role, number))

    def _counted_by(self, at: int) -> tuple[Meaning | None, int]:
        """What the words at `at`, behind a number, say that it counts, and how many they are.

        Filler between is let by: `3 personnes tuées`.
        """
        start = at
        while found := self._codebook.word_lexicon.at(self._split.runs, at):
            meaning, used = found
            if meaning.role == "filler":
                at += used
                continue
            if meaning.role in ("number", "days_ago") or self._begins_a_name(at, used):
                break
            return meaning, at + used - start
        return None, 0

    def _begins_a_name(self, at: int, used: int) -> bool:
        """Whether a letter behind a number belongs to a place: `5 M'PESSOBA`, but not `5m`."""
        if used > 1 or len(self._split.runs[at]) > 1 or at in self._split.glued:
            return False
        named = self._gazetteer.at(self._split.runs, at)
        return named is not None and named.used > 1

    def _take_words(self, at: int) -> int:
        """A type, a place or another word, whichever takes more words; then in this order."""
        runs = self._split.runs
        kind = self._codebook.type_lexicon.at(runs, at)
        word = self._codebook.word_lexicon.at(runs, at)
        named = self._gazetteer.at(runs, at)
        longest = max(kind[1] if kind else 0, word[1] if word else 0, named.used if named else 0)
        if word and word[1] == longest and word[0].role == "filler" and not kind:
            return longest
        self._await(None)
        if kind and kind[1] == longest:
            everyday = word is not None and at > 0 and not self._opens_a_report(at)
            self._take_type(kind[0], at, everyday=everyday)
        elif word and word[1] == longest:
            return self._take_word(word[0], at, longest)
        elif named:
            self.notes.places.append(PlaceNote(named, self.notes.prose))
        else:
            self.notes.prose = True
        return max(longest, 1)

    def _opens_a_report(self, at: int) -> bool:
        """Whether a code that is an everyday word too begins a second report: `…. EN KONNA 2`."""
        behind = at + 1
        if at not in self._split.breaks or behind >= len(self._split.runs):
            return False
        return self._gazetteer.at(self._split.runs, behind) is not None

    def _take_type(self, mention: TypeMention, at: int, *, everyday: bool) -> None:
        strength: Strength = "alias" if not mention.by_code else "word" if everyday else "code"
        self.notes.types.append(TypeNote(mention.type, strength, at))

    def _take_word(self, meaning: Meaning, at: int, used: int) -> int:
        if meaning.role == "days_ago":
            self.notes.days_ago.append(meaning.value)
        elif meaning.role == "number":
            counted, further = self._counted_by(at + used)
            if counted:
                self._count(counted.role, meaning.value)
                return used + further
            self.notes.prose = True
        elif meaning.role in COUNTS:
            self._await(meaning.role)
        return used

    def _await(self, count: Count | None) -> None:
        """Let the next number count this; a word for it that no number followed was prose."""
        self.notes.prose = self.notes.prose or self._awaiting is not None
        self._awaiting = count
