"""Evidence as it lies around each spot, sorted in time, so that a window is two bisections.

Reports come from places, and places recur: each (point, place, area) that was heard from is a
*spot*. Which spots are within reach of one is found once, kept, and added to when a spot is heard
from for the first time. A report is then entered at every spot from which a rule can see it:
windows are looked at far more often than reports come. Points are looked up in cells of a quarter
of a degree, about 28 km of latitude: the radius of most rules, so that a look-up opens some nine of
them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from math import asin, ceil, cos, floor, pi, radians, sin
from operator import attrgetter
from typing import Literal, NamedTuple, TypeGuard

from service.domain.areas import AreaTree
from service.domain.condition import Level
from service.domain.evidence import Evidence, Key
from service.domain.geo import EARTH_RADIUS_KM, Point, distance_km

_CELL_DEGREES = 0.25
_COLUMNS = round(360 / _CELL_DEGREES)
_CELL_KM = EARTH_RADIUS_KM * pi / 180 * _CELL_DEGREES

_AT, _KEY = attrgetter("at"), attrgetter("at", "id")

Cell = tuple[int, int]
Reports = list[Evidence]
Types = frozenset[str] | None  # None: every type

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
        self._near: dict[Reach, dict[int, list[int]]] = {}
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

    def near(self, number: int, reach: Reach) -> Sequence[int]:
        """Return the number of every spot within reach, the spot itself included."""
        if is_alike(reach):
            return self._alike[self._key(self._spots[number], reach[0])]
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
            for other in self._find(number, reach):
                if other in known:
                    known[other].append(number)
        return number

    def _find(self, number: int, reach: Reach) -> list[int]:
        here = self._spots[number]
        found: set[int] = set()
        for where in reach:
            if isinstance(where, str):
                found.update(self._alike[self._key(here, where)])
            else:
                for cell in _cells_within(_cell(here.point), where):
                    for other in self._cells.get(cell, ()):
                        if distance_km(here.point, self._spots[other].point) <= where:
                            found.add(other)
        return sorted(found)

    def _key(self, spot: Spot, alike: Alike) -> tuple[str, str]:
        """Return what spots have in common that are alike so."""
        match alike:
            case "anywhere":
                return alike, ""
            case "place":
                return alike, spot.place
            case level:
                return level, self.area(spot.area, level)


class Outlook:
    """The reports of some types, as they lie within one reach of each spot, in order (at, id)."""

    def __init__(
        self,
        ground: Ground,
        reports: Mapping[int, Mapping[str, Reports]],
        reach: Reach,
        types: Types,
    ) -> None:
        self._ground = ground
        self._reports = reports
        self._reach = reach
        self._types = types
        self._around: dict[int, Reports] = {}
        self._felt: dict[int, list[Reports]] = {}
        self._last: Key | None = None
        self._here: tuple[Evidence | None, Reports] = None, []

    def has(self, type_: str) -> bool:
        return self._types is None or type_ in self._types

    def around(self, centre: Evidence) -> Reports:
        """Return what lies within reach; it is to be looked at, at once, and not to be changed."""
        here, around = self._here
        if centre is here:  # every rule asks for the same report in turn
            return around
        number = self._ground.number(centre)
        if number not in self._around:
            self._meet(number)
        around = self._around[number]
        self._here = centre, around
        return around

    def between(self, centre: Evidence, after: int, until: int) -> Reports:
        """Return what lies within reach with after < at <= until."""
        return between(self.around(centre), after, until)

    def add(self, number: int, report: Evidence) -> None:
        """Take in a report from a spot that is not in the grid yet."""
        if number not in self._felt:
            self._meet(number)
        key = report.at, report.id
        if self._last is None or self._last < key:  # reports mostly come as they happen
            self._last = key
            for reports in self._felt[number]:
                reports.append(report)
        else:
            for reports in self._felt[number]:
                insort(reports, report, key=_KEY)

    def remove(self, number: int, report: Evidence) -> None:
        """Take out a report from a spot that is in the grid still."""
        if number not in self._felt:
            self._meet(number)
        for reports in self._felt[number]:
            _remove(reports, report)

    def expire(self, before: int) -> None:
        for reports in self._around.values():
            if reports and reports[0].at < before:
                _expire(reports, before)

    def _meet(self, number: int) -> None:
        """Begin to look out from a spot."""
        near = self._ground.near(number, self._reach)
        alike = is_alike(self._reach)
        known = next((other for other in near if other in self._around), None) if alike else None
        if known is not None:  # from all of these the same is seen
            self._around[number], self._felt[number] = self._around[known], self._felt[known]
            return
        found = (
            report
            for other in near
            for type_, reports in self._reports.get(other, {}).items()
            if self.has(type_)
            for report in reports
        )
        around = self._around[number] = sorted(found, key=_KEY)
        if around and (self._last is None or self._last < around[-1].key):
            self._last = around[-1].key
        self._felt[number] = [around]
        for other in () if alike else near:
            if other != number and other in self._felt:
                self._felt[number].append(self._around[other])
                self._felt[other].append(around)


class Grid:
    """Evidence that is found by type, spot and time, through outlooks that rules share."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._reports: dict[int, dict[str, Reports]] = {}
        self._outlooks: dict[tuple[Reach, Types], Outlook] = {}
        self._bearing: dict[str, list[Outlook]] = {}

    def outlook(self, reach: Reach, types: Types) -> Outlook:
        if (reach, types) not in self._outlooks:
            self._outlooks[reach, types] = Outlook(self._ground, self._reports, reach, types)
            self._bearing.clear()
        return self._outlooks[reach, types]

    def area(self, report: Evidence, level: Level) -> str:
        return self._ground.area(report.area, level)

    def add(self, report: Evidence) -> None:
        number = self._ground.number(report)
        for outlook in self._outlooks_of(report.type):
            outlook.add(number, report)
        here = self._reports.setdefault(number, {}).setdefault(report.type, [])
        if not here or here[-1].at < report.at:
            here.append(report)
        else:
            insort(here, report, key=_KEY)

    def remove(self, report: Evidence) -> None:
        """Take out a report that is in the grid."""
        number = self._ground.number(report)
        for outlook in self._outlooks_of(report.type):
            outlook.remove(number, report)
        _remove(self._reports[number][report.type], report)

    def expire(self, before: int) -> None:
        """Drop what happened before that moment."""
        for here in self._reports.values():
            for reports in here.values():
                if reports and reports[0].at < before:
                    _expire(reports, before)
        for outlook in self._outlooks.values():
            outlook.expire(before)

    def _outlooks_of(self, type_: str) -> list[Outlook]:
        """Return the outlooks that a report of this type is entered in."""
        if type_ not in self._bearing:
            self._bearing[type_] = [each for each in self._outlooks.values() if each.has(type_)]
        return self._bearing[type_]


def is_alike(reach: Reach) -> TypeGuard[tuple[Alike]]:
    """Whether spots within such a reach of one another have all the same spots within reach."""
    return len(reach) == 1 and isinstance(reach[0], str)


def between(reports: Reports, after: int, until: int) -> Reports:
    """Return those with after < at <= until, of reports that are in order."""
    if not reports or reports[-1].at <= after:
        return []
    start = bisect_right(reports, after, key=_AT)
    if reports[-1].at <= until:
        return reports[start:]
    return reports[start : bisect_right(reports, until, start, key=_AT)]


def _remove(reports: Reports, report: Evidence) -> None:
    """Take out one of some reports that are in order."""
    del reports[bisect_left(reports, report.key, key=_KEY)]


def _expire(reports: Reports, before: int) -> None:
    del reports[: bisect_left(reports, before, key=_AT)]


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
