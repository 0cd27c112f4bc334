"""Decisions of the tests' own, carried out as the workflow would that had made them.

await decide(vigie, decided("raise", "severe"))
"""

from dataclasses import replace
from typing import Any

from service.alerting import Alerting
from service.domain.evidence import Decision, DecisionKind
from service.picture import Picture
from tests.support.network import START, Network

RULE = "market-cluster"


def decided(kind: DecisionKind, severity: Any = "moderate", episode: str = "a-rule:1") -> Decision:
    """A decision of a rule of the test's own, as the engine makes them."""
    at = int(START.timestamp())
    return Decision(
        kind=kind, rule=RULE, rule_hash="", episode=episode, type="displacement",
        severity=severity, evidence=(1, 2), areas=("ML040410",), at=at, late=False, checks=(),
        suppressed_by=None, live=True,
    )  # fmt: skip


async def decide(vigie: Network, *decisions: Decision) -> None:
    """Carry decisions out as the workflow would that had made them."""
    service, now = vigie.service, vigie.clock.now()
    rule = next(rule for rule in service.content.rules if rule.id == RULE)
    made = [replace(each, rule_hash=rule.hash) for each in decisions]
    async with service.store.write() as tx:
        picture = await Picture.load(tx, service.content, now)
        await Alerting(service.content, service.metrics).carry_out(tx, picture, made, now)
    await vigie.settle()
