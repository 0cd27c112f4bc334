"""Reports, the incidents that they corroborate, and what the rules decided of them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from sys import intern
from typing import Any

from sqlalchemy import exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.evidence import Check, Decision, Evidence
from service.domain.geo import Point
from service.store.store import AnyRow, insert_new
from service.store.tables import alert, decision, incident, report, rule_text


async def add(
    tx: AsyncConnection, incidents: Sequence[dict[str, Any]], reports: Sequence[dict[str, Any]]
) -> None:
    """Store a batch's reports, after the incidents that they made."""
    if incidents:
        await tx.execute(insert(incident), list(incidents))
    if reports:
        await tx.execute(insert(report), list(reports))


async def last_ids(tx: AsyncConnection) -> tuple[int, int, int]:
    """The highest report, incident and alert id given out so far; 0 where there is none."""
    columns = (func.max(report.c.id), func.max(incident.c.id), func.max(alert.c.id))
    reports, incidents, alerts = [(await tx.execute(select(c))).scalar() or 0 for c in columns]
    return reports, incidents, alerts


async def evidence_since(
    tx: AsyncConnection, since: datetime, *, exact: bool = False, status: str = "counted"
) -> AsyncIterator[Evidence]:
    """What counted reports say of things that happened since then, as the engine reads it.

    Those of another `status`, where one is asked for. `exact` leaves out those of which only area
    and day are kept. What many of them share is one object: the engine keeps a year of them in
    memory.
    """
    points: dict[tuple[float, float], Point] = {}
    r = report.c
    columns = (r.id, r.type, r.place, r.area, r.lat, r.lon, r.reporter)
    query = (
        select(*columns, r.occurred_at, r.received_at, r.killed, r.injured, r.verified)
        .where(r.occurred_at >= since, r.status == status, r.lat.is_not(None))
        .order_by(r.id)
    )
    if exact:
        query = query.where(~r.coarse)
    result = await tx.stream(query.execution_options(yield_per=2000))
    async for rows in result.partitions():
        for id_, type_, place, area, lat, lon, reporter, occurred, received, *counts in rows:
            killed, injured, verified = counts
            yield Evidence(
                id=id_,
                type=intern(type_),
                place=intern(place),
                area=intern(area),
                point=points.setdefault((lat, lon), Point(lat, lon)),
                reporter=reporter,
                at=int(occurred.timestamp()),
                known_at=int(received.timestamp()),
                killed=killed or 0,
                injured=injured or 0,
                verified=verified,
            )


async def count_coarse(tx: AsyncConnection) -> int:
    """How many counted reports there are of which only area and day are kept."""
    r = report.c
    query = select(func.count()).where(r.coarse, r.status == "counted", r.lat.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def incidents_since(tx: AsyncConnection, since: datetime) -> Sequence[AnyRow]:
    """Incidents since then whose place is kept, as first reported: id, type, lat, lon, at."""
    i = incident.c
    query = select(i.id, i.type, i.lat, i.lon, i.at).where(i.at >= since, ~i.coarse)
    return (await tx.execute(query.order_by(i.id))).all()


async def counted_incidents(
    tx: AsyncConnection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Incidents from `since` and before `until` that a report still stands for, the place kept.

    Each has id, place, area, lat, lon and at.
    """
    i = incident.c
    stands = exists().where(report.c.incident_id == i.id, report.c.status == "counted")
    query = select(i.id, i.place, i.area, i.lat, i.lon, i.at)
    query = query.where(i.at >= since, i.at < until, ~i.coarse, stands).order_by(i.id)
    return (await tx.execute(query)).all()


async def by_id(tx: AsyncConnection, ids: Sequence[int]) -> Sequence[AnyRow]:
    """These reports, in the order in which the engine judges them."""
    query = select(report).where(report.c.id.in_(ids))
    return (await tx.execute(query.order_by(report.c.occurred_at, report.c.id))).all()


async def people_at(
    tx: AsyncConnection,
    places: Collection[str],
    types: Collection[str],
    since: datetime,
    until: datetime,
) -> list[tuple[str, int]]:
    """Place and reporter of each report that counts, of these places and types, in that time."""
    query = select(report.c.place, report.c.reporter).where(
        report.c.place.in_(places),
        report.c.type.in_(types),
        report.c.occurred_at >= since,
        report.c.occurred_at < until,
        report.c.status == "counted",
    )
    return [(row.place, row.reporter) for row in await tx.execute(query)]


async def keep_rules(tx: AsyncConnection, texts: Mapping[str, str]) -> None:
    """Keep what rules say, by their hashes; one that is kept already stays as it is."""
    rows = [{"hash": hash_, "text": text_} for hash_, text_ in texts.items()]
    await tx.execute(insert_new(tx, rule_text), rows)


async def rule_said(tx: AsyncConnection, rule_hash: str) -> str | None:
    """The text that a rule had when its hash was this."""
    return await tx.scalar(select(rule_text.c.text).where(rule_text.c.hash == rule_hash))


async def add_decisions(
    tx: AsyncConnection,
    decisions: Sequence[tuple[Decision, tuple[str, datetime] | None]],
    now: datetime,
) -> None:
    """Keep what was decided, with every reason.

    Each goes with the finest area that may be named for it and the time at which responders are to
    be told; with None where nobody is. When it was decided is kept to the hour, as reports are.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = []
    for made, telling in decisions:
        row = asdict(made)
        floor, due_at = telling or (None, None)
        row |= {"floor": floor, "due_at": due_at, "release": "waiting" if telling else None}
        row["checks"] = [
            [check.name, check.value, check.threshold, check.met] for check in made.checks
        ]
        row |= {"at": datetime.fromtimestamp(made.at, UTC), "decided_at": hour}
        row |= {"evidence": list(made.evidence), "areas": list(made.areas)}
        rows.append(row)
    await tx.execute(insert(decision), rows)


async def decisions_since(
    tx: AsyncConnection, since: datetime, *, drill: bool = False
) -> list[Decision]:
    """What was decided of things that happened since then, in the order it was decided.

    Of what was said in exercises, or of all the rest.
    """
    query = select(decision).where(decision.c.at >= since, decision.c.drill == drill)
    query = query.order_by(decision.c.id)
    return [
        Decision(
            kind=row.kind,
            rule=row.rule,
            rule_hash=row.rule_hash,
            episode=row.episode,
            type=row.type,
            severity=row.severity,
            evidence=tuple(row.evidence),
            areas=tuple(row.areas),
            at=int(row.at.timestamp()),
            late=row.late,
            checks=tuple(Check(*check) for check in row.checks),
            suppressed_by=row.suppressed_by,
            live=row.live,
            drill=row.drill,
        )
        for row in await tx.execute(query)
    ]


async def decisions_about(tx: AsyncConnection, episode: str) -> Sequence[AnyRow]:
    """What was decided of one episode, in the order it was decided."""
    query = select(decision).where(decision.c.episode == episode).order_by(decision.c.id)
    return (await tx.execute(query)).all()


async def suppressed_for(tx: AsyncConnection, suppressor: str) -> Sequence[AnyRow]:
    """What was not told because of the episode `rule:opener`."""
    query = select(decision).where(decision.c.suppressed_by == suppressor)
    return (await tx.execute(query.order_by(decision.c.id))).all()


async def decisions_of(tx: AsyncConnection, rule: str, since: datetime) -> Sequence[AnyRow]:
    """What a rule decided of things that happened since then, in the order it was decided."""
    query = select(decision).where(
        decision.c.rule == rule, decision.c.at >= since, ~decision.c.drill
    )
    return (await tx.execute(query.order_by(decision.c.id))).all()
