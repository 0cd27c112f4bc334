"""What `vigie doctor` says of texts that do not arrive."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.cli.findings import Finding
from handlers.gateways.africastalking_answers import ADVICE
from service.health import SAID_FOR
from service.store import AnyRow, deliveries, outbox


async def look(tx: AsyncConnection, now: datetime) -> list[Finding]:
    """Alerts that were given up, and texts that wait with why."""
    given_up = await outbox.given_up(tx, now - SAID_FOR)
    waiting = await deliveries.waiting(tx)
    return [*map(_given_up, given_up), *map(_waiting, waiting)]


def _given_up(row: AnyRow) -> Finding:
    what = f"{row.texts} text(s) about alert {row.alert_id} could not be delivered"
    do = "tell them in another way; they are not sent any more"
    return Finding("delivery", "bad", what, do)


def _waiting(row: AnyRow) -> Finding:
    what = f"{row.texts} text(s) wait to be sent again: {row.reason or 'not delivered'}"
    return Finding("delivery", "warning", what, ADVICE.get(row.reason, ""))
