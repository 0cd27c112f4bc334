"""Weekly markets, `rules/markets.yaml`."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.content.problem import Problem
from service.content.yaml import Document
from service.domain.condition import WeekdayOrJour
from service.domain.gazetteer import Gazetteer
from service.domain.markets import Market, MarketDays


class WeeklyMarket(BaseModel):
    """A weekly market, and who says on which day it is held."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str = Field(description="The place's code, as in places.csv or areas.csv")
    name: str = Field(min_length=1, description="What the place is called, for whoever reads this")
    day: WeekdayOrJour = Field(description="monday … sunday, or lundi … dimanche")
    source: str = Field(min_length=1, description="Who says so, or where it is written")


class WeeklyMarkets(RootModel[tuple[WeeklyMarket, ...]]):
    """Every weekly market whose day is known."""

    model_config = ConfigDict(frozen=True)

    def days(self, places: Gazetteer) -> MarketDays:
        """Return the market days of the places that are on the map."""
        found = ((places.by_code(market.place), market.day) for market in self.root)
        return MarketDays(
            tuple(Market(place.code, place.point, day) for place, day in found if place)
        )


def markets_exist(
    markets: WeeklyMarkets, document: Document, places: Gazetteer
) -> Iterator[Problem]:
    """Markets of places that are in no table, or are called otherwise there."""
    for number, market in enumerate(markets.root):
        place = places.by_code(market.place)
        if place is None:
            why = f"no place has the code `{market.place}`"
            suggestion = "look it up with `vigie parse`, or in rules/places"
            yield document.problem((number, "place"), why, suggestion)
        elif place.name.casefold() != market.name.casefold():
            why = f"the place `{market.place}` is called `{place.name}`"
            yield document.problem((number, "name"), why, "correct the code or the name")
