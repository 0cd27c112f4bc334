"""The rules' record: what became of the alerts that each rule raised.

Read from the alerts alone, which keep when they were first in somebody's hands and how they ended
for longer than it is kept who said so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.backtest.intervals import Interval, median, wilson
from service.content import Content
from service.domain.escalation import Due, Facts, plan, route_of
from service.domain.responses import DISPUTED
from service.store import AnyRow, alerts


@dataclass(frozen=True, slots=True)
class Line:
    """One rule's record.

    `in_time`: of those `timed`, which have a target, as many were acknowledged within it. `minutes`
    is the median time to the first acknowledgement. `outcomes` has how many ended in which way, as
    their responders said; `judged` are those on which they agreed, and of these `false_alarms` the
    share that was none, with a 95% interval.
    """

    rule: str
    alerts: int
    acknowledged: int
    timed: int
    in_time: int
    minutes: float | None
    outcomes: Mapping[str, int]
    judged: int
    false_alarms: float | None
    interval: Interval | None


async def record(tx: AsyncConnection, content: Content, since: datetime | None) -> list[Line]:
    """The record of every rule that is there or raised an alert since then, drills left out."""
    rows = await alerts.since(tx, since)
    return lines([row for row in rows if not row.drill], content)


def lines(rows: Iterable[AnyRow], content: Content) -> list[Line]:
    """The record that these alerts amount to."""
    by_rule: dict[str, list[AnyRow]] = {rule.id: [] for rule in content.rules}
    for row in rows:
        by_rule.setdefault(row.rule, []).append(row)
    return [_line(rule, raised, content) for rule, raised in sorted(by_rule.items())]


def _line(rule: str, raised: Sequence[AnyRow], content: Content) -> Line:
    heard = [row for row in raised if row.acknowledged_at is not None]
    asked = [(row, _first_asked(row, content)) for row in raised]
    waits = [(_wait(row, first), _target(first)) for row, first in asked]
    timed = [(wait, most) for wait, most in waits if most is not None]
    minutes = [_minutes(wait) for wait, _ in waits if wait is not None]
    outcomes = Counter(row.outcome for row in raised if row.outcome is not None)
    judged = sum(outcomes.values()) - outcomes[DISPUTED]
    false = outcomes["false_alarm"]
    return Line(
        rule=rule,
        alerts=len(raised),
        acknowledged=len(heard),
        timed=len(timed),
        in_time=sum(wait is not None and wait <= most for wait, most in timed),
        minutes=round(median(minutes), 1) if minutes else None,
        outcomes=dict(sorted(outcomes.items())),
        judged=judged,
        false_alarms=false / judged if judged else None,
        interval=wilson(false, judged) if judged else None,
    )


def _first_asked(alert: AnyRow, content: Content) -> Due:
    """The first step of an alert's route, by the routes as they are now."""
    tree, policy = content.tree, content.escalation
    facts = Facts(tree.on_map(alert.area), alert.type, alert.severity)
    route = route_of(policy, tree, facts, alert.released_at)
    return plan(policy, route, facts, alert.released_at)[0]


def _target(first: Due) -> timedelta | None:
    """In what time an alert is to be acknowledged: as long as its route waits for the first asked.

    None where nobody else is asked.
    """
    wait = first.stage.step.wait
    return timedelta(minutes=wait) if wait is not None else None


def _wait(alert: AnyRow, first: Due) -> timedelta | None:
    """How long nobody answered, from when the first were told: in a digest, or after quiet hours.

    What became graver was told earlier than that.
    """
    if alert.acknowledged_at is None:
        return None
    told_at = first.stage.begins(first.due_at, first.due_at)
    waited: timedelta = alert.acknowledged_at - told_at
    return max(waited, timedelta())


def _minutes(wait: timedelta) -> float:
    return wait / timedelta(minutes=1)
