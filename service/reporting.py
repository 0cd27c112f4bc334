"""From what a text was read as to a report, its incident, and what the rules make of it."""

from dataclasses import dataclass, field
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


def file(
    filed: Filed,
    picture: Picture,
    content: Content,
    draft: Draft,
    person: AnyRow,
    message: AnyRow,
    proof: Proof,
    nth: int = 0,
) -> None:
    """Add the report to the batch, corroborate an incident or open one, and let the rules judge.

    `nth`: which of the message's reports it is, from 0. One under duress is kept, counts nowhere.
    """
    kind = content.codebook.type(draft.type)
    occurred, received = _to_the_hour(message, draft.days_ago)
    place, area = (draft.place.code, draft.place.area) if draft.place else (person.area,) * 2
    picture.last_report += 1
    row: dict[str, Any] = {"id": picture.last_report, "inbox_id": message.id, "nth": nth}
    row |= {"reporter": person.id, "type": kind.id, "place": place, "area": area}
    row |= {"lat": None, "lon": None, "occurred_at": occurred, "received_at": received}
    row |= {count: getattr(draft, count) for count in COUNTS}
    row |= {"confidence": draft.confidence, "incident_id": None, "verified": proof.verified}
    row |= {"status": "quarantined" if proof.under_duress else "counted"}
    filed.reports.append(row)
    if kind.check_in:
        return
    located = draft.place.point if draft.place else None
    point = located or content.gazetteer.point_of(area)
    row |= {"lat": point.lat, "lon": point.lon}
    if proof.under_duress:
        return
    evidence = _evidence(row, point)
    row["incident_id"] = _incident(filed.incidents, picture, kind, evidence, occurred)
    filed.decisions += picture.engine.learn(evidence)


def _to_the_hour(message: AnyRow, days_ago: int) -> tuple[datetime, datetime]:
    """When it happened and when it was received, to the hour: reports keep no finer time."""
    received: datetime = message.received_at
    occurred = believed(message.sent_at, received) - timedelta(days=days_ago)
    return _hour(occurred), _hour(received)


def believed(sent_at: datetime | None, received_at: datetime) -> datetime:
    """When a message was sent, as far as its gateway's word for it can be true."""
    if sent_at is None or not received_at - BELIEVED <= sent_at <= received_at:
        return received_at
    return sent_at


def _hour(at: datetime) -> datetime:
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
