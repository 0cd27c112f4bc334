"""Keys that are nearly alike: slips of the thumb, spellings by ear, another word on the same keys.

Names are found by their deletion neighbourhoods (as SymSpell has it): two keys are one slip apart
only if they, or each with one letter taken out, are the same somewhere. What is so found is then
measured.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")

# What ears do not tell apart in French spellings of Malian names: Jenne, Djenné; Duentza, Douentza;
# Bandjagara, Bandiagara; Niafounké, Niafunke.
_BY_EAR = (
    ("ou", "u"), ("oo", "u"), ("w", "u"), ("ei", "e"), ("ai", "e"), ("y", "i"),
    ("dj", "j"), ("dia", "ja"), ("die", "je"), ("dio", "jo"), ("diu", "ju"),
    ("gue", "ge"), ("gui", "gi"), ("qu", "k"), ("q", "k"), ("ck", "k"),
    ("ce", "se"), ("ci", "si"), ("ch", "C"), ("c", "k"), ("z", "s"), ("h", ""),
    ("gn", "N"), ("nia", "Na"), ("nie", "Ne"), ("nio", "No"), ("niu", "Nu"),
)  # fmt: skip
_DOUBLED = re.compile(r"(.)\1+")

SHORTEST = 4  # letters, of a key: in shorter ones a slip makes any other


class Near(NamedTuple):
    """A key that may have been meant, and how far from it was written: 0.5 by ear, 1 a slip."""

    cost: float
    key: str


def distance(a: str, b: str, most: int) -> int:
    """How many slips make `b` of `a`: a letter too few, too many, wrong, or two swapped.

    F. J. Damerau, "A technique for computer detection and correction of spelling errors", CACM
    7(3), 1964, each letter being touched once (optimal string alignment). `most` + 1 where it is
    more than that.
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)


def by_ear(key: str) -> str:
    """What a key sounds like: equal for spellings of one name."""
    for letters, sound in _BY_EAR:
        key = key.replace(letters, sound)
    return _DOUBLED.sub(r"\1", key)


def on_keypad(key: str) -> str:
    """The keys of a basic phone that a word is typed on."""
    return key.translate(_KEYPAD)


class Spellings:
    """Keys, to be found by what they were misspelt as."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._by_sound: dict[str, tuple[str, ...]] = {}
        self._by_keypad: dict[str, tuple[str, ...]] = {}
        self._by_rest: dict[str, tuple[str, ...]] = {}
        for key in keys:
            if len(key) < SHORTEST or not key.isalpha():
                continue
            _add(self._by_sound, by_ear(key), key)
            _add(self._by_keypad, on_keypad(key), key)
            for rest in _shortened(key):
                _add(self._by_rest, rest, key)

    def near(self, written: str) -> list[Near]:
        """The keys that may have been meant, the nearest first."""
        if not SHORTEST - 1 <= len(written) <= 40:
            return []
        found = dict.fromkeys(self._by_sound.get(by_ear(written), ()), 0.5)
        for key in self._by_keypad.get(on_keypad(written), ()):
            found.setdefault(key, 1.0)
        most = 2 if len(written) > 7 else 1
        for key in {key for rest in _shortened(written) for key in self._by_rest.get(rest, ())}:
            if key not in found and (slips := distance(written, key, most)) <= most:
                found[key] = float(slips)
        return sorted(Near(cost, key) for key, cost in found.items())


def _shortened(key: str) -> Iterator[str]:
    """The key, and the key with each letter taken out."""
    yield key
    for at in range(len(key)):
        if not at or key[at] != key[at - 1]:
            yield key[:at] + key[at + 1 :]


def _add(table: dict[str, tuple[str, ...]], index: str, key: str) -> None:
    table[index] = (*table.get(index, ()), key)
