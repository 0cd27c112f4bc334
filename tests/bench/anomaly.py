"""What is called unusual where nothing happens, what is found where something does, and how fast.

A network of 20 cercles and 6 types, 0.3 incidents a week of each on average, unless said otherwise.
"""

from collections.abc import Iterator
from random import Random
from statistics import mean
from time import perf_counter

from service.domain.anomaly import HOUR, Anomaly, AnomalySpec
from service.domain.geo import Point
from service.domain.scan import Case, Cluster, scan
from tests.bench.row import Row
from tests.support.quiet_network import WEEK, Network, false_alerts

ONE_BY_ONE = Network(areas=20, types=6, mean=0.3, bunched=False)
BUNCHED = Network(areas=20, types=6, mean=0.3, bunched=True)
QUIET = {
    "reports one by one": (ONE_BY_ONE, 1.0),
    "reports one by one, a small budget": (ONE_BY_ONE, 0.2),
    "reports in bunches": (BUNCHED, 1.0),
    "8 cercles, 4 types": (Network(areas=8, types=4, mean=0.5, bunched=True), 0.5),
    "60 communes, 0.1 incidents a week": (Network(areas=60, types=6, mean=0.1, bunched=True), 1.0),
}
WEEKS, TRIALS = 400, 400
EXTRA = (3, 5, 8)
PLACES, CASES, YEAR, NIGHTS = 60, 400, 365, 100
RARELY = 0.01  # a cluster that chance shows once in a hundred nights


def spec(budget: float = 1.0) -> AnomalySpec:
    return AnomalySpec(
        window=168, baseline=26 * 168, gap=2 * 168, alerts_per_week=budget, at_least=3
    )


def false_alarms() -> Iterator[Row]:
    for what, (network, budget) in QUIET.items():
        found = false_alerts(network, spec(budget), WEEKS, Random(11)) / WEEKS
        yield Row(
            f"unusual, no signal: {what}",
            f"{found:.2f} false alerts a week",
            f"budget {budget:.2f}",
            "half to twice the budget",
            budget / 2 <= found <= 2 * budget,
        )
    for rise in (1.5, 2.0):
        network = Network(areas=20, types=6, mean=0.3, bunched=False, rise=rise)
        found = mean(false_alerts(network, spec(), 10, Random(seed)) / 10 for seed in range(10))
        yield Row(
            f"unusual, {rise:g} times the reports everywhere for the last 10 weeks",
            f"{found:.2f} alerts a week",
            "budget 1.00: a season or many new people look like this",
        )


def power() -> Iterator[Row]:
    """Reports added within three days to a series that was not unusual when they began."""
    for what, network in (("one by one", ONE_BY_ONE), ("in bunches", BUNCHED)):
        random = Random(13)
        anomaly = Anomaly(spec())
        for at, area, type_ in network.reports(60, random):
            anomaly.add(area, type_, at)
        for extra in EXTRA:
            found = mean(detected(anomaly, network, extra, random) for _ in range(TRIALS))
            yield Row(f"unusual, +{extra} reports in 72 h, the others {what}", f"{found:.0%} found")


def detected(anomaly: Anomaly, network: Network, extra: int, random: Random) -> bool:
    while True:
        series = random.choice(network.series())
        start = random.randrange(40 * WEEK, 58 * WEEK) // HOUR * HOUR
        before = anomaly.judge(*series, start)
        if before and not before.met:
            break
    moments = [start + random.randrange(72) * HOUR for _ in range(extra)]
    for at in moments:
        anomaly.add(*series, at)
    verdicts = [anomaly.judge(*series, at) for at in moments]
    for at in moments:
        anomaly.remove(*series, at)
    return any(verdict and verdict.met for verdict in verdicts)


def speed() -> Row:
    """Three years, each report judged as it comes, every week's baseline made anew."""
    reports = Network(areas=60, types=8, mean=0.5, bunched=True).reports(150, Random(14))
    anomaly = Anomaly(spec())
    started = perf_counter()
    for at, area, type_ in reports:
        anomaly.add(area, type_, at)
        anomaly.judge(area, type_, at)
    rate = len(reports) / (perf_counter() - started)
    return Row(f"unusual, {len(reports):,} reports of 480 series judged", f"{rate:,.0f} reports/s")


def a_year(random: Random) -> tuple[list[Point], list[Case]]:
    """Reports of a year at places of which some report more than others, on any day."""
    points = [Point(random.uniform(13, 16), random.uniform(-5, -3)) for _ in range(PLACES)]
    weights = [random.gammavariate(0.7, 1.0) for _ in range(PLACES)]
    where = random.choices(range(PLACES), weights, k=CASES)
    return points, [Case(f"p{n}", points[n], random.randrange(YEAR)) for n in where]


def tonight(cases: list[Case], random: Random, deals: int = 99) -> Cluster | None:
    return scan(cases, YEAR - 1, max_km=50, max_days=14, chance=random, deals=deals)


def scans() -> Iterator[Row]:
    random = Random(15)
    for extra in (0, *EXTRA):
        called = 0
        for _ in range(NIGHTS):
            points, cases = a_year(random)
            place = random.randrange(PLACES)
            cases += [
                Case(f"p{place}", points[place], YEAR - 1 - random.randrange(4))
                for _ in range(extra)
            ]
            cluster = tonight(cases, random)
            called += cluster is not None and cluster.p <= RARELY
        what = f"+{extra} reports at one place in 4 days" if extra else "no signal"
        yield Row(
            f"scan, {what}",
            f"{called / NIGHTS:.0%} of {NIGHTS} nights",
            "called if chance shows as much once in 100 nights",
        )


def scan_speed() -> Row:
    random = Random(16)
    _, cases = a_year(random)
    started = perf_counter()
    tonight(cases, random, deals=999)
    return Row(f"scan, {CASES} reports, {PLACES} places", f"{perf_counter() - started:.1f} s")


def measure() -> list[Row]:
    return [*false_alarms(), *power(), speed(), *scans(), scan_speed()]


if __name__ == "__main__":
    for row in measure():
        print(row)
