"""From decisions to alerts and the texts that tell of them; and what responders answer.

A decision is kept with the time at which responders are to be told of it. When that has come, what
was decided of one alert since is told in one text, or in none (see `domain.release`).
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service import areas
from service.content import Content
from service.domain.areas import COUNTRY, AreaTree, finest
from service.domain.clearance import Clearance
from service.domain.codebook import Severity
from service.domain.escalation import is_told, told
from service.domain.evidence import Decision, DecisionKind
from service.domain.release import due, part_told, to_say
from service.picture import Picture
from service.store import AnyRow, alerts, outbox, people, releases, reports
from service.telemetry import Metrics

log = structlog.get_logger()

# How long an alert is worth sending; a gateway may be down for a while.
ALERT_LIFE = timedelta(hours=72)
_SHUFFLE = random.SystemRandom().shuffle


class Alerting:
    """Carries decisions out: in the transaction that made them, or when they are due."""

    def __init__(
        self,
        content: Content,
        metrics: Metrics,
        shuffle: Callable[[list[str]], None] = _SHUFFLE,
    ) -> None:
        """`shuffle` puts what leaves together into an order that tells nothing."""
        self._content = content
        self._metrics = metrics
        self._shuffle = shuffle
        self._rules = {rule.hash: rule.text for rule in content.rules}

    async def carry_out(
        self, tx: AsyncConnection, picture: Picture, decisions: Sequence[Decision], now: datetime
    ) -> None:
        """Keep every decision with its reasons; tell people of those that cannot wait."""
        kept = [(decision, self._telling(picture, decision, now)) for decision in decisions]
        await reports.add_decisions(tx, kept, now)
        hashes = {decision.rule_hash for decision in decisions}
        await reports.keep_rules(tx, {hash_: self._rules[hash_] for hash_ in hashes})
        urgent: dict[str, None] = {}
        for decision, telling in kept:
            self._metrics.decisions.count(decision.kind)
            if telling is not None:
                await releases.bring_forward(tx, decision.episode, telling[1])
                if telling[1] <= now:
                    urgent[decision.episode] = None
        for episode in urgent:
            await self.release(tx, picture, episode, now)

    async def due(self, tx: AsyncConnection, now: datetime) -> list[str]:
        """The episodes of which responders are to be told now, in no order."""
        episodes = await releases.due_episodes(tx, now)
        self._shuffle(episodes)
        return episodes

    async def release(
        self, tx: AsyncConnection, picture: Picture, episode: str, now: datetime
    ) -> None:
        """Tell responders of what is due of one episode: in one text, or in none."""
        rows = await releases.due_of(tx, episode, now)
        if not rows:
            return
        alert = await alerts.of_episode(tx, episode)
        kinds: list[DecisionKind] = [row.kind for row in rows]
        said = to_say(kinds, alert is not None)
        log.info("released", rule=rows[0].rule, text=said or "none")
        if said is None:
            await releases.settle(tx, [row.id for row in rows], "withdrawn", now)
            return
        if alert is None:
            number, told_by = await self._raise(tx, picture, rows, now), rows[0]
        else:
            number, told_by = alert.id, rows[-1]
            change = {"state": "corrected"} if said == "correction" else {}
            await alerts.change(tx, number, severity=told_by.severity, **change)
            severity = None if said == "correction" else told_by.severity
            tree, step = self._content.tree, str(told_by.id)
            await tell_again(
                tx, tree, said, alert, told_by.areas, now, severity=severity, step=step
            )
        folded = [row.id for row in rows if row is not told_by]
        await releases.settle(tx, folded, "folded", now, number)
        await releases.settle(tx, [told_by.id], "told", now, number)

    def _telling(
        self, picture: Picture, decision: Decision, now: datetime
    ) -> tuple[str, datetime] | None:
        """The finest area that may be named for a decision, and when it is told; None if never."""
        if not decision.live or decision.kind == "suppress":
            return None
        floor = finest(
            self._content.tree, picture.in_use, _concerned(self._content.tree, decision.areas)
        )
        return floor, due(decision.severity, now, self._content.release)

    def _asks_for_place(self, rule_id: str) -> bool:
        return any(
            rule.id == rule_id and rule.alert.place == "exact" for rule in self._content.rules
        )

    async def _raise(
        self, tx: AsyncConnection, picture: Picture, rows: Sequence[AnyRow], now: datetime
    ) -> int:
        """Make the alert and tell of it: its number, which tells when it left and no more."""
        tree, raised, severity = self._content.tree, rows[0], rows[-1].severity
        # Whoever left since it was decided may have left too few: then a coarser area is named.
        floor = raised.floor if raised.floor in tree else COUNTRY
        named = finest(tree, picture.in_use, floor)
        when = part_told(raised.at, severity, raised.due_at, self._content.release)
        picture.last_alert += 1
        number = picture.last_alert
        row: dict[str, Any] = {"id": number, "episode": raised.episode, "rule": raised.rule}
        row |= {"type": raised.type, "area": named, "day": when.day, "day_part": when.part}
        row |= {"severity": severity, "late": raised.late, "state": "open"}
        row["area_version"] = await areas.version(tx, picture.in_use, now)
        row |= {"released_at": now, "place_asked": self._asks_for_place(raised.rule)}
        await alerts.add(tx, row)
        self._metrics.alerts.count(severity)
        branch = told(tree, named, _concerned(tree, raised.areas))
        recipients = [
            (responder.id, responder.language)
            for responder in await people.responders(tx)
            if is_told(tree, branch, responder.area, _cleared(responder), raised.type, severity)
        ]
        if not recipients:
            log.warning("an alert has nobody to tell: enrol responders there", area=branch)
        await _tell(tx, "alert", number, recipients, now)
        return number


async def tell_again(
    tx: AsyncConnection,
    tree: AreaTree,
    purpose: str,
    alert: AnyRow,
    areas: Sequence[str],
    now: datetime,
    *,
    severity: Severity | None = None,
    step: str = "",
) -> None:
    """Tell those who were told of the alert and are still cleared for it.

    Where it has become graver, it is news to those who are cleared for no less: they get it as an
    alert. `alert` is the row of before, `areas` where it happened; `severity` is None where the
    text names none.
    """
    named = alert.area if alert.area in tree else COUNTRY
    branch = told(tree, named, _concerned(tree, areas))
    had = {row.person_id for row in await outbox.told(tx, alert.id)}
    again, anew = [], []
    for responder in await people.responders(tx):
        clearance = _cleared(responder)
        if not is_told(tree, branch, responder.area, clearance, alert.type, severity):
            continue
        if responder.id in had:
            again.append((responder.id, responder.language))
        elif severity and not clearance.covers(alert.type, alert.severity):
            anew.append((responder.id, responder.language))
    await _tell(tx, purpose, alert.id, again, now, step)
    await _tell(tx, "alert", alert.id, anew, now)


async def _tell(
    tx: AsyncConnection,
    purpose: str,
    number: int,
    recipients: Sequence[tuple[int, str]],
    now: datetime,
    step: str = "",
) -> None:
    until = now + ALERT_LIFE
    texts = [
        outbox.text(purpose, now, until, language, person_id=person, alert_id=number, step=step)
        for person, language in recipients
    ]
    if texts:
        await outbox.add(tx, texts)


def _concerned(tree: AreaTree, areas: Sequence[str]) -> str:
    """The finest area that holds all of these; areas that are on the map no more are not."""
    return tree.common(area for area in areas if area in tree)


def _cleared(responder: AnyRow) -> Clearance:
    return Clearance.of(responder.clearance)


async def acknowledge(
    tx: AsyncConnection, person_id: int, number: int | None, now: datetime
) -> int | None:
    """Record a responder's `OK`: the alert that it was for.

    None if they were not told of that alert or, where they gave no number, if not exactly one that
    they were told of still waits for their answer.
    """
    mine = await outbox.told_of(tx, person_id)
    if number is None:
        waiting = await alerts.unanswered(tx, sorted(mine), person_id)
        number = waiting[0] if len(waiting) == 1 else None
    if number is None or number not in mine:
        return None
    await alerts.respond(tx, number, person_id, "acknowledge", now)
    if (await alerts.by_id(tx, [number]))[number].state == "open":
        await alerts.change(tx, number, state="acknowledged")
    return number
