"""Who stands behind the name of each area, as people come, go and warn.

Everybody enrolled belongs to one group: the people whose finest area in use is the same. An alert
that names an area points at its group and at nobody else, since for the others it would have said
something finer. So an area comes into use only where its group, and what is left of the group that
it is taken from, hide everyone in them:

- there are at least k of them (k + margin to come into use), or nobody is left at all;
- nobody is told apart by alerts that were sent before. Somebody who holds two alerts of one person
  together looks for those who could have caused both. So each person keeps which alerts they could
  have caused, and may be put only into a group with k people who could have caused those as well.

Nodes of a tree are nested or apart; sets chosen anew for each alert ("the k nearest") are neither,
and a few of them intersect to the sender. See deploy/decisions/0002 and 0018.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from service.domain.tree import COUNTRY, AreaTree

Hindrance = Literal["few", "rest", "told_apart", "coarsened"]


@dataclass(slots=True)
class _Member:
    """One enrolment; `could` has a bit for each alert that it could have caused."""

    area: str
    joined_at: int
    could: int = 0


@dataclass(frozen=True, slots=True)
class Wanting:
    """What keeps an area from coming into use, and how many more people would end it.

    few: so many `more` enrolled in it, and so many `beside` it in what alerts say now. rest: only
    beside it. told_apart: some were there alone when alerts said the wider area, and no number of
    others ends that. coarsened: two coordinators.
    """

    why: Hindrance
    more: int = 0
    beside: int = 0


class Cover:
    """The areas in use, and the group behind each. `at` is in epoch seconds and never goes back.

    A method that names an area raises KeyError where it is not in the tree.
    """

    def __init__(self, tree: AreaTree, k: int, margin: int) -> None:
        self._tree, self._k, self._enough = tree, k, k + margin
        self._members: dict[int, _Member] = {}
        self._groups: dict[str, dict[int, _Member]] = {COUNTRY: {}}
        self._enrolled: Counter[str] = Counter()
        self._since: dict[str, int] = {}
        self._steady: dict[str, int] = {}
        self._coarsened: set[str] = set()
        self._bits = 0
        self._touched: set[str] = set()
        self._as_before: set[str] = set()  # groups that have not changed since an alert named them

    @property
    def in_use(self) -> frozenset[str]:
        """The areas that alerts may name; the country always is."""
        return frozenset(self._groups)

    def since(self, area: str) -> int | None:
        """Since when an area is in use; None for the country and for those that are not."""
        return self._since.get(area)

    def steady(self, area: str) -> int:
        """How many people of an area in use were enrolled in it for the whole of that time."""
        return self._steady[area] if area in self._steady else self._enrolled[area]

    def enrolled(self, area: str) -> int:
        """How many people are enrolled in the area and in those within it."""
        return self._enrolled[area]

    def behind(self, area: str) -> frozenset[int]:
        """The keys of those at whom an alert that names this area in use points."""
        return frozenset(self._groups[area])

    def named_for(self, area: str) -> str:
        """Return the finest area in use that holds `area`."""
        return next(code for code in self._tree.path(area) if code in self._groups)

    def join(self, key: int, area: str, at: int) -> None:
        """Somebody enrols in an area; `key` is theirs until they leave. Call `settle` after."""
        member = self._members[key] = _Member(area, at)
        group = self.named_for(area)
        self._groups[group][key] = member
        self._enrolled.update(self._tree.path(area))
        self._as_before.discard(group)
        self._touched.add(area)

    def leave(self, key: int) -> None:
        """Somebody leaves; whoever joined since does not stand in for them. Call `settle` after."""
        member = self._members.pop(key)
        group = self.named_for(member.area)
        del self._groups[group][key]
        self._as_before.discard(group)
        for area in self._tree.path(member.area):
            self._enrolled[area] -= 1
            if area in self._since and member.joined_at <= self._since[area]:
                self._steady[area] -= 1
        self._touched.add(member.area)

    def alerted(self, area: str) -> None:
        """An alert named this area: everyone in its group could have caused it."""
        area = self.named_for(area)
        if area in self._as_before:
            return  # those who could have caused the last could have caused this one
        self._as_before.add(area)
        bit = 1 << self._bits
        self._bits += 1
        for member in self._groups[area].values():
            member.could |= bit

    def coarsen(self, area: str) -> None:
        """From now on alerts name neither this area nor any within it. Call `settle` after."""
        self._coarsened.add(area)
        for code in [code for code in self._groups if area in self._tree.path(code)]:
            if code != COUNTRY:
                self._drop(code)
        self._touched.add(area)

    def lift(self, area: str) -> None:
        """End what `coarsen` began. Call `settle` after."""
        self._coarsened.discard(area)
        within = (member.area for member in self._members.values())
        self._touched.update(code for code in within if area in self._tree.path(code))

    def wanting(self, area: str) -> Wanting | None:
        """What keeps this area from coming into use; None if it is in use."""
        if area in self._groups:
            return None
        path = self._tree.path(area)
        if not self._coarsened.isdisjoint(path):
            return Wanting("coarsened")
        part, rest = self._split(area)
        if rest and any(self._betrays(people) for people in (part, rest)):
            return Wanting("told_apart")
        more = max(0, self._enough - len(part))
        beside = max(0, self._k - len(rest)) if rest else 0
        return Wanting("few" if more else "rest", more, beside)

    def settle(self, at: int) -> None:
        """Take out of use what no longer hides its people, then bring into use what does."""
        areas = sorted(self._touched)
        self._touched.clear()
        for area in areas:
            for code in self._tree.path(area)[:-1]:
                if code in self._groups and not self._holds(code):
                    self._drop(code)
        areas += self._fill_country(areas[0] if areas else COUNTRY)
        while self._bring_in(areas, at):
            pass

    def _bring_in(self, areas: Iterable[str], at: int) -> bool:
        """Bring into use what may be, of all that the groups of these areas hold; whether any was.

        Not only the areas themselves: whoever enrols beside an area may be whom it waited for.
        """
        groups = {self.named_for(area) for area in areas}
        homes = {member.area for group in groups for member in self._groups[group].values()}
        entered = False
        for area in sorted(homes.union(areas)):
            for code in reversed(self._tree.path(area)[:-1]):
                if code not in self._groups and self._may_enter(code):
                    self._enter(code, at)
                    entered = True
        return entered

    def _holds(self, code: str) -> bool:
        there = len(self._groups[code])
        return self._steady[code] >= self._k and (there == 0 or there >= self._k)

    def _fill_country(self, near: str) -> Iterator[str]:
        """Give up areas, the nearest first, until the country's group is no few people alone.

        Gives what was given up. Nothing is coarser than the country: where fewer than k people are
        enrolled in all, nothing hides them.
        """
        while 0 < len(self._groups[COUNTRY]) < self._k and len(self._groups) > 1:
            gone = min(
                (code for code in self._groups if code != COUNTRY and self._is_top(code)),
                key=lambda code: (
                    -len(self._tree.path(self._tree.common([code, near]))),
                    len(self._groups[code]),
                    code,
                ),
            )
            self._drop(gone)
            yield gone

    def _is_top(self, code: str) -> bool:
        """Whether no area in use lies between this one and the country."""
        return all(above not in self._groups for above in self._tree.path(code)[1:-1])

    def _drop(self, code: str) -> None:
        group = self._groups.pop(code)
        del self._since[code], self._steady[code]
        wider = self.named_for(code)
        if group:
            self._groups[wider] |= group
            self._as_before.discard(wider)
        self._as_before.discard(code)

    def _may_enter(self, code: str) -> bool:
        if self._enrolled[code] < self._enough:
            return False
        if not self._coarsened.isdisjoint(self._tree.path(code)):
            return False
        part, rest = self._split(code)
        if not part:
            return True  # all of its people stand behind finer areas
        if len(part) < self._enough or 0 < len(rest) < self._k:
            return False
        return not rest or (self._hides(part) and self._hides(rest))

    def _enter(self, code: str, at: int) -> None:
        wider = self.named_for(code)
        whole = self._groups[wider]
        within = {key: m for key, m in whole.items() if code in self._tree.path(m.area)}
        for key in within:
            del whole[key]
        self._groups[code] = within
        self._since[code], self._steady[code] = at, self._enrolled[code]
        self._as_before.discard(wider)

    def _split(self, code: str) -> tuple[list[_Member], list[_Member]]:
        """Those of the group around an area who are enrolled within it, and the others."""
        part: list[_Member] = []
        rest: list[_Member] = []
        for member in self._groups[self.named_for(code)].values():
            (part if code in self._tree.path(member.area) else rest).append(member)
        return part, rest

    def _betrays(self, people: Iterable[_Member]) -> bool:
        """Whether earlier alerts would tell one of them apart, however many more enrol."""
        could = Counter(member.could for member in people)
        return any(alerts and _could_as_well(alerts, could) < self._k for alerts in could)

    def _hides(self, people: Iterable[_Member]) -> bool:
        """Whether each, told apart from all others, has k who could have caused the same alerts.

        Whom people leaving left with fewer is never told apart from more.
        """
        could = Counter(member.could for member in people)
        return all(_could_as_well(alerts, could) >= self._k for alerts in could)


def _could_as_well(alerts: int, people: Counter[int]) -> int:
    """How many of these people could have caused each of these alerts."""
    return sum(count for could, count in people.items() if alerts & ~could == 0)
