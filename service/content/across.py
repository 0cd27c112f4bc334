"""Checks across files: what one file names must be in another."""

from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from service.content.problem import Problem
from service.content.typed import closest
from service.content.yaml import Document, Path
from service.domain.codebook import Codebook
from service.domain.rule import Rule
from service.domain.seasons import Seasons


class Written(NamedTuple):
    """One rule as it stands in its file; `rule` is None where it has problems of its own."""

    document: Document
    at: Path
    id: str
    rule: Rule | None


def seasons_exist_in(
    seasons: Seasons, document: Document, areas: Container[str]
) -> Iterator[Problem]:
    """Areas of seasons that are on no map."""
    for season, calendar in seasons.root.items():
        for zone, days in calendar.zones.items():
            for number, pcode in enumerate(days.areas):
                if pcode not in areas:
                    yield document.problem(
                        (season, "zones", zone, "areas", number),
                        f"no area has the pcode `{pcode}`",
                        "look it up in rules/places/areas.csv",
                    )


def rules_hold(
    written: Iterable[Written], codebook: Codebook | None, seasons: Seasons | None
) -> Iterator[Problem]:
    """Whatever the rules name that is not there, and contradictions between rules.

    What is in a file that could not be read is not asked for.
    """
    every = list(written)
    yield from _same_ids(every)
    ids = [each.id for each in every]
    inhibitors = {each.id: each.rule.alert.inhibited_by for each in every if each.rule}
    for each in every:
        if each.rule is None:
            continue
        if codebook:
            yield from _types(each, each.rule, codebook)
        yield from _season(each, each.rule, seasons)
        yield from _inhibitor(each, each.rule, ids, inhibitors)


def _same_ids(written: Iterable[Written]) -> Iterator[Problem]:
    first: dict[str, Problem] = {}
    for document, at, name, _ in written:
        here = document.problem((*at, "id"), f"another rule has the id `{name}`")
        if name in first:
            yield here._replace(suggestion=f"rename one of the two; see {first[name].where}")
        elif name:
            first[name] = here


def _types(written: Written, rule: Rule, codebook: Codebook) -> Iterator[Problem]:
    document, path = written.document, (*written.at, "when", "types")
    known = {each.id: each for each in codebook.types}
    if rule.when.types == "any":
        if rule.when.at_least == 1:
            why = "one report of any type may not alert alone"
            yield document.problem(path, why, "ask for at_least: 2, or name types")
        return
    for number, name in enumerate(rule.when.types):
        here = (*path, number)
        if name not in known:
            nearest = closest(name, known) or "types are declared in rules/codebook.yaml"
            yield document.problem(here, f"the codebook has no type `{name}`", nearest)
        elif known[name].check_in:
            why = f"`{name}` says that all is well: no rule can count it"
            yield document.problem(here, why, "take it out of the list")
        elif rule.when.at_least == 1 and not known[name].alone:
            why = f"one report of `{name}` may not alert alone"
            yield document.problem(here, why, "ask for at_least: 2, or take it out of the list")


def _season(written: Written, rule: Rule, seasons: Seasons | None) -> Iterator[Problem]:
    if seasons and rule.only_in and rule.only_in not in seasons:
        nearest = closest(rule.only_in, seasons.root) or "seasons are in rules/seasons.yaml"
        why = f"there is no season `{rule.only_in}`"
        yield written.document.problem((*written.at, "only_in"), why, nearest)


def _inhibitor(
    written: Written, rule: Rule, ids: list[str], inhibitors: dict[str, str | None]
) -> Iterator[Problem]:
    name = rule.alert.inhibited_by
    if name is None:
        return
    path = (*written.at, "alert", "inhibited_by")
    if name not in ids:
        nearest = closest(name, ids)
        yield written.document.problem(path, f"there is no rule `{name}`", nearest)
        return
    seen = {rule.id}
    above: str | None = name
    while above and above not in seen:
        seen.add(above)
        above = inhibitors.get(above)
    if above == rule.id:
        why = f"`{rule.id}` and `{name}` inhibit each other"
        yield written.document.problem(path, why, "keep one of the two")
