"""The USSD menu, as a table: what the answers of a session amount to.

A session is its answers and nothing else. Each hop brings all of them anew, so that any process can
take any hop, and a hop that comes twice is answered alike. Two things follow. What an answer means
hangs on the answers before it alone: never on the language, nor on what is stored of anyone. And
who leaves the menu with a report has it in the words that a text would have had (`coded`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from service.domain import grammar
from service.domain.codebook import Codebook, Count, Phrases
from service.domain.gazetteer import Gazetteer
from service.domain.notes import MOST_DIGITS
from service.domain.pins import DIGITS
from service.domain.reading import Doubt, Draft, Problem

BACK, HOME, NEXT = "0", "00", "99"
HERE = "1"  # as a place: the sender's own area
SEND = "1"
# A way through the menu takes ten answers; beyond these the session is over.
MOST_ANSWERS = 60
MOST_CHARACTERS = 1_000
MOST_ALERT = 999_999  # what is typed is shown again: no telephone number may be

At = Literal[
    "home", "more", "language", "type", "place", "places", "count", "how_many", "when", "days",
    "alert", "answer", "outcome", "confirm",
]  # fmt: skip
# What is sent but no report: each a word of the codebook.
Order = Literal[
    "check_in", "withdraw", "no_answers", "answers", "stop",
    "acknowledge", "on_the_way", "cannot", "done",
]  # fmt: skip
# What the menu says, each in the words of a language.
Label = Literal[
    "name", "home", "report", "check_in", "respond", "more",
    "withdraw", "no_answers", "answers", "language", "stop",
    "type", "place", "here", "places",
    "killed", "injured", "abducted", "displaced", "livestock",
    "none", "unknown", "a_number", "how_many",
    "when", "today", "yesterday", "before_yesterday", "earlier", "days", "ago",
    "alert", "open", "answer", "acknowledge", "on_the_way", "cannot", "done",
    "outcome", "prevented", "contained", "too_late", "nothing_found", "false_alarm",
    "send", "not_understood", "not_sent", "next", "back", "to_home",
]  # fmt: skip
LABELS: tuple[Label, ...] = get_args(Label)
DAYS: tuple[Label, ...] = ("today", "yesterday", "before_yesterday")
OUTCOMES: tuple[Label, ...] = (
    "prevented", "contained", "too_late", "nothing_found", "false_alarm",
)  # fmt: skip


class Choices(NamedTuple):
    """What a session has chosen so far.

    `place` is a code, or HERE; `places` are those of one name, of which one is to be chosen. A
    count is None where it is not known. `pin` holds the digits one by one.
    """

    type: str | None = None
    place: str | None = None
    places: tuple[str, ...] = ()
    counts: tuple[tuple[Count, int | None], ...] = ()
    days_ago: int = 0
    order: Order | None = None
    alert: int | None = None
    outcome: int | None = None
    pin: tuple[int, ...] = ()


class Step(NamedTuple):
    """Where a session is, and on which page of a list."""

    at: At
    chosen: Choices = Choices()
    page: int = 0


class Option(NamedTuple):
    """One line of a menu: what it says, where it leads (None: to what the report lacks next)."""

    label: Label
    to: At | None
    order: Order | None = None
    days_ago: int | None = None
    outcome: int | None = None

    def choose(self, chosen: Choices) -> Choices:
        """What is chosen once this is."""
        if self.order:
            return chosen._replace(order=self.order)
        if self.outcome:
            return chosen._replace(outcome=self.outcome)
        return chosen if self.days_ago is None else chosen._replace(days_ago=self.days_ago)


MENUS: Mapping[At, tuple[Option, ...]] = {
    "home": (
        Option("report", "type"),
        Option("check_in", "confirm", "check_in"),
        Option("respond", "alert"),
        Option("more", "more"),
    ),
    "more": (
        Option("language", "language"),
        Option("withdraw", "confirm", "withdraw"),
        Option("no_answers", "confirm", "no_answers"),
        Option("answers", "confirm", "answers"),
        Option("stop", "confirm", "stop"),
    ),
    "count": (Option("none", None), Option("unknown", None), Option("a_number", "how_many")),
    "when": (
        *(Option(day, "confirm", days_ago=ago) for ago, day in enumerate(DAYS)),
        Option("earlier", "days"),
    ),
    "answer": (
        Option("acknowledge", "confirm", "acknowledge"),
        Option("on_the_way", "confirm", "on_the_way"),
        Option("cannot", "confirm", "cannot"),
        Option("done", "outcome", "done"),
    ),
    "outcome": tuple(
        Option(label, "confirm", outcome=number) for number, label in enumerate(OUTCOMES, 1)
    ),
}


@dataclass(frozen=True, slots=True)
class Session:
    """What the answers so far amount to.

    `finished`: it was sent; `ended`: it went on for too long. `drafted`: at one time type and place
    were known, whether or not they have been taken back. `language` is the one chosen in this
    session, by its number. `understood`: the last answer led on.
    """

    step: Step
    answers: int = 0
    language: int | None = None
    understood: bool = True
    drafted: bool = False
    finished: bool = False
    ended: bool = False


@dataclass(slots=True)
class _Way:
    """The steps that lead to where the session is; BACK takes the last of them away."""

    steps: list[Step] = field(default_factory=lambda: [Step("home")])
    language: int | None = None
    drafted: bool = False


class Menu:
    """The menu over one content. `languages` is how many there are to choose from."""

    def __init__(
        self,
        codebook: Codebook,
        gazetteer: Gazetteer,
        languages: int,
        first: Sequence[str] = (),
    ) -> None:
        """`first` are the ids of the types that are listed before the others."""
        self.gazetteer = gazetteer
        self._codebook = codebook
        self._languages = languages
        ids = [*dict.fromkeys([*first, *(each.id for each in codebook.types)])]
        listed = (codebook.type(each) for each in ids)
        self.types = tuple(each for each in listed if not each.check_in)
        # What every hop asks for, worked out once: each goes through all answers from the start.
        self._counts = {each.id: each.counts for each in self.types}
        self._needs_place = {each.id: "place" in each.fields for each in self.types}
        self._here = _phrase(codebook.words.here)
        self._options = {at: self._known(options) for at, options in MENUS.items()}

    def options(self, at: At) -> Sequence[Option]:
        """The lines of a menu, without those that this codebook has no word for."""
        return self._options[at]

    def asked(self, chosen: Choices) -> Count:
        """The count that is to be told next."""
        return self._counts[_type_of(chosen)][len(chosen.counts)]

    def walk(self, answers: str) -> Session:
        """Go through the answers of a session, as the gateway has put them together."""
        given = answers[:MOST_CHARACTERS].split("*") if answers else []
        way, understood = _Way(), True
        for number, answer in enumerate(given[:MOST_ANSWERS], 1):
            step = way.steps[-1]
            sent = self._sent(step, answer.strip())
            if sent is not None:  # what comes behind, a hop that came twice say, changes nothing
                return Session(Step("confirm", sent), number, way.language, finished=True)
            understood = self._go(way, answer.strip())
        ended = len(given) > MOST_ANSWERS or len(answers) > MOST_CHARACTERS
        at = way.steps[-1]
        return Session(at, len(given), way.language, understood, way.drafted, ended=ended)

    def _go(self, way: _Way, answer: str) -> bool:
        """Take one answer; whether it was understood."""
        step = way.steps[-1]
        if answer == HOME:
            del way.steps[1:]
        elif answer == BACK:
            del way.steps[max(len(way.steps) - 1, 1) :]
        elif step.at == "language" and (number := _up_to(self._languages, answer)):
            way.language = number - 1
            del way.steps[1:]
        elif after := self._after(step, answer):
            way.steps.append(after)
            way.drafted = way.drafted or self._is_draft(after.chosen)
        else:
            return False
        return True

    def _sent(self, step: Step, answer: str) -> Choices | None:
        """What is sent, if this answer sends it: `SEND`, or a PIN."""
        if step.at != "confirm":
            return None
        if answer == SEND:
            return step.chosen
        if len(answer) == DIGITS and _is_number(answer):
            return step.chosen._replace(pin=tuple(map(int, answer)))
        return None

    def _after(self, step: Step, answer: str) -> Step | None:
        """The step that an answer leads to; None where it is not understood."""
        if answer == NEXT and step.at in ("type", "places", "language"):
            return step._replace(page=step.page + 1)
        chosen, limits = step.chosen, self._codebook.limits
        match step.at:
            case "type":
                return self._next(self._with_type(answer))
            case "place":
                return self._with_place(chosen, answer)
            case "places":
                number = _up_to(len(chosen.places), answer)
                place = chosen.places[number - 1] if number else None
                return self._next(chosen._replace(place=place)) if place else None
            case "how_many":
                number = _up_to(getattr(limits, self.asked(chosen)), answer)
                return self._next(self._counted(chosen, number)) if number else None
            case "days":
                number = _up_to(limits.days_ago, answer)
                return Step("confirm", chosen._replace(days_ago=number)) if number else None
            case "alert":
                number = _up_to(MOST_ALERT, answer)
                return Step("answer", chosen._replace(alert=number)) if number else None
            case "confirm" | "language":
                return None
        options = self._options[step.at]
        number = _up_to(len(options), answer)
        return self._with_option(step, options[number - 1]) if number else None

    def _with_option(self, step: Step, option: Option) -> Step | None:
        chosen = option.choose(step.chosen)
        if option.to:
            return Step(option.to, chosen)
        return self._next(self._counted(chosen, 0 if option.label == "none" else None))

    def _counted(self, chosen: Choices, number: int | None) -> Choices:
        return chosen._replace(counts=(*chosen.counts, (self.asked(chosen), number)))

    def _with_type(self, answer: str) -> Choices | None:
        """A type by its number in the list, or by its code in letters or digits."""
        number = _up_to(len(self.types), answer)
        if number:
            return Choices(type=self.types[number - 1].id)
        named = self._codebook.by_digits(answer) or self._codebook.by_code(answer)
        return Choices(type=named.id) if named and not named.check_in else None

    def _with_place(self, chosen: Choices, answer: str) -> Step | None:
        """The sender's own area, or a place by its code or name, read as in a text."""
        if answer == HERE and self._here:
            return self._next(chosen._replace(place=HERE))
        if _is_number(answer):
            coded = self.gazetteer.by_code(answer)
            return self._next(chosen._replace(place=coded.code)) if coded else None
        code = self._codebook.type(_type_of(chosen)).code
        reading = grammar.read(f"{code} {answer}", self._codebook, self.gazetteer)
        if isinstance(reading, Draft) and reading.place:
            return self._next(chosen._replace(place=reading.place.code))
        if isinstance(reading, Problem | Doubt) and reading.candidates:
            codes = tuple(each.code for each in reading.candidates)
            return Step("places", chosen._replace(places=codes))
        return None

    def _next(self, chosen: Choices | None) -> Step | None:
        """What is asked for next of a report."""
        if chosen is None:
            return None
        kind = _type_of(chosen)
        if chosen.place is None and self._needs_place[kind]:
            return Step("place", chosen)
        return Step("count" if len(chosen.counts) < len(self._counts[kind]) else "when", chosen)

    # ---- In the words of a text -------------------------------------------------------------

    def coded(self, chosen: Choices) -> str:
        """What was chosen, as the text that would have said it: `MA 12345 3 MORTS 4821`."""
        if chosen.order:
            told = [self._order(chosen.order), chosen.alert, chosen.outcome]
            parts = [str(each) for each in told if each is not None]
        else:
            parts = self._report(chosen)
        return " ".join([*parts, *(["".join(map(str, chosen.pin))] if chosen.pin else [])]).upper()

    def draft(self, session: Session) -> str:
        """The report as far as it goes, of a session that breaks off here: type and place.

        Empty before both are known, and where they have been taken back.
        """
        chosen = session.step.chosen
        if not self._is_draft(chosen):
            return ""
        return self.coded(Choices(type=chosen.type, place=chosen.place))

    def _is_draft(self, chosen: Choices) -> bool:
        if chosen.type is None:
            return False
        return chosen.place is not None or not self._needs_place[chosen.type]

    def _report(self, chosen: Choices) -> list[str]:
        said = self._codebook.words
        parts = [self._codebook.type(_type_of(chosen)).code]
        if chosen.place:
            parts.append(self._here if chosen.place == HERE else chosen.place)
        for count, number in chosen.counts:
            parts += [] if number is None else [str(number), _phrase(getattr(said, count))]
        if chosen.days_ago:
            parts += [str(chosen.days_ago), _phrase(said.days)]
        return parts

    def _order(self, order: Order) -> str:
        if order == "check_in":
            return next((each.code for each in self._codebook.types if each.check_in), "")
        book = self._codebook
        return _phrase(getattr(book.commands, order, None) or getattr(book.responders, order, {}))

    def _known(self, options: Sequence[Option]) -> tuple[Option, ...]:
        return tuple(each for each in options if each.order is None or self._order(each.order))


def _type_of(chosen: Choices) -> str:
    assert chosen.type is not None
    return chosen.type


def _phrase(phrases: Phrases) -> str:
    """One of the ways to write a word: the first that is more than a letter."""
    every = [each for listed in phrases.values() for each in listed]
    return next((each for each in every if len(each) > 1), "".join(every[:1]))


def _is_number(answer: str) -> bool:
    return answer.isascii() and answer.isdecimal() and len(answer) <= MOST_DIGITS


def _up_to(most: int, answer: str) -> int | None:
    """The number of an answer from 1 to `most`."""
    number = int(answer) if _is_number(answer) else 0
    return number if 0 < number <= most else None
