"""What a change of the rules gains and loses, alert by alert."""

from collections.abc import Sequence
from typing import NamedTuple

from service.backtest.replay import Alert


class Difference(NamedTuple):
    """Alerts that only the changed rules send, that only the others sent, and how many both do."""

    gained: list[Alert]
    lost: list[Alert]
    kept: int


def difference(before: Sequence[Alert], after: Sequence[Alert]) -> Difference:
    """Match alerts of a rule that rest on a report in common, whenever each was sent.

    Both must be of one dataset, so that a report is the same in both.
    """
    gained, lost = _without(after, before), _without(before, after)
    return Difference(gained, lost, len(before) - len(lost))


def _without(alerts: Sequence[Alert], others: Sequence[Alert]) -> list[Alert]:
    covered = {(other.rule, report) for other in others for report in other.reports}
    return [
        alert
        for alert in alerts
        if not any((alert.rule, report) in covered for report in alert.reports)
    ]
