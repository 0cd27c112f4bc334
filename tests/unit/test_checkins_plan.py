"""When areas are asked to check in: a day's plan, and what it costs."""

import random
from collections import Counter
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from service.domain.areas import COUNTRY, AreaTree, Merge
from service.domain.checkins import CheckInPolicy, level, plan, texts_a_month

AREAS = {
    "ML05": ("Mopti", COUNTRY),
    "ML0501": ("Bandiagara", "ML05"),
    "ML050101": ("Kendé", "ML0501"),
    "ML050102": ("Pignari", "ML0501"),
    "ML050103": ("Soroly", "ML0501"),
}
TREE = AreaTree(AREAS, [Merge("ML05D1", "Kendé et Pignari", ("ML050101", "ML050102"))])
BAMAKO = ZoneInfo("Africa/Bamako")
IN_USE = frozenset({COUNTRY, "ML05", "ML0501", "ML05D1", "ML050103"})
DAY = date(2026, 11, 23)
SEVEN, EIGHT_PM = time(7), time(20)


def policy(**a_day: int) -> CheckInPolicy:
    return CheckInPolicy(a_day, SEVEN, EIGHT_PM, BAMAKO)  # type: ignore[arg-type]


def test_neighbours_named_together_are_of_the_level_of_each() -> None:
    levels = [level(TREE, area) for area in (COUNTRY, "ML05", "ML0501", "ML05D1", "ML050101")]
    assert levels == ["country", "region", "cercle", "commune", "commune"]


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_requests_are_spread_over_the_hours_each_in_a_stretch_of_its_own(
    chance: random.Random, times: int
) -> None:
    requests = plan(DAY, IN_USE, TREE, policy(commune=times), chance.random)
    assert Counter(request.area for request in requests) == {"ML05D1": times, "ML050103": times}
    begins = datetime(2026, 11, 23, 7, tzinfo=UTC)
    for _, nth, due_at in requests:
        share = (due_at - begins).total_seconds() / (13 * 3600)
        assert nth / times - 1e-3 <= share <= (nth + 1) / times  # equal only where floats round


def test_two_areas_are_not_asked_at_one_moment() -> None:
    """Else who watches would learn that all is one plan, and take it out of the records."""
    requests = plan(DAY, IN_USE, TREE, policy(commune=4, cercle=4), random.Random(4).random)
    assert len({request.due_at for request in requests}) == len(requests) == 12


def test_nobody_is_asked_where_no_times_are_given() -> None:
    assert plan(DAY, IN_USE, TREE, policy(), random.Random(1).random) == []
    assert not policy(country=0, region=0).is_on


def test_what_it_costs_counts_everybody_in_each_area_that_is_asked() -> None:
    homes = ["ML050101"] * 3 + ["ML050103"] * 2 + ["ML0501"]
    assert texts_a_month(homes, IN_USE, TREE, policy(commune=2)) == 30 * 2 * 5
    assert texts_a_month(homes, IN_USE, TREE, policy(cercle=1)) == 30 * 6
    assert texts_a_month(homes, IN_USE, TREE, policy(cercle=1, commune=2)) == 30 * 16
    assert texts_a_month(homes, {COUNTRY}, TREE, policy(commune=2)) == 0
