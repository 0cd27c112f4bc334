"""Ticks. Every due time is a row in the database; the scheduler only says that time has passed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from service.checkins import CheckIns
from service.clock import Clock
from service.domain.retention import MESSAGE_HOURS
from service.retention import Retention
from service.scanning import Scanner
from service.store import Store, inbox, outbox
from service.telemetry import Metrics
from service.vault.vault import Vault

log = structlog.get_logger()


class Timers:
    """Forgets what has expired, prepares what will be needed, measures what waits, scans, asks."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
        scanner: Scanner,
        retention: Retention,
        check_ins: CheckIns,
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._metrics = metrics
        self._scanner = scanner
        self._retention = retention
        self._check_ins = check_ins
        self._first: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    async def start(self) -> None:
        """Begin. Days that are over are shredded first; the rest is forgotten beside the work."""
        await self._forget_days(self._clock.now())
        often = ((15, self.measure), (20, self.check_in), (600, self.forget), (600, self.scan))
        for seconds, tick in often:
            self._scheduler.add_job(_safely(tick), IntervalTrigger(seconds=seconds))
        self._first = asyncio.create_task(_safely(self.forget)())
        self._scheduler.start()

    async def forgotten(self) -> None:
        """Wait until all is forgotten that had expired at the start."""
        if self._first is not None:
            await self._first

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
        if self._first is not None:
            self._first.cancel()

    async def forget(self) -> None:
        """Forget what has lived long enough, and the day keys with which texts were sealed."""
        now = self._clock.now()
        await self._vault.prepare_days(now.date())
        # Keys go first: without them the rest is noise, however long it takes to delete.
        await self._forget_days(now)
        if touched := await self._retention.enforce(now):
            log.info("forgotten", **touched)

    async def _forget_days(self, now: datetime) -> None:
        # A day's key is needed until the last text of that day expires.
        await self._vault.forget_days((now - timedelta(hours=MESSAGE_HOURS)).date())

    async def check_in(self) -> None:
        """Ask the areas whose time has come whether all is well."""
        await self._check_ins.tick()

    async def scan(self) -> None:
        """Make the night's scan if it is due; a tick while one is being made is passed over."""
        await self._scanner.nightly()

    async def measure(self) -> None:
        """Set the gauges."""
        now = self._clock.now()
        async with self._store.read() as tx:
            waiting, oldest = await inbox.depth(tx, now)
            sending = await outbox.depth(tx, now)
        self._metrics.inbox_depth.set(waiting)
        self._metrics.outbox_depth.set(sending)
        self._metrics.oldest_inbox_age.set(_age(now, oldest))


def _age(now: datetime, since: datetime | None) -> float:
    return (now - since).total_seconds() if since else 0.0


def _safely(
    tick: Callable[[], Awaitable[None]],
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        try:
            await tick()
        except asyncio.CancelledError:
            return  # the service stops; what is due stays due in the database
        except Exception:  # the next tick must come whatever this one met
            log.exception("a timer failed", timer=tick.__name__)

    return run
