"""Small made-up datasets to replay, and rules to replay them by."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from service.backtest.dataset import DAY, Dataset, Event, Spot
from service.content import Content, load
from service.domain.areas import COUNTRY, AreaTree, Membership
from service.domain.geo import Point
from service.domain.rule import Rule
from tests.support.content_dir import PROJECT

START = 1_400_000_000 // DAY * DAY + DAY // 2
TREE = AreaTree({"R": ("Region", COUNTRY), "A": ("Area A", "R"), "B": ("Area B", "R")})
KM_NORTH = 1 / 111.195  # degrees of latitude


def spot(km_north: float = 0.0, area: str = "A") -> Spot:
    name = f"{km_north:g} km north"
    return Spot(name, name, area, Point(14 + km_north * KM_NORTH, -4.0))


def event(
    day: float, type_: str | None = "banditry", at: Spot | None = None, killed: int = 0
) -> Event:
    moment = START + int(day * DAY)
    where = at or spot()
    return Event(int(day * 10) + 2, type_, where, moment, moment, killed, 0, killed)


def dataset(events: Iterable[Event], reporters: int = 1) -> Dataset:
    """Each event with a type is reported at once, by people who never report another."""
    data = Dataset("made up", "", TREE, list(events))
    for number, each in enumerate(data.events):
        for nth in range(reporters if each.type else 0):
            data.report(number, 1000 * number + nth, each.at)
    data.people = [Membership(area, 0, None) for area in ("A", "B") for _ in range(7)]
    return data


@cache
def shipped() -> Content:
    return load(PROJECT)


def content(*rules: Rule) -> Content:
    return replace(shipped(), rules=rules)


def rule(at_least: int = 2, km: float = 25, hours: int = 72, **others: Any) -> Rule:
    written: dict[str, Any] = {
        "id": "robberies",
        "title": {"fr": "Vols", "en": "Robberies"},
        "status": "live",
        "when": {
            "types": ["banditry"],
            "at_least": at_least,
            "within": {"km": km, "hours": hours},
        },
        "alert": {"severity": "severe"},
    }
    return Rule.model_validate(written | others)


def days_of(moments: Sequence[int]) -> list[float]:
    """Days since the start of these moments."""
    return [(moment - START) / DAY for moment in moments]
