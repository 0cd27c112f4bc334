"""One number of a rule, tried at many values."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from service.domain.rule import Rule

MOST_VALUES = 100

_WRITTEN = re.compile(
    r"(?P<rule>[a-z][a-z0-9-]*)\.(?P<path>[a-z0-9_.]+)="
    r"(?P<low>[0-9.]+?)\.\.(?P<high>[0-9.]+?)(?:\.\.(?P<step>[0-9.]+))?"
)


class SweepError(Exception):
    """A sweep that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """`rule.path` at each of `values`; the path is that in the rule's YAML, `when.within.km`."""

    rule: str
    path: tuple[str, ...]
    values: tuple[float, ...]


def read_sweep(written: str, rules: Iterable[Rule]) -> Sweep:
    """Read `market-cluster.at_least=2..8`, or `….km=10..50..10` in steps of 10.

    The last word is enough where only one number of the rule is called so; those of `when` come
    before others. Raises SweepError.
    """
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise SweepError("write RULE.NUMBER=FROM..TO, as in market-cluster.at_least=2..8")
    known = {rule.id: rule for rule in rules}
    if match["rule"] not in known:
        raise SweepError(f"there is no rule {match['rule']}; there are {', '.join(known)}")
    path = _path(known[match["rule"]], tuple(match["path"].split(".")))
    try:
        low, high, step = (
            float(each) for each in (match["low"], match["high"], match["step"] or 1)
        )
    except ValueError:
        raise SweepError("FROM, TO and the step are numbers") from None
    if not step > 0 or high < low or (high - low) / step > MOST_VALUES - 1:
        raise SweepError(f"FROM must not be above TO, and there are at most {MOST_VALUES} values")
    count = int((high - low) / step + 1e-9) + 1
    return Sweep(match["rule"], path, tuple(low + step * each for each in range(count)))


def variants(sweep: Sweep, rules: Iterable[Rule]) -> Iterator[tuple[float, list[Rule] | str]]:
    """Yield each value with the rules to replay for it, or why the rule cannot have it.

    Only the rule itself and those that inhibit it are replayed; its steps of escalation raise no
    alert, and are left out, so that they forbid no value.
    """
    known = {rule.id: rule for rule in rules}
    rule = known[sweep.rule]
    above, inhibitors = rule.alert.inhibited_by, []
    while above in known:
        inhibitors.append(known[above])
        above = known[above].alert.inhibited_by
    for value in sweep.values:
        written = rule.model_dump(by_alias=True, exclude_unset=True)
        written.pop("escalate", None)
        changed = _with(written, sweep.path, int(value) if value.is_integer() else value)
        try:
            yield value, [Rule.model_validate(changed), *inhibitors]
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            yield value, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _path(rule: Rule, said: tuple[str, ...]) -> tuple[str, ...]:
    numbers = list(_numbers(rule.model_dump(by_alias=True, exclude={"escalate"})))
    fitting = [path for path in numbers if path[-len(said) :] == said]
    fitting = [path for path in fitting if path[0] == "when"] or fitting
    if len(fitting) == 1:
        return fitting[0]
    choice = ", ".join(".".join(path) for path in fitting or numbers)
    problem = "is more than one number" if fitting else "is no number"
    raise SweepError(f"{'.'.join(said)} {problem} of {rule.id}: choose of {choice}")


def _numbers(held: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each number; an entry of a list is known by its place, from 0."""
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield from _numbers(value, (*at, key))
    elif isinstance(held, list | tuple):
        for place, value in enumerate(held):
            yield from _numbers(value, (*at, str(place)))
    elif isinstance(held, int | float) and not isinstance(held, bool):
        yield at


def _with(held: Any, path: tuple[str, ...], value: float) -> Any:
    """Return a copy of what is held with another number at `path`."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(held, list | tuple):
        return [_with(each, rest, value) if str(i) == step else each for i, each in enumerate(held)]
    return dict(held or {}) | {step: _with((held or {}).get(step), rest, value)}
