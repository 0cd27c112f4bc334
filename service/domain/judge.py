"""What the notes of one report amount to, together.

Only the type tells what a bare number counts, and only all the places tell which one is meant.
"""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

from service.domain.codebook import COUNTS, Count, IncidentType, Limits
from service.domain.gazetteer import Gazetteer, Named, Place
from service.domain.meant import Match, Meant
from service.domain.notes import Notes, Strength
from service.domain.reading import SURE, Doubt, Draft, Problem, ProblemKind, Report

_SURENESS: dict[Strength, float] = {"code": 1.0, "alias": 0.95, "word": 0.9, "slip": 0.75}
_OWN_AREA = 0.9
_WITH_PROSE = 0.8  # words that were not understood stand beside
_WITH_A_SLIP = 0.95  # for each word that was
_NO_WORD = 8  # letters: a name of so many is an everyday word by no one slip
_WITHOUT_A_DATE = 0.8  # a weekday was named, and nothing tells which


class Sender(NamedTuple):
    """What is known of who sent a text: the pcode of their area, and the day on which they did."""

    area: str | None = None
    on: date | None = None


def judge(
    notes: Notes, limits: Limits, gazetteer: Gazetteer, sender: Sender, *, cut: bool = False
) -> Report:
    """The report, or the first problem and what was understood beside it.

    `cut`: the text goes on beyond what was read.
    """
    return _Judge(notes, limits, gazetteer, sender).reading(cut=cut)


class _Judge:
    """What the notes of one text amount to."""

    def __init__(self, notes: Notes, limits: Limits, gazetteer: Gazetteer, sender: Sender) -> None:
        self._notes = notes
        self._limits = limits
        self._gazetteer = gazetteer
        self._home, self._on = sender
        self._meant = Meant(gazetteer, sender.area)
        self._sureness = _WITH_A_SLIP**notes.slips
        self._type: IncidentType | None = None
        self._place: Place | None = None
        self._candidates: tuple[Place, ...] = ()
        self._doubted: tuple[Place, Place] | None = None
        self._guessed = False
        self._counts: dict[Count, int] = {}
        self._days_ago = 0

    def reading(self, *, cut: bool) -> Report:
        steps = (self._find_type(), self._find_numbers(), self._find_place())
        problem = next((each for each in steps if each is not None), None)
        if cut:
            problem = "too_long"
        counts = {str(count): self._counts.get(count) for count in COUNTS}
        if problem is None and self._type is not None:
            if self._notes.prose and not self._guessed:
                self._sureness *= _WITH_PROSE
            draft = Draft(
                type=self._type.id,
                place=self._place,
                days_ago=self._days_ago,
                confidence=round(self._sureness, 2),
                **counts,
            )
            if self._doubted is None:
                return draft
            return Doubt(draft, self._doubted, self._meant.around(self._doubted))
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
        days_ago = max([*self._notes.days_ago, *self._since_weekdays()], default=0)
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

    def _since_weekdays(self) -> list[int]:
        """How long ago the last such days were."""
        if self._on is None:
            self._sureness *= _WITHOUT_A_DATE if self._notes.weekdays else 1
            return []
        return [(self._on.weekday() - day) % 7 for day in self._notes.weekdays]

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
        if match.place and (match.exactness >= SURE or not match.candidates):
            self._place = match.place
            self._sureness *= match.exactness
            return None
        if self._type and "place" not in self._type.fields:
            return None
        if match.candidates:
            return self._doubt(match)
        if self._code_failed():
            return "unknown_place_code"
        return "unknown_place" if self._notes.prose else "no_place"

    def _doubt(self, match: Match) -> ProblemKind | None:
        """Of two places one can be asked which; of more only where something tells the likelier."""
        if match.place is None and len(match.candidates) > 2:
            self._candidates = match.candidates
            return "ambiguous_place"
        first, second, *_ = match.candidates
        self._doubted = first, second
        return None

    def _own_area(self) -> Place | None:
        """The area that the sender is enrolled in, where they wrote `ICI` and no other name."""
        if self._home is None or not self._notes.here or self._notes.prose:
            return None
        return self._gazetteer.by_code(self._home)

    def _match(self) -> Match | None:
        """The place that all mentions together mean; None where they mean two.

        A further place counts against the first unless it says where the first is, or the first
        where it is, or comes up in prose behind one that did not: of two in prose, either may be.
        """
        if (guessed := self._guess()) is not None:
            return guessed
        if not self._notes.places:
            return Match(self._own_area(), (), 0, _OWN_AREA)
        first, *others = self._notes.places
        named, beside, rival = first.named, None, None
        for other in others:
            if self._meant.tells(other.named, named):
                beside = beside or other.named
            elif beside is None and self._meant.tells(named, other.named):
                named, beside = other.named, named
            elif other.named[:2] == named[:2]:
                continue
            elif not other.in_prose:
                return None
            elif first.in_prose:
                rival = rival or other.named
        match = self._meant.choose(named, beside)
        if rival and match.place:
            other_place = self._meant.choose(rival).place
            both = (match.place, other_place) if other_place else ()
            return Match(match.place, both, match.used, 0.0)
        return match if beside else self._unless_far(match, named)

    def _guess(self) -> Match | None:
        """The place meant by a misspelt name; None where what is no name is none misspelt either.

        A name that is spelt right counts for more, unless it only tells where the other is, or
        comes up in prose when the other stood between a code and its numbers.
        """
        unknown = max(self._notes.unknown, key=lambda each: each.behind_type, default=None)
        if unknown is None:
            return None
        named = self._notes.places[0] if self._notes.places else None
        if named is None:
            match = self._meant.likeliest(unknown.guesses)
        elif unknown.at in (named.at + named.named.used, named.at - unknown.used):
            match = self._meant.likeliest(unknown.guesses, named.named)
        elif unknown.behind_type and unknown.before_number and named.at > unknown.at:
            match = self._meant.likeliest(unknown.guesses)
            if match.place is None:
                return match
        else:
            return None
        if match.place is None:
            return None
        self._guessed = True
        best = unknown.guesses[0]
        if (
            unknown.in_a_sentence and best.cost >= 1 and len(best.named.key) < _NO_WORD
        ):  # `en route`
            match = replace(match, exactness=0.0)
        # Told with less than certainty, and with nobody to ask which of two: not to be filed.
        if match.exactness < SURE and len(match.candidates) < 2:
            self._candidates = match.candidates
            return Match(None, (), 0, 0.0)
        return match

    def _unless_far(self, match: Match, named: Named) -> Match:
        """The place; in doubt where it is far, and the sender's area has one of nearly that name.

        `Kona` is a village, but a slip of the thumb makes it of Konna.
        """
        if match.place is None or named.key.isdecimal():
            return match
        far = self._meant.is_far(match.place)
        if not far and match.place.kind == "commune":
            return match
        alike = self._gazetteer.alike(named)
        if not far:  # a commune's seat that sounds the same is meant more often than a village
            alike = tuple(each for each in alike if each.cost < 1 and each.named.places)
        near = self._meant.likeliest(alike)
        if near.place is None or self._meant.is_far(near.place):
            return match
        if not far and near.place.kind != "commune":
            return match
        if self._meant.are_one(near.place, match.place):
            return match
        return Match(near.place, (near.place, match.place), match.used, 0.0)
