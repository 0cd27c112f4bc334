"""The two-sample Kolmogorov-Smirnov test: could two samples be of one distribution?

Source: Press, Teukolsky, Vetterling, Flannery, "Numerical Recipes", 3rd ed., 2007, section 14.3.3:
D is the largest distance of the two empirical distribution functions, and its probability is
Q_KS((sqrt(n) + 0.12 + 0.11 / sqrt(n)) D) with n = n1 n2 / (n1 + n2) and
Q_KS(x) = 2 sum over j >= 1 of (-1)^(j-1) exp(-2 j^2 x^2) (Stephens 1970).
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, sqrt


def statistic(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest distance of the two empirical distribution functions, in 0..1; ties are one."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, x) / len(first) - bisect_right(second, x) / len(second))
        for x in {*first, *second}
    )


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """How often samples of these sizes from one distribution lie as far apart by chance."""
    effective = sqrt(len(one) * len(other) / (len(one) + len(other)))
    x = (effective + 0.12 + 0.11 / effective) * statistic(one, other)
    if x < 0.2:  # the sum converges slowly there, to 1
        return 1.0
    total = 2 * sum((-1) ** (j - 1) * exp(-2 * j * j * x * x) for j in range(1, 101))
    return min(max(total, 0.0), 1.0)
