"""The tree of areas: commune ⊂ cercle ⊂ région ⊂ country, with declared merges in between.

Two areas of one tree are nested or apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from service.domain.condition import Level

COUNTRY = "ML"
_DEPTHS: dict[Level, int] = {"region": 2, "cercle": 3, "commune": 4}


@dataclass(frozen=True, slots=True)
class Merge:
    """Neighbours with the same parent that alerts name together when each alone has too few."""

    code: str
    name: str
    members: tuple[str, ...]


class AreaTree:
    """The areas by pcode. Every method but `on_map` raises KeyError for one that is not there."""

    def __init__(
        self,
        areas: Mapping[str, tuple[str, str]],
        merges: Iterable[Merge] = (),
        country: str = "Mali",
    ) -> None:
        """Build the tree from {pcode: (name, parent pcode)}; the top areas' parent is `COUNTRY`.

        `country` is the name of the whole. A merge may hold merges that were declared before it.
        Raises ValueError, for whoever declares areas, where these are no tree.
        """
        named = {COUNTRY: country} | {code: name for code, (name, _) in areas.items()}
        parents = {code: parent for code, (_, parent) in areas.items() if code != COUNTRY}
        self._merges: set[str] = set()
        for merge in merges:
            parents |= _merged(merge, parents)
            named[merge.code] = merge.name
            self._merges.add(merge.code)
        self._names = named
        self._paths: dict[str, tuple[str, ...]] = {COUNTRY: (COUNTRY,)}
        for code in parents:
            self._paths[code] = tuple(_climb(code, parents))

    def __contains__(self, pcode: object) -> bool:
        return pcode in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def name(self, pcode: str) -> str:
        return self._names[pcode]

    def on_map(self, pcode: str) -> str:
        """Return the area; the country for one that a change of the map has taken away."""
        return pcode if pcode in self._paths else COUNTRY

    def parent(self, pcode: str) -> str | None:
        """Return the area that holds this one; None for the country."""
        path = self._paths[pcode]
        return path[1] if len(path) > 1 else None

    def path(self, pcode: str) -> tuple[str, ...]:
        """Return the area and every area that holds it, finest first, up to the country."""
        return self._paths[pcode]

    def at(self, pcode: str, level: Level) -> str:
        """Return the area of that level that holds this one; this one itself if it is larger.

        Levels are told by how far below the country an area is; merges are of none.
        """
        path = [area for area in self._paths[pcode] if area not in self._merges]
        return path[max(0, len(path) - _DEPTHS[level])]

    def depth(self, pcode: str) -> int:
        """Return how many levels lie above an area; 0 for the country. Merges are of none."""
        return sum(area not in self._merges for area in self._paths[pcode][1:])

    def common(self, pcodes: Iterable[str]) -> str:
        """Return the finest area that holds all of `pcodes`; the country where there are none."""
        paths = [self._paths[pcode] for pcode in pcodes]
        if not paths:
            return COUNTRY
        shared = set(paths[0]).intersection(*paths[1:])
        return next(code for code in paths[0] if code in shared)

    def on_same_branch(self, a: str, b: str) -> bool:
        """Whether one of the two holds the other, or they are the same."""
        return a in self._paths[b] or b in self._paths[a]


def _merged(merge: Merge, parents: Mapping[str, str]) -> dict[str, str]:
    """Return the parents that change with this merge."""
    if merge.code in parents or merge.code == COUNTRY:
        raise ValueError(f"the merge {merge.code} has the code of another area")
    unknown = [member for member in merge.members if member not in parents]
    if unknown:
        raise ValueError(f"the merge {merge.code} names {unknown[0]}, which is not an area")
    above = {parents[member] for member in merge.members}
    if len(above) != 1 or len(set(merge.members)) < 2:
        raise ValueError(
            f"the merge {merge.code} must have two or more areas with the same parent,"
            " none of them in another merge"
        )
    return dict.fromkeys(merge.members, merge.code) | {merge.code: above.pop()}


def _climb(code: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield the area and those above it, up to the country."""
    seen: set[str] = set()
    here = code
    while here != COUNTRY:
        if here in seen:
            raise ValueError(f"the area {code} lies within itself")
        if here not in parents:
            raise ValueError(f"the area {code} lies in {here}, which is not an area")
        seen.add(here)
        yield here
        here = parents[here]
    yield COUNTRY
