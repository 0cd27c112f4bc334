"""The intersection attack on a small network; `python -m tests.simulations` makes the large one."""

import pytest

from tests.simulations.intersection import Tally, attack, is_shielded, world

K, MARGIN = 5, 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_alerts_of_one_sender_leave_k_unless_people_left(seed: int) -> None:
    tally = attack(world(seed, people=90, alerts=2_000), "as it ships", K, MARGIN, seed)
    assert is_shielded(tally)
    assert tally.fewest_alone >= K
    assert tally.fewest_ten >= K
    assert tally.tens > 500
    assert tally.levels["commune"] > 200, "what names the country alone shields and is no use"


def test_the_attack_finds_senders_where_areas_are_chosen_otherwise() -> None:
    """The same attacker, so that a shielded network is not one that was not attacked."""
    year = world(1, people=90, alerts=2_000)
    nearest = attack(year, "the k nearest", K, MARGIN, 1)
    by_counts = attack(year, "by counts alone", K, MARGIN, 1)
    assert nearest.ten_one > nearest.tens * 0.8
    assert by_counts.alone_below_k > 0
    assert not is_shielded(nearest)
    assert not is_shielded(by_counts)


def test_a_shortfall_that_nobody_left_over_is_counted_as_such() -> None:
    assert is_shielded(Tally(ten_below_k=3, left=2, moved=1))
    assert not is_shielded(Tally(ten_below_k=3, left=2))
    assert not is_shielded(Tally(alone_below_k=1))
