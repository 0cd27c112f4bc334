"""How good the alerts were, as episodes, each figure with its 95% interval.

- An alert is *right* if an outcome's number is reached after it was sent, in the outcome's time and
  reach of the place of the latest event that it rests on. What happened before it, or at the same
  time, does not count. An alert whose time goes on after the last event, and which is not right
  yet, cannot be judged.
- An outcome's onset is *foreseen* if a right alert was sent before it, in its time and reach. The
  *lead* is from the first such alert to the onset.
- Precision is the share of judged alerts that were right, recall that of onsets foreseen.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from service.backtest.dataset import DAY, Dataset, Event
from service.backtest.intervals import Interval, median, median_interval, wilson
from service.backtest.outcomes import Neighbours, Onset, Outcome, Tolls
from service.backtest.replay import Alert
from service.domain.geo import Point

Sent = tuple[int, Point]

LOOK_BACK = 30 * DAY


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; the interval is None where there are none."""

    count: int
    of: int

    @property
    def interval(self) -> Interval | None:
        return wilson(self.count, self.of) if self.of else None


@dataclass(frozen=True, slots=True)
class Score:
    """What alerts were worth against one outcome; leads are in days, one a foreseen onset."""

    alerts: int
    weeks: float
    precision: Share
    recall: Share
    leads: tuple[float, ...]

    @property
    def a_week(self) -> float:
        return self.alerts / self.weeks

    @property
    def false_a_week(self) -> float:
        return (self.precision.of - self.precision.count) / self.weeks

    @property
    def lead(self) -> float | None:
        return median(self.leads) if self.leads else None

    @property
    def lead_interval(self) -> Interval | None:
        return median_interval(self.leads)

    @property
    def mean_lead(self) -> float:
        """The mean lead over all onsets, those not foreseen with none: AMOC's measure of gain."""
        return sum(self.leads) / self.recall.of if self.recall.of else 0.0


class Judge:
    """Scores alerts against one outcome; what that needs of the events is made once."""

    def __init__(self, data: Dataset, outcome: Outcome) -> None:
        self.outcome = outcome
        self._weeks, self._last = data.weeks, data.last
        self._tolls = Tolls(data.events, outcome)
        self.onsets: list[Onset] = self._tolls.onsets()
        self._right: dict[Sent, bool | None] = {}

    def is_right(self, sent_at: int, point: Point) -> bool | None:
        """Whether an alert was right; None if that cannot be told yet."""
        sent = sent_at, point
        if sent not in self._right:
            right: bool | None = self._tolls.after(point, sent_at) >= self.outcome.at_least
            if not right and sent_at + self.outcome.within.days * DAY > self._last:
                right = None
            self._right[sent] = right
        return self._right[sent]

    def score(self, alerts: Sequence[Sent]) -> Score:
        verdicts = [self.is_right(*sent) for sent in alerts]
        right = [sent for sent, verdict in zip(alerts, verdicts, strict=True) if verdict]
        leads = self._leads(right)
        judged = sum(verdict is not None for verdict in verdicts)
        return Score(
            alerts=len(alerts),
            weeks=self._weeks,
            precision=Share(len(right), judged),
            recall=Share(len(leads), len(self.onsets)),
            leads=tuple(leads),
        )

    def _leads(self, right: Sequence[Sent]) -> list[float]:
        times: dict[Point, list[int]] = {}
        for sent_at, point in sorted(right):
            times.setdefault(point, []).append(sent_at)
        neighbours = Neighbours(times, self.outcome.within.km)
        leads = []
        for onset in self.onsets:
            from_ = onset.at - self.outcome.within.days * DAY
            first = min(
                (
                    times[near][index]
                    for near in neighbours.of(onset.spot.point)
                    if (index := bisect_left(times[near], from_)) < len(times[near])
                ),
                default=onset.at,
            )
            if first < onset.at:
                leads.append((onset.at - first) / DAY)
        return leads


def sent(alerts: Sequence[Alert]) -> list[Sent]:
    return [(alert.sent_at, alert.event.spot.point) for alert in alerts]


def baseline(data: Dataset, days: int) -> list[Sent]:
    """Return what “alert wherever there was an incident last month” would have sent.

    Every so many days, one alert for each finest area from which an incident of the past thirty
    days is known, at the place of the latest.
    """
    step = days * DAY
    latest: dict[str, tuple[int, Event]] = {}
    alerts: list[Sent] = []
    order = data.by_receipt
    due = data.first + step
    for report in order:
        known_at, event = data.known_at[report], data.events[data.event_of[report]]
        while known_at > due:
            alerts += _standing(latest, due)
            due += step
        before = latest.get(event.spot.area)
        if before is None or event.at >= before[0]:
            latest[event.spot.area] = event.at, event
    while due <= data.last:
        alerts += _standing(latest, due)
        due += step
    return alerts


def _standing(latest: dict[str, tuple[int, Event]], now: int) -> list[Sent]:
    return [(now, event.spot.point) for at, event in latest.values() if now - at <= LOOK_BACK]
