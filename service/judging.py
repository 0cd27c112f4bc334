"""The engine that the content's rules make: the same for the service, tests and explanations."""

from collections.abc import Iterable
from datetime import tzinfo

from service.content import Content
from service.domain.engine import Engine
from service.domain.rule import Rule


def engine_of(
    content: Content, rules: Iterable[Rule] | None = None, zone: tzinfo | None = None
) -> Engine:
    """Return a new engine for the content's rules and time zone, or for others."""
    return Engine(
        content.rules if rules is None else rules,
        content.seasons,
        content.tree,
        zone or content.timezone,
        silences=content.silences,
        markets=content.markets,
    )


def differ_in_rules_alone(was: Content, now: Content) -> bool:
    """Whether an engine of the one can judge by the rules of the other (`Engine.with_rules`)."""
    return (was.seasons, was.areas, was.gazetteer.areas, was.markets) == (
        now.seasons,
        now.areas,
        now.gazetteer.areas,
        now.markets,
    )
