"""Which reports tell of the same incident."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import floor

from service.domain.codebook import Near
from service.domain.evidence import Evidence
from service.domain.geo import Point, distance_km


@dataclass(frozen=True, slots=True)
class Known:
    """An incident as it was first reported; `at` is in epoch seconds, UTC."""

    id: int
    type: str
    point: Point
    at: int


def corroborates(report: Evidence, known: Iterable[Known], near: Near) -> int | None:
    """Return the id of the incident that `report` corroborates, or None if it tells of a new one.

    A match has the same type and lies within `near`, both bounds included. The nearest wins, each
    of distance and time measured as a share of its bound; then the lowest id.
    """
    seconds = near.hours * 3600
    matches = []
    for incident in known:
        apart = abs(incident.at - report.at)
        if incident.type != report.type or apart > seconds:
            continue
        km = distance_km(incident.point, report.point)
        if km <= near.km:
            matches.append((km / near.km + apart / seconds, incident.id))
    return min(matches)[1] if matches else None


_DAY = 86_400
_CELL_DEGREES = 1.0  # about 110 km: wider than any two reports of one incident are apart


class Incidents:
    """The incidents that a report may still corroborate, found by type, day and place."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int], list[Known]] = defaultdict(list)

    def add(self, incident: Known) -> None:
        self._known[incident.type, incident.at // _DAY, *_cell(incident.point)].append(incident)

    def corroborated(self, report: Evidence, near: Near) -> int | None:
        """Return the id of the incident that `report` corroborates, as `corroborates` has it."""
        return corroborates(report, self._around(report, near), near)

    def expire(self, before: int) -> None:
        """Drop the incidents of days that were over by then (epoch seconds)."""
        for key in [key for key in self._known if (key[1] + 1) * _DAY <= before]:
            del self._known[key]

    def _around(self, report: Evidence, near: Near) -> Iterator[Known]:
        seconds = near.hours * 3600
        days = range((report.at - seconds) // _DAY, (report.at + seconds) // _DAY + 1)
        row, column = _cell(report.point)
        beside = (-1, 0, 1)
        for day, south, east in product(days, beside, beside):
            yield from self._known.get((report.type, day, row + south, column + east), ())


def _cell(point: Point) -> tuple[int, int]:
    return floor(point.lat / _CELL_DEGREES), floor(point.lon / _CELL_DEGREES)
