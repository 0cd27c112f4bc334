"""What the workflow keeps in mind of the store: made from it at start, and again after a fault."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service import areas
from service.content import Content
from service.domain.engine import Engine
from service.domain.geo import Point
from service.domain.incidents import Incidents, Known
from service.judging import differ_in_rules_alone, engine_of
from service.store import areas as area_rows
from service.store import reports
from service.store.areas import Past


@dataclass(slots=True)
class Picture:
    """The engine's windows, the incidents that may still be corroborated, the areas in use."""

    engine: Engine
    drills: Engine  # judges what is said in exercises, and sees nothing else
    incidents: Incidents
    in_use: frozenset[str]
    past: Past
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
        drills = await _drills(tx, content, since)
        incidents = Incidents()
        for row in await reports.incidents_since(tx, since):
            point = Point(row.lat, row.lon)
            incidents.add(Known(row.id, row.type, point, int(row.at.timestamp())))
        last_report, last_incident, last_alert = await reports.last_ids(tx)
        in_use = await areas_in_use(tx, content, now)
        past = await area_rows.past(tx)
        return cls(engine, drills, incidents, in_use, past, last_report, last_incident, last_alert)

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
        self.drills = await _drills(tx, content, since)
        return self

    async def look_at_areas(self, tx: AsyncConnection, content: Content, now: datetime) -> None:
        """See which areas may be named, if anything has happened that may have changed it.

        By whichever process: a coordinator's command may just have revoked somebody.
        """
        past = await area_rows.past(tx)
        if past != self.past:
            self.in_use, self.past = await areas_in_use(tx, content, now), past

    def expire(self, now: datetime) -> None:
        """Drop what can matter no more."""
        seconds = _seconds(now)
        self.engine.expire(seconds)
        self.drills.expire(seconds)
        self.incidents.expire(self.engine.horizon(seconds))


async def _drills(tx: AsyncConnection, content: Content, since: datetime) -> Engine:
    """An engine that knows what was said in exercises, and nothing else."""
    engine = engine_of(content)
    said = [known async for known in reports.evidence_since(tx, since, status="drill")]
    engine.restore(said, await reports.decisions_since(tx, since, drill=True))
    return engine


async def areas_in_use(tx: AsyncConnection, content: Content, now: datetime) -> frozenset[str]:
    """The areas that an alert may name now."""
    return (await areas.cover(tx, content, now)).in_use


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
