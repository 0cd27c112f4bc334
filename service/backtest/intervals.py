"""How sure a figure is: 95% confidence intervals."""

from collections.abc import Sequence
from math import comb, floor, sqrt

Z = 1.959964  # the 97.5% point of the normal distribution
_EXACT_UP_TO = 500

Interval = tuple[float, float]


def wilson(successes: int, trials: int) -> Interval:
    """Return the score interval of a proportion (Wilson 1927), which holds for small numbers too.

    Newcombe (1998, Stat. Med. 17:857) compares it with others. Raises ValueError for no trials.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError("a proportion is of some trials")
    share, z2 = successes / trials, Z * Z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    low = centre - half if successes else 0.0  # exactly, whatever floating point makes of it
    return low, centre + half if successes < trials else 1.0


def median(values: Sequence[float]) -> float:
    """Return the middle one of values, or the mean of the middle two."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def median_interval(values: Sequence[float]) -> Interval | None:
    """Return two of the values between which the median lies, whatever the distribution.

    The r-th smallest and r-th greatest of n hold it with probability 1 - 2 P(B < r), B being
    binomial (n, 1/2): see David & Nagaraja, Order Statistics (2003), 7.1. r is the greatest that
    leaves 95%; None for fewer than six values, for which there is none. For many values the normal
    approximation is used.
    """
    n = len(values)
    if n < 6:
        return None
    ordered = sorted(values)
    if n > _EXACT_UP_TO:
        rank = floor(n / 2 - Z * sqrt(n) / 2)
    else:
        rank, below = 0, 1  # of 2ⁿ tosses of n coins, those with `rank` heads or fewer
        while 2 * below <= 0.05 * 2**n:
            rank += 1
            below += comb(n, rank)
    return ordered[rank - 1], ordered[n - rank]
