"""Weekly market days: of the place itself, and of a market within 5 km."""

import csv
from pathlib import Path

import pytest

from service.content.markets import WeeklyMarkets
from service.content.typed import Reader
from service.content.yaml import compose_strict
from service.domain.condition import WEEKDAYS
from service.domain.geo import Point, distance_km
from service.domain.markets import NEAR_KM, Market, MarketDays
from tests.support.rules_content import RULES, gazetteer

DJENNE = Point(13.90608, -4.55332)
DAYS = MarketDays((Market("44136", DJENNE, "monday"), Market("1", None, "friday")))


def north(km: float) -> Point:
    """A point that many kilometres north of Djenné."""
    return Point(DJENNE.lat + km / 111.195080, DJENNE.lon)


@pytest.mark.parametrize(
    ("place", "point", "day", "is_market_day"),
    [
        ("44136", DJENNE, "monday", True),
        ("44136", DJENNE, "tuesday", False),
        ("44136", north(300), "monday", True),  # the place itself, wherever it is said to be
        ("45381", north(1), "monday", True),
        ("45381", north(4.999), "monday", True),
        ("45381", north(5.001), "monday", False),
        ("1", north(300), "friday", True),
        ("2", north(300), "friday", False),
    ],
)
def test_the_day_of_the_place_or_of_a_market_nearby(
    place: str, point: Point, day: str, is_market_day: bool
) -> None:
    (weekday,) = (each for each in WEEKDAYS if each == day)
    assert DAYS.is_market_day(place, point, weekday) is is_market_day


def test_no_markets() -> None:
    assert not any(MarketDays().is_market_day("44136", DJENNE, day) for day in WEEKDAYS)


def test_the_shipped_markets_are_those_of_the_source() -> None:
    source = Path(__file__).parents[1] / "cases" / "weekly_market_days.csv"
    with source.open(encoding="utf-8", newline="") as rows:
        expected = {row["place"]: row for row in csv.DictReader(rows)}
    document = compose_strict("m", (RULES / "markets.yaml").read_text(encoding="utf-8"))
    read = Reader(WeeklyMarkets).read(document)
    assert read, document.problems
    assert {market.name for market in read.root} == set(expected)
    days = read.days(gazetteer())
    french = {"lundi": "monday", "mardi": "tuesday", "jeudi": "thursday"}
    for market in read.root:
        row = expected[market.name]
        place = gazetteer().by_code(market.place)
        assert place
        assert place.point
        point = Point(float(row["lat"]), float(row["lon"]))
        assert distance_km(place.point, point) < NEAR_KM
        assert market.source == row["source"]
        open_days = [day for day in WEEKDAYS if days.is_market_day("", point, day)]
        assert open_days == [french[row["market_day"]]]
