"""What the engine says, story by story. Hours are counted from the start of the story."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from service.domain.areas import COUNTRY, AreaTree
from service.domain.engine import SWEEP_SECONDS, Check, Decision, Engine, Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point
from service.domain.rule import Rule
from service.domain.seasons import Seasons

HOUR, DAY = 3600, 24 * 3600
KM = 180 / (3.141592653589793 * EARTH_RADIUS_KM)  # one kilometre of latitude, in degrees
START = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp())
TREE = AreaTree({"ML05": ("Mopti", COUNTRY), "ML0501": ("Bandiagara", "ML05")})
SEASONS = Seasons.model_validate(
    {
        "transhumance": {
            "title": {"en": "Transhumance"},
            "zones": {"delta": {"areas": ["ML05"], "default": [{"from": "11-15", "to": "01-31"}]}},
        }
    }
)


def rule(id: str = "market-cluster", *, n=3, people=2, km=25, hours=72, **more) -> Rule:
    alert = {"severity": "severe"} | more.pop("alert", {})
    when = {
        "types": more.pop("types", ["market_attack"]),
        "at_least": n,
        "distinct_reporters": people,
        "within": {"km": km, "hours": hours},
    }
    spec = {"id": id, "title": {"en": id}, "status": "live", "when": when, "alert": alert}
    return Rule.model_validate(spec | more)


def engine(*rules: Rule, zone=UTC) -> Engine:
    return Engine(rules or [rule()], SEASONS, TREE, zone)


def report(
    id: int,
    hour: float = 0,
    *,
    who: int | None = None,
    km: float = 0,
    known: float | None = None,
    type: str = "market_attack",
    area: str = "ML0501",
    start: int = START,
) -> Evidence:
    """A report of `km` north of the story's middle; `known` hours after the start."""
    at = start + int(hour * HOUR)
    return Evidence(
        id=id,
        type=type,
        place=f"{km}",
        area=area,
        point=Point(14 + km * KM, -4),
        reporter=id if who is None else who,
        at=at,
        known_at=at if known is None else start + int(known * HOUR),
    )


def told(judge: Engine, *reports: Evidence) -> list[Decision]:
    return [decision for evidence in reports for decision in judge.learn(evidence)]


def gist(decisions: Iterable[Decision]) -> list[tuple[str, str]]:
    return [(decision.kind, decision.episode) for decision in decisions]


RAISED = [("raise", "market-cluster:3")]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        pytest.param([report(1), report(2, 1), report(3, 2)], RAISED, id="three near in time"),
        pytest.param([report(1), report(2, 1)], [], id="two are not three"),
        pytest.param([report(1), report(2, 1), report(3, 71.99)], RAISED, id="just in 72 h"),
        pytest.param([report(1), report(2, 1), report(3, 72)], [], id="at 72 h the first is out"),
        pytest.param([report(1), report(2), report(3, 2, km=24.999)], RAISED, id="just in 25 km"),
        pytest.param([report(1), report(2), report(3, 2, km=25.001)], [], id="beyond 25 km"),
        pytest.param(
            [report(1, who=1), report(2, 7, who=1), report(3, 14, who=1)], [], id="one person"
        ),
        pytest.param(
            [report(1, who=1), report(2, 7, who=1), report(3, 14, who=2)], RAISED, id="two people"
        ),
        pytest.param(
            [report(1, who=1), report(2, 5.99, who=1), report(3, 6, who=2)], [], id="a repeat"
        ),
        pytest.param(
            [report(1, who=1), report(2, 6, who=1), report(3, 7, who=2)], RAISED, id="6 h after"
        ),
        pytest.param(
            [report(1, who=1), report(2, 1, who=1, km=1), report(3, 2, who=2)],
            RAISED,
            id="the same person elsewhere is no repeat",
        ),
        pytest.param(
            [report(1), report(2, type="banditry"), report(3), report(4, type="banditry")],
            [],
            id="other types do not count",
        ),
    ],
)
def test_a_cluster_raises_an_alert(reports, expected):
    assert gist(told(engine(), *reports)) == expected


def test_a_decision_gives_its_reasons():
    reports = [report(1, km=3, area="ML05"), report(2, 4, who=1), report(3, 6)]
    assert told(engine(), *reports) == [
        Decision(
            kind="raise",
            rule="market-cluster",
            rule_hash=rule().hash,
            episode="market-cluster:3",
            type="market_attack",
            severity="severe",
            evidence=(1, 2, 3),
            areas=("ML05", "ML0501"),
            at=START + 6 * HOUR,
            late=False,
            checks=(
                Check("reports", 3, 3, True),
                Check("distinct_reporters", 2, 2, True),
                Check("distance_km", 3.0, 25.0, True),
                Check("span_hours", 6.0, 72, True),
            ),
            suppressed_by=None,
            live=True,
        )
    ]


@pytest.mark.parametrize(
    ("types", "reported", "dominant"),
    [
        (["crop_damage", "clash"], ["clash", "clash", "crop_damage"], "clash"),
        (["crop_damage", "clash"], ["clash", "crop_damage"], "crop_damage"),
        ("any", ["threat", "banditry"], "banditry"),
    ],
)
def test_the_type_told_is_the_most_counted_then_the_first(types, reported, dominant):
    judge = engine(rule(n=len(reported), types=types))
    (decision,) = told(judge, *(report(id, type=type_) for id, type_ in enumerate(reported)))
    assert decision.type == dominant


def test_one_cluster_is_told_once_while_quiet_and_anew_afterwards():
    judge = engine()
    reports = [report(id, hour) for id, hour in enumerate(range(0, 120, 10), start=1)]
    assert gist(told(judge, *reports)) == [*RAISED, ("raise", "market-cluster:11")]


def test_a_cluster_elsewhere_is_told_though_the_first_is_quiet():
    judge = engine()
    told(judge, *(report(id) for id in (1, 2, 3)))
    assert gist(told(judge, *(report(id, id, km=60) for id in (4, 5, 6)))) == [
        ("raise", "market-cluster:6")
    ]


def test_more_reports_make_it_graver_and_each_severity_is_said_once():
    steps = [{"at_least": 4, "severity": "extreme"}]
    judge = engine(rule(alert={"severity": "moderate"}, escalate=steps))
    said = told(judge, *(report(id, id) for id in range(1, 8)))
    assert gist(said) == [*RAISED, ("escalate", "market-cluster:3")]
    assert [decision.severity for decision in said] == ["moderate", "extreme"]
    assert said[1].evidence == (1, 2, 3, 4)


def test_steps_reached_together_are_said_as_the_highest():
    steps = [{"at_least": 4, "severity": "severe"}, {"at_least": 5, "severity": "extreme"}]
    judge = engine(rule(n=2, alert={"severity": "minor"}, escalate=steps))
    said = told(judge, report(1), report(2, 1), report(3, 1, km=48), report(4, 2, km=48))
    assert [(d.kind, d.severity) for d in said] == [("raise", "minor")] * 2
    said = told(judge, report(5, 3, km=24))  # sees both clusters
    assert [(d.kind, d.severity) for d in said] == [("escalate", "extreme")]


def test_reports_of_the_same_hour_see_each_other_and_the_first_opens_the_episode():
    judge = engine()
    assert gist(told(judge, *(report(id) for id in (1, 2, 3)))) == [("raise", "market-cluster:1")]


IN_SEASON = int(datetime(2025, 1, 31, 22, tzinfo=UTC).timestamp())
PASTORAL = rule("pastoral", n=2, only_in="transhumance", outside={"at_least": 3})


@pytest.mark.parametrize(
    ("day", "count", "season", "met"),
    [
        (datetime(2024, 12, 31, 23, tzinfo=UTC), 2, "open", True),
        (datetime(2025, 1, 1, tzinfo=UTC), 2, "open", True),
        (datetime(2025, 1, 31, 23, tzinfo=UTC), 2, "open", True),
        (datetime(2025, 2, 1, tzinfo=UTC), 2, "closed", False),
        (datetime(2025, 2, 1, tzinfo=UTC), 3, "closed", True),
        (datetime(2024, 11, 14, 23, tzinfo=UTC), 2, "closed", False),
        (datetime(2024, 11, 15, tzinfo=UTC), 2, "open", True),
    ],
)
def test_a_season_asks_for_fewer_inside_than_outside(day, count, season, met):
    start = int(day.timestamp())
    said = told(engine(PASTORAL), *(report(id, start=start) for id in range(count)))
    assert bool(said) is met
    for decision in said:
        assert Check("reports", count, count, True) in decision.checks
        assert Check("season", season, "transhumance", True) in decision.checks


def test_without_an_outside_number_a_rule_is_silent_out_of_season():
    assert not told(engine(rule(only_in="transhumance")), *(report(id) for id in range(9)))


def test_an_area_in_no_zone_is_out_of_season():
    reports = [report(id, start=IN_SEASON, area="ML99") for id in range(2)]
    assert not told(engine(PASTORAL), *reports)


def test_a_day_begins_in_the_zone_that_the_seasons_are_told_in():
    reports = [report(id, 3, start=IN_SEASON) for id in range(2)]
    assert not told(engine(PASTORAL), *reports)
    assert told(engine(PASTORAL, zone=timezone(timedelta(hours=-6))), *reports)


MARKET = rule("market", n=2, alert={"severity": "severe", "quiet_for": "24h"})
ANYTHING = rule("anything", n=2, types="any", alert={"inhibited_by": "market"})


def test_an_inhibited_rule_is_suppressed_and_says_by_what():
    said = told(engine(ANYTHING, MARKET), report(1), report(2, 1))
    assert gist(said) == [("raise", "market:2"), ("suppress", "anything:2")]
    assert said[1].suppressed_by == "market:2"
    assert said[1].checks[-1] == Check("inhibited_by", "market:2", "market", False)


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        ("live", ["raise", "suppress"]),
        ("trial", ["raise", "raise"]),
        ("draft", ["raise"]),
        ("retired", ["raise"]),
    ],
)
def test_only_a_live_rule_inhibits(status, kinds):
    market = MARKET.model_copy(update={"status": status})
    said = told(engine(market, ANYTHING), report(1), report(2, 1))
    assert [decision.kind for decision in said] == kinds


def test_what_is_suppressed_does_not_suppress():
    last = rule("last", n=2, alert={"inhibited_by": "anything"})
    said = told(engine(last, ANYTHING, MARKET), report(1), report(2, 1))
    assert gist(said) == [
        ("raise", "market:2"),
        ("suppress", "anything:2"),
        ("raise", "last:2"),
    ]


def test_an_inhibitor_holds_for_its_quiet_time_and_its_neighbourhood():
    other = {"type": "banditry"}
    judge = engine(ANYTHING, MARKET)
    told(judge, report(1), report(2, 1))
    far = told(judge, report(3, 2, km=60, **other), report(4, 3, km=60, **other))
    assert gist(far) == [("raise", "anything:4")]
    later = told(judge, report(5, 73, **other), report(6, 74, **other))
    assert gist(later) == [("raise", "anything:6")]


def test_what_loses_its_suppressor_is_raised():
    judge = engine(ANYTHING, MARKET)
    told(judge, report(1), report(2, 1), report(3, 2, type="banditry"))
    assert gist(judge.forget(1, START)) == [
        ("correct", "market:2"),
        ("raise", "anything:2"),
    ]


def test_rules_that_inhibit_in_a_circle_are_refused():
    with pytest.raises(ValueError, match="inhibit one another in a circle: "):
        engine(rule("a", alert={"inhibited_by": "b"}), rule("b", alert={"inhibited_by": "a"}))


def test_a_rule_on_trial_decides_but_is_not_live():
    (decision,) = told(engine(rule(status="trial")), *(report(id) for id in range(3)))
    assert decision.live is False


@pytest.mark.parametrize(("hours", "late"), [(6, False), (6.01, True)])
def test_what_is_known_more_than_six_hours_after_is_late(hours, late):
    said = told(engine(), report(1), report(2, 1), report(3, 2, known=2 + hours))
    assert [decision.late for decision in said] == [late]


def test_a_late_report_completes_the_window_of_a_later_one():
    judge = engine()
    (decision,) = told(judge, report(1), report(3, 10), report(2, 5, known=30))
    assert (decision.kind, decision.episode, decision.late) == ("raise", "market-cluster:3", True)


def test_a_late_report_that_becomes_the_first_anchor_raises_no_second_alert():
    judge = engine()
    assert gist(told(judge, report(2, 1), report(3, 2), report(4, 3))) == [
        ("raise", "market-cluster:4")
    ]
    assert told(judge, report(1, 0, known=20)) == []
    assert [episode.opener for episode in judge.episodes()] == [3]


def test_an_episode_split_by_late_evidence_raises_no_second_alert():
    judge = engine()
    reports = [report(id, hour) for id, hour in enumerate((40, 41, 42, 60, 110), start=10)]
    assert gist(told(judge, *reports)) == [("raise", "market-cluster:12")]
    assert told(judge, *(report(id, 35, known=120) for id in (1, 2, 3))) == []
    assert [episode.opener for episode in judge.episodes()] == [1, 14]


def test_a_retracted_report_that_matters_brings_one_correction():
    judge = engine()
    told(judge, report(1), report(2, 1), report(3, 2))
    (correction,) = judge.forget(2, START + 3 * HOUR)
    assert gist([correction]) == [("correct", "market-cluster:3")]
    assert correction.evidence == (1, 2, 3)
    assert correction.checks[0] == Check("reports", 2, 3, False)
    assert judge.forget(2, START + 3 * HOUR) == []
    assert judge.forget(3, START + 3 * HOUR) == []


def test_a_retracted_report_that_others_make_up_for_is_passed_over():
    judge = engine()
    told(judge, *(report(id, id) for id in (1, 2, 3, 4)))
    assert judge.forget(3, START + 5 * HOUR) == []
    assert [episode.opener for episode in judge.episodes()] == [4]


def test_what_was_taken_back_by_mistake_counts_again_and_is_a_new_alert() -> None:
    judge = engine()
    told(judge, report(1), report(2, 1), report(3, 2))
    judge.forget(3, START + 3 * HOUR)
    assert judge.learn(report(3, 2, known=9)) == []  # it was for good
    assert gist(judge.remember(report(3, 2))) == [("raise", "market-cluster:3:2")]
    assert judge.remember(report(3, 2)) == []


def test_a_cluster_that_comes_back_after_a_correction_is_a_new_alert():
    judge = engine()
    told(judge, report(1), report(2, 1), report(4, 2))
    judge.forget(1, START)
    assert gist(told(judge, report(3, 1))) == [("raise", "market-cluster:4:2")]


def test_what_only_a_taken_back_alert_covered_is_raised_in_its_own_right():
    judge = engine(rule("alone", n=1, people=1))
    assert gist(told(judge, report(2, 10), report(1, 9, known=11))) == [("raise", "alone:2")]
    assert gist(judge.forget(2, START)) == [("correct", "alone:2"), ("raise", "alone:1")]


def test_a_corrected_report_replaces_what_was_known_whichever_comes_first():
    wrong, right = report(3, 2), replace(report(3, 2, type="banditry"), known_at=START + 9 * HOUR)
    judge = engine()
    told(judge, report(1), report(2, 1), wrong)
    assert gist(judge.learn(right)) == [("correct", "market-cluster:3")]
    assert judge.learn(wrong) == []
    assert told(engine(), report(1), report(2, 1), right, wrong) == []


def test_the_same_report_again_changes_nothing_not_even_after_it_was_retracted():
    judge = engine()
    assert gist(told(judge, *[report(1), report(2, 1)] * 3, report(3, 2))) == RAISED
    assert judge.learn(report(3, 2)) == []
    judge.forget(3, START)
    assert judge.learn(report(3, 2)) == []


def test_what_is_known_a_month_late_is_history():
    judge = engine()
    assert told(judge, *(report(id, known=30 * 24 + 1) for id in range(5))) == []
    assert judge.episodes() == []


def test_after_a_restart_nothing_is_said_again_and_all_goes_on():
    reports = [report(1), report(2, 1), report(3, 2)]
    before = engine(rule(escalate=[{"at_least": 4, "severity": "extreme"}]))
    said = told(before, *reports)
    after = engine(rule(escalate=[{"at_least": 4, "severity": "extreme"}]))
    after.restore(reversed(reports), said)
    assert after.episodes() == before.episodes()
    assert gist(after.learn(report(4, 3))) == [("escalate", "market-cluster:3")]


def test_after_a_correction_and_a_restart_the_next_alert_has_a_new_name():
    before = engine()
    said = told(before, report(1), report(2, 1), report(4, 2)) + before.forget(1, START)
    after = engine()
    after.restore([report(2, 1), report(4, 2)], said)
    assert gist(after.learn(report(3, 1))) == [("raise", "market-cluster:4:2")]


def test_a_rule_gone_live_speaks_at_the_next_report():
    reports = [report(1), report(2, 1), report(3, 2)]
    said = told(engine(rule(status="trial")), *reports)
    live = engine()
    live.restore(reports, said)
    (decision,) = live.learn(report(4, 3))
    assert (decision.kind, decision.episode, decision.live) == ("raise", "market-cluster:3:2", True)


def test_a_stricter_rule_takes_nothing_back():
    reports = [report(1), report(2, 1), report(3, 2)]
    said = told(engine(), *reports)
    stricter = engine(rule(n=4))
    stricter.restore(reports, said)
    assert stricter.forget(1, START) == []


def test_decisions_of_a_rule_that_is_gone_are_passed_over():
    said = told(engine(), report(1), report(2, 1), report(3, 2))
    other = engine(rule("other"))
    other.restore([report(1)], said)
    assert other.episodes() == []


def test_memory_stays_small_and_expiry_changes_nothing_that_is_said():
    random = Random(7)
    kept, swept = engine(MARKET, ANYTHING), engine(MARKET, ANYTHING)
    for id in range(3000):
        hour = id * 2
        evidence = report(
            id,
            hour,
            km=random.choice([0, 10, 40, 80]),
            who=random.randrange(6),
            known=hour + random.choice([0, 0, 0, 30, 400]),
            type=random.choice(["market_attack", "banditry"]),
        )
        assert swept.learn(evidence) == kept.learn(evidence)
        if id % 50 == 0:
            swept.expire(START + hour * HOUR)
    oldest = min(episode.raised_at for episode in swept.episodes())
    assert len(swept.episodes()) < len(kept.episodes()) / 3
    assert oldest >= swept.horizon(START + 6000 * HOUR) - SWEEP_SECONDS - 5 * DAY


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Point(10, 179.95), Point(10, -179.95)),
        (Point(89.99, 0), Point(89.99, 180)),
        (Point(-89.9, 10), Point(-90, 0)),
        (Point(0, 0), Point(-0.1, -0.1)),
    ],
    ids=["date line", "north pole", "south pole", "equator"],
)
def test_near_is_near_at_every_seam_of_the_map(a, b):
    judge = engine(rule(n=2))
    assert told(judge, replace(report(1), point=a), replace(report(2), point=b))


# --- what is not verified never alerts alone


def unproved(id: int, hour: float, **more) -> Evidence:
    return replace(report(id, hour, **more), verified=False)


def test_unverified_reports_wait_for_one_that_is_verified() -> None:
    judge = engine()
    assert told(judge, *(unproved(n, n) for n in range(1, 5))) == []
    (raised,) = told(judge, report(5, 5))
    assert (raised.kind, raised.evidence) == ("raise", (1, 2, 3, 4, 5))
    assert Check("verified", 1, 1, True) in raised.checks
    (corrected,) = judge.forget(5, known_at=START + 6 * HOUR)
    assert corrected.kind == "correct"
    assert Check("verified", 0, 1, False) in corrected.checks


def test_where_all_is_verified_nothing_is_said_of_it() -> None:
    (raised,) = told(engine(), report(1), report(2, 1), report(3, 2))
    assert "verified" not in {check.name for check in raised.checks}


def test_who_says_it_again_with_the_pin_is_counted_once_and_verified() -> None:
    judge = engine()
    assert told(judge, *(unproved(n, n, who=n) for n in (1, 2, 3))) == []
    (raised,) = told(judge, report(4, 5, who=2))
    assert raised.evidence == (1, 2, 3)


def test_a_repeat_that_is_taken_back_proves_nothing_any_more() -> None:
    judge = engine()
    told(judge, *(unproved(n, n, who=n) for n in (1, 2, 3)))
    assert gist(told(judge, report(4, 5, who=2))) == [("raise", "market-cluster:3")]
    assert gist(judge.forget(4, known_at=START + 6 * HOUR)) == [("correct", "market-cluster:3")]
    assert judge.episodes() == []
