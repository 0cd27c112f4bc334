"""How a responder's text is read: `OK 17`, `17 ok`, `0K n° 17`, `FIN 17 2`, `PAUSE 3J`.

Forgiving of how it is spelled, and of nothing else: an alert is answered only if its number stands
where the number of an alert does. Where a text leaves that in doubt it is `Unsure`, and asked back.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from service.domain import words
from service.domain.codebook import Codebook, ResponderCommand
from service.domain.grammar import TEXT_LIMIT, language
from service.domain.notes import MOST_DIGITS
from service.domain.reading import Speak
from service.domain.responses import KINDS, OUTCOMES, Kind, Outcome
from service.domain.spelling import SHORTEST, distance, on_keypad

LONGEST_PAUSE = 60 * 24  # hours
_HOURS = {"hours": 1, "days": 24, "weeks": 7 * 24}

# A thumb that types 0 for O; a key that was pressed twice.
_LOOK_ALIKE = str.maketrans("013458", "oieasb")
_TWICE = re.compile(r"(.)\1+")
_MOST_PIECES = 4  # of a word with look-alikes in it: `f 1 n`


@dataclass(frozen=True, slots=True)
class Respond:
    """`OK 17`, `VA 17`, `NON 17`, `FIN 17 2`: `alert` is None where the responder gave none."""

    kind: Kind
    alert: int | None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Info:
    """`INFO 17`: tell me that alert again, and how it stands."""

    alert: int | None


@dataclass(frozen=True, slots=True)
class Pause:
    """`PAUSE 3J`: no texts for so many hours."""

    hours: int


@dataclass(frozen=True, slots=True)
class Resume:
    """`REPRISE`: texts again."""


@dataclass(frozen=True, slots=True)
class Help:
    """`AIDE`: what can I write?"""


@dataclass(frozen=True, slots=True)
class Unsure:
    """A command, but which alert it is for, or for how long, is in doubt."""


Command = Respond | Info | Pause | Resume | Help | Speak | Unsure


def read(text: str, codebook: Codebook) -> Command | None:
    """The command that a responder's text is, None where it is none; never raises.

    `INS` and `STOP` are everybody's: see `grammar.read`.
    """
    split = words.split(text, TEXT_LIMIT)
    if split.runs and codebook.command_lexicon.get(split.runs[0]) in ("enrol", "stop"):
        return None
    reader = _Reader(split, codebook)
    found = reader.command()
    return None if found is None else reader.completed(found)


class _Found(NamedTuple):
    """A command, and the place in the text behind its words."""

    command: ResponderCommand
    behind: int
    is_slip: bool = False


class _Reader:
    """One text's words."""

    def __init__(self, split: words.Words, codebook: Codebook) -> None:
        self._runs = split.runs
        self._glued = split.glued
        self._codebook = codebook
        self._before: list[int] = []  # numbers before the command: `17 OK`

    def command(self) -> _Found | None:
        """The command that the text begins with, whatever says nothing left aside.

        `NO` is a command that is also said in passing (`No 17 OK`): another outranks it.
        """
        passing: _Found | None = None
        at = 0
        while at < len(self._runs):
            found = self._command_at(at)
            if found and self._says_nothing(at) != found.behind - at:
                return self._further(found)
            passing = passing or found
            if skipped := self._says_nothing(at):
                at += skipped
            elif self._runs[at].isdecimal() and not self._is_quantity(at):
                self._before.append(self._number(at))
                at += 1
            else:
                break
        if passing is not None:
            self._before = []
        return passing

    def completed(self, found: _Found) -> Command | None:
        """The command with what it needs; a slip of the key counts only where that is there."""
        match found.command:
            case "help":
                return Help()
            case "resume":
                return Resume()
            case "language":
                spoken = language(self._runs[found.behind :], self._codebook)
                return None if found.is_slip and spoken is None else Speak(spoken)
            case "pause":
                hours = self._hours(found.behind)
                unread = None if found.is_slip else Unsure()
                return unread if hours is None else Pause(hours)
            case "info":
                return self._about(found, self._before + self._numbers(found.behind), Info)
            case "done":
                return self._done(found)
            case _:
                make = partial(Respond, found.command)
                return self._about(found, self._before + self._numbers(found.behind), make)

    def _about(
        self, found: _Found, numbers: Sequence[int], make: Callable[[int | None], Command]
    ) -> Command | None:
        """The command about the one alert that is numbered, or about none."""
        if found.is_slip and not numbers:
            return None
        if len(set(numbers)) > 1 or any(number < 0 for number in numbers):
            return Unsure()
        if not numbers and self._has_stray_number(found.behind):
            return Unsure()
        return make(numbers[0] if numbers else None)

    def _done(self, found: _Found) -> Command | None:
        """`FIN 17 2`, `FIN 17 fausse alerte`, `17 fin 2`."""
        outcome = next(self._outcomes(found.behind), None)
        numbers = self._before + self._numbers(found.behind, in_words=True)
        if len(numbers) == 2:
            digit = numbers.pop()
            if not 1 <= digit <= len(OUTCOMES) or outcome not in (None, OUTCOMES[digit - 1]):
                return Unsure()
            outcome = OUTCOMES[digit - 1]
        return self._about(found, numbers, partial(Respond, "done", outcome=outcome))

    def _further(self, found: _Found) -> _Found:
        """`OK` is also said in passing: of `OK 17 en route`, the rest is meant."""
        if found.command != "acknowledge":
            return found
        at, between = found.behind, self._before.copy()
        while at < len(self._runs):
            meant = None if self._says_nothing(at) else self._spelled(at)
            if meant and meant.command in KINDS:
                self._before = between
                return meant
            if self._runs[at].isdecimal() and not self._is_quantity(at):
                between.append(self._number(at))
            elif not self._says_nothing(at):
                break
            at += self._says_nothing(at) or 1
        return found

    # --- what stands at a place

    def _command_at(self, at: int) -> _Found | None:
        return self._spelled(at) or self._misspelled(at)

    def _spelled(self, at: int) -> _Found | None:
        if found := self._codebook.responder_lexicon.at(self._runs, at):
            return _Found(found[0], at + found[1])
        return None

    def _misspelled(self, at: int) -> _Found | None:
        """A command with a 0 for an O in it, or with one slip of the key, if it can be no other."""
        lexicon = self._codebook.responder_lexicon
        for pieces in range(min(_MOST_PIECES, len(self._runs) - at), 1, -1):
            written = "".join(self._runs[at : at + pieces])
            if not written.isdecimal() and not written.isalpha():
                command = lexicon.get(written.translate(_LOOK_ALIKE))
                if command is not None:
                    return _Found(command, at + pieces)
        run = self._runs[at]
        if run.isdecimal() or self._is_known(at):
            return None
        near = {meant for spelled, meant in lexicon.items() if _is_slip(run, spelled)}
        return _Found(near.pop(), at + 1, is_slip=True) if len(near) == 1 else None

    def _is_known(self, at: int) -> bool:
        """Whether a word means something else, so that it is no slip."""
        run = self._runs[at]
        book = self._codebook
        return run in book.type_lexicon or run in book.word_lexicon or run in book.beside_lexicon

    def _says_nothing(self, at: int) -> int:
        """How many words from here say nothing."""
        found = self._codebook.beside_lexicon.at(self._runs, at)
        return found[1] if found and found[0] == "around" else 0

    def _is_quantity(self, at: int) -> bool:
        """Whether a number counts something: `12 personnes`, `3j`, but not `17 j'arrive`."""
        behind = self._runs[at + 1 : at + 2]
        if not behind or self._spelled(at + 1):
            return False
        if len(behind[0]) == 1 and at + 1 not in self._glued:
            return False
        beside = self._codebook.beside_lexicon.at(self._runs, at + 1)
        if beside and beside[0] in ("quantities", "hours", "weeks"):
            return True
        word = self._codebook.word_lexicon.at(self._runs, at + 1)
        return word is not None and word[0].role not in ("number", "filler", "days_ago")

    def _number(self, at: int) -> int:
        """The number at a place; below zero where nobody believes it."""
        digits = self._runs[at]
        return int(digits) if len(digits) <= MOST_DIGITS else -1

    def _numbers(self, at: int, *, in_words: bool = False) -> list[int]:
        """The numbers that follow with nothing but words that say nothing, or an outcome, between.

        The second of them may be a word. What follows prose counts something: see
        `_has_stray_number`.
        """
        found: list[int] = []
        while at < len(self._runs):
            if skipped := self._says_nothing(at) or self._outcome_at(at)[1]:
                at += skipped
                continue
            if self._is_quantity(at):
                break
            if self._runs[at].isdecimal():
                found.append(self._number(at))
            elif in_words and found and (number := self._number_word(at)):
                found.append(number)
            else:
                break
            at += 1
        return found

    def _has_stray_number(self, at: int) -> bool:
        """Whether a number follows that may be an alert's, so that none other can be meant."""
        return any(
            not self._is_quantity(each)
            and (self._runs[each].isdecimal() or (self._number_word(each) or 0) > 1)
            for each in range(at, len(self._runs))
        )

    def _outcome_at(self, at: int) -> tuple[Outcome | None, int]:
        found = self._codebook.beside_lexicon.at(self._runs, at)
        outcome = next((each for each in OUTCOMES if found and each == found[0]), None)
        return outcome, found[1] if found and outcome else 0

    def _outcomes(self, at: int) -> Iterator[Outcome]:
        for each in range(at, len(self._runs)):
            outcome, _ = self._outcome_at(each)
            if outcome is not None:
                yield outcome

    def _hours(self, at: int) -> int | None:
        """How long a pause is: days, unless hours or weeks are said; None where nothing is."""
        while skipped := self._says_nothing(at):
            at += skipped
        if at >= len(self._runs):
            return None
        count = self._number(at) if self._runs[at].isdecimal() else self._number_word(at)
        beside = self._codebook.beside_lexicon.at(self._runs, at + 1)
        unit = beside[0] if beside and beside[0] in _HOURS else "days"
        hours = (count or 0) * _HOURS[unit]
        return hours if 0 < hours <= LONGEST_PAUSE else None

    def _number_word(self, at: int) -> int | None:
        found = self._codebook.word_lexicon.at(self._runs, at)
        return found[0].value if found and found[0].role == "number" else None


def _is_slip(written: str, spelled: str) -> bool:
    """Whether one slip of a thumb makes of a command what was written."""
    if _TWICE.sub(r"\1", written) == _TWICE.sub(r"\1", spelled):
        return True
    if len(written) == len(spelled) and on_keypad(written) == on_keypad(spelled):
        return True
    long_enough = min(len(written), len(spelled)) >= SHORTEST
    return long_enough and distance(written, spelled, most=1) == 1
