"""Anomaly rules: R's values, any order of arrival, and the budget kept where nothing happens."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.anomaly import (
    FEWEST_WINDOWS,
    HIGHEST_P,
    HOUR,
    Anomaly,
    AnomalySpec,
    Verdict,
)
from service.domain.predictive import Predictive
from tests.support.quiet_network import WEEK, Network, false_alerts

CASES = Path(__file__).resolve().parents[1] / "cases"
START = 2_800 * WEEK  # a Thursday of 2023; windows on the grid begin there


def read(name: str) -> Any:
    return json.loads((CASES / name).read_text(encoding="utf-8"))


def spec(windows: int = 26, gap: int = 0, budget: float = 1.0, at_least: int = 1) -> AnomalySpec:
    return AnomalySpec(
        window=168,
        baseline=windows * 168,
        gap=gap * 168,
        alerts_per_week=budget,
        at_least=at_least,
    )


def judged(anomaly: Anomaly, area: str, type_: str, at: int) -> Verdict:
    verdict = anomaly.judge(area, type_, at)
    assert verdict is not None
    return verdict


# --- against values made by R (tests/cases/anomaly_fixtures.R)


def test_tails_are_those_of_r() -> None:
    for row in read("anomaly_tails.json"):
        tail = Predictive(row["size"], row["size"] / row["mean"]).tail(row["count"])
        assert tail == pytest.approx(row["tail"], rel=1e-7, abs=1e-200), row


def test_all_tails_at_once_are_the_tails_one_by_one() -> None:
    expected = Predictive(2.0, 0.7, 1.5)
    falling = [row for row in expected.tails(5) if row[0] < 40]
    assert [count for count, _ in falling] == list(range(39, 4, -1))
    for count, tail in falling:
        assert tail == pytest.approx(expected.tail(count), rel=1e-9)


def test_a_single_series_is_judged_as_by_algo_bayes() -> None:
    """With no other area and no bunching, the predictive is that of R's surveillance."""
    case = read("anomaly_algo_bayes.json")
    anomaly = Anomaly(spec())
    for week, count in enumerate(case["observed"]):
        for report in range(count):
            anomaly.add("ML0501", "raid", START + week * WEEK + (1 + report) * HOUR)
    verdicts = [judged(anomaly, "ML0501", "raid", START + week * WEEK) for week in case["weeks"]]
    for level in case["judged"]:
        assert [verdict.p <= level["alpha"] for verdict in verdicts] == [
            bool(alarm) for alarm in level["alarm"]
        ]
        for verdict, week, upper in zip(verdicts, case["weeks"], level["upper"], strict=True):
            past = sum(case["observed"][week - 27 : week - 1])
            expected = Predictive(past + 0.5, 26)
            assert verdict.p == pytest.approx(expected.tail(verdict.count), rel=1e-9)
            assert expected.tail(upper + 1) <= level["alpha"] < expected.tail(upper)


@pytest.mark.parametrize("case", read("anomaly_network.json"), ids=range(5))
def test_a_network_is_judged_as_written_out_in_r(case: dict[str, Any]) -> None:
    windows = len(case["counts"][0][0])
    anomaly = Anomaly(spec(windows, 0, case["budget"], case["at_least"]))
    now = START + (windows + 1) * WEEK
    for area, types in enumerate(case["counts"], 1):
        for type_, weeks in enumerate(types, 1):
            for week, count in enumerate(weeks):
                for _ in range(count):
                    anomaly.add(f"area {area}", f"type {type_}", START + week * WEEK + HOUR)
            for _ in range(4):
                anomaly.add(f"area {area}", f"type {type_}", now)
    for series in case["judged"]:
        verdict = judged(anomaly, f"area {series['area']}", f"type {series['type']}", now)
        assert verdict.count == 4
        assert verdict.expected == pytest.approx(series["mean"], rel=1e-9), series
        assert verdict.p == pytest.approx(series["p4"], rel=1e-7), series
        assert verdict.asked == series["asked"], series
        assert verdict.met == (series["asked"] <= 4)
        assert verdict.threshold == pytest.approx(case["threshold"], rel=1e-7)


# --- what a verdict looks at

AREAS, TYPES = ("ML0501", "ML0502", "ML0503"), ("raid", "theft")


def past(weeks: int = 40, every: int = 30) -> Iterator[tuple[str, str, int]]:
    """A report of each series every so many hours or more, from START on."""
    random = Random(7)
    for area in AREAS:
        for type_ in TYPES:
            at = START
            while (at := at + (every + random.randrange(every)) * HOUR) < START + weeks * WEEK:
                yield area, type_, at


def with_past(anomaly: Anomaly) -> Anomaly:
    for report in past():
        anomaly.add(*report)
    return anomaly


def test_the_window_is_open_at_its_beginning_and_closed_at_its_end() -> None:
    anomaly = with_past(Anomaly(spec()))
    end = START + 39 * WEEK
    for at in (end - WEEK, end - WEEK + 1, end, end + 1):
        anomaly.add("ML0501", "new", at)
    assert judged(anomaly, "ML0501", "new", end).count == 2


def test_the_gap_and_the_window_are_no_part_of_the_baseline() -> None:
    anomaly = with_past(Anomaly(spec(gap=2)))
    end = START + 39 * WEEK
    before = judged(anomaly, "ML0501", "raid", end)
    for day in range(21):
        anomaly.add("ML0501", "raid", end - day * 24 * HOUR - HOUR)
    after = judged(anomaly, "ML0501", "raid", end)
    assert (after.expected, after.threshold, after.asked) == (
        before.expected,
        before.threshold,
        before.asked,
    )
    anomaly.add("ML0501", "raid", end - 3 * WEEK)
    assert judged(anomaly, "ML0501", "raid", end).expected > before.expected


def test_nothing_is_judged_before_four_windows_are_known() -> None:
    anomaly = with_past(Anomaly(spec(gap=2)))
    first = START + (FEWEST_WINDOWS + 3) * WEEK
    assert anomaly.judge("ML0501", "raid", first - 1) is None
    assert judged(anomaly, "ML0501", "raid", first).expected > 0
    assert Anomaly(spec()).judge("ML0501", "raid", first) is None


def test_a_young_network_is_not_taken_for_one_that_was_silent() -> None:
    """Four reports a week for ten weeks are four a week, not one and a half over 26."""
    anomaly = Anomaly(spec())
    for week in range(10):
        for report in range(4):
            anomaly.add("ML0501", "raid", START + week * WEEK + (1 + report) * HOUR)
    verdict = judged(anomaly, "ML0501", "raid", START + 11 * WEEK)
    assert verdict.expected == pytest.approx(40.5 / 10)


def test_an_area_that_was_not_heard_from_is_judged_by_the_others() -> None:
    anomaly = with_past(Anomaly(spec()))
    end = START + 39 * WEEK
    for day in range(38 * 7):
        anomaly.add("ML0501", "raid", START + day * 24 * HOUR + HOUR)
    known = [judged(anomaly, area, "raid", end).expected for area in AREAS]
    unheard = judged(anomaly, "ML0599", "raid", end).expected
    assert min(known) < unheard < max(known)
    assert unheard == pytest.approx(sum(known) / 3, rel=0.05)


def test_a_town_that_always_reports_ten_times_as_much_is_held_against_itself() -> None:
    anomaly = Anomaly(spec())
    for week in range(26):
        for report in range(10):
            anomaly.add("town", "raid", START + week * WEEK + (1 + report) * HOUR)
        for village in range(20):
            anomaly.add(f"village {village}", "raid", START + week * WEEK + HOUR)
    verdict = judged(anomaly, "town", "raid", START + 27 * WEEK)
    assert verdict.expected == pytest.approx(10, rel=0.05)
    assert verdict.asked > 12


def test_a_type_never_seen_is_unusual_when_it_comes() -> None:
    anomaly = with_past(Anomaly(spec(at_least=3)))
    end = START + 39 * WEEK
    for _ in range(2):
        anomaly.add("ML0501", "massacre", end)
    two = judged(anomaly, "ML0501", "massacre", end)
    assert not two.met
    assert two.p < two.threshold, "the floor alone holds it back"
    anomaly.add("ML0501", "massacre", end)
    assert judged(anomaly, "ML0501", "massacre", end).met


def test_bunches_ask_for_more() -> None:
    """As many reports in as many weeks, one by one or four at a time."""
    alone, bunched = Anomaly(spec(at_least=3)), Anomaly(spec(at_least=3))
    for area in AREAS:
        for week in range(26):
            alone.add(area, "raid", START + week * WEEK + HOUR)
            bunched.add(area, "raid", START + week // 4 * 4 * WEEK + HOUR)
    now = START + 27 * WEEK
    one, four = judged(alone, "ML0501", "raid", now), judged(bunched, "ML0501", "raid", now)
    assert one.expected == pytest.approx(four.expected, rel=0.05)
    assert one.asked < four.asked


@pytest.mark.parametrize("budget", [0.01, 0.1, 1.0, 10.0, 1e6])
def test_a_larger_budget_asks_for_less_down_to_a_limit(budget: float) -> None:
    end = START + 39 * WEEK
    small = judged(with_past(Anomaly(spec(budget=budget))), "ML0501", "raid", end)
    large = judged(with_past(Anomaly(spec(budget=budget * 2))), "ML0501", "raid", end)
    assert small.threshold <= large.threshold <= HIGHEST_P
    assert small.asked >= large.asked > large.expected


def test_a_flood_is_judged_without_overflow() -> None:
    anomaly = with_past(Anomaly(spec()))
    end = START + 39 * WEEK
    for _ in range(2_000):
        anomaly.add("ML0501", "raid", end)
    assert judged(anomaly, "ML0501", "raid", end).p == 0.0
    flooded = judged(anomaly, "ML0501", "raid", end + 3 * WEEK)
    assert flooded.expected > 20
    assert not flooded.met


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"gap": -1},
        {"at_least": 0},
        {"alerts_per_week": 0},
        {"baseline": 4 * 168 - 1},
    ],
)
def test_what_cannot_be_judged_by_is_refused(wrong: dict[str, int]) -> None:
    right: dict[str, int] = {"window": 168, "baseline": 4 * 168, "gap": 0, "alerts_per_week": 1}
    AnomalySpec(**right)
    with pytest.raises(ValueError, match=r"above 0|4 windows"):
        AnomalySpec(**right | wrong)


# --- the order of arrival, taking back, expiry

moments = st.integers(0, 24 * 168).map(lambda hours: START + hours * HOUR)
some_reports = st.lists(
    st.tuples(st.sampled_from(AREAS), st.sampled_from(TYPES), moments), min_size=1, max_size=60
)
SMALL = AnomalySpec(window=168, baseline=8 * 168, gap=168, alerts_per_week=0.5)


def verdicts(anomaly: Anomaly, hours: range) -> list[Verdict | None]:
    return [
        anomaly.judge(area, type_, START + hour * HOUR)
        for hour in hours
        for area in AREAS
        for type_ in TYPES
    ]


EVERY = range(0, 26 * 168, 100)


@given(some_reports, some_reports, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_neither_order_nor_what_was_taken_back_matters(kept, taken_back, random) -> None:
    plain = Anomaly(SMALL)
    for report in kept:
        plain.add(*report)
    other = Anomaly(SMALL)
    for report in random.sample(kept + taken_back, len(kept) + len(taken_back)):
        other.add(*report)
        other.judge(*report)
    for report in random.sample(taken_back, len(taken_back)):
        other.remove(*report)
        other.judge(*report)
    assert verdicts(other, EVERY) == verdicts(plain, EVERY)


@given(some_reports, st.tuples(st.sampled_from(AREAS), st.sampled_from(TYPES), moments))
@settings(max_examples=60, deadline=None)
def test_a_report_changes_no_verdict_but_those_that_see_it(known, report) -> None:
    anomaly = Anomaly(SMALL)
    for other in known:
        anomaly.add(*other)
    before = {
        (area, type_, at): anomaly.judge(area, type_, at)
        for area in AREAS
        for type_ in TYPES
        for at in [START + hour * HOUR for hour in EVERY]
    }
    anomaly.add(*report)
    seen = anomaly.seen_by(report[2])
    for (area, type_, at), verdict in before.items():
        if anomaly.judge(area, type_, at) == verdict:
            continue
        in_window = (area, type_) == report[:2] and seen.window[0] <= at <= seen.window[1]
        assert in_window or seen.baseline[0] <= at <= seen.baseline[1]


@given(some_reports, moments)
@settings(max_examples=60, deadline=None)
def test_what_expired_was_of_no_use(known, before) -> None:
    whole, expired = Anomaly(SMALL), Anomaly(SMALL)
    for report in known:
        whole.add(*report)
        expired.add(*report)
    expired.expire(before)
    later = range((before + whole.span - START) // HOUR, 48 * 168, 100)
    assert verdicts(expired, later) == verdicts(whole, later)


def test_taking_back_what_was_never_added_is_refused() -> None:
    anomaly = with_past(Anomaly(spec()))
    for report in [("ML0501", "raid", START - 1), ("ML0599", "raid", START)]:
        with pytest.raises(KeyError):
            anomaly.remove(*report)


# --- no signal: the budget is kept, and used


@pytest.mark.parametrize(
    ("network", "at_least", "budget"),
    [
        (Network(areas=20, types=6, mean=0.3, bunched=False), 1, 1.0),
        (Network(areas=20, types=6, mean=0.3, bunched=True), 3, 1.0),
        (Network(areas=8, types=4, mean=0.5, bunched=False), 1, 0.5),
        (Network(areas=40, types=4, mean=0.1, bunched=True), 3, 0.5),
    ],
    ids=["one by one", "bunched", "small", "sparse"],
)
def test_false_alerts_are_within_twice_the_budget(
    network: Network, at_least: int, budget: float
) -> None:
    weeks = 150
    found = false_alerts(network, spec(26, 2, budget, at_least), weeks, Random(5)) / weeks
    assert budget / 2 <= found <= budget * 2
