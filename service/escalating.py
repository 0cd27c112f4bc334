"""Carries out the steps of alerts' routes, in the transaction that queues their texts.

The steps are rows: what a restart finds there is all that it takes to go on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.codebook import Severity
from service.domain.escalation import (
    Course,
    Due,
    Facts,
    Outcome,
    Stage,
    advance,
    plan,
    route_of,
)
from service.domain.responses import Kind
from service.store import AnyRow, stages
from service.telling import Telling

log = structlog.get_logger()

_WAITS: dict[str, Any] = {"state": "waiting", "told": None, "passed_over": None, "stopped_by": None}


@dataclass(slots=True)
class _Rows:
    """What is to be written of steps, collected so that it is written at once."""

    new: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    put_off: list[dict[str, Any]] = field(default_factory=list)

    async def write(self, tx: AsyncConnection) -> None:
        if self.new:
            await stages.add(tx, self.new)
        if self.settled:
            await stages.settle(tx, self.settled)
        if self.put_off:
            await stages.put_off(tx, self.put_off)


class Escalating:
    """Lets alerts set out and go on. Everything is collected, then written by `write`."""

    def __init__(self, content: Content, telling: Telling, now: datetime) -> None:
        self._content = content
        self._telling = telling
        self._now = now
        self._rows = _Rows()
        self._function_of: dict[int, str | None] | None = None

    def set_out(
        self,
        number: int,
        facts: Facts,
        answers: Mapping[int, Kind] | None = None,
        before: Sequence[AnyRow] = (),
        first: int = 0,
    ) -> None:
        """Plan the route of an alert that leaves now, and carry out what of it is due.

        Where it sets out anew, because it became graver, `before` has the steps that it still had
        before it, and `first` is how many there were; who was told is not told again.
        """
        graver = Outcome(0, "stopped")
        self._rows.settled += (self._settled(row, graver, "graver") for row in before)
        policy, tree = self._content.escalation, self._content.tree
        route = route_of(policy, tree, facts, self._now)
        planned = plan(policy, route, facts, self._now)
        course = Course(planned, self._telling.had(number))
        outcomes, after = self._advance(number, facts, course, answers or {}, is_over=False)
        became = {outcome.nth: self._became(outcome, "answered") for outcome in outcomes}
        left = {each.nth: each for each in after.waiting}
        for each in planned:
            row: dict[str, Any] = {"alert_id": number, "nth": first + each.nth, "area": facts.area}
            row |= {"step": each.stage.stored()} | became.get(each.nth, _WAITS)
            row |= {"due_at": left.get(each.nth, each).due_at}
            row |= {"settled_at": None if each.nth in left else self._now}
            row |= {"answers_of": sorted(after.latest) if each.nth in left else None}
            self._rows.new.append(row)

    def go_on(self, alert: AnyRow, waiting: Sequence[AnyRow], answers: Mapping[int, Kind]) -> None:
        """Carry out what is due of an alert's steps, or what its answers make needless."""
        first = waiting[0]
        area = self._content.tree.on_map(first.area)
        severity: Severity = alert.severity
        facts = Facts(area, alert.type, severity)
        dues = tuple(Due(r.nth, r.due_at, Stage.model_validate(r.step)) for r in waiting)
        course = Course(dues, self._telling.had(alert.id), frozenset(first.answers_of or ()))
        is_over = alert.state == "corrected"
        outcomes, after = self._advance(alert.id, facts, course, answers, is_over=is_over)
        rows = {row.nth: row for row in waiting}
        by = "corrected" if is_over else "answered"
        self._rows.settled += (self._settled(rows[each.nth], each, by) for each in outcomes)
        if after.waiting != course.waiting:
            of = sorted(after.latest)
            self._rows.put_off += (
                {"row": rows[each.nth].id, "due_at": each.due_at, "answers_of": of}
                for each in after.waiting
            )

    async def write(self, tx: AsyncConnection) -> None:
        """Write what was collected; alerts that set out must be there."""
        await self._rows.write(tx)

    def _settled(self, row: AnyRow, outcome: Outcome, by: str) -> dict[str, Any]:
        return {"row": row.id, "settled_at": self._now} | self._became(outcome, by)

    def _became(self, outcome: Outcome, by: str) -> dict[str, Any]:
        """What a row keeps of what became of a step; `by`: what stopped it, if it was stopped."""
        told, passed_over = self._functions(outcome.told), self._functions(outcome.absent)
        return {
            "state": outcome.state,
            "told": told or None,
            "passed_over": passed_over or None,
            "stopped_by": by if outcome.state == "stopped" else None,
        }

    def _functions(self, people: Sequence[int]) -> dict[str, int]:
        """How many of these people have each function: never who they are."""
        if self._function_of is None:
            self._function_of = {each.id: each.function for each in self._telling.responders}
        return dict(sorted(Counter(self._function_of[each] or "" for each in people).items()))

    def _advance(
        self,
        number: int,
        facts: Facts,
        course: Course,
        answers: Mapping[int, Kind],
        *,
        is_over: bool,
    ) -> tuple[list[Outcome], Course]:
        people = self._telling.responders
        tree = self._content.tree
        outcomes, after = advance(tree, facts, course, answers, people, self._now, is_over=is_over)
        digests = {each.nth: each.stage.digest for each in course.waiting}
        for outcome in outcomes:
            digest = digests[outcome.nth]
            leaves = digest.leaves(self._now) if digest else self._now
            self._telling.first(number, outcome.told, leaves)
            if outcome.absent:
                log.warning("responders were passed over", alert=number, count=len(outcome.absent))
        if outcomes and not after.waiting and outcomes[-1].state == "nobody":
            why = "nobody to tell" if not after.told else "no coordinator to tell"
            log.warning(
                "an alert has reached its last step", alert=number, why=why, area=facts.area
            )
        return outcomes, after
