"""The replay: each report is told to the engine when it is received, and never before."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from service.backtest.dataset import DAY, Dataset, Event, Progress, counted
from service.content import Content
from service.domain.evidence import Decision
from service.domain.rule import Rule
from service.judging import engine_of

_EXPIRE_EVERY = 30 * DAY  # a sweep costs more than a month of reports takes room


@dataclass(frozen=True, slots=True, eq=False)
class Alert:
    """An alert that would have gone out.

    `sent_at` is when the report that raised it was received, `event` the latest that it rests on,
    `reports` all of them by their position, and `needs` how many people the rule asked for.
    """

    rule: str
    episode: str
    sent_at: int
    event: Event
    reports: frozenset[int]
    areas: tuple[str, ...]
    needs: int


@dataclass(slots=True)
class Replay:
    """What rules would have decided: alerts in the order of sending; other decisions by rule."""

    rules: tuple[Rule, ...]
    alerts: list[Alert] = field(default_factory=list)
    others: dict[str, Counter[str]] = field(default_factory=dict)

    def of(self, rule: str) -> list[Alert]:
        return [alert for alert in self.alerts if alert.rule == rule]


def replay(
    data: Dataset,
    content: Content,
    rules: Iterable[Rule] | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Replay the reports in the order of receipt, by the content's rules or by others.

    Drafts are judged as if on trial, so that a rule can be tried before it is put anywhere;
    retired rules are not. Silences hold for their dates, as they would have.
    """
    judged = tuple(_judged(content.rules if rules is None else rules))
    engine = engine_of(replace(content, tree=data.tree), judged)
    found = Replay(judged, others={rule.id: Counter() for rule in judged})
    order = data.by_receipt
    expired = 0
    for index in counted(len(order), progress):
        report = order[index]
        now = data.known_at[report]
        if now - expired >= _EXPIRE_EVERY:
            engine.expire(now)
            expired = now
        for decision in engine.learn(data.evidence(report)):
            if decision.kind == "raise":
                found.alerts.append(_alert(data, decision, now))
            else:
                found.others[decision.rule][decision.kind] += 1
    return found


def _judged(rules: Iterable[Rule]) -> Iterable[Rule]:
    """Yield the rules that a backtest judges, with the status in which the engine judges them."""
    for rule in rules:
        if rule.status == "draft":
            yield rule.model_copy(update={"status": "trial"})
        elif rule.status != "retired":
            yield rule


def _alert(data: Dataset, decision: Decision, now: int) -> Alert:
    events = [data.events[data.event_of[report]] for report in decision.evidence]
    latest = _latest(events)
    # A part of a joined condition stands before the name: `first.distinct_reporters`.
    people = (each for each in decision.checks if each.name.endswith("distinct_reporters"))
    asked = (check.threshold for check in people)
    needs = max((int(each) for each in asked if isinstance(each, int | float)), default=1)
    return Alert(
        rule=decision.rule,
        episode=decision.episode,
        sent_at=now,
        event=latest,
        reports=frozenset(decision.evidence),
        areas=decision.areas,
        needs=needs,
    )


def _latest(events: Sequence[Event]) -> Event:
    """Return the event that happened last; of several at once, the last in the file."""
    return max(events, key=lambda event: (event.at, event.line))
