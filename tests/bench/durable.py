"""How fast durable_rules takes reports, with as much of a cluster rule as it can be told.

It joins facts by rules that are given beforehand (Rete), and knows neither distances nor windows:
what it is asked is for three reports of one type from one and the same place within 72 hours.
"""

from collections.abc import Sequence
from time import perf_counter

from durable.lang import assert_fact, c, m, ruleset, when_all

from service.domain.engine import Evidence

_SPAN = 72 * 3600
_found: list[int] = []

with ruleset("cluster"):

    @when_all(
        c.first << (m.type == "type-0"),
        c.second << (m.type == "type-0")
        & (m.place == c.first.place)
        & (m.at > c.first.at)
        & (m.at < c.first.at + _SPAN),
        c.third << (m.type == "type-0")
        & (m.place == c.first.place)
        & (m.at > c.second.at)
        & (m.at < c.first.at + _SPAN),
    )
    def _met(c):
        _found.append(c.third.id)

    @when_all(m.type != "type-0")
    def _other(c):
        """Take what the rule does not count, or each would be refused as unknown."""


def run(events: Sequence[Evidence]) -> float:
    """Return seconds for all of `events`."""
    facts = [{"id": e.id + 1, "type": e.type, "place": e.place, "at": e.at} for e in events]
    started = perf_counter()
    for fact in facts:
        assert_fact("cluster", fact)
    seconds = perf_counter() - started
    assert _found, "durable_rules found nothing"
    return seconds
