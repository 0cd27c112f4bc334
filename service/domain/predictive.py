"""What a window's count may be, once its area's past is known: a negative binomial of bunches.

`anomaly` says where its shape and rate come from and what the probabilities are for.
"""

from collections.abc import Iterator
from itertools import accumulate
from math import exp, lgamma, log, log1p
from typing import NamedTuple

_NEGLIGIBLE = 1e-16
_NEARLY = 1e-6


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
            return 1.0 - sum(map(self.probability, range(count)))
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
        weight = self.rate + 1 / self.bunching
        probability = self.probability(count - 1)
        found = 0.0
        for before, bunches in zip(range(count - 1, -1, -1), self._bunches(), strict=False):
            rate = (self.shape + before / self.bunching) / weight
            stays = max(0.0, 1 - (rate + 1 / weight) / count)
            found += probability * rate * bunches * stays
            probability *= before / ((size + before - 1) * odds) if before else 0.0
        return found

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

    def _bunches(self) -> Iterator[float]:
        """Yield how many bunches of at least 1, 2, 3, … reports there are to one report."""
        if self.bunching < 1 + _NEARLY:
            yield 1.0
            return
        odds = 1 - 1 / self.bunching
        left, term, reports = log(self.bunching), 1.0, 1
        while left > 0.0:
            yield left / (self.bunching - 1)
            term *= odds
            left -= term / reports
            reports += 1
