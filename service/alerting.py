"""From decisions to alerts and the texts that tell of them; and what responders answer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.alerts import day_part
from service.domain.areas import finest
from service.domain.escalation import is_told, told
from service.domain.evidence import Decision
from service.picture import Picture
from service.store import alerts, outbox, people, reports
from service.telemetry import Metrics

log = structlog.get_logger()

# How long an alert is worth sending; a gateway may be down for a while.
ALERT_LIFE = timedelta(hours=72)


class Alerting:
    """Carries decisions out, inside the transaction that made them."""

    def __init__(self, content: Content, metrics: Metrics) -> None:
        self._content = content
        self._metrics = metrics
        self._rules = {rule.hash: rule.text for rule in content.rules}
        self._acts = {
            "raise": self._raise,
            "escalate": self._escalate,
            "repeat": self._repeat,
            "correct": self._correct,
        }

    async def carry_out(
        self, tx: AsyncConnection, picture: Picture, decisions: Sequence[Decision], now: datetime
    ) -> None:
        """Keep every decision with its reasons; tell people of those that are live."""
        await reports.add_decisions(tx, decisions, now)
        hashes = {decision.rule_hash for decision in decisions}
        await reports.keep_rules(tx, {hash_: self._rules[hash_] for hash_ in hashes})
        for decision in decisions:
            self._metrics.decisions.count(decision.kind)
            log.info("decided", kind=decision.kind, rule=decision.rule, live=decision.live)
            if decision.live and (act := self._acts.get(decision.kind)):
                await act(tx, picture, decision, now)

    async def _raise(
        self, tx: AsyncConnection, picture: Picture, decision: Decision, now: datetime
    ) -> None:
        tree = self._content.tree
        concerned = tree.common(decision.areas)
        named = finest(tree, picture.in_use, concerned)
        when = day_part(datetime.fromtimestamp(decision.at, UTC), self._content.timezone)
        picture.last_alert += 1
        number = picture.last_alert
        row: dict[str, Any] = {"id": number, "episode": decision.episode, "rule": decision.rule}
        row |= {"type": decision.type, "area": named, "day": when.day, "day_part": when.part}
        row |= {"severity": decision.severity, "late": decision.late, "state": "open"}
        await alerts.add(tx, row | {"raised_at": now})
        self._metrics.alerts.count(decision.severity)
        branch = told(tree, named, concerned)
        recipients = [
            (responder.id, responder.language)
            for responder in await people.responders(tx)
            if is_told(tree, branch, responder.area)
        ]
        if not recipients:
            log.warning("an alert has nobody to tell: enrol responders there", area=branch)
        await self._tell(tx, "alert", number, recipients, now)

    async def _escalate(
        self, tx: AsyncConnection, _picture: Picture, decision: Decision, now: datetime
    ) -> None:
        if alert := await alerts.of_episode(tx, decision.episode):
            await alerts.change(tx, alert.id, severity=decision.severity)
            await self._tell_again(tx, "update", alert.id, now, decision.severity)

    async def _repeat(
        self, tx: AsyncConnection, _picture: Picture, decision: Decision, now: datetime
    ) -> None:
        if alert := await alerts.of_episode(tx, decision.episode):
            await self._tell_again(tx, "update", alert.id, now, str(decision.at))

    async def _correct(
        self, tx: AsyncConnection, _picture: Picture, decision: Decision, now: datetime
    ) -> None:
        if alert := await alerts.of_episode(tx, decision.episode):
            await alerts.change(tx, alert.id, state="corrected")
            await self._tell_again(tx, "correction", alert.id, now)

    async def _tell_again(
        self, tx: AsyncConnection, purpose: str, number: int, now: datetime, step: str = ""
    ) -> None:
        """Tell exactly those who were told of the alert."""
        recipients = [(row.person_id, row.language) for row in await outbox.told(tx, number)]
        await self._tell(tx, purpose, number, recipients, now, step)

    async def _tell(
        self,
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
