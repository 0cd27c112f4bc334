"""All that one set of rules would have done, rule by rule and outcome by outcome."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.backtest.dataset import Dataset
from service.backtest.outcomes import Outcome
from service.backtest.replay import Alert, Replay
from service.backtest.score import Judge, Score, baseline, sent
from service.backtest.senders import Crowd, Senders
from service.content import AreaPolicy
from service.domain.rule import Rule


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """One rule's alerts, what else it decided, the fewest behind an alert, scores by outcome id."""

    rule: Rule
    alerts: list[Alert]
    others: dict[str, int]
    senders: Senders | None
    scores: dict[str, Score]


class Findings:
    """Scores replays of one dataset; what depends on the events alone is made once."""

    def __init__(self, data: Dataset, outcomes: Sequence[Outcome], areas: AreaPolicy) -> None:
        self.judges = {each.id: Judge(data, each) for each in outcomes}
        # As often as the outcome's time passes, so that it always stands somewhere.
        standing = {days: baseline(data, days) for days in {o.within.days for o in outcomes}}
        self.baselines = {
            id_: judge.score(standing[judge.outcome.within.days])
            for id_, judge in self.judges.items()
        }
        self._crowd = Crowd(data, areas.k, areas.margin)

    def of(self, found: Replay) -> list[RuleFindings]:
        """Return the findings of each rule, in the order of the rules."""
        by_rule: dict[str, list[Alert]] = {rule.id: [] for rule in found.rules}
        for alert in found.alerts:
            by_rule[alert.rule].append(alert)
        return [
            RuleFindings(
                rule=rule,
                alerts=by_rule[rule.id],
                others=dict(found.others[rule.id]),
                senders=self._crowd.fewest(by_rule[rule.id]),
                scores={
                    id_: judge.score(sent(by_rule[rule.id])) for id_, judge in self.judges.items()
                },
            )
            for rule in found.rules
        ]
