"""Whether the service can do its work, for those who watch it."""

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from service.store import Store, alerts, migrate, pins


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` says that the database answers and has this version's tables.

    `warnings`: about how many people one is open.
    """

    ready: bool
    alerts: dict[str, int]
    warnings: int = 0


async def look(store: Store) -> Health:
    """Ask the database; never raises for one that does not answer."""
    try:
        if not await migrate.is_current(store):
            return Health(ready=False, alerts={})
        async with store.read() as tx:
            warned = {row.person_id for row in await pins.warnings(tx)}
            return Health(ready=True, alerts=await alerts.counts(tx), warnings=len(warned))
    except (SQLAlchemyError, OSError):
        return Health(ready=False, alerts={})
