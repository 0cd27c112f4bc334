"""Checks across files: what one file names must be in another."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from service.content.phones import Phones
from service.content.problem import Problem
from service.content.shared import Shared
from service.content.typed import closest
from service.content.yaml import Document, Path
from service.domain.codebook import Codebook, IncidentType
from service.domain.condition import (
    AllOf,
    AnomalySpec,
    AnyOf,
    Count,
    Sequence,
    Unusual,
    When,
    counts,
)
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.silence import Silences


class Written(NamedTuple):
    """One rule as it stands in its file; `rule` is None where it has problems of its own."""

    document: Document
    at: Path
    id: str
    rule: Rule | None


class Known(NamedTuple):
    """What rules may name: each is None where its file could not be read, and is not asked for."""

    codebook: Codebook | None
    lists: Mapping[str, tuple[str, ...]]
    seasons: Seasons | None
    has_markets: bool | None


def seasons_exist_in(
    seasons: Seasons, document: Document, areas: Container[str]
) -> Iterator[Problem]:
    """Areas of seasons that are on no map."""
    for season, calendar in seasons.root.items():
        for zone, days in calendar.zones.items():
            for number, pcode in enumerate(days.areas):
                if pcode not in areas:
                    yield _no_area(document, (season, "zones", zone, "areas", number), pcode)


def lists_hold(shared: Shared, document: Document, codebook: Codebook) -> Iterator[Problem]:
    """Lists of types that are none, or that have the name of one."""
    known = {each.id: each for each in codebook.types}
    for name, types in shared.lists.items():
        path: Path = ("lists", name)
        if name in known or name == "any":
            why = f"`{name}` is a type of its own: a list needs another name"
            yield document.problem(path, why, "rename the list", at_key=True)
        for number, type_ in enumerate(types):
            yield from _countable(document, (*path, number), type_, known)


def menu_holds(phones: Phones, document: Document, codebook: Codebook) -> Iterator[Problem]:
    """Types that the USSD menu should list first and that there are not."""
    known = {each.id: each for each in codebook.types}
    for number, type_ in enumerate(phones.ussd.first):
        yield from _countable(document, ("ussd", "first", number), type_, known)


def silences_hold(
    silences: Silences,
    document: Document,
    rules: Iterable[str],
    areas: Container[str] | None,
) -> Iterator[Problem]:
    """Silences of rules and areas that there are not, and ids that are used twice."""
    ids = list(rules)
    seen: set[str] = set()
    for number, silence in enumerate(silences.root):
        if silence.id in seen:
            why = f"another silence has the id `{silence.id}`"
            yield document.problem((number, "id"), why, "rename one of the two")
        seen.add(silence.id)
        if silence.rule not in ("any", *ids):
            yield _no_rule(document, (number, "rule"), silence.rule, ids)
        if areas is not None and silence.area != "any" and silence.area not in areas:
            yield _no_area(document, (number, "area"), silence.area)


def rules_hold(written: Iterable[Written], known: Known) -> Iterator[Problem]:
    """Whatever the rules name that is not there, and contradictions between rules."""
    every = list(written)
    yield from _same_ids(every)
    ids = [each.id for each in every]
    inhibitors = {each.id: each.rule.alert.inhibited_by for each in every if each.rule}
    for each in every:
        if each.rule is None:
            continue
        if known.codebook:
            yield from _types(each, each.rule, known.codebook, known.lists)
        yield from _season(each, each.rule, known.seasons)
        if known.has_markets is False:
            yield from _market_days(each, each.rule)
        yield from _inhibitor(each, each.rule, ids, inhibitors)


def _same_ids(written: Iterable[Written]) -> Iterator[Problem]:
    first: dict[str, Problem] = {}
    for document, at, name, _ in written:
        here = document.problem((*at, "id"), f"another rule has the id `{name}`")
        if name == "any":
            why = "`any` means every rule, and is no rule's id"
            yield document.problem((*at, "id"), why, "choose another id")
        if name in first:
            yield here._replace(suggestion=f"rename one of the two; see {first[name].where}")
        elif name:
            first[name] = here


def _types(
    written: Written, rule: Rule, codebook: Codebook, lists: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Types that are none, that may not alert alone, or that are not for all to know."""
    document = written.document
    known = {each.id: each for each in codebook.types}
    alone = _enough_alone(rule.when, frozenset(known))
    paths = [path for path, _ in counts(rule.when)] or [()]
    for path in ((*written.at, "when", *each, "types") for each in paths):
        for here, word in _words(document, path):
            types = known if word == "any" else lists.get(word, (word,))
            if word != "any" and word not in lists:
                yield from _countable(document, here, word, known)
            if any(type_ in alone and not known[type_].alone for type_ in types if type_ in known):
                yield _not_alone(document, here, word)
            if rule.alert.place == "exact":
                yield from _not_public(written, here, (known[t] for t in types if t in known))
    if rule.alert.place == "exact" and any(c.distinct_reporters < 2 for c in rule.counts()):
        why = "an exact place is asked for only with two distinct reporters or more"
        path = (*written.at, "alert", "place")
        yield document.problem(path, why, "ask for distinct_reporters: 2")


def _words(document: Document, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each word of `types` as it is written, where lists are still called by their names."""
    data = document.at(path)
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, list):
        yield from (((*path, n), word) for n, word in enumerate(data) if isinstance(word, str))


def _enough_alone(when: When, every: frozenset[str]) -> frozenset[str]:
    """Return the types of which one report meets the condition by itself."""
    match when:
        case Count(types=types, at_least=1) | Unusual(types=types, anomaly=AnomalySpec(at_least=1)):
            return every if types == "any" else frozenset(types)
        case AllOf():
            return frozenset.intersection(*(_enough_alone(each, every) for each in when.all_of))
        case AnyOf():
            return frozenset().union(*(_enough_alone(each, every) for each in when.any_of))
        case Count() | Sequence() | Unusual():
            return frozenset()


def _countable(
    document: Document, path: Path, type_: str, known: Mapping[str, IncidentType]
) -> Iterator[Problem]:
    if type_ not in known:
        nearest = closest(type_, known) or "types are declared in rules/codebook.yaml"
        yield document.problem(path, f"the codebook has no type `{type_}`", nearest)
    elif known[type_].check_in:
        why = f"`{type_}` says that all is well: no rule can count it"
        yield document.problem(path, why, "take it out of the list")


def _not_alone(document: Document, path: Path, word: str) -> Problem:
    if word == "any":
        why, suggestion = "one report of any type may not alert alone", "or name types"
    else:
        why, suggestion = (
            f"one report of `{word}` may not alert alone",
            "or take it out of the list",
        )
    return document.problem(path, why, f"ask for at_least: 2, {suggestion}")


def _not_public(written: Written, path: Path, types: Iterable[IncidentType]) -> Iterator[Problem]:
    for type_ in types:
        if not type_.public:
            why = f"`{type_.id}` is not public in the codebook: no rule may ask for its exact place"
            yield written.document.problem(path, why, "take out `place: exact`")


def _season(written: Written, rule: Rule, seasons: Seasons | None) -> Iterator[Problem]:
    if seasons and rule.only_in and rule.only_in not in seasons:
        nearest = closest(rule.only_in, seasons.root) or "seasons are in rules/seasons.yaml"
        why = f"there is no season `{rule.only_in}`"
        yield written.document.problem((*written.at, "only_in"), why, nearest)


def _market_days(written: Written, rule: Rule) -> Iterator[Problem]:
    for path, count in counts(rule.when):
        if count.market_day:
            why = "no market day is known, so this can never be met"
            here = (*written.at, "when", *path, "market_day")
            yield written.document.problem(here, why, "write the markets in rules/markets.yaml")


def _inhibitor(
    written: Written, rule: Rule, ids: list[str], inhibitors: dict[str, str | None]
) -> Iterator[Problem]:
    name = rule.alert.inhibited_by
    if name is None:
        return
    path = (*written.at, "alert", "inhibited_by")
    if name not in ids:
        yield _no_rule(written.document, path, name, ids)
        return
    seen = {rule.id}
    above: str | None = name
    while above and above not in seen:
        seen.add(above)
        above = inhibitors.get(above)
    if above == rule.id:
        why = f"`{rule.id}` and `{name}` inhibit each other"
        yield written.document.problem(path, why, "keep one of the two")


def _no_rule(document: Document, path: Path, name: str, ids: Iterable[str]) -> Problem:
    return document.problem(path, f"there is no rule `{name}`", closest(name, ids))


def _no_area(document: Document, path: Path, pcode: str) -> Problem:
    why = f"no area has the pcode `{pcode}`"
    return document.problem(path, why, "look it up in rules/places/areas.csv")
