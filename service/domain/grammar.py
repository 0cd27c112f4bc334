"""How a text is read: `MA SOKOLO 3 5` as a market attack at Sokolo, 3 killed and 5 injured.

In two steps: `Notes` takes down every type, place and number that the text mentions; `_Judge` then
says what they amount to together, because only the type tells what a bare number counts, and only
all the places tell which one is meant.
"""

from collections.abc import Sequence

from service.domain import words
from service.domain.codebook import COUNTS, Codebook, Count, IncidentType, Limits
from service.domain.gazetteer import Gazetteer, Match, Place
from service.domain.notes import MOST_DIGITS, Notes, Strength, take_notes
from service.domain.reading import (
    Acknowledge,
    Answers,
    Draft,
    Enrol,
    Help,
    Problem,
    ProblemKind,
    Reading,
    Stop,
)

__all__ = [
    "Acknowledge",
    "Answers",
    "Draft",
    "Enrol",
    "Help",
    "Problem",
    "ProblemKind",
    "Reading",
    "Stop",
    "read",
]

TEXT_LIMIT = 1600  # characters: ten full SMS, more than any gateway joins
INVITE_LETTERS = frozenset("ABCDEFGHJKLMNPQRSTUVWXYZ")  # no I and O, which look like 1 and 0
INVITE_LENGTH = 8

_SURENESS: dict[Strength, float] = {"code": 1.0, "alias": 0.95, "word": 0.9}
_WITH_PROSE = 0.8  # words that were not understood stand beside


def read(text: str, codebook: Codebook, gazetteer: Gazetteer, home: str | None = None) -> Reading:
    """What any text whatever says; never raises.

    `home` is the pcode of the sender's area, by which places of one name are told apart. A text
    that begins with a command is that command, but a whole report behind `OK`, `AIDE` or
    `SILENCE` is not lost for it.
    """
    split = words.split(text, TEXT_LIMIT)
    cut = len(text) > TEXT_LIMIT
    if not split.runs:
        return Problem("too_long" if cut else "empty")
    found = codebook.command_lexicon.at(split.runs, 0)
    command, used = found or (None, 0)
    rest = split.behind(used)
    if command == "stop":
        return Stop()
    if command == "enrol":
        return _enrol(rest.runs)
    notes = take_notes(rest, codebook, gazetteer)
    report = _Judge(notes, codebook.limits, gazetteer, home).reading(cut=cut)
    if command is None or isinstance(report, Draft):
        return report
    match command:
        case "help":
            return Help()
        case "acknowledge":
            return _acknowledge(rest.runs)
    return Answers(wanted=command == "answers")


def _enrol(rest: Sequence[str]) -> Enrol | Problem:
    """The code's letters may stand apart, and words behind it do not count."""
    code = ""
    for run in rest:
        code += run.upper()
        if len(code) >= INVITE_LENGTH:
            break
    if len(code) == INVITE_LENGTH and INVITE_LETTERS.issuperset(code):
        return Enrol(code)
    return Problem("bad_invite")


def _acknowledge(rest: Sequence[str]) -> Acknowledge | Problem:
    """The number may stand behind a word or two, as in `OK alerte n° 17`."""
    number = next((run for run in rest[:3] if run.isdecimal()), None)
    if number is None:
        return Acknowledge(None)
    if len(number) > MOST_DIGITS:
        return Problem("number_out_of_range")
    return Acknowledge(int(number))


class _Judge:
    """What the notes of one text amount to."""

    def __init__(
        self, notes: Notes, limits: Limits, gazetteer: Gazetteer, home: str | None
    ) -> None:
        self._notes = notes
        self._limits = limits
        self._gazetteer = gazetteer
        self._home = home
        self._sureness = _WITH_PROSE if notes.prose else 1.0
        self._type: IncidentType | None = None
        self._place: Place | None = None
        self._candidates: tuple[Place, ...] = ()
        self._counts: dict[Count, int] = {}
        self._days_ago = 0

    def reading(self, *, cut: bool) -> Draft | Problem:
        """The draft, or the first problem and what was understood beside it.

        `cut`: the text goes on beyond what was read.
        """
        steps = (self._find_type(), self._find_numbers(), self._find_place())
        problem = next((each for each in steps if each is not None), None)
        if cut:
            problem = "too_long"
        counts = {str(count): self._counts.get(count) for count in COUNTS}
        if problem is None and self._type is not None:
            return Draft(
                type=self._type.id,
                place=self._place,
                days_ago=self._days_ago,
                confidence=round(self._sureness, 2),
                **counts,
            )
        return Problem(
            kind=problem or "no_type",
            type=self._type.id if self._type else None,
            place=self._place,
            days_ago=self._days_ago,
            candidates=self._candidates,
            **counts,
        )

    def _find_type(self) -> ProblemKind | None:
        """A code outranks an alias, and both a code that is an everyday word in mid-text."""
        for strength, sureness in _SURENESS.items():
            named = {
                each.type.id: each.type for each in self._notes.types if each.strength == strength
            }
            if len(named) == 1:
                (self._type,) = named.values()
                self._sureness *= sureness
                return None
            if named:
                return "two_types"
        return "no_type"

    def _find_numbers(self) -> ProblemKind | None:
        """Bare numbers count what the type lists, in order, leaving out what has its word."""
        told = self._notes.counted.copy()
        named = {count for count, _ in told}
        listed = self._type.counts if self._type else ()
        unnamed = [count for count in listed if count not in named]
        bare = self._bare()
        told += zip(unnamed, bare, strict=False)
        days_ago = max(self._notes.days_ago, default=0)
        # “Nothing to report, 3 dead” would be filed as a quiet day, and the dead with it.
        contradicts = self._type is not None and not listed and any(each for _, each in told)
        too_many = contradicts or any(bare[len(unnamed) :])
        incredible = days_ago > self._limits.days_ago
        self._days_ago = min(days_ago, self._limits.days_ago)
        for count, number in told:
            if number > getattr(self._limits, count):
                incredible = True
            elif self._counts.setdefault(count, number) != number:
                too_many = True
        if incredible:
            return "number_out_of_range"
        return "too_many_numbers" if too_many else None

    def _bare(self) -> list[int]:
        """The bare numbers, less the one that must be meant as the code of the place."""
        bare = self._notes.bare.copy()
        if self._code_failed():
            bare.remove(self._notes.no_codes[0])
        return bare

    def _code_failed(self) -> bool:
        return bool(self._notes.no_codes) and not self._notes.places

    def _find_place(self) -> ProblemKind | None:
        match = self._match()
        if match is None:
            return "two_places"
        self._place, self._candidates = match.place, match.candidates
        if self._place:
            self._sureness *= match.exactness
            return None
        if self._type and "place" not in self._type.fields:
            self._candidates = ()
            return None
        if self._candidates:
            return "ambiguous_place"
        if self._code_failed():
            return "unknown_place_code"
        return "unknown_place" if self._notes.prose else "no_place"

    def _match(self) -> Match | None:
        """The place that all mentions together mean; None where they mean two.

        A further place counts against the first unless it says where the first is, or the first
        where it is, or it comes up in prose.
        """
        if not self._notes.places:
            return Match(None, (), 0, 0.0)
        first, *others = self._notes.places
        named, beside = first.named, None
        for other in others:
            if self._gazetteer.tells(other.named, named):
                beside = beside or other.named
            elif beside is None and self._gazetteer.tells(named, other.named):
                named, beside = other.named, named
            elif not (other.in_prose or other.named[:2] == named[:2]):
                return None
        return self._gazetteer.choose(named, beside, self._home)
