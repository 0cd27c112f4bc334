"""`vigie serve`."""

import asyncio
from typing import Annotated

import structlog
import typer

from handlers import server
from handlers.hardening import harden
from handlers.settings import Role, Settings
from service import telemetry

log = structlog.get_logger()


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; VIGIE_HOST or 127.0.0.1 if not given.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; VIGIE_PORT or 8080 if not given."),
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            help="Which part of the work this process does: each opens only what it needs."
        ),
    ] = "all",
) -> None:
    """Serve until stopped (Ctrl-C or SIGTERM); the batch in hand is finished first."""
    given = {"host": host, "port": port}
    settings = Settings().model_copy(update={k: v for k, v in given.items() if v is not None})
    telemetry.configure(settings.log_level, json=settings.log_format == "json")
    closed = harden()
    log.info(
        "memory is kept off the disk"
        if closed.locked
        else "memory is not locked: where there is swap, see `vigie doctor`",
        why=closed.why_not or None,
        no_core_dumps=closed.no_core,
        not_dumpable=closed.not_dumpable,
    )
    if not asyncio.run(server.serve(settings, role)):
        raise typer.Exit(1)
