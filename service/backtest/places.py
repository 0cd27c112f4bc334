"""Areas and places of a file of events: those of the content where they are its own, else new."""

import re
from collections.abc import Sequence

from service.backtest.dataset import Spot
from service.domain import words
from service.domain.areas import COUNTRY, AreaTree
from service.domain.geo import Point

# What the public data sets add to the names of areas.
_KIND = re.compile(r"\b(state|region|province|cercle|commune|district|lga|territory)\b", re.I)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,3}([.,][0-9]+)?([eE]-?[0-9]+)?", re.ASCII)


class UnreadableError(Exception):
    """A cell that cannot be read; the message says why."""


class Places:
    """Makes spots, each once, and the tree of their areas."""

    def __init__(self, content: AreaTree) -> None:
        """Areas of the content's country are found by name in the content's tree."""
        self._content = content
        self._home = words.key(content.name(COUNTRY))
        self._below: dict[tuple[str, str], str | None] = {}
        # A région comes before its cercle of the same name; of two equals, neither is taken.
        depths: dict[tuple[str, str], int] = {}
        for code in sorted(content, key=lambda code: len(content.path(code))):
            depth = len(content.path(code))
            for above in content.path(code)[1:]:
                name = (above, words.key(content.name(code)))
                if depths.setdefault(name, depth) == depth:
                    self._below[name] = None if name in self._below else code
        self._made: dict[str, tuple[str, str]] = {}
        self._spots: dict[tuple[str, ...], Spot] = {}
        self._at_home = False

    def spot(self, lat: str, lon: str, place: str, levels: Sequence[str]) -> Spot:
        """Return the spot of these cells; `levels` is the country, then areas, largest first.

        Raises UnreadableError where the coordinates are none.
        """
        cells = (lat, lon, place, *levels)
        spot = self._spots.get(cells)
        if spot is None:
            point = Point(_degrees(lat, 90, "latitude"), _degrees(lon, 180, "longitude"))
            name = place.strip() or next((each for each in reversed(levels) if each), "")
            code = f"{point.lat:.4f},{point.lon:.4f} {name}"
            spot = self._spots[cells] = Spot(code, name[:100], self._area(levels), point)
        return spot

    def tree(self) -> AreaTree:
        """Return the tree of all areas that spots are in."""
        if not self._at_home:
            return AreaTree(self._made, country="all places")
        known = ((code, self._content.parent(code)) for code in self._content)
        home = {code: (self._content.name(code), above) for code, above in known if above}
        return AreaTree(home | self._made, country=self._content.name(COUNTRY))

    def _area(self, levels: Sequence[str]) -> str:
        country, *areas = (each.strip() for each in levels)
        named = [each for each in areas if each]
        if words.key(country) == self._home:
            self._at_home = True
            return self._known(named)
        above = COUNTRY
        for name in [country, *named] if country else named:
            code = name if above == COUNTRY else f"{above} / {name}"
            self._made.setdefault(code, (name, above))
            above = code
        return above

    def _known(self, names: Sequence[str]) -> str:
        here = COUNTRY
        for name in names:
            plain = _KIND.sub(" ", name)
            here = self._below.get((here, words.key(plain))) or here
        return here


def _degrees(cell: str, most: int, what: str) -> float:
    written = cell.strip()
    if not _DECIMAL.fullmatch(written):
        raise UnreadableError(f"{written[:40]!r} is no {what}")
    degrees = float(written.replace(",", "."))
    if abs(degrees) > most:
        raise UnreadableError(f"{written[:40]!r} is no {what}: it lies beyond {most}°")
    return degrees
