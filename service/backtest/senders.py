"""Behind how many people each sender of an alert's reports could hide."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from service.backtest.dataset import Dataset
from service.backtest.replay import Alert
from service.domain.areas import finest, in_use


class Senders(NamedTuple):
    """An alert names an `area` with `enrolled` people; `needed` of them must have reported."""

    enrolled: int
    needed: int
    area: str
    alert: Alert


class Crowd:
    """Who was enrolled where, and when."""

    def __init__(self, data: Dataset, k: int, margin: int) -> None:
        """`k` and `margin` are those of rules/areas.yaml: they decide which areas may be named."""
        self._tree, self._people = data.tree, data.people
        self._k, self._margin = k, margin
        moments = {person.joined_at for person in data.people}
        moments |= {person.left_at for person in data.people if person.left_at is not None}
        self._moments = sorted(moments)
        self._in_use: dict[int, frozenset[str]] = {}
        self._enrolled: dict[tuple[int, str], int] = {}

    def behind(self, alert: Alert) -> Senders:
        """Return who could have sent an alert: those enrolled in the area that it names."""
        tree, now = self._tree, alert.sent_at
        era = bisect_right(self._moments, now)  # nobody comes or goes within one
        if era not in self._in_use:
            self._in_use[era] = in_use(tree, self._people, now, self._k, self._margin)
        area = finest(tree, self._in_use[era], tree.common(alert.areas))
        if (era, area) not in self._enrolled:
            self._enrolled[era, area] = sum(
                area in tree.path(person.area)
                for person in self._people
                if person.joined_at <= now and (person.left_at is None or person.left_at > now)
            )
        return Senders(self._enrolled[era, area], alert.needs, area, alert)

    def fewest(self, alerts: Iterable[Alert]) -> Senders | None:
        """Return the smallest set that could have sent any of the alerts, the first of equals."""
        return min(map(self.behind, alerts), key=lambda each: each.enrolled, default=None)
