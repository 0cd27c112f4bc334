"""The codebook: what can be reported, and the words that reports are written in."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from service.domain import words
from service.domain.damm import check_digit
from service.domain.messages import outside_gsm7
from service.domain.responses import KINDS, OUTCOMES, Kind, Outcome
from service.domain.spelling import Spellings, distance, on_keypad

Severity = Literal["minor", "moderate", "severe", "extreme"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Typology = Literal["horizontal", "vertical", "global", "criminal"]
Count = Literal["killed", "injured", "abducted", "displaced", "livestock"]
COUNTS: tuple[Count, ...] = get_args(Count)
Command = Literal[
    "enrol", "stop", "language", "no_answers", "answers", "withdraw", "correct", "drill"
]
ResponderCommand = Kind | Literal["info", "pause", "resume", "help", "language"]
# What stands beside a responder's command: how it ended, words that say nothing, what a number
# counts that is not an alert's, and how long a pause is.
Beside = Outcome | Literal["around", "quantities", "hours", "weeks"]
Role = Count | Literal["days", "days_ago", "weekday", "number", "market", "here", "filler"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
LANGUAGES = ("fr", "en")

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Phrases = dict[Language, tuple[str, ...]]
Meant = TypeVar("Meant")

_MOST_MISSPELT = 4  # runs, in a phrase that is misspelt


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Near(_Entry):
    """How near two reports of one type must be to tell of one incident."""

    km: float = Field(gt=0, le=100)
    hours: int = Field(gt=0, le=168)


class IncidentType(_Entry):
    """One thing that can be reported.

    `digits`: its code for a text of digits only; the last checks the others. `cover`: what
    stands for it on a card that looks like a list of prices. `public`: a rule may ask for its exact
    place. `alone`: one report may raise an alert. `check_in`: it says that all is well, and makes
    no incident. `fields`: what a report should hold; its counts are in the order in which bare
    numbers are read.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    code: str = Field(pattern=r"^[A-Z]{2,4}$")
    digits: str | None = Field(default=None, pattern=r"^[1-9][0-9]{2}$")
    title: dict[Language, str]
    cover: dict[Language, str] = {}
    aliases: Phrases = {}
    typology: Typology | None = None
    severity: Severity
    public: bool = False
    alone: bool = False
    check_in: bool = False
    fields: tuple[Literal["place"] | Count, ...] = ("place", "killed", "injured")
    corroborates: Near

    @property
    def counts(self) -> tuple[Count, ...]:
        """What its bare numbers count, in order."""
        return tuple(each for each in self.fields if each != "place")

    @field_validator("digits")
    @classmethod
    def _checks(cls, digits: str | None) -> str | None:
        if digits and check_digit(digits) != "0":
            right = digits[:-1] + check_digit(digits[:-1])
            raise ValueError(f"the last digit of {digits} does not check the others: {right} does")
        return digits

    @model_validator(mode="after")
    def _titles_travel_by_sms(self) -> Self:
        for language in LANGUAGES:
            if not self.title.get(language, "").strip():
                raise ValueError(f"{self.id} has no title in {language}")
        for language, title in self.title.items():
            if strange := outside_gsm7(title):
                raise ValueError(
                    f"the {language} title of {self.id} has {' '.join(strange)}, which would more "
                    "than halve what fits in an SMS: choose another wording"
                )
        return self


class WordList(_Entry):
    """What reporters write beside codes and places, by language.

    The counts' words stand beside a number (`3 morts`), `days` too (`il y a 3 jours`); `days_ago`
    and `numbers` are words that are numbers (`hier`: 1, `aucun`: 0). `market`: beside it a weekday
    is a market's name and not when it happened. `here` stands for a place: the sender's own area.
    `filler` says nothing.
    """

    killed: Phrases
    injured: Phrases
    abducted: Phrases
    displaced: Phrases
    livestock: Phrases
    days: Phrases
    market: Phrases = {}
    here: Phrases = {}
    filler: Phrases
    days_ago: dict[Language, dict[str, int]]
    weekdays: dict[Language, dict[str, Weekday]] = {}
    numbers: dict[Language, dict[str, int]]


class Commands(_Entry):
    """The first words that make a text a command, by language.

    `language`: who sends it wants texts in another. `no_answers` and `answers`: a focal point wants
    to be sent nothing, or answers again.
    `withdraw` and `correct`: what was sent last is taken back, or replaced by what follows.
    `drill`: what follows is said in an exercise.
    """

    enrol: Phrases
    stop: Phrases
    language: Phrases
    no_answers: Phrases = {}
    answers: Phrases = {}
    withdraw: Phrases = {}
    correct: Phrases = {}
    drill: Phrases = {}


class Responders(_Entry):
    """What responders write, by language: a focal point's text is never read by these words.

    `around` may stand before a command and between it and the alert's number, and says nothing; a
    number before one of `quantities` counts something, and is no alert's.
    """

    acknowledge: Phrases
    on_the_way: Phrases
    cannot: Phrases
    done: Phrases
    info: Phrases
    pause: Phrases
    resume: Phrases
    help: Phrases
    outcomes: dict[Outcome, Phrases]
    around: Phrases = {}
    quantities: Phrases = {}
    hours: Phrases = {}
    weeks: Phrases = {}


class Limits(_Entry):
    """The greatest numbers that one report is believed: above them it is a slip of the key."""

    killed: int = Field(ge=1)
    injured: int = Field(ge=1)
    abducted: int = Field(ge=1)
    displaced: int = Field(ge=1)
    livestock: int = Field(ge=1)
    days_ago: int = Field(ge=1, le=365)


class Meaning(NamedTuple):
    """What a word beside codes and places says, and its number where it has one."""

    role: Role
    value: int = 0


class TypeMention(NamedTuple):
    """A type as it was written: by its code, which is meant, or by an alias, which may be prose."""

    type: IncidentType
    by_code: bool


class Lexicon(dict[str, Meant]):
    """Phrases by key. `at` finds the longest one that begins at a place in a text."""

    def __init__(self) -> None:
        super().__init__()
        # By the run that a phrase begins with, so that most words cost one look-up.
        self._longest: dict[str, int] = {}

    def add(self, phrase: str, meant: Meant) -> None:
        """Let `phrase` mean `meant`; ValueError where it has no letters or means something else."""
        runs = words.split(phrase, len(phrase)).runs
        key = words.joined(runs)
        if not key:
            raise ValueError(f"“{phrase}” has no letter that a basic phone can type")
        if self.setdefault(key, meant) != meant:
            raise ValueError(f"“{phrase}” is given two meanings: remove one of them")
        for start in (runs[0], key):
            self._longest[start] = max(self._longest.get(start, 1), len(runs))

    def at(self, runs: Sequence[str], start: int) -> tuple[Meant, int] | None:
        """What the runs from `start` mean, and how many of them; None where nothing."""
        if start >= len(runs):
            return None
        longest = self._longest.get(runs[start], 0)
        for used in range(min(longest, len(runs) - start), 0, -1):
            meant = self.get(words.joined(runs[start : start + used]))
            if meant is not None:
                return meant, used
        return None

    def misspelt(self, runs: Sequence[str], start: int, shortest: int) -> tuple[Meant, int] | None:
        """What a slip in the words from `start` hides; None where nothing or more than one thing.

        Phrases of fewer than `shortest` letters are not looked for: a slip makes them any other.
        """
        key = ""
        for used, run in enumerate(runs[start : start + _MOST_MISSPELT], 1):
            key += run
            near = [each.key for each in self._spellings.near(key) if each.cost <= 1]
            meant = [self[each] for each in near if len(each) >= shortest]
            if meant and all(each == meant[0] for each in meant):
                return meant[0], used
        return None

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self)


class Codebook(_Entry):
    """Every type, command and word, as rules/codebook.yaml declares them."""

    types: tuple[IncidentType, ...] = Field(min_length=1)
    commands: Commands
    responders: Responders
    languages: dict[Language, tuple[str, ...]]
    words: WordList
    limits: Limits

    @model_validator(mode="after")
    def _means_one_thing_each(self) -> Self:
        ids = [each.id for each in self.types]
        digits = [each.digits for each in self.types if each.digits]
        for what, all_ in (("type ids", ids), ("digits of types", digits)):
            if twice := {each for each in all_ if all_.count(each) > 1}:
                raise ValueError(f"{what} are declared twice: {', '.join(sorted(twice))}")
        # Built here so that a word with two meanings is found when the file is read.
        _ = self.type_lexicon, self.command_lexicon, self.word_lexicon
        _ = self.responder_lexicon, self.beside_lexicon, self.language_lexicon
        if alike := self._on_the_same_keys():
            raise ValueError(f"on the keys of a phone these codes are one: {', '.join(alike)}")
        return self

    def _on_the_same_keys(self) -> list[str]:
        """Codes that a phone which guesses words, or one press too many, makes of each other."""
        codes = [each.code for each in self.types]
        keys = [on_keypad(code.lower()) for code in codes]
        return [code for code, key in zip(codes, keys, strict=True) if keys.count(key) > 1]

    def type(self, type_id: str) -> IncidentType:
        """The type of this id; KeyError where there is none."""
        return self._by_id[type_id]

    def by_code(self, token: str) -> IncidentType | None:
        """The type whose code or alias this is, however it is typed."""
        mention = self.type_lexicon.get(words.key(token))
        return mention.type if mention else None

    def by_digits(self, digits: str) -> IncidentType | None:
        """The type that a text of digits only begins with."""
        return self._by_digits.get(digits)

    @cached_property
    def _by_digits(self) -> Mapping[str, IncidentType]:
        return {each.digits: each for each in self.types if each.digits}

    @cached_property
    def _by_id(self) -> Mapping[str, IncidentType]:
        return {each.id: each for each in self.types}

    def misspelt_code(self, written: str) -> IncidentType | None:
        """The only type whose code is one slip from this, or on the same keys of a phone."""
        near = [
            each
            for each in self.types
            if distance(written.upper(), each.code, 1) <= 1
            or on_keypad(written) == on_keypad(each.code.lower())
        ]
        return near[0] if len(near) == 1 else None

    @cached_property
    def type_lexicon(self) -> Lexicon[TypeMention]:
        """Codes and aliases."""
        lexicon: Lexicon[TypeMention] = Lexicon()
        for each in self.types:
            lexicon.add(each.code, TypeMention(each, by_code=True))
        for each in self.types:
            for phrase in _every(each.aliases):
                lexicon.add(phrase, TypeMention(each, by_code=False))
        return lexicon

    @cached_property
    def command_lexicon(self) -> Lexicon[Command]:
        """The commands' first words."""
        lexicon: Lexicon[Command] = Lexicon()
        for command in get_args(Command):
            for phrase in _every(getattr(self.commands, command)):
                lexicon.add(phrase, command)
        self._shared_with_types(lexicon)
        return lexicon

    @cached_property
    def responder_lexicon(self) -> Lexicon[ResponderCommand]:
        """The commands that responders text."""
        lexicon: Lexicon[ResponderCommand] = Lexicon()
        listed: tuple[ResponderCommand, ...] = (*KINDS, "info", "pause", "resume", "help")
        for command in listed:
            for phrase in _every(getattr(self.responders, command)):
                lexicon.add(phrase, command)
        for phrase in _every(self.commands.language):
            lexicon.add(phrase, "language")
        self._shared_with_types(lexicon)
        for word, meant in self.command_lexicon.items():
            if lexicon.get(word, meant) != meant:
                raise ValueError(f"“{word}” is given two meanings: remove one of them")
        return lexicon

    @cached_property
    def beside_lexicon(self) -> Lexicon[Beside]:
        """What stands beside responders' commands."""
        lexicon: Lexicon[Beside] = Lexicon()
        for outcome in OUTCOMES:
            for phrase in _every(self.responders.outcomes.get(outcome, {})):
                lexicon.add(phrase, outcome)
        listed: tuple[Beside, ...] = ("around", "quantities", "hours", "weeks")
        for role in listed:
            for phrase in _every(getattr(self.responders, role)):
                lexicon.add(phrase, role)
        return lexicon

    @cached_property
    def language_lexicon(self) -> Lexicon[str]:
        """The codes and names of languages."""
        lexicon: Lexicon[str] = Lexicon()
        for code, names in self.languages.items():
            for phrase in (code, *names):
                lexicon.add(phrase, code)
        return lexicon

    def _shared_with_types(self, lexicon: Lexicon[Any]) -> None:
        if shared := self.type_lexicon.keys() & lexicon.keys():
            raise ValueError(f"types share words with commands: {', '.join(sorted(shared))}")

    @cached_property
    def word_lexicon(self) -> Lexicon[Meaning]:
        """Everything else that reporters write."""
        lexicon: Lexicon[Meaning] = Lexicon()
        listed: tuple[Role, ...] = (*COUNTS, "days", "market", "here", "filler")
        for role in listed:
            for phrase in _every(getattr(self.words, role)):
                lexicon.add(phrase, Meaning(role))
        for by_word in self.words.days_ago.values():
            for phrase, days in by_word.items():
                lexicon.add(phrase, Meaning("days_ago", days))
        for names in self.words.weekdays.values():
            for phrase, day in names.items():
                lexicon.add(phrase, Meaning("weekday", WEEKDAYS.index(day)))
        for by_word in self.words.numbers.values():
            for phrase, number in by_word.items():
                lexicon.add(phrase, Meaning("number", number))
        return lexicon


def _every(phrases: Phrases) -> Iterator[str]:
    for listed in phrases.values():
        yield from listed
