"""What a text mentions: every type, place, number and day in it, in whatever order they come."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from service.domain.codebook import COUNTS, Codebook, Count, IncidentType, Meaning, Role
from service.domain.gazetteer import CODE_LENGTHS, Gazetteer, Guess, Named
from service.domain.glued import pieces
from service.domain.numbers import compose
from service.domain.words import Words

MOST_DIGITS = 9  # of any number that is made an int
BEYOND_BELIEF = 10**MOST_DIGITS

# How a type was written: by its code; by another name; by a code that is also an everyday word
# (`en`, `ma`), elsewhere than first; or with a slip that leaves only one type.
Strength = Literal["code", "alias", "word", "slip"]

_TYPE_DIGITS = 3
_MOST_NUMBER_WORDS = 8  # in one number
_MOST_UNKNOWN = 12  # words looked at closely, so that long prose costs no more than a report
_SHORTEST_WORD = 4  # letters, of a word that is known with a slip in it
_SHORTEST_ALIAS = 6
_LONGEST_CODE = 4  # letters, with one too many


class TypeNote(NamedTuple):
    type: IncidentType
    strength: Strength
    at: int  # which word of the text


class PlaceNote(NamedTuple):
    named: Named
    in_prose: bool  # words that were not understood stand before it
    at: int


class Unknown(NamedTuple):
    """Where the place is expected stands what is no name: behind the code, or first of all."""

    guesses: tuple[Guess, ...]
    at: int
    used: int
    behind_type: bool
    before_number: bool
    in_a_sentence: bool  # perhaps: the code before it is an everyday word, and no number follows


@dataclass(slots=True)
class Notes:
    """Everything that a text mentions, each in the order in which it does; none of its words."""

    types: list[TypeNote] = field(default_factory=list)
    places: list[PlaceNote] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    counted: list[tuple[Count, int]] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    no_codes: list[int] = field(default_factory=list)  # of `bare`: long as a code, but none
    days_ago: list[int] = field(default_factory=list)
    weekdays: list[int] = field(default_factory=list)  # 0 is Monday
    slips: int = 0  # words that were known in spite of one
    here: bool = False  # the sender's own area
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
        self._expects_place = True  # nothing but numbers and filler since the beginning or a type
        self._at_market = False  # `marche du …`
        self._patience = _MOST_UNKNOWN
        self.notes = Notes()
        at = 0
        while at < len(self._split.runs):
            at += self._take_number(at) if self._is_number(at) else self._take_words(at)
        self._await(None)

    def _is_number(self, at: int) -> bool:
        return at < len(self._split.runs) and self._split.runs[at].isdecimal()

    def _take_number(self, at: int) -> int:
        """A count with its word, days, a code in digits, or a bare number."""
        digits = self._split.runs[at]
        number = self._number(digits)
        if self._awaiting:
            self._count(self._awaiting, number)
            self._awaiting = None
            return 1
        if self._is_type(at):
            return 1
        meaning, used = self._counted_by(at + 1)
        if meaning:
            self._count(meaning.role, number)
            return 1 + used
        if len(digits) in CODE_LENGTHS and not self.notes.places:
            if named := self._gazetteer.at(self._split.runs, at):
                self.notes.places.append(PlaceNote(named, self.notes.prose, at))
                return 1
            self.notes.no_codes.append(number)
        self.notes.bare.append(number)
        return 1

    def _is_type(self, at: int) -> bool:
        """Whether a text of digits only begins here: a type's, and those of a place behind them."""
        digits = self._split.runs[at]
        if len(digits) != _TYPE_DIGITS or not (at == 0 or at in self._split.breaks):
            return False
        if not self._is_number(at + 1) or len(self._split.runs[at + 1]) not in CODE_LENGTHS:
            return False
        type_ = self._codebook.by_digits(digits)
        if type_ is not None:
            self.notes.types.append(TypeNote(type_, "code", at))
        return type_ is not None

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
        while found := self._word(at):
            meaning, used = found
            if meaning.role == "filler":
                at += used
                continue
            counts = meaning.role == "days" or meaning.role in COUNTS
            if not counts or self._begins_a_name(at, used):
                break
            return meaning, at + used - start
        return None, 0

    def _word(self, at: int) -> tuple[Meaning, int] | None:
        """The word at `at`; one with a slip in it too, where it is no name either."""
        runs = self._split.runs
        found = self._codebook.word_lexicon.at(runs, at)
        if found or at >= len(runs) or self._is_number(at):
            return found
        if self._codebook.type_lexicon.at(runs, at) or self._gazetteer.at(runs, at):
            return None
        found = self._codebook.word_lexicon.misspelt(runs[at : at + 2], 0, _SHORTEST_WORD)
        if found:
            self.notes.slips += 1
        return found

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
        if not longest:
            return self._take_unknown(at)
        if longest == 1 and not kind and (slipped := self._misspelt_type(at)):
            return slipped
        if word and word[1] == longest and not kind and word[0].role in ("filler", "market"):
            self._at_market = self._at_market or word[0].role == "market"
            return longest
        if kind and kind[1] == longest:
            everyday = word is not None and at > 0 and not self._opens_a_report(at)
            strength: Strength = "code" if kind[0].by_code else "alias"
            self._take_type(TypeNote(kind[0].type, "word" if everyday else strength, at))
        elif word and word[1] == longest:
            return self._take_word(word[0], at, longest)
        elif named:
            self._take_place(named, at)
        return longest

    def _opens_a_report(self, at: int) -> bool:
        """Whether a code that is an everyday word too begins a second report: `…. EN KONNA 2`."""
        behind = at + 1
        if at not in self._split.breaks or behind >= len(self._split.runs):
            return False
        return self._gazetteer.at(self._split.runs, behind) is not None

    def _take_type(self, note: TypeNote) -> None:
        self._await(None)
        self.notes.types.append(note)
        self._expects_place = True

    def _take_place(self, named: Named, at: int) -> None:
        self._await(None)
        self.notes.places.append(PlaceNote(named, self.notes.prose, at))
        self._expects_place = self._at_market = False

    def _take_word(self, meaning: Meaning, at: int, used: int) -> int:
        if meaning.role == "number":
            return self._take_number_word(meaning, at, used)
        self._await(None)
        if meaning.role == "days_ago":
            self.notes.days_ago.append(meaning.value)
        elif meaning.role == "weekday":
            self._take_weekday(meaning.value, at, used)
        elif meaning.role == "here":
            self.notes.here = True
        elif meaning.role in COUNTS:
            self._await(meaning.role)
        return used

    def _take_weekday(self, day: int, at: int, used: int) -> None:
        """A day; but not the market's that is held on it."""
        behind = self._codebook.word_lexicon.at(self._split.runs, at + used)
        if self._at_market or (behind and behind[0].role == "market"):
            self._at_market = False
        else:
            self.notes.weekdays.append(day)

    def _take_number_word(self, meaning: Meaning, at: int, used: int) -> int:
        """A number in words: with what it counts, or among bare numbers. `Deux motos` is prose."""
        start, values, ends = at, [meaning.value], [at + used]
        while len(values) < _MOST_NUMBER_WORDS and (found := self._number_word(ends[-1])):
            values.append(found[0].value)
            ends.append(ends[-1] + found[1])
        number, many = compose(values)
        at = ends[many - 1]
        if self._awaiting:
            self._count(self._awaiting, number)
            self._awaiting = None
            return at - start
        counted, further = self._counted_by(at)
        if counted:
            self._count(counted.role, number)
            return at + further - start
        if named := self._gazetteer.at(self._split.runs, start):
            self._take_place(named, start)
            return named.used
        among = many < len(values) or self._is_number(at) or bool(self.notes.bare)
        if among or (at == len(self._split.runs) and number):
            self.notes.bare.append(number)
        else:
            self._await(None)
            self.notes.prose = True
        return at - start

    def _number_word(self, at: int) -> tuple[Meaning, int] | None:
        """The number word at `at`, or behind an `et` there."""
        found = self._codebook.word_lexicon.at(self._split.runs, at)
        if found and found[0].role == "filler":
            behind = self._codebook.word_lexicon.at(self._split.runs, at + found[1])
            if behind and behind[0].role == "number" and self._split.runs[at] in ("et", "and"):
                return behind[0], found[1] + behind[1]
        return found if found and found[0].role == "number" else None

    def _take_unknown(self, at: int) -> int:
        """Words run together, one with a slip in it, a misspelt place, or prose."""
        if not self._patience:
            return self._take_guessed(at, ())
        self._patience -= 1
        opens = at == 0 or at in self._split.breaks
        runs = self._split.runs
        guesses = self._gazetteer.misspelt(runs, at) if self._expects_place else ()
        apart = pieces(runs[at], self._codebook, self._gazetteer, opens=opens, whole=bool(guesses))
        if apart:
            self._split = self._split.apart(at, apart)
            self.notes.slips += 1
            return 0
        if slipped := self._misspelt_type(at):
            return slipped
        if not guesses and (word := self._word(at)):
            return self._take_word(word[0], at, word[1])
        if opens and len(runs[at]) <= _LONGEST_CODE:
            coded = self._codebook.misspelt_code(runs[at])
            if coded:
                self._take_type(TypeNote(coded, "slip", at))
                return 1
        return self._take_guessed(at, guesses)

    def _misspelt_type(self, at: int) -> int:
        """Take a type's other name with a slip in it; how many words, 0 where there is none."""
        if self.notes.types and not (at == 0 or at in self._split.breaks):
            return 0
        if not self._patience:
            return 0
        self._patience -= 1
        found = self._codebook.type_lexicon.misspelt(self._split.runs, at, _SHORTEST_ALIAS)
        if found is None or found[0].by_code:
            return 0
        self._take_type(TypeNote(found[0].type, "slip", at))
        return found[1]

    def _take_guessed(self, at: int, guesses: tuple[Guess, ...]) -> int:
        self._await(None)
        used = guesses[0].named.used if guesses else 1
        if self._expects_place:
            behind_type = bool(self.notes.types)
            before_number = self._is_number(at + used)
            everyday = behind_type and self._is_everyday(self.notes.types[-1].at)
            in_a_sentence = everyday and not before_number
            self.notes.unknown.append(
                Unknown(guesses, at, used, behind_type, before_number, in_a_sentence)
            )
        self._expects_place = False
        self.notes.prose = True
        return used

    def _is_everyday(self, at: int) -> bool:
        return self._split.runs[at] in self._codebook.word_lexicon

    def _await(self, count: Count | None) -> None:
        """Let the next number count this; a word for it that no number followed was prose."""
        self.notes.prose = self.notes.prose or self._awaiting is not None
        self._awaiting = count
