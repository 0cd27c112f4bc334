"""Telling responders the exact place of an alert, which only a coordinator can allow.

Three things must hold, and are looked at when it is allowed, not when the alert was raised: every
type that the rule counts is marked public in the codebook, enough different people reported that
very place, and a coordinator says so by name.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service import audit
from service.content import Content
from service.domain.exact import ENOUGH, place_to_name
from service.domain.rule import Rule
from service.store import AnyRow, alerts, reports
from service.telling import Telling


class NotAllowed(Exception):
    """The exact place of this alert is not told; the message says why."""


async def allow(tx: AsyncConnection, content: Content, number: int, by: str, now: datetime) -> str:
    """Tell the exact place of an alert to those who were told of it; the place's code.

    Raises NotAllowed.
    """
    alert = (await alerts.by_id(tx, [number])).get(number)
    if alert is None:
        raise NotAllowed(f"there is no alert {number}")
    rule = _rule_of(content, alert)
    decided = await reports.decisions_about(tx, alert.episode)
    counted = await _behind(tx, rule, decided)
    asked = max((count.distinct_reporters for count in rule.counts()), default=1)
    place = place_to_name(counted, asked)
    if place is None or content.gazetteer.by_code(place) is None:
        raise NotAllowed(
            f"no one place of alert {number} was reported by enough people: "
            f"{max(ENOUGH, asked)} different people must have reported the very place"
        )
    await alerts.change(tx, number, place=place)
    await audit.note(tx, now, by, "told an exact place", f"alert {number}", area=alert.area)
    areas = [area for row in decided for area in row.areas]
    telling = await Telling.begin(tx, content, [number], now)
    telling.again("place", alert, areas)
    await telling.queue(tx)
    return place


async def _behind(
    tx: AsyncConnection, rule: Rule, decided: Sequence[AnyRow]
) -> list[tuple[str, int]]:
    """Place and reporter of each report of the alert's types and places while it was the same.

    Those that came after it was decided too: a third person often reports what two have told.
    """
    evidence = await reports.by_id(tx, sorted({each for row in decided for each in row.evidence}))
    if not evidence:
        return []
    first = evidence[0].occurred_at
    return await reports.people_at(
        tx,
        {row.place for row in evidence},
        {row.type for row in evidence},
        first,
        first + timedelta(hours=rule.alert.quiet_for),
    )


def _rule_of(content: Content, alert: AnyRow) -> Rule:
    """The rule of an alert whose exact place may be told, as it reads now. Raises NotAllowed."""
    number = alert.id
    rule = next((rule for rule in content.rules if rule.id == alert.rule), None)
    if not alert.place_asked or rule is None or rule.alert.place != "exact":
        raise NotAllowed(
            f"the rule {alert.rule} of alert {number} does not ask for the exact place "
            "(`place: exact`)"
        )
    if not content.codebook.type(alert.type).public:
        raise NotAllowed(f"{alert.type} is not public in the codebook: its places are not told")
    if alert.state == "corrected":
        raise NotAllowed(f"alert {number} was corrected: there is nothing to tell")
    if alert.place is not None:
        raise NotAllowed(f"the exact place of alert {number} was told already")
    return rule
