"""Who is told of an alert, and the texts that tell them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import AreaTree
from service.domain.codebook import Severity
from service.domain.escalation import Responder, is_told, told
from service.roster import Roster, is_paused
from service.store import AnyRow, outbox

# How long an alert is worth sending; a gateway may be down for a while.
ALERT_LIFE = timedelta(hours=72)


class Telling:
    """Collects the texts of a transaction, so that they are queued together."""

    def __init__(
        self, tree: AreaTree, roster: Roster, had: dict[int, set[int]], now: datetime
    ) -> None:
        """`had`: who was told of each alert of which more is to be told."""
        self._tree = tree
        self._roster = roster
        self._had = had
        self._now = now
        self._texts: list[dict[str, Any]] = []

    @classmethod
    async def begin(
        cls, tx: AsyncConnection, content: Content, numbers: Sequence[int], now: datetime
    ) -> "Telling":
        """For new alerts, and for the alerts of these numbers."""
        had = await outbox.told(tx, numbers) if numbers else {}
        return cls(content.tree, await Roster.load(tx, content, now), had, now)

    @property
    def responders(self) -> Sequence[Responder]:
        """Everybody who may be told of something."""
        return self._roster.responders

    def had(self, number: int) -> frozenset[int]:
        """Who was told of an alert."""
        return frozenset(self._had.get(number, ()))

    def branch(self, named: str, areas: Sequence[str]) -> str:
        """The area whose branch is told of an alert that names one, and happened in `areas`."""
        return told(self._tree, named, common(self._tree, areas))

    def branch_of(self, alert: AnyRow, areas: Sequence[str]) -> str:
        """The same of an alert that was told, whose area may be on the map no more."""
        return self.branch(self._tree.on_map(alert.area), areas)

    def first(self, number: int, people: Sequence[int], leaves: datetime) -> None:
        """Tell these of an alert, whom its route has chosen; `leaves`: now, or with a digest."""
        self._tell("alert", number, people, leaves)

    def again(
        self,
        purpose: str,
        alert: AnyRow,
        areas: Sequence[str],
        *,
        severity: Severity | None = None,
        step: str = "",
    ) -> None:
        """Tell those who were told of the alert and are still cleared for it.

        `alert` is the row of before, `areas` where it happened; `severity` is None where the text
        names none.
        """
        branch = self.branch_of(alert, areas)
        had = self.had(alert.id)
        concerned = [
            each.id
            for each in self.responders
            if each.id in had
            and is_told(self._tree, branch, each.area, each.clearance, alert.type, severity)
        ]
        self._tell(purpose, alert.id, concerned, self._now, step)

    async def queue(self, tx: AsyncConnection) -> None:
        """Queue what was collected."""
        if self._texts:
            await outbox.add(tx, self._texts)

    def _tell(
        self, purpose: str, number: int, people: Sequence[int], leaves: datetime, step: str = ""
    ) -> None:
        for id_ in people:
            row, to = self._roster.row(id_), {"person_id": id_, "alert_id": number}
            # Who had the alert and paused hears how it went on when the pause is over.
            due = row.paused_until if is_paused(row, self._now) else leaves
            until = due + ALERT_LIFE
            self._texts.append(outbox.text(purpose, due, until, row.language, step=step, **to))


def common(tree: AreaTree, areas: Sequence[str]) -> str:
    """The finest area that holds all of these; areas that are on the map no more are not."""
    return tree.common(area for area in areas if area in tree)
