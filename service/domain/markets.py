"""Weekly market days: when people and herds gather, and robbers know it."""

from dataclasses import dataclass

from service.domain.condition import Weekday
from service.domain.geo import Point, distance_km

NEAR_KM = 5.0
"""How far from a market its day still matters."""


@dataclass(frozen=True, slots=True)
class Market:
    """A weekly market: the code and point of the place where it is held, and its day."""

    place: str
    point: Point | None
    day: Weekday


class MarketDays:
    """Every weekly market whose day is known."""

    def __init__(self, markets: tuple[Market, ...] = ()) -> None:
        self._markets: dict[Weekday, list[Market]] = {}
        for market in markets:
            self._markets.setdefault(market.day, []).append(market)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MarketDays) and self._markets == other._markets

    def is_market_day(self, place: str, point: Point, weekday: Weekday) -> bool:
        """Whether that weekday is the market day of the place, or of a market within 5 km."""
        return any(
            market.place == place
            or (market.point is not None and distance_km(market.point, point) <= NEAR_KM)
            for market in self._markets.get(weekday, ())
        )
