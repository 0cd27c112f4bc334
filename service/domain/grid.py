"""Evidence by type and grid cell, each cell sorted in time, so that a window is a few bisections.

A cell is a quarter of a degree, about 28 km of latitude: the radius of most rules, so that a
window looks into some nine cells. Cells only narrow the search; distance decides.
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
Entry = tuple[int, int, Evidence]
Near = tuple[float, Evidence]


class Grid:
    """Evidence that is found by place, type and time."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[Cell, list[Entry]]] = {}
        self._reached: dict[str, dict[tuple[Cell, float], list[list[Entry]]]] = {}

    def add(self, evidence: Evidence) -> None:
        cells = self._cells.setdefault(evidence.type, {})
        cell = _cell(evidence.point)
        series = cells.get(cell)
        if series is None:
            series = cells[cell] = []
            self._reached[evidence.type] = {}
        insort(series, (evidence.at, evidence.id, evidence))

    def remove(self, evidence: Evidence) -> None:
        """Take out evidence that is in the grid."""
        series = self._cells[evidence.type][_cell(evidence.point)]
        del series[bisect_left(series, (evidence.at, evidence.id))]

    def around(
        self, point: Point, km: float, types: Iterable[str] | None, after: int, until: int
    ) -> list[Near]:
        """Return (distance in km, evidence) of those types with after < at <= until, within km.

        `types` None stands for every type.
        """
        found: list[Near] = []
        cell = _cell(point)
        for type_ in self._cells if types is None else types:
            for series in self._reach(type_, cell, km):
                if not series or series[-1][0] <= after:
                    continue
                for index in range(bisect_left(series, (after + 1,)), len(series)):
                    at, _, evidence = series[index]
                    if at > until:
                        break
                    apart = distance_km(point, evidence.point)
                    if apart <= km:
                        found.append((apart, evidence))
        return found

    def expire(self, before: int) -> None:
        """Drop what happened before that moment."""
        for type_, cells in self._cells.items():
            for series in cells.values():
                del series[: bisect_left(series, (before,))]
            if not all(cells.values()):
                self._cells[type_] = {cell: series for cell, series in cells.items() if series}
                self._reached[type_] = {}

    def _reach(self, type_: str, cell: Cell, km: float) -> list[list[Entry]]:
        """Return the series of every cell that may hold a point within km of a point of `cell`."""
        cells = self._cells.get(type_)
        if cells is None:
            return []
        reached = self._reached[type_]
        found = reached.get((cell, km))
        if found is None:
            found = reached[cell, km] = [
                cells[near] for near in _cells_within(cell, km) if near in cells
            ]
        return found


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
