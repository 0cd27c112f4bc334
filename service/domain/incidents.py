"""Which reports tell of the same incident."""

from collections.abc import Iterable
from dataclasses import dataclass

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
            matches.append((_share(km, near.km) + _share(apart, seconds), incident.id))
    return min(matches)[1] if matches else None


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
