"""The way an alert went from one responder to the next, read back from its steps.

By function alone: who somebody is, is never part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.escalation import Stage
from service.domain.routes import Route
from service.store import AnyRow, stages


@dataclass(frozen=True, slots=True)
class Asked:
    """One step: whom it asks, when it was due, and what became of it.

    `functions` is None where everybody but the coordinators is asked; of a rota, those on duty at
    that moment. `state` is waiting, told, nobody, stopped or failed; `stopped_by` what made it
    needless: answered, corrected or graver. `told` and `passed_over` count people by function, ""
    for none.
    """

    nth: int
    serving: str | None
    functions: tuple[str, ...] | None
    rota: str | None
    due_at: datetime
    state: str
    settled_at: datetime | None
    told: Mapping[str, int]
    passed_over: Mapping[str, int]
    stopped_by: str | None
    digest: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """A route that an alert set out on, and its steps.

    `fits` is what the route asks of an alert, empty where it fits all; None where it is no longer
    in rules/escalation.yaml. `until`: how many answers of which kind end it.
    """

    route: str
    why: str | Mapping[str, str] | None
    fits: Mapping[str, object] | None
    until: Mapping[str, int]
    steps: tuple[Asked, ...]


async def ways(tx: AsyncConnection, content: Content, alert: int) -> tuple[Way, ...]:
    """The routes that an alert went, the first one first: it sets out anew as it becomes graver."""
    return of_rows((await stages.of_alerts(tx, [alert])).get(alert, ()), content)


def of_rows(rows: Sequence[AnyRow], content: Content) -> tuple[Way, ...]:
    """The same from the steps of an alert. Those that cannot be read are left out."""
    read = [(row, stage) for row in rows if (stage := _read(row)) is not None]
    routes = {route.id: route for route in content.escalation.routes}
    found = []
    for name, some in groupby(read, lambda each: each[1].route):
        steps = list(some)
        dues = _dues(steps)
        route = routes.get(name)
        found.append(
            Way(
                route=name,
                why=_why(route) if route else None,
                fits=_fits(route) if route else None,
                until=steps[0][1].until.model_dump(exclude_none=True),
                steps=tuple(
                    _asked(*step, due_at) for step, due_at in zip(steps, dues, strict=True)
                ),
            )
        )
    return tuple(found)


def _read(row: AnyRow) -> Stage | None:
    try:
        return Stage.model_validate(row.step)
    except ValueError:
        return None


def _why(route: Route) -> str | dict[str, str] | None:
    why = route.why
    return {str(language): text for language, text in why.items()} if isinstance(why, dict) else why


def _fits(route: Route) -> dict[str, object]:
    asked = route.model_dump(mode="json", include={"areas", "types", "severities", "hours"})
    return {name: value for name, value in asked.items() if value not in (None, "any")}


def _dues(steps: Sequence[tuple[AnyRow, Stage]]) -> list[datetime]:
    """When each was due or, if it waits, will be if nobody answers: one put off puts off the rest.

    A step is put off when its time has come, so the rows do not say it of those to come.
    """
    dues, later = [], timedelta()
    for row, stage in steps:
        due_at = row.due_at
        if row.settled_at is None:
            due_at = stage.begins(row.due_at + later, row.due_at + later)
            later = due_at - row.due_at
        dues.append(due_at)
    return dues


def _asked(row: AnyRow, stage: Stage, due_at: datetime) -> Asked:
    step, duty = stage.step, stage.duty
    functions = duty.on(row.settled_at or due_at) if duty else step.functions
    digest = stage.digest.gathering(row.settled_at or due_at) if stage.digest else None
    return Asked(
        nth=row.nth + 1,
        serving=step.serving,
        functions=functions,
        rota=step.rota,
        due_at=due_at,
        state=row.state,
        settled_at=row.settled_at,
        told=row.told or {},
        passed_over=row.passed_over or {},
        stopped_by=row.stopped_by,
        digest=digest,
    )
