"""Intervals against published values; outcomes, alerts and baselines against counting by hand."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.backtest import Outcome, replay
from service.backtest.compare import difference
from service.backtest.dataset import DAY, HOUR, Event
from service.backtest.findings import Findings
from service.backtest.intervals import median, median_interval, wilson
from service.backtest.outcomes import Neighbours, Tolls
from service.backtest.score import Judge, baseline, sent
from service.backtest.senders import Crowd
from service.backtest.sweep import SweepError, read_sweep, variants
from service.domain.areas import Membership
from service.domain.geo import Point, distance_km
from tests.support.backtests import (
    START,
    TREE,
    content,
    dataset,
    days_of,
    event,
    rule,
    spot,
)

TEN_KILLED = Outcome.model_validate({"id": "ten", "killed": 10, "within": {"km": 50, "days": 14}})


# --- intervals


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe (1998), Stat. Med. 17:857-872, table I, method 3 (score, no continuity correction).
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_as_published(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_s_interval_holds_the_share_and_mirrors(of: tuple[int, int]) -> None:
    successes, trials = of
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))


def test_a_share_of_nothing_has_no_interval() -> None:
    with pytest.raises(ValueError, match="trials"):
        wilson(0, 0)


@pytest.mark.parametrize(
    ("n", "rank"),
    # One more than the two-sided 5% critical values of the sign test, as tables have them.
    [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (30, 10), (50, 18), (100, 40), (1000, 469)],
)
def test_the_median_s_interval_takes_the_tabulated_ranks(n: int, rank: int) -> None:
    assert median_interval([float(each) for each in range(n, 0, -1)]) == (rank, n + 1 - rank)


def test_five_values_say_too_little_of_a_median() -> None:
    assert median_interval([1.0] * 5) is None
    assert (median([3, 1, 2]), median([4, 1, 2, 3])) == (2, 2.5)


# --- places near each other


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), min_size=1, max_size=30),
    st.floats(0.1, 900),
)
def test_neighbours_are_those_within_reach(places: list[tuple[float, float]], km: float) -> None:
    points = [Point(*place) for place in places]
    near = Neighbours(points, km)
    for point in points:
        wanted = sorted({other for other in points if distance_km(point, other) <= km})
        assert near.of(point) == wanted


# --- outcomes


def test_only_what_comes_after_the_alert_within_reach_and_time_counts() -> None:
    tolls = Tolls(
        [
            event(0, killed=100),  # at the moment of the alert: not after it
            event(1, None, killed=4),
            event(14, killed=3, at=spot(49)),
            event(14.5, killed=100),  # too late
            event(2, killed=100, at=spot(51)),  # too far
        ],
        TEN_KILLED,
    )
    assert tolls.after(spot().point, START) == 7


def test_an_onset_comes_after_a_lull_and_what_goes_on_is_one_outcome() -> None:
    events = [
        event(0, killed=2), event(3, killed=9),  # together eleven: it begins on day 0
        event(10, killed=50), event(20, killed=10), event(30, killed=10),  # goes on
        event(30, killed=10, at=spot(200)),  # elsewhere
        event(44, killed=10),  # a fortnight after the last: another
        event(70, killed=9),  # never enough
    ]  # fmt: skip
    onsets = Tolls(events, TEN_KILLED).onsets()
    assert days_of([onset.at for onset in onsets]) == [0, 30, 44]


def test_outcomes_may_count_incidents_of_some_types() -> None:
    outcome = Outcome.model_validate(
        {"id": "two", "types": ["threat"], "incidents": 2, "within": {"km": 5, "days": 3}}
    )
    events = [event(1, "threat"), event(2, "threat"), event(2, "banditry"), event(2, None)]
    assert Tolls(events, outcome).after(spot().point, START) == 2
    assert str(outcome) == "2 incidents (threat) within 5 km in the 3 days after"


# --- the score


def test_alerts_are_right_false_or_too_late_to_judge() -> None:
    data = dataset([event(0), event(20, None, killed=10), event(40), event(50)])
    judge = Judge(data, TEN_KILLED)
    here = spot().point
    verdicts = {day: judge.is_right(START + day * DAY, here) for day in (5, 6, 19, 20, 36, 37)}
    assert verdicts == {5: False, 6: True, 19: True, 20: False, 36: False, 37: None}
    score = judge.score([(START + day * DAY, here) for day in (5, 10, 15, 20, 40)])
    assert (score.precision.count, score.precision.of) == (2, 4)
    assert (score.recall.count, score.recall.of) == (1, 1)
    assert score.leads == (10.0,)
    assert score.alerts == 5
    assert score.false_a_week == pytest.approx(2 / (50 / 7))


def test_what_was_not_foreseen_has_no_lead_in_the_mean() -> None:
    data = dataset([event(0), event(20, None, killed=10), event(60, None, killed=10), event(90)])
    score = Judge(data, TEN_KILLED).score([(START + 16 * DAY, spot().point)])
    assert (score.lead, score.mean_lead, score.recall.of) == (4.0, 2.0, 2)


def test_the_baseline_alerts_every_fortnight_wherever_something_is_known_of_last_month() -> None:
    data = dataset([event(0), event(3, at=spot(0.5)), event(5, at=spot(80, "B")), event(70)])
    alerts = baseline(data, 14)
    assert [(days_of([at])[0], point) for at, point in alerts] == [
        (14, spot(0.5).point), (14, spot(80).point),
        (28, spot(0.5).point), (28, spot(80).point),
        (70, spot().point),
    ]  # fmt: skip


def test_the_baseline_knows_no_more_than_was_received() -> None:
    data = dataset([event(0), event(70)])
    data.delay(20 * 24, 0, 1)
    assert days_of([at for at, _ in baseline(data, 14)]) == [28]


# --- the replay


def test_an_alert_is_sent_when_its_report_is_received() -> None:
    data = dataset([event(0), event(1)])
    data.delay(30, 0, 1)
    (alert,) = replay(data, content(rule())).alerts
    assert alert.sent_at == START + DAY + 30 * HOUR
    assert (alert.event, alert.reports) == (data.events[1], frozenset({0, 1}))


def test_drafts_are_replayed_and_retired_rules_are_not() -> None:
    data = dataset([event(0), event(1)])
    assert len(replay(data, content(rule(status="draft"))).alerts) == 1
    retired = replay(data, content(rule(status="retired")))
    assert (retired.alerts, retired.rules) == ([], ())


def test_a_kind_without_a_type_is_reported_by_nobody() -> None:
    data = dataset([event(0), event(1, None), event(1.5, None)])
    assert replay(data, content(rule())).alerts == []


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 60),
        st.sampled_from(["banditry", "threat", None]),
        st.builds(spot, st.integers(0, 60)),
    ),
    min_size=2,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(0, 96), st.integers(0, 96), st.integers(0, 70))
def test_what_comes_later_changes_nothing_that_was_sent_before(
    events: list[Event], delay: int, spread: int, day: int
) -> None:
    """Cutting off the future leaves every alert before it as it was: nothing looked ahead."""
    whole = dataset(events)
    whole.delay(delay, spread, 7)
    cut = START + day * DAY
    known = dataset(events)
    known.delay(delay, spread, 7)
    kept = [n for n in range(known.reports) if known.known_at[n] < cut]
    known.by_receipt = sorted(kept, key=known.known_at.__getitem__)
    rules = content(rule(), rule(3, id="three"))
    before = [alert for alert in replay(whole, rules).alerts if alert.sent_at < cut]
    after = replay(known, rules).alerts
    assert [(a.episode, a.sent_at, a.reports) for a in after] == [
        (a.episode, a.sent_at, a.reports) for a in before
    ]


def test_delays_are_those_of_their_seed() -> None:
    def delays(hours: int, spread: int, seed: int) -> list[int]:
        data = dataset(event(day) for day in range(50))
        data.delay(hours, spread, seed)
        return [at - (START + n * DAY) for n, at in enumerate(data.known_at)]

    assert delays(5, 10, 1) == delays(5, 10, 1) != delays(5, 10, 2)
    assert set(delays(5, 0, 1)) == {5 * HOUR}
    assert min(delays(5, 10, 1)) >= 5 * HOUR
    assert 4 * HOUR < sum(delays(0, 10, 1)) / 50 < 20 * HOUR


# --- comparing


def test_alerts_are_the_same_if_they_share_a_report() -> None:
    data = dataset([event(0), event(1), event(2), event(30), event(31)])
    two = replay(data, content(rule(2))).alerts
    three = replay(data, content(rule(3))).alerts
    found = difference(two, three)
    assert days_of([alert.sent_at for alert in two]) == [1, 31]
    assert days_of([alert.sent_at for alert in three]) == [2]
    assert (found.gained, found.lost, found.kept) == ([], [two[1]], 1)
    back = difference(three, two)
    assert (back.gained, back.lost, back.kept) == ([two[1]], [], 1)


def test_alerts_of_different_rules_are_never_the_same() -> None:
    data = dataset([event(0), event(1)])
    one = replay(data, content(rule())).alerts
    other = replay(data, content(rule(id="others"))).alerts
    assert difference(one, other) == (other, one, 0)


# --- who could have sent it


def test_the_fewest_behind_an_alert_are_those_enrolled_where_it_was_named() -> None:
    data = dataset(
        [event(0), event(0.5), event(30, at=spot(80, "B")), event(30.5, at=spot(80, "B"))]
    )
    data.people = [Membership("A", 0, None)] * 8
    data.people += [Membership("B", 0, START + 10 * DAY)] * 6 + [Membership("B", 0, None)] * 9
    ruled = rule(when={"types": ["banditry"], "at_least": 2, "distinct_reporters": 2,
                       "within": {"km": 25, "hours": 72}})  # fmt: skip
    first, second = replay(data, content(ruled)).alerts
    crowd = Crowd(data, k=5, margin=2)
    assert crowd.behind(first)[:3] == (8, 2, "A")
    assert crowd.behind(second)[:3] == (9, 2, "B")
    assert crowd.fewest([first, second]) == crowd.behind(first)
    assert crowd.fewest([]) is None


def test_an_area_with_too_few_is_not_named() -> None:
    data = dataset([event(0), event(0.5)])
    data.people = [Membership("A", 0, None)] * 4 + [Membership("B", 0, None)] * 4
    (alert,) = replay(data, content(rule())).alerts
    assert Crowd(data, k=5, margin=2).behind(alert)[:3] == (8, 1, "R")


# --- sweeping


@pytest.mark.parametrize(
    ("written", "path", "values"),
    [
        ("robberies.at_least=2..5", ("when", "at_least"), (2, 3, 4, 5)),
        ("robberies.when.within.km=10..50..20", ("when", "within", "km"), (10, 30, 50)),
        ("robberies.km=0.5..1..0.25", ("when", "within", "km"), (0.5, 0.75, 1)),
        ("robberies.quiet_for=24..72..24", ("alert", "quiet_for"), (24, 48, 72)),
    ],
)
def test_a_sweep_names_a_number_of_a_rule(
    written: str, path: tuple[str, ...], values: tuple[float, ...]
) -> None:
    swept = read_sweep(written, [rule()])
    assert (swept.path, swept.values) == (path, values)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("robberies.at_least", "write RULE.NUMBER=FROM..TO"),
        ("robbery.at_least=2..5", "no rule robbery; there are robberies"),
        ("robberies.severity=2..5", "is no number of robberies: choose of when.at_least"),
        ("robberies.at_least=5..2", "FROM must not be above TO"),
        ("robberies.at_least=1..1000", "at most 100 values"),
        ("robberies.at_least=1..2..0", "FROM must not be above TO"),
        ("robberies.at_least=1.2.3..4", "are numbers"),
    ],
)
def test_a_sweep_that_cannot_be_made_says_why(written: str, why: str) -> None:
    with pytest.raises(SweepError, match=why):
        read_sweep(written, [rule()])


def test_each_value_is_a_rule_of_its_own_or_says_why_not() -> None:
    strict = rule(
        3,
        when={"types": ["banditry"], "at_least": 3, "distinct_reporters": 2,
              "within": {"km": 25, "hours": 72}},
        alert={"severity": "moderate", "inhibited_by": "above"},
        escalate=[{"at_least": 4, "severity": "severe"}],
    )  # fmt: skip
    above = rule(id="above")
    swept = read_sweep("robberies.at_least=1..5", [strict, above, rule(id="other")])
    tried = dict(variants(swept, [strict, above, rule(id="other")]))
    assert isinstance(tried[1], str)
    assert "at most 1" in tried[1]
    for value in (2, 3, 4, 5):
        replayed = tried[value]
        assert not isinstance(replayed, str)
        changed, inhibitor = replayed
        assert changed.model_dump()["when"]["at_least"] == value
        assert inhibitor is above


def test_more_asked_never_raises_more_alerts_of_one_cluster() -> None:
    data = dataset([event(day / 4) for day in range(12)])
    swept = read_sweep("robberies.at_least=2..9", [rule()])
    counts = [
        len(replay(data, content(), rules).alerts)
        for _, rules in variants(swept, [rule()])
        if not isinstance(rules, str)
    ]
    assert all(more >= less for more, less in pairwise(counts))


def test_findings_have_every_rule_and_outcome() -> None:
    data = dataset([event(0), event(1), event(5, None, killed=20), event(40)])
    rules = content(rule(), rule(9, id="never"))
    findings = Findings(data, [TEN_KILLED], rules.areas)
    one, never = findings.of(replay(data, rules))
    assert one.scores["ten"].precision.count == 1
    assert one.scores["ten"].leads == (4.0,)
    assert never.scores["ten"].precision.interval is None
    assert (never.alerts, never.senders) == ([], None)
    assert sent(one.alerts) == [(START + DAY, spot().point)]
    assert TREE.name(one.senders.area if one.senders else "") == "Area A"
