"""Places: what a written name or code may mean.

Names compare exactly once typing habits are taken off (see `words`). Which place is meant where
several are called so is for `meant` to say.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, NamedTuple, TypeVar, cast

from service.domain import words
from service.domain.damm import check_digit
from service.domain.geo import Point
from service.domain.spelling import Near, Spellings

Kind = Literal["region", "cercle", "commune", "village", "market"]
Row = Sequence[str]
Item = TypeVar("Item")

# The tables in rules/places/ and their columns, in order. A pcode's parent is in the table before
# it; the root has no parent. An area's `code` is empty where its pcode is its only code.
AREA_COLUMNS = ("pcode", "parent", "name", "code", "lat", "lon")
PLACE_COLUMNS = ("code", "name", "kind", "area", "lat", "lon")
ALIAS_COLUMNS = ("code", "alias")

_KINDS_BY_DEPTH: tuple[Kind, ...] = ("region", "cercle", "commune")
_SITES = frozenset({"village", "market"})
_MOST_RUNS = 6  # in a name: `Séré Moussa Ani Samou De Siékorolé` has six
_MOST_MISSPELT = 3  # runs, in a name that is misspelt
CODE_LENGTHS = (5, 6)  # with the check digit; the shorter where the first focal points are


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `area` is the pcode of the finest area known to hold it; `cercle` is a name.

    `code` is what a phone can type: digits that end in a check digit, or a pcode. `point` is None
    for a commune whose seat is not on record.
    """

    code: str
    name: str
    kind: Kind
    area: str
    cercle: str
    point: Point | None


class Named(NamedTuple):
    """What the words at one place in a text may mean, and how many words that took."""

    places: tuple[Place, ...]  # whose name it is
    aliased: tuple[Place, ...]  # that are also called so
    areas: frozenset[str]  # pcodes of the areas of that name
    used: int
    key: str = ""  # as it stands in the tables, not as it was written


class Guess(NamedTuple):
    """A name that may have been meant by words that are none; see `spelling.Near`."""

    cost: float
    named: Named


class RowProblem(NamedTuple):
    """What is wrong in one row; `row` counts from 1, the header left out."""

    table: Literal["areas", "places", "aliases"]
    row: int
    column: str
    why: str


class TablesError(ValueError):
    """The place tables contradict themselves; `problems` has every row that does."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(f"{len(problems)} rows of the place tables are wrong")
        self.problems = tuple(problems)


class Gazetteer:
    """Every place by name, alias and code. Build it with `from_tables`."""

    __slots__ = (
        "__dict__", "_aliases", "_area_names", "_by_code", "_keys", "_names", "_paths", "_points",
        "areas",
    )  # fmt: skip

    def __init__(self) -> None:
        self.areas: dict[str, tuple[str, str]] = {}
        self._points: dict[str, Point] = {}
        self._paths: dict[str, tuple[str, ...]] = {}
        self._by_code: dict[str, Place] = {}
        self._names: dict[str, tuple[Place, ...]] = {}
        self._aliases: dict[str, tuple[Place, ...]] = {}
        self._area_names: dict[str, tuple[str, ...]] = {}
        self._keys: frozenset[str] = frozenset()

    @classmethod
    def from_tables(
        cls, areas: Iterable[Row], places: Iterable[Row], aliases: Iterable[Row]
    ) -> "Gazetteer":
        """Build it from the rows of rules/places/areas.csv, places.csv and aliases.csv.

        Rows are strings in the order of AREA_COLUMNS, PLACE_COLUMNS and ALIAS_COLUMNS, without
        headers. Raises TablesError with every row that is wrong.
        """
        built = cls()
        problems = [
            *built._add_areas(areas),
            *built._add_places(places),
            *built._add_aliases(aliases),
        ]
        if problems:
            raise TablesError(problems)
        built._keys = frozenset(chain(built._names, built._aliases, built._area_names))
        return built

    @cached_property
    def _spellings(self) -> Spellings:
        """Made for the first name that is misspelt: it takes longer than all the rest."""
        return Spellings(self._keys)

    def __len__(self) -> int:
        """How many places there are, régions and cercles left out."""
        return sum(1 for code in self._by_code if code.isdecimal())

    def names(self) -> Iterator[str]:
        """The name of each place."""
        return (place.name for place in self._by_code.values())

    def by_code(self, code: str) -> Place | None:
        """The place of this code or pcode, in any case."""
        return self._by_code.get(code.upper())

    def point_of(self, pcode: str) -> Point:
        """The point of an area, or of the finest area around it that has one; KeyError."""
        return next(self._points[each] for each in self._paths[pcode] if each in self._points)

    def where(self, place: Place) -> Point:
        """The point of a place, or of the area that holds it where its own is not on record."""
        return place.point or self.point_of(place.area)

    def path(self, pcode: str) -> tuple[str, ...]:
        """An area and all that hold it, the finest first; KeyError."""
        return self._paths[pcode]

    def at(self, runs: Sequence[str], start: int) -> Named | None:
        """What the longest name or code that begins at `start` may mean; None where nothing.

        `runs` are split words. A number begins no name: it may be a code.
        """
        if runs[start].isdecimal():
            place = self._by_code.get(runs[start])
            return Named((place,), (), frozenset(), 1, runs[start]) if place else None
        found, key = None, ""
        for used, run in enumerate(runs[start : start + _MOST_RUNS], 1):
            key += run
            if key in self._keys:
                found = (key, used)
        return self._named(*found) if found else None

    def _named(self, key: str, used: int) -> Named:
        return Named(
            self._names.get(key, ()),
            self._aliases.get(key, ()),
            frozenset(self._area_names.get(key, ())),
            used,
            key,
        )

    def misspelt(self, runs: Sequence[str], start: int) -> tuple[Guess, ...]:
        """The names that the words at `start`, which are none, may have been meant for."""
        found: list[Near] = []
        key, used = "", 0
        for many, run in enumerate(runs[start : start + _MOST_MISSPELT], 1):
            if run.isdecimal():
                break
            key += run
            near = self._spellings.near(key)
            if near and (not found or near[0].cost <= found[0].cost):
                found, used = near, many
        return tuple(Guess(each.cost, self._named(each.key, used)) for each in found)

    def alike(self, named: Named) -> tuple[Guess, ...]:
        """The names that may have been meant where one is written that is another place's."""
        near = self._spellings.near(named.key)
        return tuple(
            Guess(each.cost, self._named(each.key, named.used))
            for each in near
            if each.key != named.key
        )

    def _add_areas(self, rows: Iterable[Row]) -> Iterator[RowProblem]:
        for number, row in enumerate(rows, 1):
            if len(row) != len(AREA_COLUMNS):
                yield RowProblem("areas", number, "", _columns(AREA_COLUMNS))
                continue
            pcode, parent, name, code, lat, lon = row
            point, why = _point(lat, lon)
            if parent and parent not in self.areas:
                yield RowProblem("areas", number, "parent", f"{parent} is not in the rows above")
            elif pcode in self.areas:
                yield RowProblem("areas", number, "pcode", f"{pcode} stands twice")
            elif why:
                yield RowProblem("areas", number, "lat", why)
            else:
                self._add_area(pcode, parent, name, point)
                if parent and (why := self._add_area_place(pcode, code or pcode, name, point)):
                    yield RowProblem("areas", number, "code", why)

    def _add_area(self, pcode: str, parent: str, name: str, point: Point | None) -> None:
        self.areas[pcode] = (name, parent)
        self._paths[pcode] = (pcode, *self._paths.get(parent, ()))
        if point:
            self._points[pcode] = point

    def _add_area_place(self, pcode: str, code: str, name: str, point: Point | None) -> str:
        """Make an area a place too; what is wrong with its code, or nothing."""
        depth = min(len(self._paths[pcode]) - 2, len(_KINDS_BY_DEPTH) - 1)
        kind = _KINDS_BY_DEPTH[depth]
        place = Place(code, name, kind, pcode, self._cercle(pcode), point)
        self._by_code[pcode] = place
        _append(self._area_names, words.key(name), pcode)
        self._area_names[words.key(pcode)] = (pcode,)
        if kind == "commune":
            self._names[words.key(pcode)] = (place,)
        return self._add(place) if code != pcode else ""

    def _cercle(self, area: str) -> str:
        """The name of the cercle that holds an area, or that it is; empty for a région."""
        path = self._paths[area]
        return self.areas[path[-3]][0] if len(path) > 2 else ""

    def _add_places(self, rows: Iterable[Row]) -> Iterator[RowProblem]:
        cercles = {pcode: self._cercle(pcode) for pcode in self.areas}
        for number, row in enumerate(rows, 1):
            if len(row) != len(PLACE_COLUMNS):
                yield RowProblem("places", number, "", _columns(PLACE_COLUMNS))
                continue
            code, name, kind, area, lat, lon = row
            point, why = _point(lat, lon)
            if kind not in _SITES:
                yield RowProblem("places", number, "kind", f"{kind} is not village or market")
            elif area not in cercles:
                yield RowProblem("places", number, "area", f"{area} is not in areas.csv")
            elif why:
                yield RowProblem("places", number, "lat", why)
            elif why := self._add(Place(code, name, cast(Kind, kind), area, cercles[area], point)):
                yield RowProblem("places", number, "code", why)

    def _add(self, place: Place) -> str:
        """Take a place in under its code and name; what is wrong with them, or nothing."""
        code, key = place.code, words.key(place.name)
        if not is_code(code):
            return f"{code} is no place code: its last digit does not check the others"
        if code in self._by_code:
            return f"{code} stands twice"
        if not key:
            return f"{code} has no name"
        self._by_code[code] = place
        _append(self._names, key, place)
        return ""

    def _add_aliases(self, rows: Iterable[Row]) -> Iterator[RowProblem]:
        for number, row in enumerate(rows, 1):
            if len(row) != len(ALIAS_COLUMNS):
                yield RowProblem("aliases", number, "", _columns(ALIAS_COLUMNS))
                continue
            code, alias = row
            place, key = self._by_code.get(code), words.key(alias)
            if place is None:
                yield RowProblem("aliases", number, "code", f"no place has the code {code}")
            elif not key:
                yield RowProblem("aliases", number, "alias", "it has no letter to type")
            elif place.kind in ("region", "cercle"):
                _append(self._area_names, key, place.area)
            else:
                _append(self._aliases, key, place)


def is_code(text: str) -> bool:
    """Whether this is formed as a place code, its check digit right."""
    return (
        len(text) in CODE_LENGTHS
        and text.isascii()
        and text.isdecimal()
        and check_digit(text) == "0"
    )


def _append(table: dict[str, tuple[Item, ...]], key: str, item: Item) -> None:
    table[key] = (*table.get(key, ()), item)


def _columns(expected: Sequence[str]) -> str:
    return f"the columns are {', '.join(expected)}"


def _point(lat: str, lon: str) -> tuple[Point | None, str]:
    """The point of two cells in decimal degrees, None where both are empty; or what is wrong."""
    if not lat and not lon:
        return None, ""
    try:
        point = Point(float(lat), float(lon))
    except ValueError:
        return None, f"{lat}, {lon} are not decimal degrees"
    if not (-90 <= point.lat <= 90 and -180 <= point.lon <= 180):
        return None, f"{lat}, {lon} are not on the Earth"
    return point, ""
