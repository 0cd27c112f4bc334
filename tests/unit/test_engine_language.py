"""What each construct of the language makes the engine say. Hours count from the story's start."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.domain.areas import COUNTRY, AreaTree
from service.domain.engine import Check, Decision, Engine, Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point
from service.domain.markets import Market, MarketDays
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.silence import Silence

HOUR = 3600
KM = 180 / (3.141592653589793 * EARTH_RADIUS_KM)  # one kilometre of latitude, in degrees
START = int(datetime(2024, 6, 3, tzinfo=UTC).timestamp())  # a Monday
TREE = AreaTree(
    {
        "ML05": ("Mopti", COUNTRY),
        "ML0501": ("Bandiagara", "ML05"),
        "ML050101": ("Bandiagara", "ML0501"),
        "ML050102": ("Kendé", "ML0501"),
        "ML0502": ("Bankass", "ML05"),
        "ML050201": ("Baye", "ML0502"),
    }
)
MARKETS = MarketDays((Market("fatoma", Point(14, -4), "tuesday"),))


def count(types=("clash",), n=1, people=1, km=25, hours=72, **more) -> dict:
    within = more.pop("within", {"km": km})
    asked = {"types": list(types), "at_least": n, "distinct_reporters": people}
    return asked | {"within": within | {"hours": hours}} | more


def rule(when: dict, id="r", status="live", escalate=(), **alert) -> Rule:
    spec = {"id": id, "status": status, "when": when, "escalate": list(escalate)}
    return Rule.model_validate(spec | {"alert": {"severity": "moderate"} | alert})


def engine(*rules: Rule, zone=UTC, silences=()) -> Engine:
    return Engine(rules, Seasons({}), TREE, zone, silences=silences, markets=MARKETS)


def report(
    id: int, hour: float = 0, type="clash", *, km: float = 0, known: float | None = None, **more
) -> Evidence:
    at = START + int(hour * HOUR)
    facts = {"place": f"{km}", "area": "ML050101", "reporter": id} | more
    known_at = at if known is None else START + int(known * HOUR)
    return Evidence(
        id=id, type=type, point=Point(14 + km * KM, -4), at=at, known_at=known_at, **facts
    )


def told(judge: Engine, *reports: Evidence) -> list[Decision]:
    return [decision for evidence in reports for decision in judge.learn(evidence)]


def gist(decisions: Iterable[Decision]) -> list[str]:
    return [f"{decision.kind} {decision.episode}" for decision in decisions]


RAISED = ["raise r:2"]


@pytest.mark.parametrize(
    ("within", "second", "expected"),
    [
        ({"area": "commune"}, report(2, km=90), RAISED),
        ({"area": "commune"}, report(2, area="ML050102"), []),
        ({"area": "cercle"}, report(2, area="ML050102"), RAISED),
        ({"area": "cercle"}, report(2, area="ML050201"), []),
        ({"area": "cercle"}, report(2, area="ML0501"), RAISED),
        ({"area": "commune"}, report(2, area="ML0501"), []),
        ({"area": "region"}, report(2, area="ML050201"), RAISED),
        ({"area": "region"}, report(2, area="ML99"), []),
        ({"place": "same"}, report(2, place="0"), RAISED),
        ({"place": "same"}, report(2, place="1"), []),
    ],
)
def test_reports_count_together_in_one_area_or_place(within, second, expected):
    judge = engine(rule(count(n=2, within=within)))
    assert gist(told(judge, report(1, -1), second)) == expected


def test_an_area_or_place_is_told_among_the_reasons():
    by_area = engine(rule(count(n=2, within={"area": "cercle"})))
    (decision,) = told(by_area, report(1), report(2, 1, area="ML050102"))
    assert Check("area", "ML0501", "cercle", True) in decision.checks
    by_place = engine(rule(count(n=2, within={"place": "same"})))
    (decision,) = told(by_place, report(1), report(2, 1))
    assert Check("place", "same", "same", True) in decision.checks


@pytest.mark.parametrize(
    ("reports", "killed"),
    [
        ([report(1, killed=5)], 5),
        ([report(1, killed=4)], None),
        ([report(1, killed=2), report(2, 1, km=1, killed=3)], 5),
        pytest.param([report(1, killed=3), report(2, 1, killed=3)], None, id="told twice"),
        pytest.param([report(1, killed=3), report(2, 24, killed=3)], 6, id="the day after"),
        pytest.param([report(1, killed=3), report(2, 23.9, killed=3)], None, id="the same day"),
        pytest.param(
            [report(1, killed=3), report(2, 1, "banditry", killed=3)], 6, id="of another type"
        ),
        pytest.param([report(1, injured=9)], None, id="the injured are not killed"),
    ],
)
def test_the_killed_are_added_up_over_places_and_days(reports, killed):
    judge = engine(rule(count(("clash", "banditry"), killed=5)))
    said = told(judge, *reports)
    assert bool(said) is (killed is not None)
    for decision in said:
        assert Check("killed", killed, 5, True) in decision.checks


def test_the_injured_are_added_up_apart():
    judge = engine(rule(count(injured=4)))
    (decision,) = told(judge, report(1, injured=3), report(2, km=2, injured=1, killed=9))
    assert Check("injured", 4, 4, True) in decision.checks


@pytest.mark.parametrize(
    ("hour", "zone", "met"),
    [
        (0, UTC, True),
        (23.9, UTC, True),
        (24, UTC, False),
        (-0.1, UTC, False),
        (0, timezone(timedelta(hours=-1)), False),
        (24, timezone(timedelta(hours=-1)), True),
    ],
)
def test_a_weekday_is_that_of_the_place(hour, zone, met):
    judge = engine(rule(count(weekdays=["monday"])), zone=zone)
    said = told(judge, report(1, hour))
    assert bool(said) is met
    for decision in said:
        assert Check("weekday", "monday", "monday", True) in decision.checks


@pytest.mark.parametrize(
    ("evidence", "met"),
    [
        (report(1, 30), True),
        (report(1, 20), False),
        (report(1, 30, km=4.99), True),
        (report(1, 30, km=5.01), False),
        (report(1, 30, km=99, place="fatoma"), True),
    ],
    ids=["at the market", "the day before", "near it", "too far", "the market's own place"],
)
def test_a_market_day_is_that_of_the_place_or_of_a_market_near_it(evidence, met):
    said = told(engine(rule(count(market_day=True))), evidence)
    assert bool(said) is met
    for decision in said:
        assert Check("market_day", "yes", "yes", True) in decision.checks


THEFT_AND_CLASH = {"all_of": [count(("theft",), 2, hours=96), count(("clash",), km=10, hours=24)]}


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([report(1, 0, "theft"), report(2, 50, "theft"), report(3, 60)], ["raise r:3"]),
        ([report(1, 0, "theft"), report(2, 50), report(3, 60, "theft")], ["raise r:3"]),
        ([report(1, 0, "theft"), report(2, 50), report(3, 74, "theft")], []),
        ([report(1, 0, "theft"), report(2, 50), report(3, 60, "theft", km=11)], []),
        ([report(1, 0, "theft"), report(2, 50, "theft")], []),
        ([report(1), report(2)], []),
    ],
    ids=["clash last", "theft last", "clash too old", "clash too far", "no clash", "no theft"],
)
def test_all_of_is_met_where_each_count_sees_enough(reports, expected):
    assert gist(told(engine(rule(THEFT_AND_CLASH)), *reports)) == expected


def test_each_part_gives_its_reasons_under_its_number():
    judge = engine(rule(THEFT_AND_CLASH))
    (decision,) = told(judge, report(1, 0, "theft"), report(2, 50, "theft"), report(3, 60))
    assert (decision.evidence, decision.type) == ((1, 2, 3), "theft")
    assert [check.name for check in decision.checks] == [
        f"{number}.{name}"
        for number in (1, 2)
        for name in ("reports", "distinct_reporters", "distance_km", "span_hours")
    ]
    assert decision.checks[0] == Check("1.reports", 2, 2, True)
    assert decision.checks[4] == Check("2.reports", 1, 1, True)


def test_a_correction_holds_each_part_against_what_is_left():
    judge = engine(rule(THEFT_AND_CLASH))
    told(judge, report(1, 0, "theft"), report(2, 50, "theft"), report(3, 60))
    (correction,) = judge.forget(1, START)
    assert (correction.kind, correction.checks[0]) == ("correct", Check("1.reports", 1, 2, False))


EITHER = {"any_of": [count(("theft",), 3), count(("clash",), 2, km=5)]}


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([report(n, n, "theft") for n in (1, 2, 3)], ["raise r:3"]),
        ([report(1), report(2)], ["raise r:1"]),
        ([report(1), report(2, km=6)], []),
        ([report(1, 0, "theft"), report(2, 1, "theft"), report(3, 2)], []),
    ],
)
def test_any_of_is_met_where_one_count_is(reports, expected):
    assert gist(told(engine(rule(EITHER)), *reports)) == expected


def test_a_count_of_any_of_is_not_met_at_reports_that_it_does_not_count():
    judge = engine(rule(EITHER, quiet_for="1h"))
    assert gist(told(judge, report(1), report(2), report(3, 2, "theft"))) == ["raise r:1"]


DAMAGE_THEN_CLASH = {
    "first": count(("damage",), 2, people=2, hours=48),
    "then": count(("clash",)),
    "within": {"km": 30, "hours": 120},
}
DAMAGE = [report(1, 0, "damage"), report(2, 10, "damage")]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([*DAMAGE, report(3, 100)], ["raise r:3"]),
        ([*DAMAGE, report(3, 129.9)], ["raise r:3"]),
        ([*DAMAGE, report(3, 130)], []),
        ([*DAMAGE, report(3, 100, km=30.1)], []),
        ([*DAMAGE, report(3, 9)], []),
        ([*DAMAGE, report(3, 10)], ["raise r:3"]),
        ([DAMAGE[0], report(3, 100)], []),
        ([report(3, 100), *DAMAGE], ["raise r:3"]),
    ],
    ids=["after", "just", "too late", "too far", "before", "at once", "no first", "told late"],
)
def test_a_sequence_is_met_where_its_second_follows_its_first(reports, expected):
    assert gist(told(engine(rule(DAMAGE_THEN_CLASH)), *reports)) == expected


def test_a_sequence_gives_the_reasons_of_both_and_of_what_lies_between():
    (decision,) = told(engine(rule(DAMAGE_THEN_CLASH)), *DAMAGE, report(3, 100, km=20))
    assert decision.evidence == (1, 2, 3)
    checks = {check.name: check for check in decision.checks}
    assert checks["first.reports"] == Check("first.reports", 2, 2, True)
    assert checks["then.reports"] == Check("then.reports", 1, 1, True)
    assert checks["distance_km"] == Check("distance_km", 20.0, 30.0, True)
    assert checks["span_hours"] == Check("span_hours", 90.0, 120, True)


def test_one_report_is_not_its_own_sequel():
    again = {"first": count(), "then": count(), "within": {"km": 5, "hours": 24}}
    judge = engine(rule(again))
    assert told(judge, report(1)) == []
    assert gist(told(judge, report(2))) == ["raise r:1"]


@pytest.mark.parametrize(
    ("one_per", "raised"),
    [("cluster", 3), ("region", 1), ("cercle", 2), ("commune", 3), ("place", 4)],
)
def test_one_alert_for_each_cluster_area_or_place(one_per, raised):
    judge = engine(rule(count(km=10), one_per=one_per))
    said = told(
        judge,
        report(1, 1),
        report(2, 2, km=3),
        report(3, 3, km=50, area="ML050102"),
        report(4, 4, km=300, area="ML050201"),
        report(5, 5),
    )
    assert [decision.kind for decision in said] == ["raise"] * raised


def test_an_alert_that_goes_on_is_told_again_ever_more_rarely():
    again = {"after": "6h", "factor": 2, "at_most": "20h"}
    judge = engine(rule(count(), quiet_for="2w", again=again))
    said = told(judge, *(report(id, id) for id in range(100)))
    assert gist(said) == ["raise r:0"] + ["repeat r:0"] * 6
    assert [(d.at - START) // HOUR for d in said] == [0, 6, 18, 38, 58, 78, 98]


def test_what_has_just_become_graver_need_not_be_told_again():
    steps = [{"at_least": 3, "severity": "extreme"}]
    judge = engine(rule(count(hours=24), escalate=steps, quiet_for="2w", again={"after": "6h"}))
    said = told(judge, report(1), report(2, 5), report(3, 7), report(4, 12), report(5, 13.5))
    assert gist(said) == ["raise r:1", "escalate r:1", "repeat r:1"]
    assert [decision.severity for decision in said] == ["moderate", "extreme", "extreme"]
    assert [decision.evidence for decision in said][2] == (1, 2, 3, 4, 5)


def test_a_restart_keeps_to_the_times_at_which_an_alert_is_told_again():
    repeating = rule(count(), quiet_for="2w", again={"after": "6h", "factor": 3})
    reports = [report(id, id * 5) for id in range(20)]
    whole = told(engine(repeating), *reports)
    for cut in range(20):
        before, after = engine(repeating), engine(repeating)
        said = told(before, *reports[:cut])
        after.restore(reports[:cut], said)
        assert said + told(after, *reports[cut:]) == whole


def test_what_is_suppressed_is_not_told_again():
    inhibiting = rule(count(), id="a", quiet_for="2w")
    judge = engine(inhibiting, rule(count(), inhibited_by="a", again={"after": "1h"}))
    assert gist(told(judge, *(report(id, id * 2) for id in range(9)))) == [
        "raise a:0",
        "suppress r:0",
    ]


def silence(id="quiet", rule="r", area="any", begins: float | None = None, ends: float = 48):
    since = {} if begins is None else {"from": START + int(begins * HOUR)}
    facts = {"id": id, "rule": rule, "area": area, "until": START + int(ends * HOUR)}
    return Silence.model_validate(
        facts | since | {"author": "A. Coordinator", "why": "an exercise"}
    )


def test_a_silenced_alert_is_suppressed_and_says_by_what():
    (decision,) = told(engine(rule(count()), silences=[silence()]), report(1))
    assert (decision.kind, decision.suppressed_by) == ("suppress", "silence:quiet")
    assert decision.checks[-1] == Check("silenced", "silence:quiet", None, False)


@pytest.mark.parametrize(
    ("silenced", "evidence"),
    [
        (silence(rule="other"), report(1)),
        (silence(area="ML0502"), report(1)),
        (silence(begins=1), report(1)),
        (silence(ends=1), report(1, 1)),
    ],
    ids=["another rule", "another area", "not yet", "no more"],
)
def test_only_what_is_silenced_is(silenced, evidence):
    assert gist(told(engine(rule(count()), silences=[silenced]), evidence)) == ["raise r:1"]


@pytest.mark.parametrize("area", ["any", "ML05", "ML0501", "ML050101"])
def test_a_silence_covers_every_area_in_its_own(area):
    silenced = silence(rule="any", area=area)
    assert gist(told(engine(rule(count()), silences=[silenced]), report(1))) == ["suppress r:1"]


def test_what_goes_on_when_the_silence_ends_is_raised():
    judge = engine(rule(count()), silences=[silence(ends=5)])
    said = told(judge, *(report(id, id) for id in range(1, 9)))
    assert gist(said) == ["suppress r:1", "raise r:5"]
    assert said[1].evidence == (1, 2, 3, 4, 5)


def test_what_is_silenced_makes_nothing_else_needless():
    judge = engine(
        rule(count(), id="a"), rule(count(), inhibited_by="a"), silences=[silence(rule="a")]
    )
    assert gist(told(judge, report(1))) == ["suppress a:1", "raise r:1"]


UNUSUAL = {
    "types": ["clash", "theft"],
    "anomaly": {"window": "7d", "baseline": "12w", "gap": "1w", "alerts_per_week": 0.1},
}
WEEK = 168


def usual(weeks: int = 14) -> list[Evidence]:
    """One theft a week in each of two cercles."""
    reports = []
    for week in range(weeks):
        for number, area in enumerate(["ML050101", "ML050201"]):
            id = 1000 + 2 * week + number
            reports.append(report(id, week * WEEK + 10, "theft", area=area, km=60 * number))
    return reports


def test_what_is_unusual_for_its_area_and_type_is_raised():
    judge = engine(rule(UNUSUAL, one_per="cercle"))
    assert told(judge, *usual()) == []
    burst = [report(id, 14 * WEEK + id, "theft") for id in range(1, 9)]
    (decision,) = told(judge, *burst)
    assert decision.kind == "raise"
    checks = {check.name: check for check in decision.checks}
    assert checks["reports"].met
    assert checks["reports"].value == len(decision.evidence) < 9
    assert checks["usual"].value == pytest.approx(1, abs=0.3)
    assert checks["chance"].value <= checks["chance"].threshold
    assert checks["area"] == Check("area", "ML0501", "cercle", True)


def test_nothing_is_unusual_as_long_as_too_little_is_known():
    judge = engine(rule(UNUSUAL))
    assert told(judge, *usual(3), *(report(id, 3 * WEEK + id, "theft") for id in range(9))) == []


def test_another_type_is_unusual_by_itself():
    judge = engine(rule(UNUSUAL, one_per="cercle"))
    told(judge, *usual())
    thefts = [report(id, 14 * WEEK + id, "theft") for id in range(10, 18)]
    clashes = [report(id, 14 * WEEK + id) for id in range(20, 28)]
    said = told(judge, *thefts, *clashes)
    assert [(decision.kind, decision.type) for decision in said] == [
        ("raise", "theft"),
        ("raise", "clash"),
    ]


def test_what_was_learnt_of_the_past_may_show_that_it_is_usual():
    judge = engine(rule(UNUSUAL, one_per="cercle"))
    told(judge, *usual())
    burst = [report(id, 14 * WEEK + id, "theft") for id in range(1, 6)]
    (raised,) = told(judge, *burst)
    late = [
        report(100 + id, (10 + id // 6) * WEEK + 10 + id % 6, "theft", known=14 * WEEK + 30)
        for id in range(12)
    ]
    assert f"correct {raised.episode}" in gist(told(judge, *late))


PAIR = rule(count(n=2))


def test_a_rule_gone_live_raises_nothing_of_the_past_until_a_report_completes_it():
    judge = engine(rule(count(("theft",))))
    assert told(judge, report(1), report(2, 1)) == []
    judge = judge.with_rules([PAIR], [])
    assert [episode.opener for episode in judge.episodes()] == [2]
    assert gist(told(judge, report(3, 2))) == RAISED


def test_rules_that_stay_as_they_are_say_nothing_twice():
    other = rule(count(("theft",)), id="other")
    judge = engine(PAIR)
    said = told(judge, report(1), report(2, 1))
    judge = judge.with_rules([PAIR, other], said)
    assert told(judge, report(3, 2)) == []
    assert gist(told(judge, report(4, 3, "theft"))) == ["raise other:4"]
    assert gist(judge.forget(1, START)) == []
    assert gist(judge.forget(3, START)) == ["correct r:2"]


def test_a_changed_rule_goes_by_its_new_numbers_and_by_what_it_said():
    judge = engine(PAIR)
    said = told(judge, report(1), report(2, 1))
    graver = rule(count(n=2), escalate=[{"at_least": 3, "severity": "extreme"}])
    judge = judge.with_rules([graver], said)
    assert gist(told(judge, report(3, 2))) == ["escalate r:2"]


def test_a_retired_rule_is_silent_and_a_trial_gone_live_speaks_for_itself():
    trial = PAIR.model_copy(update={"status": "trial"})
    judge = engine(trial)
    said = told(judge, report(1), report(2, 1))
    judge = judge.with_rules([PAIR], said)
    assert gist(told(judge, report(3, 2))) == ["raise r:2:2"]
    judge = judge.with_rules([PAIR.model_copy(update={"status": "retired"})], said)
    assert judge.episodes() == []
    assert told(judge, report(4, 3)) == []


def test_a_rule_is_judged_anew_where_its_inhibiting_rule_changed():
    inhibiting = rule(count(n=2), id="a")
    inhibited = rule(count(n=2), inhibited_by="a")
    judge = engine(inhibiting, inhibited)
    said = told(judge, report(1), report(2, 1))
    assert gist(said) == ["raise a:2", "suppress r:2"]
    judge = judge.with_rules([rule(count(n=9), id="a"), inhibited], said)
    assert gist(told(judge, report(3, 2))) == ["raise r:2"]


def test_a_silence_that_is_lifted_lets_the_next_report_be_told():
    judge = engine(PAIR, silences=[silence()])
    said = told(judge, report(1), report(2, 1))
    assert gist(said) == ["suppress r:2"]
    judge = judge.with_rules([PAIR], said)
    assert gist(told(judge, report(3, 2))) == ["raise r:2"]


def test_a_rule_that_looks_further_back_is_given_what_was_let_go():
    weeks = 30 * WEEK
    judge = engine(PAIR)
    told(judge, *(report(id, id * WEEK) for id in range(30)))
    judge.expire(START + weeks * HOUR)
    patient = rule(count(n=31, hours=8760))
    old = [report(id, id * WEEK) for id in range(30)]
    swapped = judge.with_rules([patient], [], evidence=old)
    assert swapped.horizon(0) < judge.horizon(0)
    assert gist(told(swapped, report(30, weeks))) == ["raise r:30"]


def test_rules_that_inhibit_in_a_circle_change_nothing():
    judge = engine(PAIR)
    a, b = rule(count(), id="a", inhibited_by="b"), rule(count(), id="b", inhibited_by="a")
    with pytest.raises(ValueError, match="in a circle"):
        judge.with_rules([a, b], [])
    assert gist(told(judge, report(1), report(2, 1))) == RAISED
