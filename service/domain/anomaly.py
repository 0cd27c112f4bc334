"""What counts as unusual: a week's reports against the same area's and type's own past.

For the engine
    `Anomaly(spec)` is told each counted report with `add(area, type, at)`, takes it back with
    `remove`, and answers `judge(area, type, at)` for an anchor: a `Verdict`, or None as long as
    too little of the past is known. A verdict depends on what is known, never on the order in
    which it came. `seen_by(at)` says which anchors a report bears on, `span` how far back a
    verdict looks, and `expire` drops what no verdict will ask for any more.
    The area is whatever the rule counts by: a commune or a cercle.

The model
    A report's window is `(at - window, at]`. The past is cut into whole windows on one fixed grid;
    the baseline is the last `baseline / window` of these that ended `gap` or more before the
    report's window begins, so that an outbreak that is starting does not hide itself. The
    network's first report begins the baseline: before it there was nobody to report.

    In area i, n reports came in T windows. They are Poisson with rate λ, and λ ~ Gamma(α, β) over
    the areas, so that λ | n ~ Gamma(α + n, β + T) and the next window's count is negative binomial
    (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.6). α and β are found by moments (Clayton &
    Kaldor 1987, Biometrics 43:671). With N reports in all from the K *other* areas that were heard
    from, m = (N + 1/2) / KT; with s² the variance of all areas' rates, and their mean r over it,
    τ² = max(0, s² - r/T):

        1/α = τ²/m² + 1/(N + 1/2)        β = α/m

    The second term is how little is known of m itself (Jeffreys' prior on it). Where areas do not
    differ, all of them are one sample; with no other area, this is the Bayesian predictive of
    Riebler 2004 (`algo.bayes` in R's surveillance). An area that was not heard from at all in the
    baseline has no past to be judged by but the others': its T and n are 0.

    Several people tell of one attack, so reports come in bunches. φ is the type's variance within
    areas over its mean, pooled over areas and never below 1, as in Farrington et al. 1996 (J. R.
    Stat. Soc. A 159:547). Reports and windows then weigh 1/φ each, r/T becomes φr/T, and the
    predictive keeps its mean μ and has the variance φμ + (α + n/φ) / (β + T/φ)²; to judge by a
    quantile of the negative binomial that has it is what Noufaily et al. 2013 (Stat. Med. 32:1206)
    advise for rare events.

The budget
    A count is looked at whenever a report comes in, many times a week, and so its tail probability
    is not how often it gives a false alert. What is counted is excursions: a sliding count rises
    to c when a bunch of j or more finds c - j before it, and has not just fallen from there. For
    reports one by one that is λ P(c - 1 | λ) (1 - λ/c) times a window (Alm 1983; Glaz, Naus &
    Wallenstein, Scan Statistics, 2001). For bunches it is summed over their sizes, which are
    logarithmic where counts are negative binomial (Quenouille 1949, Biometrics 5:162). λ is what
    it is expected to be, given c - j. The threshold is the largest tail probability at which the
    sum over all series, each at its own whole number c of at least `at_least`, is at most
    `alerts_per_week`. Nothing more likely than `HIGHEST_P` is called unusual, however large the
    budget. One excursion of one series is meant to be one alert: `quiet_for` of at least `window`.

What it does not know: seasons, and that more people were enrolled. Both make it call out more. An
outbreak stays in the baseline for as long as that is, and dulls it, unless it is retracted.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, sqrt
from typing import NamedTuple

from service.domain.predictive import Predictive

HOUR = 3600
WEEK_HOURS = 168
FEWEST_WINDOWS = 4
HIGHEST_P = 0.05
_LOWEST_P = 1e-10


@dataclass(frozen=True, slots=True)
class AnomalySpec:
    """What a rule asks: hours, expected false alerts a week over the whole network, a floor.

    Raises ValueError where the baseline holds fewer than four windows.
    """

    window: int
    baseline: int
    gap: int
    alerts_per_week: float
    at_least: int = 1

    def __post_init__(self) -> None:
        if self.window < 1 or self.gap < 0 or self.at_least < 1 or not self.alerts_per_week > 0:
            raise ValueError("window, at_least and alerts_per_week must be above 0, gap not below")
        if self.baseline < FEWEST_WINDOWS * self.window:
            raise ValueError(f"the baseline must hold {FEWEST_WINDOWS} windows or more")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was counted against what was to be expected.

    `p` is the probability of `count` or more, unusual at `threshold` or below. `asked` is the
    least count that would be: the same threshold in reports.
    """

    count: int
    expected: float
    p: float
    threshold: float
    asked: int
    met: bool


class SeenBy(NamedTuple):
    """The anchors whose verdict a report may change, by their `at`: first and last moment.

    `window` holds for anchors of the report's own area and type, `baseline` for all anchors, since
    areas share priors and types share the threshold.
    """

    window: tuple[int, int]
    baseline: tuple[int, int]


class Anomaly:
    """Which series of one rule are unusual at a moment; see the module."""

    def __init__(self, spec: AnomalySpec) -> None:
        self._spec = spec
        self._window = spec.window * HOUR
        self._pause = self._window + spec.gap * HOUR
        self._length = spec.baseline // spec.window
        self._times: dict[tuple[str, str], list[int]] = {}
        self._bins: dict[int, Counter[tuple[str, str]]] = {}
        self._baselines: dict[int, _Baseline | None] = {}

    @property
    def span(self) -> int:
        """Seconds that a verdict looks back from its anchor, at most."""
        return self._pause + (self._length + 1) * self._window

    def add(self, area: str, type_: str, at: int) -> None:
        """Count a report that happened at that moment, in epoch seconds."""
        insort(self._times.setdefault((area, type_), []), at)
        bin_ = self._bin(at)
        self._bins.setdefault(bin_, Counter())[area, type_] += 1
        self._forget_baselines(bin_)

    def remove(self, area: str, type_: str, at: int) -> None:
        """Take back a report that was added. Raises KeyError if none was for that moment."""
        times = self._times[area, type_]
        index = bisect_left(times, at)
        if times[index : index + 1] != [at]:
            raise KeyError((area, type_, at))
        del times[index]
        if not times:
            del self._times[area, type_]
        bin_ = self._bin(at)
        counts = self._bins[bin_]
        counts[area, type_] -= 1
        self._bins[bin_] = +counts
        if not self._bins[bin_]:
            del self._bins[bin_]
        self._forget_baselines(bin_)

    def judge(self, area: str, type_: str, at: int) -> Verdict | None:
        """Judge the window that ends with this moment; None while four windows are not known."""
        baseline = self._baseline((at - self._pause) // self._window - 1)
        if baseline is None:
            return None
        times = self._times.get((area, type_), [])
        count = bisect_right(times, at) - bisect_right(times, at - self._window)
        series = baseline.series(area, type_)
        asked = series.asked(baseline.threshold)
        return Verdict(
            count=count,
            expected=series.expected.mean,
            p=series.p(count),
            threshold=baseline.threshold,
            asked=asked,
            met=count >= asked,
        )

    def seen_by(self, at: int) -> SeenBy:
        """Return the moments of the anchors whose verdict a report of this moment bears on."""
        first = (self._bin(at) + 1) * self._window + self._pause
        return SeenBy(
            window=(at, at + self._window - 1),
            baseline=(first, first + self._length * self._window - 1),
        )

    def expire(self, before: int) -> None:
        """Drop what happened before that moment: no anchor before `before + span` is judged on."""
        for series, times in list(self._times.items()):
            del times[: bisect_left(times, before)]
            if not times:
                del self._times[series]
        first = self._bin(before)
        self._bins = {bin_: counts for bin_, counts in self._bins.items() if bin_ >= first}
        self._baselines = {
            last: known for last, known in self._baselines.items() if last - self._length >= first
        }

    def _bin(self, at: int) -> int:
        """Return the number of the window on the grid that holds the moment; it ends with it."""
        return (at - 1) // self._window

    def _forget_baselines(self, bin_: int) -> None:
        for last in range(bin_, bin_ + self._length):
            self._baselines.pop(last, None)

    def _baseline(self, last: int) -> "_Baseline | None":
        if last not in self._baselines:
            first = last - self._length + 1
            heard = [bin_ for bin_ in range(first, last + 1) if bin_ in self._bins]
            windows = last - heard[0] + 1 if heard else 0
            self._baselines[last] = (
                _Baseline(self._spec, windows, [self._bins[bin_] for bin_ in heard])
                if windows >= FEWEST_WINDOWS
                else None
            )
        return self._baselines[last]


class _Baseline:
    """What is usual, from `windows` of the past; `counts` are those windows' that had any."""

    def __init__(
        self, spec: AnomalySpec, windows: int, counts: Iterable[Counter[tuple[str, str]]]
    ) -> None:
        self._at_least = spec.at_least
        self._counted: Counter[tuple[str, str]] = Counter()
        squares: Counter[str] = Counter()
        for window in counts:
            self._counted.update(window)
            for (_, type_), count in window.items():
                squares[type_] += count * count
        self._areas = {area for area, _ in self._counted}
        by_type: dict[str, list[int]] = {}
        for (_, type_), count in self._counted.items():
            by_type.setdefault(type_, []).append(count)
        self._pools = {
            type_: _Pool(windows, len(self._areas), found, squares[type_])
            for type_, found in by_type.items()
        }
        self._unseen = _Pool(windows, len(self._areas), [], 0)
        self._known: dict[tuple[str, int | None], _Series] = {}
        self.threshold = self._affordable(spec.alerts_per_week * spec.window / WEEK_HOURS)

    def series(self, area: str, type_: str) -> "_Series":
        return self._like(type_, self._counted[area, type_] if area in self._areas else None)

    def _like(self, type_: str, count: int | None) -> "_Series":
        """Return what is common to all areas with that count; None: not heard from."""
        if (type_, count) not in self._known:
            expected = self._pools.get(type_, self._unseen).predictive(count)
            self._known[type_, count] = _Series(expected, self._at_least)
        return self._known[type_, count]

    def _affordable(self, budget: float) -> float:
        """Return the largest tail probability that costs `budget` false alerts a window."""
        offers = [(self._like(*kind), areas) for kind, areas in self._kinds().items()]
        steps = sorted({p for series, _ in offers for p in series.tails}) or [HIGHEST_P]
        refused = bisect_left(
            steps, True, key=lambda p: sum(n * series.cost(p) for series, n in offers) > budget
        )
        if refused == len(steps):
            return HIGHEST_P
        last = steps[refused - 1] if refused else _LOWEST_P
        return sqrt(last * steps[refused])  # between the two, so that no rounding decides

    def _kinds(self) -> Counter[tuple[str, int]]:
        """Return how many areas have each count of each type."""
        kinds = Counter((type_, count) for (_, type_), count in self._counted.items())
        for type_, pool in self._pools.items():
            kinds[type_, 0] = len(self._areas) - len(pool.counts)
        return +kinds


class _Series:
    """What one series is expected to do, and what calling its counts unusual costs."""

    def __init__(self, expected: Predictive, at_least: int) -> None:
        """Offer each whole number of at least `at_least` that is worth a thought."""
        self.expected = expected
        self._lowest = max(at_least, floor(expected.mean) + 1)
        falling = list(expected.tails(self._lowest))
        offered = [(p, count) for count, p in falling if _LOWEST_P < p <= HIGHEST_P]
        self.tails = [p for p, _ in offered]
        self._counts = [count for _, count in offered]
        self._costs: dict[int, float] = {}
        self._known = dict(falling)

    def p(self, count: int) -> float:
        """Return the probability of that count or more."""
        if count not in self._known:
            self._known[count] = self.expected.tail(count)
        return self._known[count]

    def asked(self, threshold: float) -> int:
        """Return the least count that is unusual at that tail probability."""
        taken = bisect_right(self.tails, threshold)
        if taken:
            return self._counts[taken - 1]
        return self._counts[0] + 1 if self._counts else self._lowest

    def cost(self, threshold: float) -> float:
        """Return the false alerts a window if that probability and less are unusual."""
        if not self.tails or threshold < self.tails[0]:
            return 0.0
        count = self.asked(threshold)
        if count not in self._costs:
            self._costs[count] = self.expected.excursions(count)
        return self._costs[count]


class _Pool:
    """One type's counts in the areas that were heard from; see the module for the letters."""

    def __init__(self, windows: int, areas: int, counts: list[int], squares: int) -> None:
        """`counts` are those of areas that had any, `squares` the sum over areas and windows."""
        self.counts = counts
        self._windows = windows
        self._areas = areas
        self._total = sum(counts)
        total_squares = sum(count * count for count in counts)
        within = squares - total_squares / windows
        usual = self._total * (windows - 1) / windows
        self._bunching = max(1.0, within / usual) if usual else 1.0
        self._between = self._between_areas(total_squares)

    def predictive(self, count: int | None) -> Predictive:
        """Predict a window of an area with `count` reports in the baseline; None: not heard."""
        heard = count is not None
        n = count or 0
        shape, rate = self._prior(self._areas - heard, self._total - n)
        shape += n / self._bunching
        rate += heard * self._windows / self._bunching
        return Predictive(shape, rate, self._bunching)

    def _prior(self, areas: int, total: int) -> tuple[float, float]:
        """Return α and β, from the areas that are left without the one that is judged."""
        shape = total / self._bunching + 0.5
        rate = areas * self._windows / self._bunching
        if not self._between:
            return shape, rate
        mean = shape / rate
        pooled = 1 / (self._between / mean**2 + 1 / shape)
        return pooled, pooled / mean

    def _between_areas(self, total_squares: int) -> float:
        """Return τ², the variance of the areas' rates beyond that of counting."""
        if self._areas < 2:
            return 0.0
        mean = self._total / self._areas
        variance = (total_squares - self._total * mean) / (self._areas - 1)
        return max(0.0, variance - self._bunching * mean) / self._windows**2
