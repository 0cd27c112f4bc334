"""How fast rules judge a year of reports, and how long others take to find the same.

The joins are given what they are best at: all reports at once, and how far each place is from each.
Brute force looks at every report for every other. What each of them finds must be the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from time import perf_counter

from service.domain.areas import COUNTRY, AreaTree
from service.domain.engine import Engine, Evidence
from service.domain.geo import Point, distance_km
from service.domain.rule import Count, Rule
from service.domain.seasons import Seasons
from tests.bench.row import Row

try:
    from tests.bench.joins import Joins
except ImportError:  # the extra `bench`, which `make bench` installs
    Joins = None
try:
    from tests.bench import durable
except ImportError:  # it is built from source
    durable = None

Matches = dict[str, set[int]]
EVENTS, PLACES, TYPES, REPORTERS = 100_000, 200, 8, 1_000
SAMPLE, TRIES = 10_000, 3  # what the slow ones are given; of several runs the fastest counts
HOUR, DAY = 3600, 24 * 3600
YEAR = 365 * DAY
START = 1_700_000_000 // DAY * DAY
TREE = AreaTree({"ML05": ("Mopti", COUNTRY)})
TARGET_ONE, TARGET_FORTY, TARGET_GROWTH = 150_000, 80_000, 1.3  # reports/s, reports/s, times
# at_least, distinct_reporters, km, hours: each of them for each type makes forty rules.
NUMBERS = [(3, 2, 25, 72), (6, 3, 25, 72), (8, 3, 25, 120), (5, 3, 10, 96), (14, 5, 50, 72)]


def rule(type_: str, numbers: tuple[int, int, float, int]) -> Rule:
    reports, people, km, hours = numbers
    return Rule.model_validate(
        {
            "id": f"{type_}-{NUMBERS.index(numbers)}",
            "status": "live",
            "when": {
                "types": [type_],
                "at_least": reports,
                "distinct_reporters": people,
                "within": {"km": km, "hours": hours},
            },
            "alert": {"severity": "severe"},
            "escalate": [{"at_least": 2 * reports, "severity": "extreme"}],
        }
    )


ONE = [rule("type-0", NUMBERS[0])]
FORTY = [rule(f"type-{type_}", numbers) for type_ in range(TYPES) for numbers in NUMBERS]


def reports(count: int, seconds: int, year: int = 0) -> list[Evidence]:
    """Return made-up reports in order of time, spread over central Mali (about 400 km across)."""
    random = Random(1)
    places = [Point(random.uniform(13, 17), random.uniform(-6, -2)) for _ in range(PLACES)]
    random = Random(year)
    begins = START + year * YEAR
    moments = sorted(begins + random.randrange(seconds) // HOUR * HOUR for _ in range(count))
    last: dict[tuple[int, int, int], int] = {}
    found = []
    for id_, at in enumerate(moments, year * count):
        told = random.randrange(REPORTERS), random.randrange(TYPES), random.randrange(PLACES)
        while at - last.get(told, 0) < 6 * HOUR:  # it would be a repeat, which joins do not know
            told = random.randrange(REPORTERS), told[1], told[2]
        last[told] = at
        reporter, type_, place = told
        found.append(
            Evidence(
                id=id_,
                type=f"type-{type_}",
                place=f"place-{place}",
                area="ML05",
                point=places[place],
                reporter=reporter,
                at=at,
                known_at=at,
            )
        )
    return found


def run_engine(rules: Sequence[Rule], years: Iterable[Sequence[Evidence]]) -> float:
    """Return seconds for all reports, forgetting daily what no longer matters."""
    engine = Engine(rules, Seasons({}), TREE)
    seconds = 0.0
    tomorrow = START + DAY
    for events in years:
        started = perf_counter()
        for event in events:
            if event.at >= tomorrow:
                engine.expire(event.at)
                tomorrow += DAY
            engine.learn(event)
        seconds += perf_counter() - started
    return seconds


def matches(rules: Sequence[Rule], events: Sequence[Evidence]) -> Matches:
    """Return the reports at which the engine finds each rule met."""
    engine = Engine(rules, Seasons({}), TREE)
    for event in events:
        engine.learn(event)
    found: Matches = {rule.id: set() for rule in rules}
    for episode in engine.episodes():
        found[episode.rule].update(episode.anchors)
    return found


def brute_force(rules: Sequence[Rule], events: Sequence[Evidence]) -> Matches:
    """Judge each report against every other."""
    found: Matches = {}
    for each in rules:
        when = each.when
        assert isinstance(when, Count)
        counted = [event for event in events if event.type in when.types]
        span = when.within.hours * HOUR
        found[each.id] = set()
        for anchor in counted:
            window = [
                event
                for event in counted
                if anchor.at - span < event.at <= anchor.at
                and distance_km(event.point, anchor.point) <= (when.within.km or 0)
            ]
            people = {event.reporter for event in window}
            if len(window) >= when.at_least and len(people) >= when.distinct_reporters:
                found[each.id].add(anchor.id)
    return found


def measure() -> list[Row]:
    year = reports(EVENTS, YEAR)
    rows, one = _rates(year)
    million = run_engine(ONE, _years())
    growth = million / 10 / one
    rows.append(
        Row(
            "the same over ten years, 1,000,000 reports",
            f"{10 * EVENTS / million:,.0f} reports/s",
            f"{growth:.2f} times the cost of each",
            f"at most {TARGET_GROWTH} times",
            growth <= TARGET_GROWTH,
        )
    )
    return [*rows, *_against_brute_force(), *_against_joins(year, one), _against_durable(year)]


def _rates(year: Sequence[Evidence]) -> tuple[list[Row], float]:
    """Return how fast one rule and forty judge, and the seconds that one took."""
    one = min(run_engine(ONE, [year]) for _ in range(TRIES))
    forty = run_engine(FORTY, [year])
    rows = []
    for what, rules, seconds, target in (
        ("one cluster rule", ONE, one, TARGET_ONE),
        ("forty cluster rules", FORTY, forty, TARGET_FORTY),
    ):
        rate = EVENTS / seconds
        met = sum(map(len, matches(rules, year).values()))
        rows.append(
            Row(
                f"{what}, {EVENTS:,} reports over a year",
                f"{rate:,.0f} reports/s",
                f"met at {met:,} reports",
                f"{target:,} reports/s",
                rate >= target,
            )
        )
    return rows, one


def _years() -> Iterator[Sequence[Evidence]]:
    """Yield a year at a time, so that what is measured is not the memory of a million reports."""
    for year in range(10):
        yield reports(EVENTS, YEAR, year)


def _against_brute_force() -> Iterator[Row]:
    for rules, what, size in ((ONE, "one rule", 4 * SAMPLE), (FORTY, "forty rules", SAMPLE)):
        sample = reports(size, YEAR * size // EVENTS)
        engine = min(run_engine(rules, [sample]) for _ in range(TRIES))
        brute, found = _timed(brute_force, rules, sample)
        yield Row(
            f"brute force, {what}, {size:,} reports",
            f"{size / brute:,.0f} reports/s",
            f"the engine is {brute / engine:.1f} times as fast",
            "the same matches",
            found == matches(rules, sample),
        )


def _against_joins(year: Sequence[Evidence], one: float) -> Iterator[Row]:
    if Joins is None:
        yield Row("DuckDB and Polars", "not measured", "not installed: `make bench` does it")
        return
    joins = Joins(year)
    expected = matches(ONE, year)
    for name, join in (("DuckDB", joins.by_duckdb), ("Polars", joins.by_polars)):
        seconds, found = _timed(join, ONE)
        yield Row(
            f"{name}, one rule, {EVENTS:,} reports in one batch join",
            f"{EVENTS / seconds:,.0f} reports/s",
            f"the engine, one by one, is {seconds / one:.2f} times as fast",
            "the same matches",
            found == expected,
        )
    expected = matches(FORTY, year)
    seconds, found = _timed(joins.by_polars, FORTY)
    yield Row(
        f"Polars, forty rules, {EVENTS:,} reports in batch joins",
        f"{EVENTS / seconds:,.0f} reports/s",
        f"{sum(map(len, found.values())):,} matches",
        "the same matches",
        found == expected,
    )


def _against_durable(year: Sequence[Evidence]) -> Row:
    what = f"durable_rules, one rule without distance or people, {SAMPLE:,} reports"
    if durable is None:
        return Row(what, "not measured", "not installed: it is built from source, with a compiler")
    seconds = durable.run(year[:SAMPLE])
    engine = run_engine(ONE, [year[:SAMPLE]])
    return Row(
        what,
        f"{SAMPLE / seconds:,.0f} reports/s",
        f"the engine, with both, is {seconds / engine:.1f} times as fast",
    )


def _timed(find: Callable[..., Matches], *given: object) -> tuple[float, Matches]:
    started = perf_counter()
    found = find(*given)
    return perf_counter() - started, found


if __name__ == "__main__":
    for row in measure():
        print(row)
