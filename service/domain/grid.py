"""Evidence by type and place, sorted in time, so that a window is a few bisections.

Reports come from places, and places recur. Which places lie within so many kilometres of one is
looked up in a grid, once for all types and rules, and kept with the distances until a place is
heard from for the first time. A cell is a quarter of a degree, about 28 km of latitude: the radius
of most rules, so that a look-up opens some nine cells.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import asin, ceil, cos, floor, pi, radians, sin

from service.domain.evidence import Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point, distance_km

_CELL_DEGREES = 0.25
_COLUMNS = round(360 / _CELL_DEGREES)
_CELL_KM = EARTH_RADIUS_KM * pi / 180 * _CELL_DEGREES

Cell = tuple[int, int]
Series = list[tuple[int, int, Evidence]]
Near = tuple[float, Evidence]


class Ground:
    """The places heard from, each numbered, and which are near which."""

    def __init__(self) -> None:
        self._numbers: dict[Point, int] = {}
        self._cells: dict[Cell, list[tuple[Point, int]]] = {}
        self._near: dict[tuple[Point, float], list[tuple[float, int]]] = {}

    def number(self, point: Point) -> int:
        number = self._numbers.get(point)
        if number is None:
            number = self._numbers[point] = len(self._numbers)
            self._cells.setdefault(_cell(point), []).append((point, number))
            self._near.clear()
        return number

    def near(self, point: Point, km: float) -> list[tuple[float, int]]:
        """Return (distance in km, number) of every place within km."""
        near = self._near.get((point, km))
        if near is None:
            places = [
                (distance_km(point, place), number)
                for cell in _cells_within(_cell(point), km)
                for place, number in self._cells.get(cell, ())
            ]
            near = self._near[point, km] = [place for place in places if place[0] <= km]
        return near


class Grid:
    """Evidence that is found by type, place and time."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._types: dict[str, dict[int, Series]] = {}

    def add(self, evidence: Evidence) -> None:
        places = self._types.setdefault(evidence.type, {})
        series = places.setdefault(self._ground.number(evidence.point), [])
        insort(series, (evidence.at, evidence.id, evidence))

    def remove(self, evidence: Evidence) -> None:
        """Take out evidence that is in the grid."""
        series = self._types[evidence.type][self._ground.number(evidence.point)]
        del series[bisect_left(series, (evidence.at, evidence.id))]

    def around(
        self, point: Point, km: float, types: Iterable[str] | None, after: int, until: int
    ) -> list[Near]:
        """Return (distance in km, evidence) of those types with after < at <= until, within km.

        `types` None stands for every type.
        """
        found: list[Near] = []
        near = self._ground.near(point, km)
        for type_ in self._types if types is None else types:
            places = self._types.get(type_)
            if places is None:
                continue
            for apart, number in near:
                series = places.get(number)
                if not series or series[-1][0] <= after:
                    continue
                for index in range(bisect_left(series, (after + 1,)), len(series)):
                    at, _, evidence = series[index]
                    if at > until:
                        break
                    found.append((apart, evidence))
        return found

    def expire(self, before: int) -> None:
        """Drop what happened before that moment."""
        for places in self._types.values():
            for number, series in list(places.items()):
                del series[: bisect_left(series, (before,))]
                if not series:
                    del places[number]


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
