"""Where and since when reports gather more than chance would have it: a nightly look back.

The space-time permutation scan statistic of Kulldorff, Heffernan, Hartman, Assunção & Mostashari
(2005), PLoS Medicine 2(3):e59. It asks for nothing but the reports themselves: no population, no
list of who is enrolled. A place that always reports much, and a week in which everyone does, are
no cluster; more than both explain together is.

A cylinder is the places within a radius of one of them, over the last 1 to T days. Of C reports,
C_z in its places and C_d on its days, it is expected to hold μ = C_z C_d / C. If it holds c > μ, it
counts by the Poisson generalised likelihood ratio

    (c / μ)^c ((C - c) / (C - μ))^(C - c)

and the cylinder where that is largest is the cluster. How often chance alone does as well is found
by dealing the dates anew to the reports and looking for the largest again: p is the rank among
`deals` and the truth, and the same p would come up once in 1 / p nights. By chance means: when and
where are not connected. A scan does not see what happened everywhere at once, and where a whole
village tells of one attack, that is a cluster.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple, Protocol

from service.domain.geo import Point, distance_km

DEALS = 999
_METRE = 3  # decimals of a kilometre: places as far as that from a centre are equally far
_EQUAL = 1e-9  # a likelihood ratio is as large as another, up to the order of adding


class Chance(Protocol):
    """What deals the dates: `random.Random` does. The domain has no chance of its own."""

    def sample(self, population: Sequence[int], k: int, /) -> list[int]:
        """Draw k of the population without putting any back, in random order."""


class Case(NamedTuple):
    """A report: where, and on which day, in days since any fixed one."""

    place: str
    point: Point
    day: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where reports gathered most in the last `days` days, the last one included.

    `places` are those with reports in the whole period, from the centre outwards; the centre is
    the first. `log_glr` is the natural logarithm of the likelihood ratio. Chance alone would show
    a cluster as marked once in `recurrence_days` nights.
    """

    places: tuple[str, ...]
    centre: Point
    radius_km: float
    days: int
    observed: int
    expected: float
    log_glr: float
    p: float
    recurrence_days: float


def scan(
    cases: Iterable[Case],
    last_day: int,
    *,
    max_km: float,
    max_days: int,
    chance: Chance,
    deals: int = DEALS,
) -> Cluster | None:
    """Return the likeliest cluster that is alive on `last_day`; None where nothing gathers.

    `cases` are those of the whole period up to that day, a year say: what came before the last
    `max_days` days tells what is usual. Their order does not matter.
    """
    study = _Study(sorted(case for case in cases if case.day <= last_day), last_day, max_days)
    circles = [_circles(study, centre, max_km) for centre in range(len(study.points))]
    search = _Search(study, circles)
    found = search.best(study.recent_places)
    if found is None:
        return None
    as_marked = 1
    for _ in range(deals):
        dealt = search.best(chance.sample(study.places, len(study.recent_days)))
        as_marked += dealt is not None and dealt.log_glr >= found.log_glr - _EQUAL
    inside = circles[found.centre][: found.ring + 1]
    return Cluster(
        places=tuple(study.codes[place] for ring in inside for place in ring.places),
        centre=study.points[found.centre],
        radius_km=inside[-1].km,
        days=found.days,
        observed=found.observed,
        expected=study.expected(inside[-1].cases, found.days),
        log_glr=found.log_glr,
        p=as_marked / (deals + 1),
        recurrence_days=(deals + 1) / as_marked,
    )


class _Study:
    """The cases, by place: each is a place number in `places`, in the order of the days."""

    def __init__(self, cases: Sequence[Case], last_day: int, max_days: int) -> None:
        points = {case.place: case.point for case in cases}
        numbers = {code: number for number, code in enumerate(points)}
        self.codes = list(numbers)
        self.points = list(points.values())
        self.places = [numbers[case.place] for case in cases]
        self.cases_of = Counter(self.places)
        recent = [case for case in cases if case.day > last_day - max_days]
        self.recent_places = [numbers[case.place] for case in recent]
        self.recent_days = [last_day - case.day + 1 for case in recent]
        days = sorted(self.recent_days)
        self._share = [bisect_right(days, day) / (len(cases) or 1) for day in range(max_days + 1)]

    def expected(self, cases: int, days: int) -> float:
        """Return μ of so many cases' places over the last so many days."""
        return cases * self._share[days]


class _Ring(NamedTuple):
    """Places equally far from a centre; `cases` are those of the whole circle up to here."""

    km: float
    places: list[int]
    cases: int


class _Best(NamedTuple):
    log_glr: float
    centre: int
    ring: int
    days: int
    observed: int


def _circles(study: _Study, centre: int, max_km: float) -> list[_Ring]:
    """Return the rings around a place, outwards; the first holds the place itself."""
    rings: dict[float, list[int]] = {}
    for place, point in enumerate(study.points):
        km = round(distance_km(study.points[centre], point), _METRE)
        if km <= max_km:
            rings.setdefault(km, []).append(place)
    found: list[_Ring] = []
    cases = 0
    for km in sorted(rings):
        cases += sum(study.cases_of[place] for place in rings[km])
        found.append(_Ring(km, sorted(rings[km], key=lambda place: place != centre), cases))
    return found


class _Search:
    """Finds the cylinder of the largest ratio, for any places that the recent dates fall to.

    A ring or a day that brings no case only adds to what is expected; so only those that do are
    looked at, which makes a search as short as the recent cases are few.
    """

    def __init__(self, study: _Study, circles: Sequence[Sequence[_Ring]]) -> None:
        self._study = study
        self._circles = circles
        self._total = len(study.places)
        self._in_reach: list[list[tuple[int, int]]] = [[] for _ in study.points]
        for centre, rings in enumerate(circles):
            for number, ring in enumerate(rings):
                for place in ring.places:
                    self._in_reach[place].append((centre, number))

    def best(self, places: Sequence[int]) -> _Best | None:
        """Return the best cylinder if the recent cases happened, in their order, at `places`."""
        around: dict[int, list[tuple[int, int]]] = {}
        for place, day in zip(places, self._study.recent_days, strict=True):
            for centre, ring in self._in_reach[place]:
                around.setdefault(centre, []).append((ring, day))
        best: _Best | None = None
        for centre in sorted(around):
            best = self._best_around(centre, sorted(around[centre]), best)
        return best

    def _best_around(
        self, centre: int, cases: list[tuple[int, int]], best: _Best | None
    ) -> _Best | None:
        days: list[int] = []
        for index, (ring, day) in enumerate(cases):
            insort(days, day)
            if index + 1 < len(cases) and cases[index + 1][0] == ring:
                continue
            inside = self._circles[centre][ring].cases
            for observed, until in enumerate(days, 1):
                if observed < len(days) and days[observed] == until:
                    continue
                expected = self._study.expected(inside, until)
                if observed <= expected + _EQUAL:
                    continue
                log_glr = self._log_glr(observed, expected)
                if best is None or log_glr > best.log_glr + _EQUAL:
                    best = _Best(log_glr, centre, ring, until, observed)
        return best

    def _log_glr(self, observed: int, expected: float) -> float:
        inside = observed * log(observed / expected)
        outside = self._total - observed
        if not outside:
            return inside
        return inside + outside * log(outside / (self._total - expected))
