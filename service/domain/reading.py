"""What a text was read as. No field holds the text's own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from service.domain.gazetteer import Place

ProblemKind = Literal[
    "empty",  # no letter and no digit
    "no_type",  # no code and no other name of a type
    "two_types",  # two, and nothing says which is meant
    "no_place",  # the type needs one, and there are no words left that could be it
    "unknown_place",  # words, but no place is called so
    "unknown_place_code",  # a place code that does not check, or that no place has
    "ambiguous_place",  # several places of the name: `candidates`
    "two_places",  # two, neither of which tells where the other is
    "too_many_numbers",  # more than the type counts, or one thing counted twice
    "number_out_of_range",  # more than one report is believed
    "too_long",  # only its beginning was read
    "part",  # a further part of a long text, marked so: what it is a part of is in the others
    "bad_invite",  # an enrolment without a code of eight letters
]
# How sure a place has to be for the report to be filed without asking. Every Draft is filed, so no
# Draft is less sure of its place; a place less sure is a Doubt, or a Problem.
SURE = 0.7

PROBLEM_KINDS: tuple[ProblemKind, ...] = get_args(ProblemKind)


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that was understood. `place` is None only where the type can do without.

    A count is None where the text does not tell. `confidence` is from 0 to 1, and 1 where nothing
    had to be supposed.
    """

    type: str
    place: Place | None
    killed: int | None
    injured: int | None
    days_ago: int
    confidence: float
    abducted: int | None = None
    displaced: int | None = None
    livestock: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A report that was not understood, with what was understood so far."""

    kind: ProblemKind
    type: str | None = None
    place: Place | None = None
    killed: int | None = None
    injured: int | None = None
    days_ago: int = 0
    abducted: int | None = None
    displaced: int | None = None
    livestock: int | None = None
    candidates: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A report whose place is one of two: to be asked back which, the likelier first.

    `draft` has no place. `area`, a cercle or région, holds both; None where only the country does.
    """

    draft: Draft
    candidates: tuple[Place, Place]
    area: Place | None


@dataclass(frozen=True, slots=True)
class Several:
    """Two or more reports in one text, in its order, each as if it had come alone."""

    reports: tuple[Draft | Doubt | Problem, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """`1` or `2` and nothing else: which of the two places that were asked back is meant."""

    which: Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Enrol:
    """`INS ABCD EFGH`: the invite's eight letters."""

    code: str


@dataclass(frozen=True, slots=True)
class Stop:
    """`STOP`: forget me."""


@dataclass(frozen=True, slots=True)
class Speak:
    """`LANGUE FR`: text me in this language; None where none is named that is known."""

    language: str | None


@dataclass(frozen=True, slots=True)
class Answers:
    """`SILENCE` or `PAROLE`: send me no answers, or send them again."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Withdraw:
    """`ANN`: take back what I sent last; `ANN MA SOKOLO`: the last of this type and place."""

    named: Draft | None = None


@dataclass(frozen=True, slots=True)
class Correct:
    """`COR MA SOKOLO 3`: this instead of what I sent last."""

    report: Draft | Doubt | Several


@dataclass(frozen=True, slots=True)
class Drill:
    """`EXERCICE MA SOKOLO 3`: what is said in an exercise, and is not so."""

    said: Draft | Doubt | Problem | Several | Withdraw | Correct


Report = Draft | Doubt | Problem
Reading = Report | Several | Chosen | Enrol | Stop | Speak | Answers | Withdraw | Correct | Drill


def reports_in(reading: Reading) -> Sequence[Reading]:
    """The reports that a text makes, understood or not; anything else stands for itself."""
    if isinstance(reading, Drill):
        reading = reading.said
    if isinstance(reading, Withdraw):
        return ()
    said = reading.report if isinstance(reading, Correct) else reading
    return said.reports if isinstance(said, Several) else (said,)
