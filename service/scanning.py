"""Each night: do incidents gather somewhere more than chance explains? Coordinators are told.

All types are scanned together. What grows into violence does not keep to one type (fields are
grazed, cattle is taken, then people are hurt), each type alone has too few incidents for a scan,
and one scan a night can be wrong only once. A case is an incident, not a report: ten people who
tell of one attack are one case.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from service.clock import Clock
from service.content import Content
from service.domain.areas import finest
from service.domain.geo import Point
from service.domain.retention import EXACT_DAYS
from service.domain.scan import Case, Cluster
from service.picture import areas_in_use
from service.scan_process import scan_apart
from service.store import AnyRow, Store, reports, scans
from service.store.scans import Night

log = structlog.get_logger()

# What is usual is told by as much as is kept of where exactly things happened.
HISTORY_DAYS = EXACT_DAYS
# What gathers more widely than this is no one place's trouble.
MAX_KM = 50.0
# What gathers more slowly than in two weeks is for the `anomaly` rules.
MAX_DAYS = 14
# What chance alone shows some twice a year, or less, is worth a coordinator's look.
RARE_NIGHTS = 180
# The hour of the night, local time: what the day before brought has been reported by then.
HOUR = 3


class Scanner:
    """Scans once a night, and says so in the log where incidents gather."""

    def __init__(self, store: Store, content: Content, clock: Clock) -> None:
        self._store = store
        self._content = content
        self._clock = clock

    def adopt(self, content: Content) -> None:
        """Take up new content, from the next scan on."""
        self._content = content

    async def nightly(self) -> None:
        """Scan up to the last day that is over, unless that is done. Raises ScanFailed.

        Nights that were missed are not made up for: they tell nothing that the last does not.
        """
        content, now = self._content, self._clock.now()
        local = now.astimezone(content.timezone)
        last_day = (local - timedelta(hours=HOUR)).date() - timedelta(days=1)
        async with self._store.read() as tx:
            done = await scans.last_day(tx)
        if done is not None and done >= last_day:
            return
        incidents = await _incidents(self._store, content.timezone, last_day)
        night = await _scan(incidents, content.timezone, last_day, now)
        async with self._store.write() as tx:
            await scans.add(tx, night)
        if night.cluster and is_rare(night.cluster):
            await self._tell(night.cluster, incidents, content)

    async def _tell(self, cluster: Cluster, incidents: Sequence[AnyRow], content: Content) -> None:
        """Say in the log that there is something to look at, and nearly where.

        The area is one that an alert may name: logs are sent to whoever helps.
        """
        areas = {row.area for row in incidents if row.place in cluster.places}
        common = content.tree.common(area for area in areas if area in content.tree)
        async with self._store.read() as tx:
            in_use = await areas_in_use(tx, content, self._clock.now())
        log.warning(
            "incidents gather more than chance explains: `vigie scan` shows where",
            area=content.tree.name(finest(content.tree, in_use, common)),
            incidents=cluster.observed,
            days=cluster.days,
            once_in_nights=round(cluster.recurrence_days),
        )


async def scan_now(store: Store, content: Content, now: datetime) -> Night:
    """Scan up to this moment, and store nothing, so that the night's own scan comes.

    That today is not over does no harm: a scan asks how a day's incidents lie, not how many.
    Raises ScanFailed.
    """
    today = now.astimezone(content.timezone).date()
    incidents = await _incidents(store, content.timezone, today)
    return await _scan(incidents, content.timezone, today, now)


def is_rare(cluster: Cluster) -> bool:
    """Whether a coordinator should look at it: chance alone would hardly show as much."""
    return cluster.recurrence_days >= RARE_NIGHTS


async def _incidents(store: Store, zone: ZoneInfo, last_day: date) -> Sequence[AnyRow]:
    """What is known of the time up to the end of a day."""
    end = datetime.combine(last_day + timedelta(days=1), time(), zone)
    async with store.read() as tx:
        return await reports.counted_incidents(tx, end - timedelta(days=HISTORY_DAYS), end)


async def _scan(
    incidents: Sequence[AnyRow], zone: ZoneInfo, last_day: date, now: datetime
) -> Night:
    cases = [
        Case(row.place, Point(row.lat, row.lon), row.at.astimezone(zone).date().toordinal())
        for row in incidents
    ]
    found = await scan_apart(cases, last_day.toordinal(), max_km=MAX_KM, max_days=MAX_DAYS)
    # To some ten kilometres: the places say it exactly, to whoever may see them.
    cluster = found and replace(found, centre=Point(*(round(degree, 1) for degree in found.centre)))
    return Night(day=last_day, incidents=len(cases), cluster=cluster, made_at=now)
