"""From decisions to alerts and the texts that tell of them.

A decision is kept with the time at which responders are to be told of it. When that has come, what
was decided of one alert since is told in one text, or in none (see `domain.release`).
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from service import areas
from service.content import Content
from service.domain.areas import finest
from service.domain.codebook import SEVERITIES, Severity
from service.domain.escalation import Facts
from service.domain.evidence import Decision, DecisionKind
from service.domain.release import due, part_told, to_say
from service.escalating import Escalating
from service.picture import Picture
from service.store import AnyRow, alerts, releases, reports, responses, stages
from service.telemetry import Metrics
from service.telling import Telling, common

log = structlog.get_logger()

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
        for decision in decisions:
            self._metrics.decisions.count(decision.kind)
        tellings = [(decision.episode, told[1]) for decision, told in kept if told is not None]
        if tellings:
            await releases.bring_forward(tx, tellings)
        urgent = dict.fromkeys(episode for episode, due_at in tellings if due_at <= now)
        await self.release(tx, picture, list(urgent), now)

    async def due(self, tx: AsyncConnection, now: datetime) -> list[str]:
        """The episodes of which responders are to be told now, in no order."""
        episodes = await releases.due_episodes(tx, now)
        self._shuffle(episodes)
        return episodes

    async def release(
        self, tx: AsyncConnection, picture: Picture, episodes: Sequence[str], now: datetime
    ) -> None:
        """Tell responders of what is due of these episodes: of each in one text, or in none."""
        rows = await releases.due_of(tx, episodes, now)
        if not rows:
            return
        known = await alerts.of_episodes(tx, list(rows))
        numbers = [alert.id for alert in known.values()]
        telling = await Telling.begin(tx, self._content, numbers, now)
        escalating = Escalating(self._content, telling, now)
        version = await areas.version(tx, picture.in_use, now)
        outcome = _Outcome()
        for episode in (each for each in episodes if each in rows):
            some, alert = rows[episode], known.get(episode)
            kinds: list[DecisionKind] = [row.kind for row in some]
            said = to_say(kinds, alert is not None)
            log.info("released", rule=some[0].rule, text=said or "none")
            if said is None:
                outcome.settle("withdrawn", some)
            elif alert is None:
                raised = self._raised(picture, some, now) | {"area_version": version}
                branch = telling.branch(raised["area"], some[0].areas)
                facts = Facts(branch, raised["type"], raised["severity"])
                escalating.set_out(raised["id"], facts)
                self._metrics.alerts.count(raised["severity"])
                outcome.raise_(raised, some)
            else:
                await self._change(tx, telling, escalating, alert, some, said)
                outcome.change(alert, some, said)
        await outcome.write(tx, now)
        await escalating.write(tx)
        await telling.queue(tx)

    async def steps_due(self, tx: AsyncConnection, now: datetime) -> list[int]:
        """The alerts that are to go on to their next step now."""
        return await stages.due_alerts(tx, now)

    async def go_on(self, tx: AsyncConnection, numbers: Sequence[int], now: datetime) -> None:
        """Carry out the steps of alerts that are due, or for which nobody is waited any more.

        Steps that cannot be read are given up: no answer, pause or STOP fails for them.
        """
        waiting = await stages.waiting(tx, numbers)
        if not waiting:
            return
        known = await alerts.by_id(tx, list(waiting))
        answers = await responses.last_of(tx, list(waiting))
        telling = await Telling.begin(tx, self._content, list(waiting), now)
        escalating = Escalating(self._content, telling, now)
        for number in (each for each in numbers if each in waiting):
            try:
                escalating.go_on(known[number], waiting[number], answers.get(number, {}))
            except ValidationError:
                log.exception("an alert cannot go on: its steps are damaged", alert=number)
                await stages.give_up(tx, number, now)
        await escalating.write(tx)
        await telling.queue(tx)

    def _telling(
        self, picture: Picture, decision: Decision, now: datetime
    ) -> tuple[str, datetime] | None:
        """The finest area that may be named for a decision, and when it is told; None if never."""
        if not decision.live or decision.kind == "suppress":
            return None
        tree = self._content.tree
        floor = finest(tree, picture.in_use, common(tree, decision.areas))
        return floor, due(decision.severity, now, self._content.release)

    def _asks_for_place(self, rule_id: str) -> bool:
        return any(
            rule.id == rule_id and rule.alert.place == "exact" for rule in self._content.rules
        )

    def _raised(self, picture: Picture, rows: Sequence[AnyRow], now: datetime) -> dict[str, Any]:
        """A new alert: its number tells when it left, and no more."""
        tree, first, severity = self._content.tree, rows[0], rows[-1].severity
        # Whoever left since it was decided may have left too few: then a coarser area is named.
        named = finest(tree, picture.in_use, tree.on_map(first.floor))
        when = part_told(first.at, severity, first.due_at, self._content.release)
        picture.last_alert += 1
        row: dict[str, Any] = {"id": picture.last_alert, "episode": first.episode}
        row |= {"rule": first.rule, "type": first.type, "area": named}
        row |= {"day": when.day, "day_part": when.part, "severity": severity}
        row |= {"late": first.late, "state": "open", "released_at": now}
        row |= {"drill": first.drill}
        return row | {"place_asked": self._asks_for_place(first.rule)}

    @staticmethod
    async def _change(
        tx: AsyncConnection,
        telling: Telling,
        escalating: Escalating,
        alert: AnyRow,
        rows: Sequence[AnyRow],
        said: str,
    ) -> None:
        """Tell those who were told; where it is graver now, it sets out anew to the others."""
        last = rows[-1]
        severity: Severity | None = None if said == "correction" else last.severity
        telling.again(said, alert, last.areas, severity=severity, step=str(last.id))
        if severity and SEVERITIES.index(severity) > SEVERITIES.index(alert.severity):
            before = (await stages.waiting(tx, [alert.id])).get(alert.id, ())
            first = (await stages.counted(tx, [alert.id])).get(alert.id, 0)
            answers = (await responses.last_of(tx, [alert.id])).get(alert.id, {})
            facts = Facts(telling.branch_of(alert, last.areas), alert.type, severity)
            escalating.set_out(alert.id, facts, answers, before, first)


class _Outcome:
    """What becomes of decisions that are due, collected so that each table is written once."""

    def __init__(self) -> None:
        self._raised: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._settled: list[dict[str, Any]] = []

    def settle(self, release: str, rows: Sequence[AnyRow], number: int | None = None) -> None:
        """Note what became of decisions, and in which alert they were told."""
        self._settled += [{"row": row.id, "release": release, "alert_id": number} for row in rows]

    def raise_(self, alert: dict[str, Any], rows: Sequence[AnyRow]) -> None:
        """An alert tells of the first of these; the others are in it."""
        self._raised.append(alert)
        self._told(alert["id"], rows[0], rows)

    def change(self, alert: AnyRow, rows: Sequence[AnyRow], said: str) -> None:
        """A text about an alert tells of the last of these; the others are in it."""
        state = "corrected" if said == "correction" else alert.state
        last = rows[-1]
        self._changed.append({"row": alert.id, "severity": last.severity, "state": state})
        self._told(alert.id, last, rows)

    def _told(self, number: int, told: AnyRow, rows: Sequence[AnyRow]) -> None:
        self.settle("folded", [row for row in rows if row is not told], number)
        self.settle("told", [told], number)

    async def write(self, tx: AsyncConnection, now: datetime) -> None:
        if self._raised:
            await alerts.add(tx, self._raised)
        if self._changed:
            await alerts.amend(tx, self._changed)
        await releases.settle(tx, self._settled, now)
