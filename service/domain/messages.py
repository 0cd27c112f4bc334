"""What a text costs on the air: GSM 03.38 (3GPP TS 23.038) and its segments (3GPP TS 23.040).

A text goes out in the 7-bit default alphabet when every character is in it; one character outside
makes the whole text UCS-2, in which a segment holds less than half as much.
"""

import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

Encoding = Literal["gsm7", "ucs2"]

# 3GPP TS 23.038 §6.2.1, in septet order from 0x00; 0x1B, the escape, stands for no character.
DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# §6.2.1.1: reached through the escape, so each counts two septets.
EXTENSION_TABLE = "\f^{}\\[~]|€"

_SEPTETS = dict.fromkeys(DEFAULT_ALPHABET.replace("\x1b", ""), 1) | dict.fromkeys(
    EXTENSION_TABLE, 2
)

# How much one segment holds, alone and as a part of several (TS 23.040: a 6-octet header each).
_CAPACITY: dict[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}

# Letters of Mali's languages, and typography, that do not decompose into a letter of GSM-7.
_PLAIN = {
    "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ŋ": "ng", "Ŋ": "Ng", "ɲ": "ny", "Ɲ": "Ny",
    "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƴ": "y", "Ƴ": "Y", "ɣ": "gh", "Ɣ": "Gh",
    "œ": "oe", "Œ": "Oe", "ʼ": "'", "‘": "'", "’": "'", "`": "'", "“": '"', "”": '"',
    "«": '"', "»": '"', "‐": "-", "‑": "-", "–": "-", "—": "-", "…": "...",
}  # fmt: skip


class Size(NamedTuple):
    """The cost of a text: `units` are septets in gsm7 and 16-bit code units in ucs2."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> Size:
    """Encoding, length and number of segments of a text; an empty one still goes out as one."""
    encoding: Encoding = "gsm7" if set(text) <= _SEPTETS.keys() else "ucs2"
    if encoding == "gsm7":
        widths = [_SEPTETS[each] for each in text]
    else:
        widths = [2 if each > "\uffff" else 1 for each in text]
    return Size(encoding, sum(widths), _segments(widths, *_CAPACITY[encoding]))


def _segments(widths: Sequence[int], alone: int, part: int) -> int:
    """How many segments hold these characters, an escape or surrogate pair never cut in two.

    TS 23.040 §9.2.3.24.1: neither may be split between two messages.
    """
    if sum(widths) <= alone:
        return 1
    segments, filled = 1, 0
    for width in widths:
        if filled + width > part:
            segments, filled = segments + 1, 0
        filled += width
    return segments


def outside_gsm7(text: str) -> tuple[str, ...]:
    """The characters that GSM-7 cannot carry, each once, in the order in which they come."""
    return tuple(dict.fromkeys(each for each in text if each not in _SEPTETS))


def to_gsm7(name: str) -> str:
    """A name in GSM-7 letters: `Bɔrɛ` as `Bore`, `Kanyé` as it is, `Nampalâ` as `Nampala`.

    For names only: they come from the gazetteer and cannot be reworded. What no plain letter
    stands for becomes `?`.
    """
    return "".join(map(_to_gsm7, unicodedata.normalize("NFC", name)))


def _to_gsm7(character: str) -> str:
    if character in _SEPTETS:
        return character
    if character in _PLAIN:
        return _PLAIN[character]
    if unicodedata.combining(character):
        return ""
    if character.isspace():
        return " "
    base = unicodedata.normalize("NFKD", character)[0]
    return _PLAIN.get(base, base if base in _SEPTETS else "?")
