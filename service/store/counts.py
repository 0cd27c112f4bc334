"""What may be counted of reports, incidents and alerts: type, area and when. Nothing of people."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.store import AnyRow
from service.store.tables import alert, incident, report


async def reports(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Reports that count and of which something happened: type, area, at."""
    query = select(report.c.type, report.c.area, report.c.occurred_at.label("at"))
    return (
        await tx.execute(query.where(report.c.status == "counted", report.c.lat.is_not(None)))
    ).all()


async def incidents(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Incidents that a report which counts tells of: type, area, at."""
    query = select(incident.c.type, incident.c.area, incident.c.at)
    told = select(report.c.incident_id).where(
        report.c.status == "counted", report.c.incident_id.is_not(None)
    )
    return (await tx.execute(query.where(incident.c.id.in_(told)))).all()


async def alerts(tx: AsyncConnection) -> Sequence[AnyRow]:
    """Alerts that were told and not taken back: type, area, day."""
    query = select(alert.c.type, alert.c.area, alert.c.day)
    return (await tx.execute(query.where(alert.c.state != "corrected", ~alert.c.drill))).all()
