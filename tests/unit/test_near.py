"""Near misses: by which number of a rule a cluster missed, for every form of condition."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.areas import COUNTRY, AreaTree
from service.domain.engine import Check, Engine, Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point
from service.domain.markets import Market, MarketDays
from service.domain.near import NearMiss, near_misses
from service.domain.rule import Rule
from service.domain.seasons import Seasons

HOUR = 3600
KM = 180 / (3.141592653589793 * EARTH_RADIUS_KM)  # one kilometre of latitude, in degrees
MONDAY = int(datetime(2024, 6, 3, tzinfo=UTC).timestamp())
TREE = AreaTree(
    {
        "ML05": ("Mopti", COUNTRY),
        "ML0501": ("Bandiagara", "ML05"),
        "ML0502": ("Bankass", "ML05"),
    }
)
SEASONS = Seasons.model_validate(
    {
        "harvest": {
            "title": {"en": "Harvest"},
            "zones": {"dry": {"areas": ["ML05"], "default": [{"from": "10-01", "to": "10-31"}]}},
        }
    }
)
MARKETS = MarketDays((Market("0", None, "tuesday"),))


def rule(when: Mapping[str, Any], **more: Any) -> Rule:
    spec = {"id": "r", "status": "live", "when": when, "alert": {"severity": "moderate"}}
    return Rule.model_validate(spec | more)


def count(n: int, people: int = 1, type: str = "clash", **more: Any) -> dict[str, Any]:
    within = more.pop("within", {"km": 25})
    within = within | {"hours": more.pop("hours", 72)}
    return {"types": [type], "at_least": n, "distinct_reporters": people, "within": within} | more


def report(id: int, hour: float = 0, type: str = "clash", **more: Any) -> Evidence:
    km = more.pop("km", 0)
    at = MONDAY + int(hour * HOUR)
    facts: dict[str, Any] = {"place": f"{km}", "area": "ML0501", "reporter": id, "known_at": at}
    facts |= more
    return Evidence(id=id, type=type, point=Point(14 + km * KM, -4), at=at, **facts)


def engine_of(judged: Rule) -> Engine:
    return Engine([judged], SEASONS, TREE, UTC, markets=MARKETS)


def missed(judged: Rule, *reports: Evidence) -> list[list[tuple[str, object, object]]]:
    found = near_misses(judged, reports, engine_of)
    return [[(c.name, c.value, c.threshold) for c in miss.missed] for miss in found]


THREE = rule(count(3, 2))

# A rule, reports, and by what each cluster missed, the nearest first.
CASES = [
    (THREE, (), []),
    (THREE, (report(1),), []),
    (THREE, (report(1), report(2, 5)), [[("reports", 2, 3)]]),
    (THREE, (report(1), report(2, 5), report(3, 7)), []),  # it is met
    (
        THREE,
        [report(n, n, verified=False) for n in range(3)],
        [[("verified", 0, 1)]],
    ),
    (THREE, [report(n, n, verified=n == 1) for n in range(3)], []),
    (
        THREE,
        [report(n, 7 * n, reporter=1) for n in range(4)],
        [[("distinct_reporters", 1, 2)]],
    ),
    (
        THREE,
        (report(1), report(2, 5), report(3, 7, km=26)),
        [[("distance_km", 26.0, 25.0), ("reports", 2, 3)]],
    ),
    (THREE, (report(1), report(2, 5), report(3, 7, km=51)), [[("reports", 2, 3)]]),
    (
        THREE,
        (report(1), report(2, 72), report(3, 73)),
        [[("span_hours", 73.0, 72), ("reports", 2, 3)]],
    ),
    (
        THREE,  # two clusters, far apart: the nearer miss first
        (
            report(1),
            report(2, 5),
            report(3, 5, km=500),
            report(4, 6, km=500),
            report(5, 78, km=500),
        ),
        [[("span_hours", 73.0, 72), ("reports", 2, 3)], [("reports", 2, 3)]],
    ),
    (rule(count(1)), (report(1, type="threat"),), []),
    (
        rule(count(2), only_in="harvest"),
        (report(1), report(2, 1)),
        [[("season", "closed", "harvest")]],
    ),
    (
        rule(count(2), only_in="harvest", outside={"at_least": 4}),
        (report(1), report(2, 1), report(3, 2)),
        [[("reports", 3, 4), ("season", "closed", "harvest")]],
    ),
    (
        rule(count(2, killed=10)),
        (report(1, killed=4), report(2, 30, killed=5)),
        [[("killed", 9, 10)]],
    ),
    (rule(count(2, killed=10)), (report(1, killed=2), report(2, 30, killed=2)), []),
    (rule(count(2, injured=4)), (report(1), report(2, 30, injured=2)), [[("injured", 2, 4)]]),
    (
        rule(count(2, weekdays=["sunday"])),
        (report(1), report(2, 1)),
        [[("weekday", "another day", "sunday")]],
    ),
    (rule(count(2, market_day=True)), (report(1), report(2, 1)), [[("market_day", "no", "yes")]]),
    (
        rule(count(2, 2, within={"area": "cercle"})),
        (report(1), report(2, 1, area="ML0502", km=90)),
        [[("area", "region", "cercle")]],
    ),
    (
        rule({"all_of": [count(2, 2), count(2, 1, "threat")]}),
        (report(1), report(2, 1), report(3, 2, "threat")),
        [[("2.reports", 1, 2)]],
    ),
    (
        rule({"all_of": [count(2, 2), count(2, 2, "threat")]}),
        (report(1), report(3, 2, "threat")),
        [],  # both parts miss
    ),
    (
        rule({"any_of": [count(3, 2), count(2, 2, "threat")]}),
        (report(1), report(2, 1), report(3, 500, "threat", reporter=1)),
        [[("1.reports", 2, 3)]],
    ),
    (
        rule(
            {
                "first": count(1, type="damage"),
                "then": count(2, 2),
                "within": {"km": 25, "hours": 240},
            }
        ),
        (report(1, 0, "damage"), report(2, 240), report(3, 240)),
        [[("span_hours", 240.0, 240)]],
    ),
    (
        rule(
            {
                "first": count(2, type="damage"),
                "then": count(2, 2),
                "within": {"km": 25, "hours": 240},
            }
        ),
        (report(1, 0, "damage"), report(2, 10), report(3, 11)),
        [[("first.reports", 1, 2)]],
    ),
]


@pytest.mark.parametrize(("judged", "reports", "expected"), CASES)
def test_what_a_cluster_missed_by(
    judged: Rule, reports: tuple[Evidence, ...], expected: list[list[tuple[str, object, object]]]
) -> None:
    found = missed(judged, *reports)
    assert [sorted(each, key=str) for each in found] == [sorted(each, key=str) for each in expected]
    assert [each[0] for each in found] == [each[0] for each in expected]


def test_a_near_miss_names_its_reports_and_when_it_would_have_been_complete() -> None:
    reports = (report(1), report(2, 5), report(3, 100, "threat"))
    missed_by = (Check("reports", 2, 3, False),)
    assert near_misses(THREE, reports, engine_of) == [
        NearMiss("r", 2, MONDAY + 5 * HOUR, missed_by, (1, 2))
    ]


def test_what_inhibits_a_rule_makes_no_near_miss() -> None:
    inhibited = rule(count(2), alert={"severity": "moderate", "inhibited_by": "other"})
    assert missed(inhibited, report(1), report(2, 1)) == []


def test_an_anomaly_has_no_near_misses() -> None:
    unusual = rule({"types": "any", "per": ["area", "type"], "anomaly": {"at_least": 3}})
    assert missed(unusual, report(1), report(2, 1)) == []


REPORTS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([0, 10, 25.001, 30, 60]), st.integers(1, 4)),
    max_size=14,
)


@settings(max_examples=60)
@given(REPORTS)
def test_near_misses_and_what_is_met_share_no_report(facts: list[tuple[int, float, int]]) -> None:
    reports = [report(n, hour, km=km, reporter=who) for n, (hour, km, who) in enumerate(facts)]
    engine = engine_of(THREE)
    engine.restore(reports, ())
    met = {id_ for episode in engine.episodes() for id_ in episode.evidence}
    seen: set[int] = set()
    for miss in near_misses(THREE, reports, engine_of):
        assert met.isdisjoint(miss.evidence)
        assert seen.isdisjoint(miss.evidence)
        seen.update(miss.evidence)
        assert miss.missed
        assert not any(check.met for check in miss.missed)
        assert miss.anchor in miss.evidence
