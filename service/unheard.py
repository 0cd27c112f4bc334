"""Says to the coordinators that texts about an alert were given up.

In the transaction that gives them up, so that none is given up in silence.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.escalation import is_told
from service.domain.routes import COORDINATOR
from service.roster import Roster
from service.store import AnyRow, alerts, outbox, stages
from service.telling import ALERT_LIFE

log = structlog.get_logger()


async def say(tx: AsyncConnection, content: Content, rows: Iterable[AnyRow], now: datetime) -> None:
    """Queue a text to each coordinator who may be told of the alerts that these texts told of.

    One a day and alert, whatever else is given up on it: what it says is counted when it leaves.
    None of a text that says this itself, nor to who missed it or cannot be told now.
    """
    missed: dict[int, set[int]] = {}
    for row in rows:
        if outbox.tells(row) and row.purpose != outbox.GIVEN_UP:
            missed.setdefault(row.alert_id, set()).add(row.person_id)
    if not missed:
        return
    roster = await Roster.load(tx, content, now)
    hearing = [
        each for each in roster.responders if each.function == COORDINATOR and each.absent is None
    ]
    branches = await stages.branches(tx, sorted(missed))
    texts = []
    for alert in (await alerts.by_id(tx, sorted(missed))).values():
        branch = content.tree.on_map(branches.get(alert.id, alert.area))
        for each in hearing:
            facts = branch, each.area, each.clearance, alert.type, alert.severity
            if each.id not in missed[alert.id] and is_told(content.tree, *facts):
                texts.append(_text(alert.id, roster.row(each.id), now))
    if texts:
        await outbox.add(tx, texts)
    if unheard := missed.keys() - {text["alert_id"] for text in texts}:
        log.warning("no coordinator hears that texts were given up", alerts=sorted(unheard))


def _text(alert: int, who: AnyRow, now: datetime) -> dict[str, Any]:
    day, until = now.date().isoformat(), now + ALERT_LIFE
    to = {"person_id": who.id, "alert_id": alert}
    return outbox.text(outbox.GIVEN_UP, now, until, who.language, step=day, **to)
