"""How far alerts have come: by which step, how soon somebody had them in hand, how they ended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.responses import Response, last_words, tally
from service.store import AnyRow, alerts, responses, stages
from service.ways import Way, of_rows


@dataclass(frozen=True, slots=True)
class Progress:
    """One alert. Who answered is not part of it.

    `minutes` until somebody first had it in hand. It is at `step` of the `steps` of its route, 0
    before the first; `next_at` is when the next one is due, if one is left. `told`: how many
    people. `said` has how many people said what last, `outcomes` how it ended by their words,
    `outcome` what most of them say.
    """

    alert: int
    type: str
    area: str
    day: date
    severity: str
    drill: bool
    state: str
    minutes: float | None
    route: str | None
    step: int
    steps: int
    next_at: datetime | None
    told: int
    said: Mapping[str, int]
    outcomes: Mapping[str, int]
    outcome: str | None


async def progress(tx: AsyncConnection, content: Content, since: datetime | None) -> list[Progress]:
    """How far the alerts have come that were told since then, the first one first."""
    rows = await alerts.since(tx, since)
    numbers = [row.id for row in rows]
    steps = await stages.of_alerts(tx, numbers)
    given = await responses.of_alerts(tx, numbers)
    return [
        _progress(row, of_rows(steps.get(row.id, ()), content), given.get(row.id, ()))
        for row in rows
    ]


async def untold(tx: AsyncConnection, content: Content, since: datetime) -> list[int]:
    """The alerts since then that are open, have come to their last step, and were told nobody."""
    return [
        each.alert
        for each in await progress(tx, content, since)
        if each.state == "open" and each.next_at is None and not each.told and not each.drill
    ]


def _progress(alert: AnyRow, ways: Sequence[Way], given: Sequence[Response]) -> Progress:
    way = ways[-1] if ways else None
    steps = way.steps if way else ()
    done = [each for each in steps if each.state in ("told", "nobody")]
    heard = alert.acknowledged_at
    wait = None if heard is None else (heard - alert.released_at) / timedelta(minutes=1)
    ended = (each.outcome for each in last_words(given).values() if each.outcome is not None)
    return Progress(
        alert=alert.id,
        type=alert.type,
        area=alert.area,
        day=alert.day,
        severity=alert.severity,
        drill=alert.drill,
        state=alert.state,
        minutes=None if wait is None else round(wait, 1),
        route=way.route if way else None,
        step=len(done),
        steps=len(steps),
        next_at=next((each.due_at for each in steps if each.state == "waiting"), None),
        told=sum(sum(each.told.values()) for some in ways for each in some.steps),
        said={kind: count for kind, count in tally(given).items() if count},
        outcomes=dict(sorted(Counter(ended).items())),
        outcome=alert.outcome,
    )
