"""What the nightly scans found."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.geo import Point
from service.domain.scan import Cluster
from service.store.store import AnyRow, insert_new
from service.store.tables import scan


@dataclass(frozen=True, slots=True)
class Night:
    """A scan: the last day that it looked at, how many incidents, and the likeliest cluster."""

    day: date
    incidents: int
    cluster: Cluster | None
    made_at: datetime


async def add(tx: AsyncConnection, night: Night) -> None:
    """Keep what a night found; of one day, what was found first stays."""
    row = {"day": night.day, "incidents": night.incidents, "made_at": night.made_at}
    if found := night.cluster:
        row |= {"places": list(found.places), "lat": found.centre.lat, "lon": found.centre.lon}
        row |= {"radius_km": found.radius_km, "days": found.days, "observed": found.observed}
        row |= {"expected": found.expected, "log_glr": found.log_glr, "p": found.p}
        row |= {"recurrence_days": found.recurrence_days}
    await tx.execute(insert_new(tx, scan).values(row))


async def last_day(tx: AsyncConnection) -> date | None:
    """The last day up to which a scan was made."""
    day: date | None = await tx.scalar(select(func.max(scan.c.day)))
    return day


async def newest(tx: AsyncConnection, count: int) -> list[Night]:
    """The last scans, the newest first."""
    query = select(scan).order_by(scan.c.day.desc()).limit(count)
    return [_night(row) for row in await tx.execute(query)]


def _night(row: AnyRow) -> Night:
    return Night(row.day, row.incidents, _cluster(row) if row.places else None, row.made_at)


def _cluster(row: AnyRow) -> Cluster:
    return Cluster(
        places=tuple(row.places),
        centre=Point(row.lat, row.lon),
        radius_km=row.radius_km,
        days=row.days,
        observed=row.observed,
        expected=row.expected,
        log_glr=row.log_glr,
        p=row.p,
        recurrence_days=row.recurrence_days,
    )
