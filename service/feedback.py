"""Back to the community: all of an area is told that its texts were of use.

Never one person, and never about one text: a phone that gets it is one of k or more, at a moment
that chance chose twice, for the area and for the person.
"""

import random
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from service.audit import note
from service.checkins import people_of
from service.content import Content
from service.domain.checkins import some_time
from service.picture import areas_in_use
from service.store import checkins

_CHANCE = random.SystemRandom().random


class NotAllowed(Exception):
    """This area cannot be told; the message says why."""


async def tell(
    tx: AsyncConnection,
    content: Content,
    area: str,
    actor: str,
    now: datetime,
    text: str = checkins.FEEDBACK,
    chance: Callable[[], float] = _CHANCE,
) -> int:
    """Let all of an area get the text within a day: how many people, as it stands. Or NotAllowed.

    Who is there is looked at again when it leaves.
    """
    if area not in content.tree:
        raise NotAllowed(f"no area has the pcode {area}: see rules/places/areas.csv")
    told = len(await people_of(tx, content, area))
    if area not in await areas_in_use(tx, content, now) or told < content.areas.k:
        raise NotAllowed(
            f"{area} is not in use, or too few of its people want texts: a text to so few would "
            "tell who they are. `vigie areas` lists the areas that can be told"
        )
    policy = content.check_ins
    due_at = some_time(now, policy, chance())
    day = due_at.astimezone(policy.zone).date()
    if not await checkins.add_one(tx, day, area, text, due_at):
        raise NotAllowed(f"all of {area} is to get this text already, or got it that day")
    await note(tx, now, actor, "told an area", area, text=text)
    return told
