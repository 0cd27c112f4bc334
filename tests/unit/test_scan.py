"""The nightly scan: R's cylinders, the exact p-value, what it must find and what it must not."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.geo import Point
from service.domain.scan import Case, Cluster, scan

CASES: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[1] / "cases" / "anomaly_scan.json").read_text("utf-8")
)


def cases_of(example: dict[str, Any]) -> list[Case]:
    points = [Point(*point) for point in example["points"]]
    return [
        Case(str(place), points[place - 1], day)
        for place, day in zip(example["place"], example["day"], strict=True)
    ]


def found(example: dict[str, Any], cases: list[Case], deals: int = 0) -> Cluster:
    cluster = scan(
        cases,
        example["period"],
        max_km=example["max_km"],
        max_days=example["max_days"],
        chance=Random(1),
        deals=deals,
    )
    assert cluster is not None
    return cluster


# --- against values made by R (tests/cases/anomaly_fixtures.R)


@pytest.mark.parametrize("example", CASES["examples"], ids=range(len(CASES["examples"])))
def test_the_cluster_is_that_of_a_search_through_every_cylinder(example: dict[str, Any]) -> None:
    cases = cases_of(example)
    Random(3).shuffle(cases)
    cluster, best = found(example, cases), example["best"]
    there = {case.place for case in cases}
    assert cluster.log_glr == pytest.approx(best["log_glr"], rel=1e-9)
    assert {*cluster.places} == {str(place) for place in best["places"]} & there
    assert (cluster.days, cluster.observed) == (best["days"], best["observed"])
    assert cluster.expected == pytest.approx(best["expected"], rel=1e-9)
    assert cluster.radius_km == pytest.approx(best["radius_km"], abs=2e-3)
    assert cluster.centre == next(case.point for case in cases if case.place == cluster.places[0])


@pytest.mark.parametrize("example", CASES["exact"], ids=["rare", "common"])
def test_p_is_that_of_all_ways_to_deal_the_dates(example: dict[str, Any]) -> None:
    cluster = found(example, cases_of(example), deals=4_000)
    assert cluster.log_glr == pytest.approx(example["log_glr"], rel=1e-9)
    spread = (example["p"] * (1 - example["p"]) / 4_000) ** 0.5
    assert cluster.p == pytest.approx(example["p"], abs=4 * spread)
    assert cluster.recurrence_days == pytest.approx(1 / cluster.p)


# --- what it looks at

PLACES = {f"place {n}": Point(14 + n * 0.1, -4.0) for n in range(10)}  # 11 km one to the next
YEAR = 365


def usual(seed: int = 2, count: int = 300) -> list[Case]:
    """Reports of a year: some places report more than others, on any day."""
    random = Random(seed)
    places = random.choices(list(PLACES), weights=range(10, 0, -1), k=count)
    return [Case(place, PLACES[place], random.randrange(1, YEAR + 1)) for place in places]


def nightly(cases: list[Case], last_day: int = YEAR, **more: Any) -> Cluster | None:
    limits = {"max_km": 25, "max_days": 21, "chance": Random(1), "deals": 99} | more
    return scan(cases, last_day, **limits)


def outbreak(days: int, count: int = 8) -> list[Case]:
    return [
        Case(place, PLACES[place], YEAR - day % days)
        for day in range(count // 2)
        for place in ("place 6", "place 7")
    ]


def test_an_outbreak_is_found_where_and_since_when_it_is() -> None:
    cluster = nightly(usual() + outbreak(4, 16))
    assert cluster is not None
    assert {"place 6", "place 7"} <= {*cluster.places} <= {"place 6", "place 7", "place 8"}
    assert cluster.days == 4
    assert cluster.observed >= 16 > 3 * cluster.expected
    assert (cluster.p, cluster.recurrence_days) == (0.01, 100.0)


def test_what_is_over_is_not_alive() -> None:
    cases = usual() + outbreak(4)
    later = nightly(cases, YEAR + 30)
    assert later is None, "no report in the last three weeks"


def test_what_was_not_known_yet_does_not_count() -> None:
    tomorrow = [Case("place 3", PLACES["place 3"], YEAR + 1)] * 50
    assert nightly(usual() + tomorrow) == nightly(usual())


@pytest.mark.parametrize("deals", [0, 99])
def test_everywhere_at_once_is_no_cluster(deals: int) -> None:
    """The margins explain it: each place has its share of each day."""
    even = [Case(place, PLACES[place], day) for place in PLACES for day in range(300, YEAR + 1)]
    assert nightly(even, deals=deals) is None


@pytest.mark.parametrize("cases", [[], usual()[:1], [Case("one", Point(14, -4), YEAR)] * 20])
def test_too_little_to_tell_is_no_cluster(cases: list[Case]) -> None:
    assert nightly(cases) is None


def test_the_radius_and_the_days_are_limits() -> None:
    cases = usual() + outbreak(10, 20)
    alone = nightly(cases, max_km=10.0)
    short = nightly(cases, max_days=3)
    assert alone is not None
    assert len(alone.places) == 1
    assert alone.radius_km == 0.0
    assert short is not None
    assert short.days <= 3


coded = st.sampled_from(list(PLACES)).map(lambda place: (place, PLACES[place]))
some_cases = st.lists(
    st.tuples(coded, st.integers(1, 40)).map(lambda case: Case(*case[0], case[1])), max_size=40
)


@given(some_cases, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_reports_does_not_matter_and_the_counts_are_true(cases, random) -> None:
    shuffled = random.sample(cases, len(cases))
    cluster = nightly(cases, 40, deals=9)
    assert nightly(shuffled, 40, deals=9) == cluster
    if cluster is not None:
        inside = [case for case in cases if case.place in cluster.places]
        on_days = [case for case in cases if case.day > 40 - cluster.days]
        assert cluster.observed == sum(case.place in cluster.places for case in on_days)
        assert cluster.expected == pytest.approx(len(inside) * len(on_days) / len(cases))
        assert cluster.observed > cluster.expected
        assert 0.1 <= cluster.p <= 1.0


# --- no signal


def test_chance_is_called_a_cluster_as_often_as_p_says() -> None:
    """Of 200 quiet networks, p <= 0.1 in 20, give or take four standard deviations."""
    called = Counter(
        cluster is not None and cluster.p <= 0.1
        for cluster in (nightly(usual(seed, 150), deals=39) for seed in range(200))
    )
    assert 3 <= called[True] <= 37
