"""Who is told of an alert, and the texts that tell them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import COUNTRY, AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import Severity
from service.domain.escalation import is_told, told
from service.store import AnyRow, outbox, people

log = structlog.get_logger()

# How long an alert is worth sending; a gateway may be down for a while.
ALERT_LIFE = timedelta(hours=72)


class Telling:
    """Collects the texts of a transaction, so that they are queued together."""

    def __init__(
        self,
        tree: AreaTree,
        responders: Sequence[AnyRow],
        had: dict[int, set[int]],
        now: datetime,
    ) -> None:
        """`had`: who was told of each alert of which more is to be told."""
        self._tree = tree
        self._responders = responders
        self._had = had
        self._now = now
        self._texts: list[dict[str, Any]] = []

    @classmethod
    async def begin(
        cls, tx: AsyncConnection, tree: AreaTree, numbers: Sequence[int], now: datetime
    ) -> "Telling":
        """For new alerts, and for the alerts of these numbers."""
        had = await outbox.told(tx, numbers) if numbers else {}
        return cls(tree, await people.responders(tx), had, now)

    def first(
        self, number: int, named: str, areas: Sequence[str], kind: str, severity: Severity
    ) -> None:
        """Tell of a new alert that names an area, and happened in `areas`."""
        recipients = self._concerned(named, areas, kind, severity)
        if not recipients:
            log.warning("an alert has nobody to tell: enrol responders there", area=named)
        self._tell("alert", number, recipients)

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

        Where it has become graver, it is news to those who are cleared for no less: they get it as
        an alert. `alert` is the row of before, `areas` where it happened; `severity` is None where
        the text names none.
        """
        named = alert.area if alert.area in self._tree else COUNTRY
        had = self._had.get(alert.id, set())
        concerned = self._concerned(named, areas, alert.type, severity)
        self._tell(purpose, alert.id, [each for each in concerned if each.id in had], step)
        if severity:
            anew = [
                each
                for each in concerned
                if each.id not in had and not _cleared(each).covers(alert.type, alert.severity)
            ]
            self._tell("alert", alert.id, anew)

    async def queue(self, tx: AsyncConnection) -> None:
        """Queue what was collected."""
        if self._texts:
            await outbox.add(tx, self._texts)

    def _concerned(
        self, named: str, areas: Sequence[str], kind: str, severity: Severity | None
    ) -> list[AnyRow]:
        branch = told(self._tree, named, common(self._tree, areas))
        return [
            each
            for each in self._responders
            if is_told(self._tree, branch, each.area, _cleared(each), kind, severity)
        ]

    def _tell(
        self, purpose: str, number: int, recipients: Sequence[AnyRow], step: str = ""
    ) -> None:
        now, until = self._now, self._now + ALERT_LIFE
        self._texts += [
            outbox.text(
                purpose, now, until, each.language, person_id=each.id, alert_id=number, step=step
            )
            for each in recipients
        ]


def common(tree: AreaTree, areas: Sequence[str]) -> str:
    """The finest area that holds all of these; areas that are on the map no more are not."""
    return tree.common(area for area in areas if area in tree)


def _cleared(responder: AnyRow) -> Clearance:
    return Clearance.of(responder.clearance)
