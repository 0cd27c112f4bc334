"""Which wording each recipient of an alert gets, and whose copy it was that came to light.

A slot of `size` wordings tells log2(size) bits. A campaign adds up: of n texts with b bits each,
a recipient who had nothing to do with it fits by chance with probability 2 to the power of -bn.
Slots of the same wordings are one slot in all texts about one alert, so that a piece of a text
tells as much as the whole text does of that slot, whichever text the piece is from.

Nothing here knows a word: a slot is a number, and so is each of its wordings.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from itertools import combinations
from math import ceil, comb, log2, prod
from typing import Literal, NamedTuple

# A person is named as the only one only where an innocent fits as seldom as this.
SURE = 0.001
# Pairs are looked for among so many; beyond, it would take minutes and tell nothing.
MOST_IN_PAIRS = 1000

Verdict = Literal["nothing", "one", "some", "mixed", "pair"]
At = tuple[int, int]
"""An alert, and the mark of a slot in the texts about it."""
Copies = Mapping[int, Mapping[At, Set[int]]]
"""By person, the wordings that they had of each slot: one, or two where the keys were changed
between the texts about one alert."""


class Slot(NamedTuple):
    """A place in a text with `size` wordings; `mark` tells it from other slots."""

    mark: int
    size: int


class Seen(NamedTuple):
    """What a leak shows of one slot of one alert: which of its `size` wordings. More than one
    wording: the leak is of more than one copy."""

    alert: int
    mark: int
    size: int
    wordings: frozenset[int]


class Finding(NamedTuple):
    """What a leak says of who had it.

    `told`: how many could have had all of it. `bits`: how much it tells. `fits`: whose copy it
    could be. `by_chance`: how many innocents would fit on average. `pair`: the two whose copies it
    was put together from. `more`: how many more texts would tell.
    """

    verdict: Verdict
    told: int
    bits: float
    fits: tuple[int, ...] = ()
    by_chance: float = 0.0
    pair: tuple[int, int] | None = None
    more: int = 0


def chosen(secret: bytes, slots: Sequence[Slot]) -> tuple[int, ...]:
    """The wording of each slot, counted from 0, that `secret` decides.

    `secret` is a keyed hash (HMAC) of person and alert: who does not hold its key learns nothing
    of one copy from another.
    """
    return tuple(_digit(secret, slot) for slot in slots)


def _digit(secret: bytes, slot: Slot) -> int:
    return int.from_bytes(hashlib.sha256(secret + slot.mark.to_bytes(8)).digest()) % slot.size


def judge(leak: Sequence[Seen], copies: Copies, bits_a_text: float) -> Finding:
    """Whose copy a leak could be.

    `copies` has everybody who was told. `bits_a_text`: how much one more whole text would tell.
    """
    seen = _together(leak)
    had = {person: copy for person, copy in copies.items() if seen.keys() <= copy.keys()}
    if not seen or not had:
        return Finding("nothing", len(had), 0.0)
    bits = sum(log2(each.size) for each in seen.values())
    fits = tuple(sorted(person for person in had if _explains((person,), seen, had)))
    if not fits:
        return _mixed(seen, had, bits, bits_a_text)
    chance = max(
        prod(len(copy[at]) / each.size for at, each in seen.items()) for copy in had.values()
    )
    by_chance = (len(had) - 1) * chance
    if len(fits) == 1 and by_chance <= SURE:
        return Finding("one", len(had), bits, fits, by_chance)
    missing = log2(by_chance / SURE) if by_chance else 0.0
    return Finding("some", len(had), bits, fits, by_chance, more=_more(missing, bits_a_text))


def _together(leak: Sequence[Seen]) -> dict[At, Seen]:
    """One `Seen` for each slot: what several pieces show of it is taken together."""
    seen: dict[At, Seen] = {}
    for each in leak:
        at = each.alert, each.mark
        known = seen.get(at, each)
        seen[at] = each._replace(wordings=known.wordings | each.wordings)
    return seen


def _mixed(seen: Mapping[At, Seen], had: Copies, bits: float, bits_a_text: float) -> Finding:
    """It is no one person's copy: are there two whose copies it was put together from?"""
    by_chance = comb(len(had), 2) * prod(_pair_fits(each) for each in seen.values())
    pairs = []
    if len(had) <= MOST_IN_PAIRS:
        pairs = [two for two in combinations(sorted(had), 2) if _explains(two, seen, had)]
    if len(pairs) == 1 and by_chance <= SURE:
        return Finding("pair", len(had), bits, (), by_chance, pairs[0])
    # What a further text of two wordings a slot tells of a pair: log2(4/3) of each bit.
    missing = log2(max(by_chance, SURE) / SURE)
    return Finding(
        "mixed", len(had), bits, (), by_chance, more=_more(missing, bits_a_text * log2(4 / 3))
    )


def _explains(people: tuple[int, ...], seen: Mapping[At, Seen], had: Copies) -> bool:
    """Whether all that was seen is in the copies of these people."""
    return all(
        all(any(index in had[person][at] for person in people) for index in each.wordings)
        for at, each in seen.items()
    )


def _pair_fits(each: Seen) -> float:
    """How likely the copies of any two hold all the wordings that were seen of a slot."""
    match len(each.wordings):
        case 1:
            return 1 - (1 - 1 / each.size) ** 2
        case 2:
            return 2 / each.size**2
        case _:
            return 0.0


def _more(missing: float, bits_a_text: float) -> int:
    return max(1, ceil(missing / bits_a_text)) if bits_a_text else 0
