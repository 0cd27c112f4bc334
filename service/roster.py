"""The responders as routes know them, and which of them cannot be told now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.clearance import Clearance
from service.domain.escalation import Responder
from service.store import AnyRow, outbox, people


class Roster:
    """Everybody who may be told of something: as routes know them, and as texts need them."""

    def __init__(self, rows: Sequence[AnyRow], unreachable: frozenset[int]) -> None:
        self._rows = {row.id: row for row in rows}
        self.responders = tuple(
            Responder(
                row.id,
                row.area,
                row.function,
                Clearance.of(row.clearance),
                "unreachable" if row.id in unreachable else None,
            )
            for row in rows
        )

    def row(self, id_: int) -> AnyRow:
        return self._rows[id_]

    @classmethod
    async def load(cls, tx: AsyncConnection, content: Content, now: datetime) -> "Roster":
        """Read all of them. A phone to which several texts in a row failed is not reachable."""
        policy = content.escalation.unreachable
        since = now - timedelta(hours=policy.within)
        failing = await outbox.failing(tx, since, policy.failures)
        return cls(await people.responders(tx), failing)
