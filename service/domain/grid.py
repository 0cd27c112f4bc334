"""Evidence by type and spot, sorted in time, so that a window is a few bisections.

Reports come from places, and places recur: each (point, place, area) that was heard from is a
*spot*. Which spots are within reach of one is found once, kept, and added to when a spot is heard
from for the first time; so are the series that a rule looks at from there. Points are looked up in
cells of a quarter of a degree, about 28 km of latitude: the radius of most rules, so that a look-up
opens some nine of them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from math import asin, ceil, cos, floor, pi, radians, sin
from typing import Literal, NamedTuple

from service.domain.areas import AreaTree
from service.domain.condition import Level
from service.domain.evidence import Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point, distance_km

_CELL_DEGREES = 0.25
_COLUMNS = round(360 / _CELL_DEGREES)
_CELL_KM = EARTH_RADIUS_KM * pi / 180 * _CELL_DEGREES

Cell = tuple[int, int]
Types = frozenset[str] | None  # None: every type
Near = tuple[float, Evidence]

Alike = Level | Literal["place", "anywhere"]
Reach = tuple[float | Alike, ...]
"""So many kilometres, in the same area of a level, of the same place: one of these is enough."""
_ALIKE: tuple[Alike, ...] = ("commune", "cercle", "region", "place", "anywhere")


class Spot(NamedTuple):
    """Where reports come from."""

    point: Point
    place: str
    area: str


class Ground:
    """The spots heard from, each numbered, and which are within reach of which."""

    def __init__(self, tree: AreaTree) -> None:
        self._tree = tree
        self._numbers: dict[tuple[Point, str, str], int] = {}
        self._spots: list[Spot] = []
        self._cells: dict[Cell, list[int]] = {}
        self._alike: dict[tuple[str, str], list[int]] = {}
        self._near: dict[Reach, dict[int, list[tuple[float, int]]]] = {}
        self._last: tuple[Evidence | None, int] = None, 0

    def number(self, evidence: Evidence) -> int:
        """Return the number of the spot that a report comes from."""
        last, number = self._last
        if evidence is last:  # every rule asks for the same report in turn
            return number
        spot = evidence.point, evidence.place, evidence.area
        known = self._numbers.get(spot)
        number = self._add(Spot(*spot)) if known is None else known
        self._last = evidence, number
        return number

    def near(self, number: int, reach: Reach) -> list[tuple[float, int]]:
        """Return (distance in km, number) of every spot within reach, the spot itself included."""
        known = self._near.setdefault(reach, {})
        if number not in known:
            known[number] = self._find(number, reach)
        return known[number]

    def area(self, area: str, level: Level) -> str:
        """Return the area of that level that holds this one; one in no tree is its own."""
        return self._tree.at(area, level) if area in self._tree else area

    def _add(self, spot: Spot) -> int:
        number = self._numbers[spot] = len(self._spots)
        self._spots.append(spot)
        self._cells.setdefault(_cell(spot.point), []).append(number)
        for alike in _ALIKE:
            self._alike.setdefault(self._key(spot, alike), []).append(number)
        for reach, known in self._near.items():
            for km, other in self._find(number, reach):
                if other in known:
                    known[other].append((km, number))
        return number

    def _find(self, number: int, reach: Reach) -> list[tuple[float, int]]:
        here = self._spots[number]
        found: dict[int, float] = {}
        for where in reach:
            if isinstance(where, str):
                for other in self._alike[self._key(here, where)]:
                    found[other] = distance_km(here.point, self._spots[other].point)
            else:
                for cell in _cells_within(_cell(here.point), where):
                    for other in self._cells.get(cell, ()):
                        km = distance_km(here.point, self._spots[other].point)
                        if km <= where:
                            found[other] = km
        return [(km, other) for other, km in found.items()]

    def _key(self, spot: Spot, alike: Alike) -> tuple[str, str]:
        """Return what spots have in common that are alike so."""
        match alike:
            case "anywhere":
                return alike, ""
            case "place":
                return alike, spot.place
            case level:
                return level, self.area(spot.area, level)


class Series:
    """The reports of one type from one spot in the order (at, id)."""

    __slots__ = ("moments", "reports")

    def __init__(self) -> None:
        self.moments: list[int] = []
        self.reports: list[Evidence] = []

    def add(self, report: Evidence) -> None:
        index = bisect_right(self.moments, report.at)
        while index and self.reports[index - 1].key > report.key:
            index -= 1
        self.moments.insert(index, report.at)
        self.reports.insert(index, report)

    def remove(self, report: Evidence) -> None:
        index = bisect_left(self.moments, report.at)
        while self.reports[index].id != report.id:
            index += 1
        del self.moments[index], self.reports[index]

    def expire(self, before: int) -> None:
        old = bisect_left(self.moments, before)
        del self.moments[:old], self.reports[:old]


class Lane:
    """The series of some types, as they lie within one reach of each spot."""

    def __init__(
        self, ground: Ground, series: Mapping[int, Mapping[str, Series]], reach: Reach, types: Types
    ) -> None:
        self._ground = ground
        self._series = series
        self._reach = reach
        self._types = types
        self._near: dict[int, list[tuple[float, Series]]] = {}

    def has(self, type_: str) -> bool:
        return self._types is None or type_ in self._types

    def widen(self, number: int, series: Series) -> None:
        """Take in a new series of one of the types."""
        for km, other in self._ground.near(number, self._reach):
            if other in self._near:
                self._near[other].append((km, series))

    def around(self, centre: Evidence, after: int, until: int) -> list[Near]:
        """Return (distance in km, report) of those within reach with after < at <= until."""
        found: list[Near] = []
        for km, series in self._around(centre):
            moments = series.moments
            if moments and moments[-1] > after:
                start, end = bisect_right(moments, after), bisect_right(moments, until)
                found += [(km, report) for report in series.reports[start:end]]
        return found

    def _around(self, centre: Evidence) -> list[tuple[float, Series]]:
        number = self._ground.number(centre)
        near = self._near.get(number)
        if near is None:
            near = self._near[number] = [
                (km, series)
                for km, other in self._ground.near(number, self._reach)
                for type_, series in self._series.get(other, {}).items()
                if self.has(type_)
            ]
        return near


class Tally:
    """When reports of some types happened within one reach of each spot.

    That is enough to know how many a rule sees; it is asked for far more often than it is met.
    """

    def __init__(
        self, ground: Ground, series: Mapping[int, Mapping[str, Series]], reach: Reach, types: Types
    ) -> None:
        self._ground = ground
        self._series = series
        self._reach = reach
        self._types = types
        self._moments: dict[int, list[int]] = {}
        self._felt: dict[int, list[list[int]]] = {}

    def has(self, type_: str) -> bool:
        return self._types is None or type_ in self._types

    def add(self, number: int, at: int) -> None:
        """Take in a report from a spot that is not in its series yet."""
        if number not in self._felt:
            self._meet(number)
        for moments in self._felt[number]:
            if not moments or moments[-1] <= at:
                moments.append(at)
            else:
                insort(moments, at)

    def remove(self, number: int, at: int) -> None:
        """Take out a report from a spot that is in its series still."""
        if number not in self._felt:
            self._meet(number)
        for moments in self._felt[number]:
            del moments[bisect_left(moments, at)]

    def expire(self, before: int) -> None:
        for moments in self._moments.values():
            del moments[: bisect_left(moments, before)]

    def count(self, centre: Evidence, after: int, until: int) -> int:
        """Return how many there are within reach with after < at <= until."""
        number = self._ground.number(centre)
        if number not in self._moments:
            self._meet(number)
        moments = self._moments[number]
        return bisect_right(moments, until) - bisect_right(moments, after)

    def is_quiet(self, report: Evidence, enough: int, span: int) -> bool:
        """Whether a report that was added sees fewer than `enough`, and is the last there is."""
        number = self._ground.number(report)
        if number not in self._moments:
            self._meet(number)
        moments = self._moments[number]
        at = report.at
        if moments[-1] > at or (len(moments) > 1 and moments[-2] == at):
            return False
        return len(moments) < enough or moments[-enough] <= at - span

    def _meet(self, number: int) -> None:
        """Begin to tally for a spot."""
        near = [other for _, other in self._ground.near(number, self._reach)]
        moments = self._moments[number] = sorted(
            moment
            for other in near
            for type_, series in self._series.get(other, {}).items()
            if self.has(type_)
            for moment in series.moments
        )
        self._felt[number] = [moments]
        for other in near:
            if other != number and other in self._felt:
                self._felt[number].append(self._moments[other])
                self._felt[other].append(moments)


class Grid:
    """Evidence that is found by type, spot and time, through lanes that rules share."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._series: dict[int, dict[str, Series]] = {}
        self._lanes: dict[tuple[Reach, Types], Lane] = {}
        self._tallies: dict[tuple[Reach, Types], Tally] = {}
        self._tallying: dict[str, list[Tally]] = {}

    def tally(self, reach: Reach, types: Types) -> Tally:
        if (reach, types) not in self._tallies:
            self._tallies[reach, types] = Tally(self._ground, self._series, reach, types)
            self._tallying.clear()
        return self._tallies[reach, types]

    def lane(self, reach: Reach, types: Types) -> Lane:
        if (reach, types) not in self._lanes:
            self._lanes[reach, types] = Lane(self._ground, self._series, reach, types)
        return self._lanes[reach, types]

    def area(self, report: Evidence, level: Level) -> str:
        return self._ground.area(report.area, level)

    def add(self, report: Evidence) -> None:
        number = self._ground.number(report)
        for tally in self._tallies_of(report.type):
            tally.add(number, report.at)
        series = self._series.setdefault(number, {}).get(report.type)
        if series is None:
            series = self._begin(number, report.type)
        series.add(report)

    def remove(self, report: Evidence) -> None:
        """Take out a report that is in the grid."""
        number = self._ground.number(report)
        for tally in self._tallies_of(report.type):
            tally.remove(number, report.at)
        self._series[number][report.type].remove(report)

    def expire(self, before: int) -> None:
        """Drop what happened before that moment."""
        for here in self._series.values():
            for series in here.values():
                series.expire(before)
        for tally in self._tallies.values():
            tally.expire(before)

    def _tallies_of(self, type_: str) -> list[Tally]:
        if type_ not in self._tallying:
            self._tallying[type_] = [t for t in self._tallies.values() if t.has(type_)]
        return self._tallying[type_]

    def _begin(self, number: int, type_: str) -> Series:
        series = self._series[number][type_] = Series()
        for lane in self._lanes.values():
            if lane.has(type_):
                lane.widen(number, series)
        return series


def _cell(point: Point) -> Cell:
    return floor(point.lat / _CELL_DEGREES), floor(point.lon / _CELL_DEGREES) % _COLUMNS


def _cells_within(cell: Cell, km: float) -> Iterable[Cell]:
    """Yield the cells in reach; degrees of longitude shrink polewards and wrap at 180°."""
    row, column = cell
    rows = range(row - ceil(km / _CELL_KM), row + ceil(km / _CELL_KM) + 1)
    poleward = max(abs(rows[0]), abs(rows[-1] + 1)) * _CELL_DEGREES
    columns = _columns_within(km, poleward)
    if columns is None:
        return ((r, c) for r in rows for c in range(_COLUMNS))
    return ((r, (column + c) % _COLUMNS) for r in rows for c in range(-columns, columns + 1))


def _columns_within(km: float, latitude: float) -> int | None:
    """Return how many columns km can span up to that latitude; None if all the way round.

    Of two points at a distance d, sin²(d/2R) ≥ cos φ₁ cos φ₂ sin²(Δλ/2) (haversine formula).
    """
    if latitude >= 90:
        return None
    span = sin(min(km / (2 * EARTH_RADIUS_KM), pi / 2)) / cos(radians(latitude))
    if span >= 1:
        return None
    columns = ceil(2 * asin(span) * 180 / pi / _CELL_DEGREES)
    return columns if 2 * columns + 1 < _COLUMNS else None
