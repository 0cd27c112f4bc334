"""Whether the service can do its work, for those who watch it."""

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from service.store import Store, alerts, migrate


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` says that the database answers and has this version's tables."""

    ready: bool
    alerts: dict[str, int]


async def look(store: Store) -> Health:
    """Ask the database; never raises for one that does not answer."""
    try:
        if not await migrate.is_current(store):
            return Health(ready=False, alerts={})
        async with store.read() as tx:
            return Health(ready=True, alerts=await alerts.counts(tx))
    except (SQLAlchemyError, OSError):
        return Health(ready=False, alerts={})
