"""Which place is meant, where a name is several places', or misspelt.

Places of one name are told apart by the area that is named beside them, and else by nearness to
the sender's area.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from service.domain.gazetteer import Gazetteer, Guess, Named, Place
from service.domain.geo import distance_km

_TELLS_APART = 2.0  # the next place of the name must be this many times as far

# How sure one is of a name that is misspelt.
_BY_EAR, _BY_A_SLIP, _GUESSED = 0.85, 0.75, 0.6
_SURELY_APART = 1.0  # the next place must be this much less likely: a slip, or as far as …
_ONE_PLACE = 2  # km
_FAR, _FAR_FOR_A_SEAT = 75, 150  # km
_SEAT_IS_HEARD_OF, _VILLAGE_IS_HEARD_OF = 300, 100  # km
_SURELY_LONG = 6  # letters: of a name in which one slip still tells which is meant


@dataclass(frozen=True, slots=True)
class Match:
    """The place that is meant. None where nothing tells which of `candidates`, two or more.

    `candidates`, the likeliest first, are empty where there is one only. `exactness` is 1.0 for the
    only place of that name, and less the more had to be supposed.
    """

    place: Place | None
    candidates: tuple[Place, ...]
    used: int
    exactness: float


class Meant:
    """Which places a sender means whose area is `home`, a pcode; None where that is not known."""

    def __init__(self, gazetteer: Gazetteer, home: str | None = None) -> None:
        self._gazetteer = gazetteer
        # The country is everybody's area, and no place is near it.
        known = home is not None and gazetteer.areas.get(home, ("", ""))[1]
        self._home = home if known else None

    def find(self, runs: Sequence[str]) -> Match:
        """The place that these words begin with, told apart by the area named after or before it.

        No place and no candidates where they begin with no name.
        """
        first = self._gazetteer.at(runs, 0)
        if first is None:
            return Match(None, (), 0, 0.0)
        second = self._gazetteer.at(runs, first.used) if len(runs) > first.used else None
        if second is None:
            return self.choose(first)
        both = first.used + second.used
        for named, beside in ((first, second), (second, first)):
            if self.tells(beside, named):
                match = self.choose(named, beside)
                return Match(match.place, match.candidates, both, match.exactness)
        return self.choose(first)

    def choose(self, named: Named, beside: Named | None = None) -> Match:
        """Which of the places that are named so is meant.

        `beside` was named with it and tells by its area (`SOKOLO NIONO`) where `tells`. A name
        outranks an alias, and a site the area around it.
        """
        for places, exactness in ((named.places, 1.0), (named.aliased, 0.95)):
            within = [each for each in places if beside is None or self._holds(beside, each)]
            if len(within) == 1:
                return Match(within[0], (), named.used, exactness)
            if within:
                likeliest, sureness = self._by_likelihood(within)
                place = likeliest[0] if sureness else None
                return Match(place, tuple(likeliest), named.used, exactness * sureness)
        areas = sorted(named.areas, key=len, reverse=True)
        return Match(self._gazetteer.by_code(areas[0]) if areas else None, (), named.used, 0.5)

    def tells(self, beside: Named, named: Named) -> bool:
        """Whether an area that `beside` names holds a place that `named` means."""
        if not beside.areas:
            return False
        return any(self._holds(beside, each) for each in chain(named.places, named.aliased))

    def likeliest(self, guesses: Sequence[Guess], beside: Named | None = None) -> Match:
        """Which place was meant by a misspelt name; sure only where no other comes near.

        What is far from the sender's area, or no commune's seat, is less likely.
        """
        scores: dict[str, tuple[float, str, Guess, Place]] = {}
        for guess in guesses:
            for place in chain(guess.named.places, guess.named.aliased):
                if beside is None or self._holds(beside, place):
                    score = guess.cost + self._remoteness(place, told=beside is not None)
                    known = scores.get(place.code)
                    if known is None or score < known[0]:
                        scores[place.code] = score, place.code, guess, place
        ordered = sorted(scores.values(), key=lambda each: each[:2])
        if not ordered:
            return Match(None, (), 0, 0.0)
        (score, _, guess, best), *others = ordered
        others = [each for each in others if not self.are_one(best, each[3])]
        apart = not others or others[0][0] - score >= _SURELY_APART
        near = score - guess.cost < 1
        long = _SURELY_LONG if others else _SURELY_LONG - 1
        legible = guess.cost < 1 or (guess.cost == 1 and len(guess.named.key) >= long)
        exactness = _BY_EAR if guess.cost < 1 else _BY_A_SLIP
        if not (apart and near and legible):
            exactness = _GUESSED
        return Match(best, (best, *(each[3] for each in others)), guess.named.used, exactness)

    def around(self, places: Iterable[Place]) -> Place | None:
        """The finest area that holds all of them, short of the country."""
        paths = [self._gazetteer.path(place.area) for place in places]
        shared = set(paths[0]).intersection(*paths[1:])
        # A commune and a village of it may be meant: what holds both is what holds the commune.
        held = (self._gazetteer.by_code(area) for area in paths[0] if area in shared)
        return next((each for each in held if each and each.kind in ("region", "cercle")), None)

    def are_one(self, one: Place, other: Place) -> bool:
        """Whether two places lie so near each other that it is the same which is meant."""
        points = [self._gazetteer.where(each) for each in (one, other)]
        return distance_km(*points) <= _ONE_PLACE

    def is_far(self, place: Place) -> bool:
        """Whether a place lies so far from the sender's area that a slip is likelier to name it."""
        km = self._km_from_home(place)
        far = _FAR_FOR_A_SEAT if place.kind == "commune" else _FAR
        return km is not None and km > far and self._home not in self._gazetteer.path(place.area)

    def _holds(self, beside: Named, place: Place) -> bool:
        return not beside.areas.isdisjoint(self._gazetteer.path(place.area))

    def _by_likelihood(self, places: Sequence[Place]) -> tuple[Sequence[Place], float]:
        """These places, first the one that a sender of this area means, and how sure that is.

        First one in the area or its cercle, then the nearest; of places about as near, a commune's
        seat, as the better known. The sureness is 0 where nothing tells.
        """
        if self._home is None:
            seats = [each for each in places if each.kind == "commune"]
            return (_first(seats[0], places), 0.8) if len(seats) == 1 else (places, 0.0)
        origin = self._gazetteer.point_of(self._home)
        distances = {each.code: distance_km(origin, self._gazetteer.where(each)) for each in places}
        ordered = sorted(places, key=lambda each: (distances[each.code], each.code))
        around = self._gazetteer.path(self._home)
        for area in around[: max(1, len(around) - 2)]:
            inside = [each for each in ordered if area in self._gazetteer.path(each.area)]
            if inside:
                ordered = [*inside, *(each for each in ordered if each not in inside)]
                near = inside
                break
        else:
            near = ordered
        if len(near) == 1:
            return ordered, 0.9
        limit = _TELLS_APART * distances[near[0].code]
        as_near = [each for each in near if distances[each.code] < limit]
        if len(as_near) < 2:
            return ordered, 0.9
        seats = [each for each in as_near if each.kind == "commune"]
        return (_first(seats[0], ordered), 0.7) if seats else (ordered, 0.6)

    def _remoteness(self, place: Place, *, told: bool) -> float:
        """How unlikely a place is by where it lies: 0 in the sender's own area, at most 2."""
        if told:
            return 0.0
        is_seat = place.kind == "commune"
        km = self._km_from_home(place)
        if km is None:
            return 0.0 if is_seat else 0.5
        if self._home in self._gazetteer.path(place.area):
            return 0.0 if is_seat else 0.1
        return min(2.0, km / _SEAT_IS_HEARD_OF if is_seat else 0.25 + km / _VILLAGE_IS_HEARD_OF)

    def _km_from_home(self, place: Place) -> float | None:
        """How far a place is from the middle of the sender's area, where that is known."""
        if self._home is None:
            return None
        return distance_km(self._gazetteer.point_of(self._home), self._gazetteer.where(place))


def _first(place: Place, places: Sequence[Place]) -> list[Place]:
    return [place, *(each for each in places if each is not place)]
