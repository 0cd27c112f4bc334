"""What responders are cleared for, as coordinators decide and change it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from service import audit
from service.domain.clearance import Clearance
from service.store import outbox, people


class NotCleared(Exception):
    """The clearance stays as it was; the message says why."""


def changed(before: Clearance, changes: Mapping[str, Any]) -> Clearance:
    """A clearance with some of it said anew. Raises NotCleared."""
    try:
        return Clearance.model_validate({**before.model_dump(), **changes})
    except ValidationError as error:
        why = error.errors(include_input=False, include_url=False)[0]["msg"]
        raise NotCleared(why.removeprefix("Value error, ")) from None


async def clear(
    tx: AsyncConnection,
    person_id: int,
    area: str | None,
    changes: Mapping[str, Any],
    by: str,
    now: datetime,
    function: str | None = None,
) -> Clearance:
    """Change what a responder is told of, from now on; what waits for them is held against it too.

    `changes` are fields of `Clearance`; an empty `function` takes it away. Raises NotCleared.
    """
    row = (await people.by_id(tx, [person_id])).get(person_id)
    if row is None or row.role != "responder":
        raise NotCleared(f"no responder has the pseudonym {person_id}: see `vigie responder list`")
    clearance = changed(Clearance.of(row.clearance), changes)
    await people.clear(tx, person_id, clearance.stored())
    if function is not None:
        await people.appoint(tx, person_id, function or None)
    if area is not None and area != row.area:
        await people.move(tx, row, "responder", area, row.language, now)
        await outbox.forget_person(tx, person_id)
    await audit.note(
        tx,
        now,
        by,
        "cleared a responder",
        f"responder {person_id}",
        area=area,
        function=function,
        lowest=clearance.lowest,
        highest=clearance.highest,
        types=None if clearance.types is None else len(clearance.types),
        without=len(clearance.without),
    )
    return clearance


def said(clearance: Clearance) -> str:
    """A clearance in a few words: `severe to extreme, without violence_women_girls`."""
    types = "any type" if clearance.types is None else " ".join(clearance.types)
    without = f", without {' '.join(clearance.without)}" if clearance.without else ""
    return f"{clearance.lowest} to {clearance.highest}, {types}{without}"
