"""What PostgreSQL's own log would hold of what it is given, as the server is set."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What each setting has to be, the first value being the one to set (deploy/README.md).
QUIET: Final[Mapping[str, tuple[str, ...]]] = {
    "log_statement": ("none",),
    "log_min_duration_statement": ("-1",),
    "log_min_duration_sample": ("-1",),
    "log_transaction_sample_rate": ("0",),
    "log_min_error_statement": ("panic",),
    "log_min_messages": ("log", "fatal", "panic"),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
    "log_error_verbosity": ("terse",),
}
# Loaded into the server, these write statements into its log by themselves.
_TALKATIVE = ("auto_explain", "pgaudit", "pg_stat_monitor")


async def loud(tx: AsyncConnection) -> dict[str, tuple[str, str]]:
    """Settings under which what a statement carries can reach the log: what each is, and is to be.

    Empty on SQLite, which keeps no log.
    """
    if tx.dialect.name != "postgresql":
        return {}
    query = text("SELECT name, setting FROM pg_settings")
    found = {row.name: row.setting for row in await tx.execute(query)}
    wrong = {
        name: (found[name], values[0])
        for name, values in QUIET.items()
        if name in found and found[name] not in values
    }
    loaded = ",".join(found.get(f"{when}_preload_libraries", "") for when in _WHEN)
    for name in _TALKATIVE:
        if name in loaded:
            wrong[name] = ("loaded", "not loaded")
    return wrong


_WHEN = ("shared", "session", "local")
