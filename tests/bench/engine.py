"""How fast one cluster rule judges a year of reports, against looking at all of them each time."""

from random import Random
from time import perf_counter

from service.domain.areas import COUNTRY, AreaTree
from service.domain.condition import Count
from service.domain.engine import Engine, Evidence
from service.domain.geo import Point, distance_km
from service.domain.rule import Rule
from service.domain.seasons import Seasons

EVENTS, SAMPLE, PLACES, TYPES, REPORTERS = 100_000, 20_000, 200, 8, 1_000
HOUR, DAY = 3600, 24 * 3600
YEAR = 365 * DAY
START = 1_700_000_000 // DAY * DAY
TREE = AreaTree({"ML05": ("Mopti", COUNTRY)})
RULE = Rule.model_validate(
    {
        "id": "cluster",
        "title": {"en": "Cluster"},
        "status": "live",
        "when": {
            "types": ["type-0"],
            "at_least": 3,
            "distinct_reporters": 2,
            "within": {"km": 25, "hours": 72},
        },
        "alert": {"severity": "severe"},
        "escalate": [{"at_least": 6, "severity": "extreme"}],
    }
)


def reports(count: int, seconds: int, seed: int = 1) -> list[Evidence]:
    """Return made-up reports in order of time, spread over central Mali (about 400 km across)."""
    random = Random(seed)
    places = [Point(random.uniform(13, 17), random.uniform(-6, -2)) for _ in range(PLACES)]
    moments = sorted(START + random.randrange(seconds) // HOUR * HOUR for _ in range(count))
    found = []
    for id_, at in enumerate(moments):
        place = random.randrange(PLACES)
        found.append(
            Evidence(
                id=id_,
                type=f"type-{random.randrange(TYPES)}",
                place=f"place-{place}",
                area="ML05",
                point=places[place],
                reporter=random.randrange(REPORTERS),
                at=at,
                known_at=at,
            )
        )
    return found


def run_engine(events: list[Evidence]) -> float:
    """Return seconds for all of `events`, forgetting daily what no longer matters."""
    engine = Engine([RULE], Seasons({}), TREE)
    started = perf_counter()
    tomorrow = START + DAY
    for event in events:
        if event.at >= tomorrow:
            engine.expire(event.at)
            tomorrow += DAY
        engine.learn(event)
    return perf_counter() - started


def run_brute_force(events: list[Evidence]) -> float:
    """Return seconds for judging each report against all before it."""
    when = RULE.when
    assert isinstance(when, Count)
    assert when.within.km is not None
    started = perf_counter()
    met = 0
    for index, anchor in enumerate(events):
        if anchor.type not in when.types:
            continue
        window = [
            report
            for report in events[: index + 1]
            if report.type in when.types
            and anchor.at - when.within.hours * HOUR < report.at
            and distance_km(report.point, anchor.point) <= when.within.km
        ]
        reporters = {report.reporter for report in window}
        met += len(window) >= when.at_least and len(reporters) >= when.distinct_reporters
    return perf_counter() - started


def measure() -> list[tuple[str, str]]:
    """Return (what, figure) rows."""
    events = reports(EVENTS, YEAR)
    sample = reports(SAMPLE, YEAR * SAMPLE // EVENTS)
    rate = EVENTS / run_engine(events)
    ratio = run_brute_force(sample) / run_engine(sample)
    return [
        ("engine, one cluster rule, 100,000 reports over a year", f"{rate:,.0f} reports/s"),
        (f"engine against brute force, {SAMPLE:,} reports", f"{ratio:.0f} times as fast"),
    ]


if __name__ == "__main__":
    for what, figure in measure():
        print(f"{what}: {figure}")
