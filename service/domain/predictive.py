"""What a window's count may be, once its area's past is known: a negative binomial of bunches.

`anomaly` says where its shape and rate come from and what the probabilities are for.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from math import exp, lgamma, log, log1p
from typing import NamedTuple

_NEGLIGIBLE = 1e-13
_NEARLY = 1e-6
_FEW = 1e-12


class Predictive(NamedTuple):
    """A negative binomial of rate λ ~ Gamma(shape, rate), seen through bunches.

    Its mean is shape / rate, its variance bunching * mean + shape / rate².
    """

    shape: float
    rate: float
    bunching: float = 1.0

    @property
    def mean(self) -> float:
        return self.shape / self.rate

    @property
    def size(self) -> float:
        """Return r, where the variance is mean + mean² / r."""
        return 1 / ((self.bunching - 1) / self.mean + 1 / self.shape)

    def probability(self, count: int) -> float:
        """Return P(X = count)."""
        mean, size = self.mean, self.size
        return exp(
            lgamma(size + count)
            - lgamma(size)
            - lgamma(count + 1)
            - size * log1p(mean / size)
            + count * log(mean / (size + mean))
        )

    def tail(self, count: int) -> float:
        """Return P(X >= count), to full precision however small it is."""
        if count <= self.mean:
            return max(0.0, 1.0 - sum(map(self.probability, range(count))))
        return sum(reversed(list(self._upward(count))))

    def tails(self, start: int) -> Iterator[tuple[int, float]]:
        """Yield (c, P(X >= c)), c falling to `start`, which is above the mean."""
        upward = list(self._upward(start))
        falling = range(start + len(upward) - 1, start - 1, -1)
        return zip(falling, accumulate(reversed(upward)), strict=True)

    def excursions(self, count: int) -> float:
        """Return how often, in a window's time, a count that is followed rises to `count`."""
        mean, size = self.mean, self.size
        odds = mean / (size + mean)
        probability = self.probability(count - 1)
        weight = self.rate + 1 / self.bunching
        step = 1 / self.bunching / weight
        rate = (self.shape + count / self.bunching) / weight
        highest = count - 1 / weight
        found, before = 0.0, count - 1
        for bunches in _bunches(self.bunching):
            rate -= step
            if rate < highest:  # else it falls back at once
                found += probability * rate * bunches * (highest - rate)
            if not before:
                break
            probability *= before / ((size + before - 1) * odds)
            before -= 1
        return found / count

    def _upward(self, start: int) -> Iterator[float]:
        """Yield P(X = c) from `start` on, as far as it matters."""
        first = probability = self.probability(start)
        mean, size = self.mean, self.size
        odds = mean / (size + mean)
        count = start
        while probability > _NEGLIGIBLE * first and probability > 0.0:
            yield probability
            probability *= (size + count) / (count + 1) * odds
            count += 1


@lru_cache(maxsize=64)
def _bunches(bunching: float) -> tuple[float, ...]:
    """Return how many bunches of at least 1, 2, 3, … reports there are to one report."""
    if bunching < 1 + _NEARLY:
        return (1.0,)
    odds = 1 - 1 / bunching
    left, term = log(bunching), 1.0
    found: list[float] = []
    while left > _FEW:
        found.append(left / (bunching - 1))
        term *= odds
        left -= term / len(found)
    return tuple(found)
