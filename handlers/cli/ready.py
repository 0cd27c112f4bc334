"""What a command needs before it can begin."""

from handlers.app import NotReady, Opened, opened
from handlers.cli.acting import acting
from handlers.settings import Settings
from service import audit
from service.store import migrate

MOST = 2**63 - 1
"""The greatest number that a database can hold; one beyond it names nobody and nothing."""


async def need_tables(service: Opened) -> None:
    """Raise NotReady where the database is not set up for this version."""
    if not await migrate.is_current(service.store):
        raise NotReady("the database is not set up for this version: run `vigie init`")


async def who_acts(service: Opened, as_: str | None) -> str:
    """Who runs this command, as the audit log is to say it. Raises NotReady."""
    await need_tables(service)
    return await acting(service.settings, service.store, service.clock, as_)


async def enter(
    service: Opened, as_: str | None, action: str, subject: str = "", **details: audit.Detail
) -> None:
    """Enter what this command does in the audit log, before it shows or changes anything."""
    actor = await who_acts(service, as_)
    await audit.entered(service.store, service.clock.now(), actor, action, subject, **details)


async def enter_alone(settings: Settings, as_: str | None, action: str) -> None:
    """`enter`, for a command that needs the database for nothing else."""
    async with opened(settings, "console") as service:
        await enter(service, as_, action)
