"""A made-up network in which nothing happens: reports come by chance, at each place's own rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from service.domain.anomaly import HOUR, Anomaly, AnomalySpec

DAY = 24 * HOUR
WEEK = 7 * DAY
Report = tuple[int, str, str]


@dataclass(frozen=True)
class Network:
    """`mean` incidents a week in an area of a type; areas differ as a gamma of shape 0.7 does.

    `bunched`: one person tells of half of the incidents, two of a quarter, and so on, all within
    six hours; else one of each. `rise` multiplies the rates after the first 30 weeks.
    """

    areas: int
    types: int
    mean: float
    bunched: bool
    rise: float = 1.0

    def series(self) -> list[tuple[str, str]]:
        return [(f"area {a}", f"type {t}") for a in range(self.areas) for t in range(self.types)]

    def reports(self, weeks: int, random: Random) -> list[Report]:
        """Return (at, area, type) in order of time, each at a whole hour."""
        return sorted(
            report
            for series in self.series()
            for report in self._reports(series, random.gammavariate(0.7, 1 / 0.7), weeks, random)
        )

    def _reports(
        self, series: tuple[str, str], factor: float, weeks: int, random: Random
    ) -> Iterator[Report]:
        for first, end, rise in ((0, 30, 1.0), (30, weeks, self.rise)):
            at = first * WEEK + self._pause(factor * rise, random)
            while at < end * WEEK:
                yield int(at // HOUR * HOUR), *series
                while self.bunched and random.random() < 0.5:
                    yield int(at // HOUR + random.randrange(6)) * HOUR, *series
                at += self._pause(factor * rise, random)

    def _pause(self, factor: float, random: Random) -> float:
        return random.expovariate(1.0) * WEEK / max(self.mean * factor, 1e-9)


def false_alerts(network: Network, spec: AnomalySpec, weeks: int, random: Random) -> int:
    """Return how many alerts are raised in `weeks` after the first 30, one in a window and series.

    As in the engine: each report is judged as it comes, with what is known by then.
    """
    anomaly = Anomaly(spec)
    raised: dict[tuple[str, str], int] = {}
    alerts = 0
    for at, area, type_ in network.reports(30 + weeks, random):
        anomaly.add(area, type_, at)
        verdict = anomaly.judge(area, type_, at) if at >= 30 * WEEK else None
        if verdict and verdict.met:
            alerts += at - raised.get((area, type_), -WEEK) >= spec.window * HOUR
            raised[area, type_] = at
    return alerts
