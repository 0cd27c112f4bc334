"""Wordings: of `[Signalé|Rapporté]` in a text, each recipient gets one, so that a copy tells.

A slot stands among words. It holds words alone: no placeholder, no note, no other slot.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

from service.domain.variants import Slot

# Who reads a text of these knows of the alert; every other text is the same for everyone.
VARIED = frozenset({"alert", "update", "correction", "place", "digest_alert", "info"})
# Has none of its own, and goes round in one piece with those of its alerts.
AROUND_VARIED = frozenset({"digest"})
MOST_WORDINGS = 8
MOST_TOGETHER = 64
"""Of one text, so that every one of its copies can be checked."""
FEWEST_LETTERS = 4
"""Of a wording: fewer would be found by chance in what was leaked."""

_PART = re.compile(r"(?P<code>\{[{#%].*?[}#%]\})|\[(?P<held>[^\[\]{}]*)\]", re.DOTALL)


class Wordings(NamedTuple):
    """The wordings of one slot, in the order in which they are written, and where it begins."""

    offset: int
    each: tuple[str, ...]

    @property
    def slot(self) -> Slot:
        """The slot without its words. Slots of the same wordings are the same, in any text."""
        return _slot(self.each)


@lru_cache(1000)  # asked for each copy that is sent
def _slot(each: tuple[str, ...]) -> Slot:
    digest = hashlib.sha256("|".join(map(squeezed, each)).encode()).digest()
    return Slot(int.from_bytes(digest[:7]), len(each))


def slots(source: str) -> tuple[Wordings, ...]:
    """The slots of a text, in order."""
    return tuple(
        Wordings(match.start(), tuple(each.strip() for each in match["held"].split("|")))
        for match in _PART.finditer(source)
        if match["held"] is not None
    )


def together(found: Sequence[Wordings]) -> int:
    """How many copies a text of these slots has."""
    return prod(len(wordings.each) for wordings in found)


def with_slots(source: str, put: Callable[[int], str]) -> str:
    """The source with `put(i)` in place of its slot `i`, counted from 0."""
    found = -1

    def replaced(match: re.Match[str]) -> str:
        nonlocal found
        if match["held"] is None:
            return match[0]
        found += 1
        return put(found)

    return _PART.sub(replaced, source)


def plain(text: str) -> str:
    """A text without capitals and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in apart if not unicodedata.combining(each))


def squeezed(text: str) -> str:
    """A text without capitals, accents, spaces and punctuation: what survives being passed on."""
    return "".join(each for each in plain(text) if each.isalnum())
