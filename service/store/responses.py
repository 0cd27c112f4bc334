"""What responders answered: every answer, as it came."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.responses import Kind, Outcome, Response, last_words
from service.store.store import AnyRow, chunks, insert_new
from service.store.tables import response


async def add(
    tx: AsyncConnection,
    message_id: int,
    alert_id: int,
    person_id: int,
    kind: Kind,
    outcome: Outcome | None,
    at: datetime,
) -> None:
    """Record the answer that a message gives; a message that is read again gives no second one."""
    answer: dict[str, Any] = {"inbox_id": message_id, "alert_id": alert_id, "person_id": person_id}
    answer |= {"kind": kind, "outcome": outcome, "at": at}
    await tx.execute(insert_new(tx, response).values(answer))


async def of_alerts(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Response]]:
    """Every answer to these alerts, in the order in which they were read."""
    found: dict[int, list[Response]] = defaultdict(list)
    for some in chunks(ids):
        query = select(response).where(response.c.alert_id.in_(some)).order_by(response.c.id)
        for row in await tx.execute(query):
            found[row.alert_id].append(_response(row))
    return found


async def last_of(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[int, Kind]]:
    """What each person said last of each of these alerts."""
    given = await of_alerts(tx, ids)
    return {
        alert: {person: word.kind for person, word in last_words(said).items()}
        for alert, said in given.items()
    }


async def of_messages(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, Response]:
    """The answers that these messages gave, by message."""
    rows = await tx.execute(select(response).where(response.c.inbox_id.in_(ids)))
    return {row.inbox_id: _response(row) for row in rows}


def _response(row: AnyRow) -> Response:
    return Response(row.id, row.person_id, row.kind, row.outcome, row.at)
