"""Where a PIN stands in a text, and what one that was given says of the report before it.

A PIN is the last thing in a text: four digits that stand alone, as in `MA SOKOLO 3 5 4821`. Codes
of places have five or six digits, and a count that has four can be followed by its word or by the
PIN, so that nothing else is in that place for those who have a PIN.
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

DIGITS = 4
MOST_ONE_TIME = 20
SLOTS = 2 + MOST_ONE_TIME  # normal, duress, and a list of such as are used once

Kind = Literal["normal", "duress", "one_time"]
Outcome = Literal["none", "wrong", "right", "duress"]
WarningKind = Literal["duress", "wrong_pins"]
WARNING_KINDS: tuple[WarningKind, ...] = ("duress", "wrong_pins")

_TAIL = 40  # characters: a PIN and whatever a thumb leaves behind it


def split(text: str) -> tuple[str, str]:
    """The text before its PIN, and the PIN's digits as 0-9; the whole text and "" without one."""
    start = max(len(text) - _TAIL, 0)
    end = len(text)
    while end > start and not text[end - 1].isalnum():
        end -= 1
    at = end
    while at > start and unicodedata.decimal(text[at - 1], None) is not None:
        at -= 1
    if end - at != DIGITS or (at and text[at - 1].isalnum()):
        return text, ""
    return text[:at], "".join(str(unicodedata.decimal(each)) for each in text[at:end])


def matching(
    given: bytes, slots: Sequence[bytes], equal: Callable[[bytes, bytes], bool]
) -> int | None:
    """Which slot holds what was given. Each is compared, whatever the others said."""
    found = None
    for number, each in enumerate(slots):
        if equal(given, each):
            found = number
    return found


def trusted(outcome: Outcome, *, has_pins: bool, warned: bool, required: bool) -> bool:
    """Whether a report is verified: by its PIN or, where the network asks for none, without one.

    `warned`: somebody else may have the phone, so that no PIN proves anything until a coordinator
    has spoken with the person.
    """
    if not has_pins:
        return not required
    return outcome == "right" and not warned


def wrong_so_far(before: int, outcome: Outcome) -> int:
    """How many wrong PINs stand against a person: a right one makes up for one."""
    if outcome == "wrong":
        return before + 1
    return max(before - 1, 0) if outcome == "right" else before
