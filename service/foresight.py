"""`vigie route`: who would be told of an alert, when and why, if nobody answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import finest
from service.domain.escalation import (
    Facts,
    Foreseen,
    Responder,
    foreseen,
    plan,
    route_of,
    told,
)
from service.domain.release import due
from service.domain.routes import Route
from service.picture import areas_in_use
from service.roster import Roster


@dataclass(frozen=True, slots=True)
class Foresight:
    """An alert that would name the area `named`, leave at `leaves_at` and go that route."""

    named: str
    leaves_at: datetime
    route: Route
    steps: tuple[Foreseen, ...]
    responders: Mapping[int, Responder]


async def foresee(
    tx: AsyncConnection, content: Content, happened: Facts, at: datetime, now: datetime
) -> Foresight:
    """Say who would hear of an alert that is decided at `at` of what happened.

    Areas, people and their phones are taken as they are now.
    """
    tree, policy = content.tree, content.escalation
    named = finest(tree, await areas_in_use(tx, content, now), happened.area)
    leaves_at = due(happened.severity, at, content.release)
    facts = happened._replace(area=told(tree, named, happened.area))
    route = route_of(policy, tree, facts, leaves_at)
    roster = await Roster.load(tx, content, now)
    stages = plan(policy, route, facts, leaves_at)
    steps = tuple(foreseen(tree, facts, stages, roster.responders))
    by_id = {each.id: each for each in roster.responders}
    return Foresight(named, leaves_at, route, steps, by_id)
