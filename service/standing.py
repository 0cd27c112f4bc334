"""Whether a text about an alert still says what is so, at the moment in which it leaves.

A gateway may be down for days. What was queued is therefore held against what is known when it is
sent, and not when it was queued: then no order of events leads to a text that is not true.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import AnyRow, outbox, responses
from service.texts.slots import VARIED

# What tells of an alert unasked.
TELLING = VARIED - {"correction", "info"}
# All that these say an update says again, as it has become.
_RENEWED = frozenset({"alert", "update"})


async def missing(tx: AsyncConnection, rows: Sequence[AnyRow]) -> dict[int, tuple[int, int]]:
    """How many people did not hear of the alerts that some of these claimed texts are to say it of.

    Of each alert how many, and of how many.
    """
    given_up = {row.alert_id for row in rows if row.purpose == outbox.GIVEN_UP}
    return await outbox.missing(tx, sorted(given_up))


async def fallen(
    tx: AsyncConnection,
    rows: Sequence[AnyRow],
    about: Mapping[int, AnyRow],
    missed: Mapping[int, tuple[int, int]],
) -> dict[int, str]:
    """Why some of these claimed texts are not to be sent, by id of the row.

    `corrected`: the alert was taken back before it could be told. `superseded`: a later update says
    all of it. `answered`: it may not have arrived, but it did. `never_told`: who is to hear that an
    alert was wrong never heard of it. `reached`: what a coordinator is to hear was given up arrived
    after all, or is about an alert that was taken back; `missed` is as `missing` has it.
    """
    needless = {
        row.id: "reached"
        for row in rows
        if row.purpose == outbox.GIVEN_UP and not missed.get(row.alert_id, (0, 0))[0]
    }
    unasked = [row for row in rows if row.purpose in VARIED and row.inbox_id is None]
    told = [row for row in unasked if row.alert_id in about]
    numbers = sorted({row.alert_id for row in told})
    if not told:
        return needless
    updates = await outbox.latest_updates(tx, numbers)
    corrections = {row.alert_id for row in told if row.purpose not in TELLING}
    again = {row.alert_id for row in told if row.attempts}
    answers = await responses.last_of(tx, sorted(corrections | again))
    answered = {(number, person) for number, by in answers.items() for person in by}
    had = await outbox.had(tx, sorted(corrections), TELLING, {row.id for row in rows})

    def why(row: AnyRow) -> str | None:
        at = row.alert_id, row.person_id
        if row.purpose not in TELLING:
            return None if at in had | answered else "never_told"
        if about[row.alert_id].state == "corrected":
            return "corrected"
        if row.attempts and at in answered:
            return "answered"
        renewed = row.purpose in _RENEWED and updates.get(at, 0) > row.id
        return "superseded" if renewed else None

    return needless | {row.id: reason for row in told if (reason := why(row)) is not None}
