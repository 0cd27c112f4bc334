"""What a command needs before it can begin."""

from handlers.app import NotReady, Opened
from service.store import migrate


async def need_tables(service: Opened) -> None:
    """Raise NotReady where the database is not set up for this version."""
    if not await migrate.is_current(service.store):
        raise NotReady("the database is not set up for this version: run `vigie init`")
