"""The days on which reports happen, as people there tell them: seasons, weekdays, market days."""

from datetime import date, datetime, tzinfo

from service.domain.areas import AreaTree
from service.domain.condition import WEEKDAYS, Weekday
from service.domain.evidence import Evidence
from service.domain.markets import MarketDays
from service.domain.seasons import Seasons


class Days:
    """What day a report's day is, in the time zone `zone`."""

    def __init__(self, zone: tzinfo, seasons: Seasons, tree: AreaTree, markets: MarketDays) -> None:
        self._zone = zone
        self._seasons = seasons
        self._tree = tree
        self._markets = markets
        self._held: dict[tuple[str, float, float, Weekday], bool] = {}

    def day(self, report: Evidence) -> date:
        return datetime.fromtimestamp(report.at, self._zone).date()

    def weekday(self, report: Evidence) -> Weekday:
        return WEEKDAYS[self.day(report).weekday()]

    def in_season(self, season: str, report: Evidence) -> bool:
        """Whether the season is open where and when the report happened."""
        areas = self._tree.path(report.area) if report.area in self._tree else ()
        return self._seasons.open(season, areas, self.day(report))

    def is_market_day(self, report: Evidence) -> bool:
        weekday = self.weekday(report)
        held = (report.place, *report.point, weekday)
        if held not in self._held:
            self._held[held] = self._markets.is_market_day(report.place, report.point, weekday)
        return self._held[held]
