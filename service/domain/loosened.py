"""A rule with one of its numbers loosened: what near misses are found by.

Numbers are loosened at most to half or to double: what misses by more did not almost happen.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from service.domain.condition import AllOf, AnyOf, Count, Level, Sequence, When
from service.domain.evidence import Evidence
from service.domain.geo import distance_km
from service.domain.rule import Outside, Rule

Model = TypeVar("Model", bound=BaseModel)
_WIDER: dict[str, Level] = {"commune": "cercle", "cercle": "region"}
Measure = Callable[[Evidence, Evidence], float]


class Loosened(NamedTuple):
    """One predicate of a rule, by the name and threshold of its check, and ways to loosen it.

    `rule_with` makes the rule that has another value in the threshold's place. Which value a
    cluster needs is the first of `values` that it meets; where there is a `measure`, it is one that
    the measure gives of two of the cluster's reports. `found` is what a predicate without a number
    found instead.
    """

    check: str
    threshold: float | str
    values: tuple[float, ...]
    rule_with: Callable[[float], Rule]
    measure: Measure | None = None
    found: str | None = None


class _Part(NamedTuple):
    """A part of a condition that has numbers; `key` is its place in the whole, None if it is it."""

    prefix: str
    part: Count | Sequence
    key: str | int | None


def loosened(rule: Rule) -> Iterator[Loosened]:
    """Yield every predicate of a rule that can be loosened; those of anomalies cannot."""
    if rule.only_in is not None:
        always = _with(rule, only_in=None, outside=None)
        yield Loosened("season", rule.only_in, (0,), lambda _: always, found="closed")
    if rule.outside is not None:
        asked = rule.outside.at_least
        yield Loosened("reports", asked, _fewer(asked), partial(_outside, rule, rule.outside))
    for part in _parts(rule.when):
        if isinstance(part.part, Count):
            yield from _amounts(rule, part, part.part)
            yield from _days(rule, part, part.part)
        yield from _reach(rule, part)


def _parts(when: When) -> Iterator[_Part]:
    match when:
        case Count():
            yield _Part("", when, None)
        case AllOf(all_of=counts) | AnyOf(any_of=counts):
            for place, count in enumerate(counts):
                yield _Part(f"{place + 1}.", count, place)
        case Sequence():
            yield _Part("", when, None)
            yield _Part("first.", when.first, "first")
            yield _Part("then.", when.then, "then")


def _amounts(rule: Rule, part: _Part, count: Count) -> Iterator[Loosened]:
    amounts = {
        "reports": ("at_least", count.at_least),
        "distinct_reporters": ("distinct_reporters", count.distinct_reporters),
        "killed": ("killed", count.killed),
        "injured": ("injured", count.injured),
    }
    for check, (field, asked) in amounts.items():
        if asked is not None:
            rule_with = partial(_amount, rule, part, field)
            yield Loosened(part.prefix + check, asked, _fewer(asked), rule_with)


def _days(rule: Rule, part: _Part, count: Count) -> Iterator[Loosened]:
    if count.weekdays is not None:
        any_day = _rebuilt(rule, part, weekdays=None)
        days = ",".join(count.weekdays)
        yield Loosened(part.prefix + "weekday", days, (0,), lambda _: any_day, found="another day")
    if count.market_day:
        every_day = _rebuilt(rule, part, market_day=False)
        yield Loosened(part.prefix + "market_day", "yes", (0,), lambda _: every_day, found="no")


def _reach(rule: Rule, part: _Part) -> Iterator[Loosened]:
    """Yield how far and how long a part looks."""
    within = part.part.within
    if within.km is not None:
        yield Loosened(
            part.prefix + "distance_km",
            within.km,
            (within.km * 1.2, within.km * 2),
            partial(_within, rule, part, "km"),
            lambda one, other: distance_km(one.point, other.point),
        )
    if (wider := _WIDER.get(within.area or "")) is not None:
        in_wider = _rebuilt(rule, part, within=_with(within, area=wider))
        yield Loosened(
            part.prefix + "area", within.area or "", (0,), lambda _: in_wider, found=wider
        )
    yield Loosened(
        part.prefix + "span_hours",
        within.hours,
        (within.hours * 1.2, within.hours * 2),
        # A window is open at its far end: what happened exactly so long ago is not in it.
        lambda hours: _within(rule, part, "hours", int(hours) + 1),
        lambda one, other: abs(one.at - other.at) / 3600,
    )


def _fewer(asked: int) -> tuple[int, ...]:
    """Return the numbers below the one that is asked, down to half of it."""
    return tuple(range(asked - 1, (asked - 1) // 2, -1)) if asked > 1 else ()


def _outside(rule: Rule, outside: Outside, at_least: float) -> Rule:
    return _with(rule, outside=_with(outside, at_least=int(at_least)))


def _amount(rule: Rule, part: _Part, field: str, amount: float) -> Rule:
    return _rebuilt(rule, part, **{field: int(amount)})


def _within(rule: Rule, part: _Part, field: str, reach: float) -> Rule:
    return _rebuilt(rule, part, within=_with(part.part.within, **{field: reach}))


def _rebuilt(rule: Rule, part: _Part, **changed: object) -> Rule:
    """Return the rule with that part of its condition changed."""
    new, when = _with(part.part, **changed), rule.when
    match when:
        case AllOf(all_of=counts):
            when = _with(when, all_of=_replaced(counts, part.key, new))
        case AnyOf(any_of=counts):
            when = _with(when, any_of=_replaced(counts, part.key, new))
        case Sequence() if isinstance(part.key, str):
            when = _with(when, **{part.key: new})
        case _:
            return _with(rule, when=new)
    return _with(rule, when=when)


def _replaced(
    counts: tuple[Count, ...], place: str | int | None, new: Count | Sequence
) -> tuple[Count | Sequence, ...]:
    return tuple(new if at == place else count for at, count in enumerate(counts))


def _with(model: Model, **changed: object) -> Model:
    """Return the model with other values, which need not fit together as a rule's must."""
    return model.model_copy(update=changed)
