"""Read `rules/tests/*.yaml`: every test as a story that can be run, or every problem."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, nextafter, pi
from pathlib import Path as FilePath
from zoneinfo import ZoneInfo, available_timezones

from service.content import Content, ContentError, Problem
from service.content.files import YAML_LIMIT, Files
from service.content.typed import Reader, closest
from service.content.yaml import Document, Path, compose_strict
from service.domain import words
from service.domain.evidence import Evidence
from service.domain.gazetteer import Place
from service.domain.geo import EARTH_RADIUS_KM, Point, distance_km
from service.domain.meant import Meant
from service.rule_tests.model import Almost, Case, Expected, Given, Located, Measured, RuleTests

TESTS = "rules/tests"
_NAME_LIMIT = 200
_KM_PER_DEGREE = EARTH_RADIUS_KM * pi / 180


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands in a file: `file:line:column`."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision that a test expects; `areas` are pcodes and `knowable_at` is in epoch seconds."""

    where: Spot
    expected: Expected
    knowable_at: int
    areas: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Story:
    """One test, ready to run.

    `learnt` has the reports and `taken_back` (moment, report id) of those retracted or refuted.
    `rules` are the rules under test.
    """

    where: Spot
    name: str
    zone: ZoneInfo
    rules: frozenset[str]
    learnt: tuple[Evidence, ...]
    taken_back: tuple[tuple[int, int], ...]
    wanted: tuple[Wanted, ...]
    near_misses: tuple[tuple[Spot, Almost], ...]


def load(content_dir: FilePath, content: Content) -> list[Story]:
    """Read every test of a content directory. Raises ContentError with every problem."""
    files = Files(content_dir)
    reader = Reader(RuleTests)
    problems, stories = files.problems, []
    for file in files.names(TESTS):
        source = files.text(file, YAML_LIMIT)
        if source is None:
            continue
        document = compose_strict(file, source)
        if document.data is None and not document.problems:
            problems.append(
                Problem(file, 1, 1, "", "the file is empty", "write tests, or remove it")
            )
        tests = reader.read(document) if document.data is not None else None
        problems += document.problems
        if tests is not None:
            resolver = _Resolver(document, content)
            stories += resolver.stories(tests)
            problems += resolver.problems
    if problems:
        raise ContentError(problems)
    return stories


class _Resolver:
    """Finds what the tests of one file name: rules, types, places and time zones."""

    def __init__(self, document: Document, content: Content) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._content = content
        self._rules = [rule.id for rule in content.rules]
        self._types = [each.id for each in content.codebook.types]

    def stories(self, tests: RuleTests) -> list[Story]:
        for number, rule in enumerate(tests.rules or ()):
            self._know_rule(rule, ("rules", number))
        under_test = frozenset(tests.rules or self._rules)
        every = [
            self._story(case, ("tests", number), under_test)
            for number, case in enumerate(tests.tests)
        ]
        self._problems_of_names(tests.tests)
        return [] if self.problems else every

    def _problems_of_names(self, cases: Iterable[Case]) -> None:
        seen: set[str] = set()
        for number, case in enumerate(cases):
            if case.name in seen:
                self._say(("tests", number, "name"), "another test has this name", "rename one")
            seen.add(case.name)

    def _story(self, case: Case, at: Path, under_test: frozenset[str]) -> Story:
        zone = self._zone(case, (*at, "timezone"))
        people = {name: n for n, name in enumerate(sorted({r.reporter for r in case.reports}), 1)}
        learnt, taken_back = [], []
        for number, given in enumerate(case.reports):
            here = (*at, "reports", number)
            report = self._report(given, number + 1, people[given.reporter], zone, here)
            learnt.append(report)
            if given.retracted is not None:
                moment = _epoch(given.retracted, zone)
                if moment < report.known_at:
                    self._say((*here, "retracted"), "it is taken back before it was received", None)
                taken_back.append((moment, report.id))
        expected = case.expect if case.expect != "none" else ()
        return Story(
            where=self._spot(at),
            name=case.name,
            zone=zone,
            rules=under_test,
            learnt=tuple(learnt),
            taken_back=tuple(taken_back),
            wanted=tuple(
                self._wanted(each, zone, (*at, "expect", number), under_test)
                for number, each in enumerate(expected)
            ),
            near_misses=tuple(self._near_misses(case, at, under_test)),
        )

    def _zone(self, case: Case, at: Path) -> ZoneInfo:
        if case.timezone is None:
            return self._content.timezone
        if case.timezone not in available_timezones():
            self._say(at, "no time zone has this name; Mali's is Africa/Bamako", None)
            return self._content.timezone
        return ZoneInfo(case.timezone)

    def _report(
        self, given: Given, id_: int, reporter: int, zone: ZoneInfo, here: Path
    ) -> Evidence:
        if given.type not in self._types:
            nearest = (
                closest(given.type, self._types) or "types are declared in rules/codebook.yaml"
            )
            self._say((*here, "type"), f"the codebook has no type `{given.type}`", nearest)
        at = _epoch(given.at, zone)
        known_at = at if given.received is None else _epoch(given.received, zone)
        if known_at < at:
            self._say((*here, "received"), "it is received before it happens", None)
        code, area, point = self._place(given.place, (*here, "place"))
        return Evidence(
            id_, given.type, code, area, point, reporter, at, known_at, given.killed, given.injured
        )

    def _place(self, where: str | Located | Measured, at: Path) -> tuple[str, str, Point]:
        """Return the place's code, area and point."""
        if isinstance(where, Located):
            if where.area not in self._content.tree:
                self._say((*at, "area"), f"no area has the pcode `{where.area}`", _AREAS)
            return f"{where.lat},{where.lon}", where.area, Point(where.lat, where.lon)
        if isinstance(where, Measured):
            place, origin = self._named(where.north_of, (*at, "north_of"))
            area = place.area if place else ""
            return f"{where.km} km/{place and place.code}", area, north_of(origin, where.km)
        place, point = self._named(where, at)
        return (place.code, place.area, point) if place else ("", "", point)

    def _named(self, name: str, at: Path) -> tuple[Place | None, Point]:
        gazetteer = self._content.gazetteer
        runs = words.split(name, _NAME_LIMIT).runs
        match = Meant(gazetteer).find(runs) if runs else None
        place = match.place if match and match.used == len(runs) else None
        if place is not None:
            return place, gazetteer.where(place)
        if match and match.candidates:
            cercles = sorted({each.cercle for each in match.candidates if each.cercle})
            suggestion = f"write its cercle behind it: {', '.join(cercles)}; or its code"
            self._say(at, f"several places are called `{name}`", suggestion)
        else:
            self._say(at, f"no place is called `{name}`", "look it up in rules/places/")
        return None, Point(0.0, 0.0)

    def _wanted(
        self, expected: Expected, zone: ZoneInfo, at: Path, under_test: frozenset[str]
    ) -> Wanted:
        self._know_rule(expected.rule, (*at, "rule"), under_test)
        areas = None
        if expected.areas is not None:
            named = enumerate(expected.areas)
            areas = frozenset(self._area(name, (*at, "areas", number)) for number, name in named)
        return Wanted(self._spot(at), expected, _epoch(expected.knowable_at, zone), areas)

    def _area(self, name: str, at: Path) -> str:
        return name if name in self._content.tree else self._place(name, at)[1]

    def _near_misses(
        self, case: Case, at: Path, under_test: frozenset[str]
    ) -> Iterator[tuple[Spot, Almost]]:
        for number, almost in enumerate(case.near_misses):
            here = (*at, "near_misses", number)
            self._know_rule(almost.rule, (*here, "rule"), under_test)
            yield self._spot(here), almost

    def _know_rule(self, rule: str, at: Path, under_test: frozenset[str] | None = None) -> None:
        if rule not in self._rules:
            self._say(at, f"there is no rule `{rule}`", closest(rule, self._rules))
        elif under_test is not None and rule not in under_test:
            self._say(at, f"`{rule}` is not under test here", "add it to `rules:` of this file")

    def _spot(self, at: Path) -> Spot:
        mark = self._document.values[at]
        return Spot(self._document.file, mark.line, mark.column)

    def _say(self, at: Path, why: str, suggestion: str | None) -> None:
        self.problems.append(self._document.problem(at, why, suggestion))


_AREAS = "look it up in rules/places/areas.csv"


def north_of(origin: Point, km: float) -> Point:
    """Return the point due north that is `km` away, or the last one that is not farther."""
    lat = origin.lat + km / _KM_PER_DEGREE
    while distance_km(origin, Point(lat, origin.lon)) > km:
        lat = nextafter(lat, -inf)
    return Point(lat, origin.lon)


def _epoch(moment: datetime, zone: ZoneInfo) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return int(aware.astimezone(UTC).timestamp())
