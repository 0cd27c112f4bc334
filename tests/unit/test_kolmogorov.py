"""The test of tests: it must find two distributions apart, and one distribution one."""

from random import Random

import pytest

from tests.support.kolmogorov import p_value, statistic


def test_the_statistic_is_the_largest_distance() -> None:
    assert statistic([1, 2, 3, 4], [1, 2, 3, 4]) == 0
    assert statistic([1, 2], [3, 4]) == 1
    assert statistic([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert statistic([1, 1, 1, 2], [1, 2, 2, 2]) == 0.5  # ties are one step


@pytest.mark.parametrize(
    ("distance", "p"), [(1.22, 0.10), (1.36, 0.05), (1.63, 0.01), (1.95, 0.001)]
)
def test_the_critical_values_of_the_tables(distance: float, p: float) -> None:
    """c(a) of Smirnov's table (1948): D is critical at c(a) / sqrt(n / 2) for two samples of n."""
    size = 40_000
    shift = round(size * distance / (size / 2) ** 0.5)
    found = p_value(range(size), range(shift, size + shift))
    assert found == pytest.approx(p, rel=0.05)


def test_half_a_second_among_seventy_is_found_and_chance_is_not() -> None:
    random = Random(7)
    one = [random.uniform(20, 90) for _ in range(2000)]
    other = [random.uniform(20, 90) for _ in range(2000)]
    assert p_value(one, other) > 0.01
    assert p_value(one, [20 + 0.9 * (x - 20) for x in other]) < 0.01
    assert p_value(one, [x if x > 23 else x + 3 for x in other]) < 0.01
