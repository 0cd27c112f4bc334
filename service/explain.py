"""Why an alert was raised, what followed, and what a rule decided: read back from the store.

Who reported is never part of it: only how many different people did.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.evidence import Check, Evidence
from service.domain.near import NearMiss, near_misses
from service.judging import engine_of
from service.store import AnyRow, alerts, reports
from service.ways import Way, ways


@dataclass(frozen=True, slots=True)
class Counted:
    """One report as an explanation shows it. `status` is counted, retracted or refuted."""

    type: str
    place: str
    cercle: str
    at: datetime
    status: str = "counted"


@dataclass(frozen=True, slots=True)
class Group:
    """Reports, and how many different people sent them; `gone` are no longer kept."""

    reports: tuple[Counted, ...]
    people: int
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One decision with its reasons. `at` is when what led to it happened.

    Of what responders are told, `due_at` is when, `release` what became of it (waiting, told,
    folded, withdrawn or failed), and `released_at` when that was; else these are None.
    """

    kind: str
    rule: str
    type: str
    severity: str
    at: datetime
    decided_at: datetime
    late: bool
    live: bool
    checks: tuple[Check, ...]
    suppressed_by: str | None
    due_at: datetime | None
    release: str | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """An alert as it was told: an area and a part of a day."""

    number: int
    type: str
    area: str
    day: date
    part: str
    severity: str
    state: str
    late: bool
    released_at: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """An alert, decision by decision; `rule` is the rule as it read when it was raised.

    `rule_now` says whether it still reads so: same, changed or gone. `made_needless` is what other
    rules would have told, had this alert not been there; `ways` who was asked, and when.
    """

    alert: AlertFacts
    steps: tuple[Step, ...]
    counted: Group
    made_needless: tuple[Step, ...]
    rule_id: str
    rule_hash: str
    rule: dict[str, Any] | None
    rule_now: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Almost:
    """A cluster that almost met a rule. Each check of `missed` alone would have been enough."""

    at: datetime
    missed: tuple[Check, ...]
    counted: Group


@dataclass(frozen=True, slots=True)
class History:
    """What a rule decided of things that happened since a moment, and what it almost decided."""

    rule: str
    since: datetime
    decided: tuple[Step, ...]
    near_misses: tuple[Almost, ...]


async def alert(tx: AsyncConnection, content: Content, number: int) -> Explanation | None:
    """Explain an alert; None where there is none of that number."""
    row = (await alerts.by_id(tx, [number])).get(number)
    if row is None:
        return None
    decisions = await reports.decisions_about(tx, row.episode)
    raised = decisions[0]
    ids = {id_ for decision in decisions for id_ in decision.evidence}
    suppressor = ":".join(row.episode.split(":")[:2])
    text = await reports.rule_said(tx, raised.rule_hash)
    return Explanation(
        alert=_alert(row, content),
        steps=tuple(_step(decision) for decision in decisions),
        counted=_stored(await reports.by_id(tx, sorted(ids)), len(ids), content),
        made_needless=tuple(_step(each) for each in await reports.suppressed_for(tx, suppressor)),
        rule_id=row.rule,
        rule_hash=raised.rule_hash,
        rule=json.loads(text) if text else None,
        rule_now=_rule_now(row.rule, raised.rule_hash, content),
        ways=await ways(tx, content, number),
    )


async def rule(
    tx: AsyncConnection, content: Content, rule_id: str, since: datetime, now: datetime
) -> History:
    """Return what a rule decided since then, and the clusters that almost met it, nearest first.

    A rule that is a draft or retired is judged as if it were on trial. Raises KeyError for a rule
    that is not there.
    """
    asked = next((each for each in content.rules if each.id == rule_id), None)
    if asked is None:
        raise KeyError(rule_id)
    back = engine_of(content, (asked,)).horizon(int(since.timestamp()))
    stored = reports.evidence_since(tx, datetime.fromtimestamp(back, UTC))
    known = {evidence.id: evidence async for evidence in stored}
    near = near_misses(asked, known.values(), lambda loosened: engine_of(content, (loosened,)))
    begins, ends = int(since.timestamp()), int(now.timestamp())
    return History(
        rule=rule_id,
        since=since,
        decided=tuple(_step(row) for row in await reports.decisions_of(tx, rule_id, since)),
        near_misses=tuple(
            _almost(miss, known, content) for miss in near if begins <= miss.at <= ends
        ),
    )


def _alert(row: AnyRow, content: Content) -> AlertFacts:
    area = content.tree.name(row.area) if row.area in content.tree else row.area
    return AlertFacts(
        number=row.id,
        type=row.type,
        area=area,
        day=row.day,
        part=row.day_part,
        severity=row.severity,
        state=row.state,
        late=row.late,
        released_at=row.released_at,
    )


def _step(row: AnyRow) -> Step:
    return Step(
        kind=row.kind,
        rule=row.rule,
        type=row.type,
        severity=row.severity,
        at=row.at,
        decided_at=row.decided_at,
        late=row.late,
        live=row.live,
        checks=tuple(Check(*check) for check in row.checks),
        suppressed_by=row.suppressed_by,
        due_at=row.due_at,
        release=row.release,
        released_at=row.released_at,
    )


def _stored(rows: Sequence[AnyRow], asked: int, content: Content) -> Group:
    return Group(
        reports=tuple(
            _counted(row.type, row.place, row.area, row.occurred_at, content, row.status)
            for row in rows
        ),
        people=len({row.reporter for row in rows}),
        gone=asked - len(rows),
    )


def _almost(miss: NearMiss, known: dict[int, Evidence], content: Content) -> Almost:
    seen = [known[id_] for id_ in miss.evidence]
    return Almost(
        at=datetime.fromtimestamp(miss.at, UTC),
        missed=miss.missed,
        counted=_group(seen, content),
    )


def _group(seen: Iterable[Evidence], content: Content) -> Group:
    every = list(seen)
    return Group(
        reports=tuple(
            _counted(e.type, e.place, e.area, datetime.fromtimestamp(e.at, UTC), content)
            for e in every
        ),
        people=len({evidence.reporter for evidence in every}),
    )


def _counted(
    type_: str, place: str, area: str, at: datetime, content: Content, status: str = "counted"
) -> Counted:
    known = content.gazetteer.by_code(place)
    name = known.name if known else content.tree.name(area) if area in content.tree else place
    return Counted(type_, name, known.cercle if known else "", at, status)


def _rule_now(rule_id: str, rule_hash: str, content: Content) -> str:
    now = {rule.id: rule.hash for rule in content.rules}
    if rule_id not in now:
        return "gone"
    return "same" if now[rule_id] == rule_hash else "changed"
