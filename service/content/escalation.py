"""Checks of `rules/escalation.yaml` across files: what it names must be there."""

from collections.abc import Container, Iterator

from service.content.problem import Problem
from service.content.typed import closest
from service.content.yaml import Document
from service.domain.codebook import Codebook
from service.domain.routes import EscalationPolicy


def routes_hold(
    policy: EscalationPolicy,
    document: Document,
    codebook: Codebook | None,
    areas: Container[str] | None,
) -> Iterator[Problem]:
    """Whatever routes name that is not there, and ids that are used twice."""
    for path, name, known in policy.names():
        if name not in known:
            kind = {"hours": "hours are", "rota": "rota is"}.get(str(path[-1]), "function is")
            why = f"no {kind} called `{name}` in this file"
            yield document.problem(path, why, closest(name, known) or "declare it above")
    types = {each.id: each for each in codebook.types} if codebook else None
    seen: set[str] = set()
    for number, route in enumerate(policy.routes):
        if route.id in seen:
            why = f"another route has the id `{route.id}`"
            yield document.problem(("routes", number, "id"), why, "rename one of the two")
        seen.add(route.id)
        for step, area in enumerate(route.areas or ()):
            if areas is not None and area not in areas:
                why = f"no area has the pcode `{area}`"
                path = ("routes", number, "areas", step)
                yield document.problem(path, why, "look it up in rules/places/areas.csv")
        for type_ in route.types if route.types != "any" else ():
            if types is not None and type_ not in types:
                why = f"the codebook has no type `{type_}`"
                suggestion = closest(type_, types) or "types are declared in rules/codebook.yaml"
                yield document.problem(_written(document, number, type_), why, suggestion)


def _written(document: Document, number: int, type_: str) -> tuple[str | int, ...]:
    """Where a type stands, as lists are still called by their names there."""
    path = ("routes", number, "types")
    data = document.at(path)
    at = data.index(type_) if isinstance(data, list) and type_ in data else None
    return path if at is None else (*path, at)
