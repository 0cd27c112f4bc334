"""From what a text was read as to a report, its incident, and what the rules make of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.codebook import COUNTS, IncidentType
from service.domain.evidence import Decision, Evidence
from service.domain.geo import Point
from service.domain.incidents import Known
from service.domain.reading import Draft
from service.picture import Picture
from service.store import AnyRow
from service.store import reports as report_store

# A gateway's own time is believed as far back as this: it may have been cut off for days.
BELIEVED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of whether the report comes from the person, and freely."""

    verified: bool
    under_duress: bool


@dataclass(slots=True)
class Filed:
    """The reports of a batch, collected so that each table is written once."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    async def write(self, tx: AsyncConnection) -> None:
        await report_store.add(tx, self.incidents, self.reports)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which of a message's reports it is, who sent it from where, and when."""

    inbox_id: int
    nth: int
    reporter: int
    area: str  # is meant where the report names no place
    sent_at: datetime
    received_at: datetime
    status: str = "counted"  # that its report is filed with: see the table

    @classmethod
    def of(cls, message: AnyRow, person: AnyRow, nth: int, status: str = "counted") -> "Origin":
        sent = believed(message.sent_at, message.received_at)
        return cls(message.id, nth, person.id, person.area, sent, message.received_at, status)


def file(
    filed: Filed, picture: Picture, content: Content, draft: Draft, origin: Origin, proof: Proof
) -> None:
    """Add the report to the batch, corroborate an incident or open one, and let the rules judge.

    One under duress is kept, and counts nowhere. One that is said in an exercise is judged beside
    others of exercises alone, and is no incident.
    """
    kind = content.codebook.type(draft.type)
    occurred = to_the_hour(origin.sent_at - timedelta(days=draft.days_ago))
    received = to_the_hour(origin.received_at)
    place, area = (draft.place.code, draft.place.area) if draft.place else (origin.area,) * 2
    picture.last_report += 1
    row: dict[str, Any] = {"id": picture.last_report}
    row |= {"inbox_id": origin.inbox_id, "nth": origin.nth}
    row |= {"reporter": origin.reporter, "type": kind.id, "place": place, "area": area}
    row |= {"lat": None, "lon": None, "occurred_at": occurred, "received_at": received}
    row |= {count: getattr(draft, count) for count in COUNTS}
    row |= {"confidence": draft.confidence, "incident_id": None, "verified": proof.verified}
    row |= {"status": "quarantined" if proof.under_duress else origin.status}
    filed.reports.append(row)
    if kind.check_in:
        return
    located = draft.place.point if draft.place else None
    point = located or content.gazetteer.point_of(area)
    row |= {"lat": point.lat, "lon": point.lon}
    evidence = _evidence(row, point)
    if row["status"] == "drill":
        filed.decisions += in_drill(picture.drills.learn(evidence))
    if row["status"] != "counted":
        return
    row["incident_id"] = _incident(filed.incidents, picture, kind, evidence, occurred)
    filed.decisions += picture.engine.learn(evidence)


def in_drill(decisions: Iterable[Decision]) -> list[Decision]:
    """The same, as decided of what was said in an exercise."""
    return [replace(decision, drill=True) for decision in decisions]


def believed(sent_at: datetime | None, received_at: datetime) -> datetime:
    """When a message was sent, as far as its gateway's word for it can be true."""
    if sent_at is None or not received_at - BELIEVED <= sent_at <= received_at:
        return received_at
    return sent_at


def to_the_hour(at: datetime) -> datetime:
    """The hour that a moment is in: reports keep no finer time."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def evidence_of(report: AnyRow) -> Evidence:
    """What the rules may know of a report that is stored."""
    return _evidence(report._asdict(), Point(report.lat, report.lon))


def _evidence(row: dict[str, Any], point: Point) -> Evidence:
    return Evidence(
        id=row["id"],
        type=row["type"],
        place=row["place"],
        area=row["area"],
        point=point,
        reporter=row["reporter"],
        at=int(row["occurred_at"].timestamp()),
        known_at=int(row["received_at"].timestamp()),
        killed=row["killed"] or 0,
        injured=row["injured"] or 0,
        verified=row["verified"],
    )


def _incident(
    opened: list[dict[str, Any]],
    picture: Picture,
    kind: IncidentType,
    evidence: Evidence,
    occurred: datetime,
) -> int:
    """The incident that the report corroborates, or a new one."""
    found = picture.incidents.corroborated(evidence, kind.corroborates)
    if found is not None:
        return found
    picture.last_incident += 1
    number, point = picture.last_incident, evidence.point
    picture.incidents.add(Known(number, kind.id, point, evidence.at))
    row: dict[str, Any] = {"id": number, "type": kind.id, "place": evidence.place}
    row |= {"area": evidence.area, "lat": point.lat, "lon": point.lon, "at": occurred}
    opened.append(row)
    return number
