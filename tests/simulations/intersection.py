"""Intersection attack: who could have sent all of these alerts?

The attacker has every alert (the area that it named, and when), knows of each ten that one sender
caused them, has the list of who was enrolled where from when to when, and knows the rule by which
areas come into use. The areas are the real ones and so is the code that chooses among them; the
people are made up.

Beside what ships stand two ways not taken: a tree that counts people and looks neither at what
remains nor at earlier alerts, and a set made anew for each alert of the k people nearest to it.
"""

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from service.content import load
from service.domain.areas import AreaTree, Cover
from service.domain.geo import Point, distance_km

DAY = 86_400
YEAR = 365 * DAY
TEN = 10
DRAWS = 20  # tens of alerts tried of each sender
RÉGIONS = ("ML04", "ML05", "ML06")
LEVELS = {2: "commune", 1: "cercle", 0: "région", -1: "country"}
FOLDER = Path(__file__).resolve().parents[2]

Way = Literal["as it ships", "by counts alone", "the k nearest"]


@dataclass(frozen=True, slots=True)
class Spell:
    """A person's enrolment in one area; seconds from the beginning of the year."""

    person: int
    area: str
    joined_at: int
    left_at: int | None


class CountsAlone(Cover):
    """Areas that come and go by how many people are enrolled in them, and by nothing else."""

    def _holds(self, code: str) -> bool:
        return self._steady[code] >= self._k

    def _fill_country(self, near: str) -> Iterable[str]:  # type: ignore[override]
        return ()

    def _may_enter(self, code: str) -> bool:
        return self._enrolled[code] >= self._enough


@dataclass(slots=True)
class Tally:
    """What the attacker is left with, by one way of naming areas."""

    fewest_alone: int = 10**9  # candidates of one alert
    alone_below_k: int = 0
    tens: int = 0
    fewest_ten: int = 10**9  # of ten alerts, those cases apart that are counted below
    ten_below_k: int = 0
    ten_one: int = 0  # of these: the sender alone is left
    left: int = 0  # below k because people left
    moved: int = 0  # below k because the sender enrolled elsewhere
    levels: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class World:
    """A year: who is enrolled where, and who sends when."""

    tree: AreaTree
    points: dict[str, Point]
    spells: list[Spell]
    sent: list[tuple[int, int]]  # (when, position in spells)


def world(seed: int, people: int, alerts: int) -> World:
    """Make a year up: people are enrolled in trainings and singly, leave and move; some warn."""
    content = load(FOLDER)
    chance = random.Random(seed)
    tree = content.tree
    communes = [a for a in tree if len(tree.path(a)) == 4 and tree.path(a)[2] in RÉGIONS]
    communes = sorted(chance.sample(sorted(communes), max(4, people // 6)))
    spells: list[Spell] = []
    names = iter(range(10**9))

    def training(at: int, area: str) -> None:
        for _ in range(chance.randint(3, 14)):
            _live(chance, spells, next(names), area, at, communes)

    while len(spells) < people:
        training(0, chance.choice(communes))
    for _ in range(people // 40):
        training(chance.randrange(YEAR), chance.choice(communes))
    for _ in range(people // 6):
        area = chance.choice(communes)
        _live(chance, spells, next(names), area, chance.randrange(YEAR), communes)
    zeal = {name: chance.paretovariate(1.2) for name in {spell.person for spell in spells}}
    sent = sorted(_send(chance, spells, zeal, alerts))
    return World(tree, {a: content.gazetteer.point_of(a) for a in communes}, spells, sent)


def _live(
    chance: random.Random, spells: list[Spell], person: int, area: str, at: int, areas: list[str]
) -> None:
    """One in five leaves within a year, one in twenty goes on elsewhere."""
    ends = at + int(chance.expovariate(0.25) * YEAR)
    if ends >= YEAR:
        spells.append(Spell(person, area, at, None))
        return
    spells.append(Spell(person, area, at, ends))
    if chance.random() < 0.2:
        spells.append(Spell(person, chance.choice(areas), ends, None))


def _send(
    chance: random.Random, spells: list[Spell], zeal: dict[int, float], alerts: int
) -> Iterable[tuple[int, int]]:
    """(when, whose) of each alert: people warn while they are enrolled, some far more often."""
    ends = [YEAR if spell.left_at is None else spell.left_at for spell in spells]
    weights = [
        zeal[spell.person] * (end - spell.joined_at)
        for spell, end in zip(spells, ends, strict=True)
    ]
    for which in chance.choices(range(len(spells)), weights, k=alerts):
        yield chance.randint(spells[which].joined_at + 1, ends[which] - 1), which


Attacked = Callable[[int, int], tuple[frozenset[int], str]]


def attack(year: World, way: Way, k: int, margin: int, seed: int) -> Tally:
    """Go through the year and see behind how many people each sender is."""
    chance = random.Random(seed)
    tally = Tally()
    mine: dict[int, list[tuple[int, frozenset[int]]]] = defaultdict(list)
    for at, which, behind, level in _alerts(year, way, k, margin, chance):
        people = frozenset(year.spells[key].person for key in behind)
        tally.fewest_alone = min(tally.fewest_alone, len(people))
        tally.alone_below_k += len(people) < k
        tally.levels[level] += 1
        mine[year.spells[which].person].append((at, people))
    stays = _stays(year.spells)
    for person, alerts in sorted(mine.items()):
        if len(alerts) >= TEN:
            for _ in range(DRAWS):
                _intersect(tally, person, sorted(chance.sample(alerts, TEN)), stays, k)
    return tally


def _alerts(
    year: World, way: Way, k: int, margin: int, chance: random.Random
) -> Iterable[tuple[int, int, frozenset[int], str]]:
    """Give (when, whose, at whom it points, level named) of each alert, in order."""
    events = [(at, 2, which) for at, which in year.sent]
    for key, spell in enumerate(year.spells):
        events.append((spell.joined_at, 1, key))
        if spell.left_at is not None:
            events.append((spell.left_at, 0, key))
    events.sort()
    cover = (CountsAlone if way == "by counts alone" else Cover)(year.tree, k, margin)
    there: dict[int, Spell] = {}
    moment = 0
    for at, kind, which in events:
        if at != moment or kind == 2:
            cover.settle(moment)
        moment = at
        spell = year.spells[which]
        if kind == 0:
            cover.leave(which)
            del there[which]
        elif kind == 1:
            cover.join(which, spell.area, at)
            there[which] = spell
        elif way == "the k nearest":
            yield at, which, _nearest(year.points, there, which, k, chance), "set"
        else:
            named = cover.named_for(spell.area)
            cover.alerted(named)
            yield at, which, cover.behind(named), LEVELS[len(year.tree.path(named)) - 2]


def _nearest(
    points: dict[str, Point], there: dict[int, Spell], sender: int, k: int, chance: random.Random
) -> frozenset[int]:
    """The sender, and the k - 1 who are nearest to what they told of, a few km from their place."""
    home = points[there[sender].area]
    told = Point(home.lat + chance.gauss(0, 0.1), home.lon + chance.gauss(0, 0.1))
    far = sorted(
        (distance_km(told, points[spell.area]), chance.random(), key)
        for key, spell in there.items()
        if key != sender
    )
    return frozenset({sender, *(key for *_, key in far[: k - 1])})


def _stays(spells: list[Spell]) -> dict[int, list[Spell]]:
    stays: dict[int, list[Spell]] = defaultdict(list)
    for spell in spells:
        stays[spell.person].append(spell)
    return stays


def _intersect(
    tally: Tally,
    sender: int,
    alerts: list[tuple[int, frozenset[int]]],
    stays: dict[int, list[Spell]],
    k: int,
) -> None:
    """Who could have sent all ten; and if too few: is it because people left, or the sender?"""
    tally.tens += 1
    first = alerts[0][1]
    last = alerts[-1][0]
    remain = frozenset.intersection(*(people for _, people in alerts))
    assert sender in remain
    if len(remain) >= k:
        tally.fewest_ten = min(tally.fewest_ten, len(remain))
        return
    tally.ten_below_k += 1
    tally.ten_one += len(remain) == 1
    if _at(stays[sender], alerts[0][0]) != _at(stays[sender], last):
        tally.moved += 1
    elif len(remain) + _gone(first, alerts, stays) >= k:
        tally.left += 1
    else:
        tally.fewest_ten = min(tally.fewest_ten, len(remain))


def _gone(
    first: frozenset[int],
    alerts: list[tuple[int, frozenset[int]]],
    stays: dict[int, list[Spell]],
) -> int:
    """How many could have sent the first alerts up to the day when they themselves left."""
    start = alerts[0][0]
    gone = 0
    for person in first:
        home = _at(stays[person], start)
        until = home.left_at if home is not None else None
        if until is not None and until <= alerts[-1][0]:
            gone += all(person in people for at, people in alerts if at < until)
    return gone


def _at(spells: list[Spell], moment: int) -> Spell | None:
    """Where a person was enrolled then."""
    which = bisect_right([spell.joined_at for spell in spells], moment) - 1
    if which < 0:
        return None
    spell = spells[which]
    return spell if spell.left_at is None or moment < spell.left_at else None


WAYS: tuple[Way, ...] = ("as it ships", "by counts alone", "the k nearest")


def main(
    people: int = 240, alerts: int = 10_000, seed: int = 4, k: int = 5, margin: int = 2
) -> bool:
    """Print the table; whether every shortfall of what ships is one of people who left."""
    year = world(seed, people, alerts)
    spells = len(year.spells)
    print(f"{alerts} alerts in a year, {spells} enrolments, k = {k}, seed = {seed}\n")
    tallies = {way: attack(year, way, k, margin, seed) for way in WAYS}
    print(f"{'':58}" + "".join(f"{way:>18}" for way in WAYS))
    for label, value in _LINES:
        print(f"{label:58}" + "".join(f"{value(tally):>18}" for tally in tallies.values()))
    for level in LEVELS.values():
        shares = (tally.levels[level] / alerts for tally in tallies.values())
        print(
            f"{'alerts that name a ' + level:58}" + "".join(f"{share:>18.0%}" for share in shares)
        )
    return is_shielded(tallies["as it ships"])


def is_shielded(tally: Tally) -> bool:
    """Whether nobody was found but by people leaving."""
    return tally.alone_below_k == 0 and tally.ten_below_k == tally.left + tally.moved


_LINES: tuple[tuple[str, Callable[[Tally], int]], ...] = (
    ("fewest people who could have sent one alert", lambda tally: tally.fewest_alone),
    ("alerts that fewer than k could have sent", lambda tally: tally.alone_below_k),
    ("tens of alerts of one sender that were held together", lambda tally: tally.tens),
    ("  fewer than k could have sent all ten", lambda tally: tally.ten_below_k),
    ("    of these: nobody but the sender", lambda tally: tally.ten_one),
    ("    because people left meanwhile", lambda tally: tally.left),
    ("    because the sender enrolled elsewhere meanwhile", lambda tally: tally.moved),
    (
        "    because of how areas were named",
        lambda tally: tally.ten_below_k - tally.left - tally.moved,
    ),
)
