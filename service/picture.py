"""What the workflow keeps in mind of the store: made from it at start, and again after a fault."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import Membership, in_use
from service.domain.engine import Engine
from service.domain.geo import Point
from service.domain.incidents import Incidents, Known
from service.judging import differ_in_rules_alone, engine_of
from service.store import people, reports


@dataclass(slots=True)
class Picture:
    """The engine's windows, the incidents that may still be corroborated, the areas in use."""

    engine: Engine
    incidents: Incidents
    in_use: frozenset[str]
    last_report: int
    last_incident: int
    last_alert: int

    @classmethod
    async def load(cls, tx: AsyncConnection, content: Content, now: datetime) -> "Picture":
        """Rebuild all of it from what is stored."""
        engine = engine_of(content)
        since = datetime.fromtimestamp(engine.horizon(_seconds(now)), UTC)
        evidence = [known async for known in reports.evidence_since(tx, since)]
        engine.restore(evidence, await reports.decisions_since(tx, since))
        incidents = Incidents()
        for row in await reports.incidents_since(tx, since):
            point = Point(row.lat, row.lon)
            incidents.add(Known(row.id, row.type, point, int(row.at.timestamp())))
        last_report, last_incident, last_alert = await reports.last_ids(tx)
        areas = await areas_in_use(tx, content, now)
        return cls(engine, incidents, areas, last_report, last_incident, last_alert)

    async def with_content(
        self, tx: AsyncConnection, was: Content, content: Content, now: datetime
    ) -> "Picture":
        """Return the picture by new content; this one must not be used any more.

        Where only rules changed, those that are as before keep what they know.
        """
        if not differ_in_rules_alone(was, content):
            return await Picture.load(tx, content, now)
        known_since = self.engine.horizon(_seconds(now))
        begins = engine_of(content).horizon(_seconds(now))
        since = datetime.fromtimestamp(begins, UTC)
        older = begins < known_since
        self.engine = self.engine.with_rules(
            content.rules,
            await reports.decisions_since(tx, since),
            silences=content.silences,
            evidence=[e async for e in reports.evidence_since(tx, since)] if older else (),
        )
        return self

    def expire(self, now: datetime) -> None:
        """Drop what can matter no more."""
        seconds = _seconds(now)
        self.engine.expire(seconds)
        self.incidents.expire(self.engine.horizon(seconds))


async def areas_in_use(tx: AsyncConnection, content: Content, now: datetime) -> frozenset[str]:
    """The areas that an alert may name now."""
    enrolments = [
        Membership(
            row.area, _seconds(row.joined_at), _seconds(row.left_at) if row.left_at else None
        )
        for row in await people.memberships(tx)
        if row.area in content.tree
    ]
    policy = content.areas
    return in_use(content.tree, enrolments, _seconds(now), policy.k, policy.margin)


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
