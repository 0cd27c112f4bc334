"""Whether the service can do its work, for those who watch it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from service.content import Content
from service.roster import Roster
from service.store import Store, alerts, migrate, outbox, pins

# For how long it is said that a text was given up.
SAID_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` says that the database answers and has this version's tables.

    `warnings`: about how many people one is open. `undelivered`: texts about alerts that were given
    up in the last days.
    """

    ready: bool
    alerts: dict[str, int]
    warnings: int = 0
    undelivered: int = 0


async def passed_over(store: Store, content: Content, now: datetime) -> int:
    """How many responders cannot be told of anything now; 0 where the database does not answer."""
    try:
        async with store.read() as tx:
            roster = await Roster.load(tx, content, now)
    except (SQLAlchemyError, OSError):
        return 0
    return sum(each.absent is not None for each in roster.responders)


async def look(store: Store, now: datetime) -> Health:
    """Ask the database; never raises for one that does not answer."""
    try:
        if not await migrate.is_current(store):
            return Health(ready=False, alerts={})
        async with store.read() as tx:
            warned = {row.person_id for row in await pins.warnings(tx)}
            given_up = await outbox.given_up(tx, now - SAID_FOR)
            return Health(
                ready=True,
                alerts=await alerts.counts(tx),
                warnings=len(warned),
                undelivered=sum(row.texts for row in given_up),
            )
    except (SQLAlchemyError, OSError):
        return Health(ready=False, alerts={})
