"""The responders as routes know them, and which of them cannot be told now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import Severity
from service.domain.delivery import working
from service.domain.escalation import Absence, Responder, is_told
from service.domain.routes import Unreachable
from service.store import AnyRow, people


class Roster:
    """Everybody who may be told of something: as routes know them, and as texts need them."""

    def __init__(self, rows: Sequence[AnyRow], policy: Unreachable, now: datetime) -> None:
        self._rows = {row.id: row for row in rows}
        self.responders = tuple(
            Responder(
                row.id,
                row.area,
                row.function,
                Clearance.of(row.clearance),
                _absent(row, policy, now),
            )
            for row in rows
        )

    def row(self, id_: int) -> AnyRow:
        return self._rows[id_]

    @classmethod
    async def load(cls, tx: AsyncConnection, content: Content, now: datetime) -> "Roster":
        """Read all of them. A phone to which several texts in a row failed is not reachable."""
        return cls(await people.responders(tx), content.escalation.unreachable, now)


def works(row: AnyRow, policy: Unreachable, now: datetime) -> bool:
    """Whether texts to this person's phone are likely to arrive."""
    within = timedelta(hours=policy.within)
    return working(row.undelivered, row.undelivered_at, now, policy.failures, within)


def may_read(tree: AreaTree, person: AnyRow, alert: AnyRow, severity: Severity | None) -> bool:
    """Whether a person may be told of an alert now; `severity` as `escalation.is_told` has it."""
    area, clearance = tree.on_map(alert.area), Clearance.of(person.clearance)
    told = is_told(tree, area, person.area, clearance, alert.type, severity)
    return person.role == "responder" and told


def is_paused(person: AnyRow, now: datetime) -> bool:
    """Whether a responder wants no texts now."""
    return person.paused_until is not None and person.paused_until > now


def _absent(row: AnyRow, policy: Unreachable, now: datetime) -> Absence | None:
    if is_paused(row, now):
        return "paused"
    return None if works(row, policy, now) else "unreachable"
