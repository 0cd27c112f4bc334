"""What must have happened for a rule to be met: counts, several joined, sequences, anomalies.

Each model is one way to write `when:`. Which one a rule uses is told by its keys.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

Level = Literal["commune", "cercle", "region"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""In the order of `date.weekday()`."""

MOST_TYPES = 100
"""In one list, so that lists of lists stay small."""

_FRENCH_WEEKDAYS = dict(
    zip(
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        WEEKDAYS,
        strict=True,
    )
)
_HOURS = {"h": 1, "d": 24, "w": 168}
_DURATION = re.compile(r"([1-9][0-9]{0,3})([hdw])", re.ASCII)


def _hours(value: object) -> object:
    """Read `72h`, `3d` or `2w` as whole hours; a number that is already in hours passes."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        raise PydanticCustomError("duration", "a duration is written 72h, 3d or 2w")
    return int(match[1]) * _HOURS[match[2]]


def _types(value: object, info: ValidationInfo) -> object:
    """Put its types in the place of each list's name; `lists` is in the validation's context.

    A type without brackets is the commonest slip: say how a list is written, not that it is no
    tuple.
    """
    lists: Mapping[str, tuple[str, ...]] = (info.context or {}).get("lists", {})
    if isinstance(value, str) and value != "any" and value not in lists:
        raise PydanticCustomError("not_a_list", "a list is wanted: [{item}]", {"item": value})
    if value == "any" or not isinstance(value, str | list | tuple) or len(value) > MOST_TYPES:
        return value
    words = [value] if isinstance(value, str) else value
    types = [
        type_ for word in words for type_ in (lists.get(word, (word,)) if _named(word) else (word,))
    ]
    return tuple(dict.fromkeys(types)) if all(map(_named, types)) else types


def _named(word: object) -> bool:
    return isinstance(word, str)


def _per(value: object) -> object:
    if not isinstance(value, list | tuple) or tuple(value) != ("area", "type"):
        raise PydanticCustomError("not_per", "`per` is written [area, type]")
    return value


def _weekday(value: object) -> object:
    return _FRENCH_WEEKDAYS.get(value, value) if isinstance(value, str) else value


Hours = Annotated[
    int,
    BeforeValidator(_hours),
    Field(ge=1),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
Types = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_TYPES), Tag("list")]
    | Annotated[Literal["any"], Tag("any")],
    Discriminator(lambda value: "any" if isinstance(value, str) else "list"),
    BeforeValidator(_types),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "maxItems": MOST_TYPES,
                },
                {"type": "string"},
            ]
        }
    ),
]
WeekdayOrJour = Annotated[
    Weekday,
    BeforeValidator(_weekday),
    WithJsonSchema({"type": "string", "enum": [*WEEKDAYS, *_FRENCH_WEEKDAYS]}),
]
Path = tuple[str | int, ...]
Contradictions = Iterator[tuple[Path, PydanticCustomError]]


def contradiction(kind: str, why: str, **facts: Any) -> PydanticCustomError:
    """Return the error of one kind of contradiction; `why` may hold `{facts}`."""
    return PydanticCustomError(kind, why, facts or None)


class Part(BaseModel):
    """A part of a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def contradictions(self) -> Contradictions:
        """Yield path and error of each contradiction between this part's own fields."""
        yield from ()


def every_contradiction(part: Part, at: Path = ()) -> Contradictions:
    """Yield path and error of each contradiction in a part and in all that it is made of."""
    for path, error in part.contradictions():
        yield (*at, *path), error
    for name in type(part).model_fields:
        held = getattr(part, name)
        if isinstance(held, Part):
            yield from every_contradiction(held, (*at, name))
        elif isinstance(held, tuple):
            for number, each in enumerate(held):
                if isinstance(each, Part):
                    yield from every_contradiction(each, (*at, name, number))


class Within(Part):
    """How near reports must be to count together, on the ground and in time."""

    km: float | None = Field(
        default=None, gt=0, le=1000, description="Kilometres between two places, as the crow flies"
    )
    area: Level | None = Field(
        default=None, description="In the same commune, cercle or region: instead of km"
    )
    place: Literal["same"] | None = Field(
        default=None, description="`same`: of one and the same place; instead of km"
    )
    hours: int = Field(ge=1, le=8760, description="Whole hours between two reports")

    def contradictions(self) -> Contradictions:
        written = [key for key in ("km", "area", "place") if getattr(self, key) is not None]
        if not written:
            yield (), contradiction("nowhere", "`within` must say where: km, area or place")
        for key in written[1:]:
            yield (
                (key,),
                contradiction("two_wheres", "`within` has `{one}` already", one=written[0]),
            )


class Count(Part):
    """Enough reports of some types, by enough people, near each other."""

    types: Types = Field(
        description="Type ids of the codebook, a list of lists.yaml, or `any` for every type"
    )
    at_least: int = Field(default=1, ge=1, le=1000, description="How many reports there must be")
    distinct_reporters: int = Field(
        default=1, ge=1, le=1000, description="How many different people must have reported"
    )
    within: Within = Field(description="How near each other, on the ground and in time")
    killed: int | None = Field(
        default=None, ge=1, le=10_000, description="How many killed they must tell of, together"
    )
    injured: int | None = Field(
        default=None, ge=1, le=10_000, description="How many injured they must tell of, together"
    )
    weekdays: Annotated[tuple[WeekdayOrJour, ...], Field(min_length=1)] | None = Field(
        default=None, description="Only on these days of the week"
    )
    market_day: bool = Field(
        default=False, description="true: only on the weekly market day of the place"
    )

    def contradictions(self) -> Contradictions:
        if self.distinct_reporters > self.at_least:
            yield (
                ("distinct_reporters",),
                contradiction(
                    "more_reporters_than_reports",
                    "at most {reports} people can have sent {reports} reports",
                    reports=self.at_least,
                ),
            )


class AllOf(Part):
    """Several counts, all met at one time and place."""

    all_of: tuple[Count, ...] = Field(
        min_length=2, max_length=10, description="Counts that must all be met"
    )


class AnyOf(Part):
    """Several counts, of which one is enough."""

    any_of: tuple[Count, ...] = Field(
        min_length=2, max_length=10, description="Counts of which one must be met"
    )


class Sequence(Part):
    """One count, and then another, of other reports."""

    first: Count = Field(description="What happens first")
    then: Count = Field(description="What follows it: another report, not earlier")
    within: Within = Field(
        description="How far and how long after `first`, in km and hours, `then` may be"
    )

    def contradictions(self) -> Contradictions:
        if self.within.km is None:
            key = "area" if self.within.area else "place"
            yield (
                ("within", key),
                contradiction("sequence_area", "a sequence is within km and hours"),
            )


class AnomalySpec(Part):
    """What is more than usual."""

    window: Hours = Field(
        default=168,
        description="How long the time is that is looked at: 7d",
        json_schema_extra={"default": "7d"},
    )
    baseline: Hours = Field(
        default=26 * 168,
        description="How long the past is that it is held against: 26w",
        json_schema_extra={"default": "26w"},
    )
    gap: Hours = Field(
        default=2 * 168,
        description="What is left out between the two, so that a slow rise is seen: 2w",
        json_schema_extra={"default": "2w"},
    )
    alerts_per_week: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="The budget: false alerts a week over the whole network, on average",
    )
    at_least: int = Field(
        default=3, ge=1, le=1000, description="How many reports there must be in the window"
    )

    def contradictions(self) -> Contradictions:
        if self.baseline < 4 * self.window:
            yield (
                ("baseline",),
                contradiction("short_baseline", "must be at least four times the `window`"),
            )


class Unusual(Part):
    """More reports of a type in an area than its own past makes likely."""

    types: Types = Field(
        description="Type ids of the codebook, a list of lists.yaml, or `any` for every type"
    )
    per: Annotated[
        tuple[Literal["area"], Literal["type"]],
        BeforeValidator(_per),
        WithJsonSchema({"type": "array", "items": {"enum": ["area", "type"]}}),
    ] = Field(
        default=("area", "type"), description="[area, type]: each type in each area by itself"
    )
    anomaly: AnomalySpec = Field(description="What is more than usual")


_FORMS = {
    "all_of": "every",
    "any_of": "either",
    "first": "sequence",
    "then": "sequence",
    "anomaly": "unusual",
    "per": "unusual",
}


def _form(value: object) -> str:
    """Tell which way a condition is written by the first key that only one way has.

    A tag is no key of a rule: it stands in the path of an error, where it is passed over.
    """
    keys = value if isinstance(value, Mapping) else getattr(type(value), "model_fields", ())
    return next((form for key, form in _FORMS.items() if key in keys), "counted")


When = Annotated[
    Annotated[Count, Tag("counted")]
    | Annotated[AllOf, Tag("every")]
    | Annotated[AnyOf, Tag("either")]
    | Annotated[Sequence, Tag("sequence")]
    | Annotated[Unusual, Tag("unusual")],
    Discriminator(_form),
]


def counts(when: When) -> tuple[tuple[Path, Count], ...]:
    """Return path and count of every count of a condition, whichever way it is written."""
    match when:
        case Count():
            return (((), when),)
        case AllOf():
            return tuple((("all_of", n), each) for n, each in enumerate(when.all_of))
        case AnyOf():
            return tuple((("any_of", n), each) for n, each in enumerate(when.any_of))
        case Sequence():
            return ((("first",), when.first), (("then",), when.then))
        case Unusual():
            return ()
