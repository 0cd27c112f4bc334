"""What a delivery receipt changes: what is known of a try, whether its text is tried again, and
whether a phone counts as working.

Receipts come in any order, late, twice, or before the sending itself is recorded.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service import unheard
from service.content import Content
from service.domain.delivery import fate, pause, supersedes
from service.store import AnyRow, deliveries, outbox, people


async def take(
    tx: AsyncConnection,
    content: Content,
    message_indexes: Sequence[bytes],
    status: str,
    reason: str | None,
    chance: float,
    now: datetime,
) -> bool:
    """Record a receipt; whether the try that it speaks of is known.

    `chance` is in [0, 1): see `domain.delivery.pause`.
    """
    found = await deliveries.by_message(tx, message_indexes)
    news = [row for row in found if supersedes(status, row.status)]
    for row in news:
        await deliveries.note(tx, row.id, status, reason, now)
        match fate(status):
            case "arrived":
                # It may have been given up for lost, or wait to be sent once more.
                await outbox.change(tx, row.outbox_id, ("waiting", "failed"), "sent", now)
            case "failed":
                await _failed(tx, content, row, chance, now)
            case "under_way":
                pass
    # Of a digest there are several rows; to the phone it was one text.
    for person in {row.person_id for row in news if row.person_id is not None}:
        if fate(status) == "arrived":
            await people.reached(tx, person)
        elif fate(status) == "failed":
            await people.missed(tx, [person], now)
    return bool(found)


async def _failed(
    tx: AsyncConnection, content: Content, row: AnyRow, chance: float, now: datetime
) -> None:
    tries = (await deliveries.tries(tx, [row.outbox_id]))[row.outbox_id]
    if any(fate(each.status) != "failed" for each in tries):
        return  # another try may have arrived
    wait = timedelta(seconds=pause(len(tries), "undelivered", chance))
    if outbox.tells(row) and now < row.expires_at:
        due_at = min(now + wait, row.expires_at)
        await outbox.change(tx, row.outbox_id, ("sent",), "waiting", due_at)
    elif row.state == "sent":
        await outbox.change(tx, row.outbox_id, ("sent",), "failed", now)
        await unheard.say(tx, content, [row], now)
