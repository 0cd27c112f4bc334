"""A subscriber's phone number, which shows itself only when asked."""

import re
import unicodedata
from typing import Final, NoReturn

import phonenumbers

HIDDEN: Final = "‹number›"
_LONGEST_RAW = 40  # "+", 15 digits (E.164) and every separator anyone writes; garbage is longer
_SHORTEST_E164 = 8  # digits with the country code: some gateways put "+" before a short code
_MALIAN = re.compile(r"\+223[0-9]{8}")
_SEPARATORS = frozenset(" \u00a0\u202f-‐‑–.()/")


class PhoneNumber:
    """A subscriber number. It prints as ‹number› and cannot be pickled or made into JSON.

    Equal and hashable by value, so that a set of recipients holds each person once.
    """

    __slots__ = ("_e164",)

    def __init__(self, e164: str) -> None:
        if not (e164.startswith("+") and e164[1:].isascii() and e164[1:].isdigit()):
            raise ValueError("a phone number is + and digits; parse() reads every other form")
        self._e164 = e164

    @classmethod
    def parse(cls, raw: str, region: str = "ML") -> "PhoneNumber | None":
        """The number that `raw` writes, national numbers being of `region`; None if it is none.

        Digits of any script count. Short codes, alphanumeric senders, extensions and garbage are
        None. The length must be possible for the country; the range need not be in use, because
        ranges open before libraries know of them and refusing one would lose a report.
        """
        if _MALIAN.fullmatch(raw):
            return cls(raw)  # as gateways write it: what follows finds the same, and costs more
        if len(raw) > _LONGEST_RAW:
            return None
        written = _plain(raw)
        if written is None:
            return None
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            return None
        length = phonenumbers.is_possible_number_with_reason(number)
        if length != phonenumbers.ValidationResult.IS_POSSIBLE:
            return None
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return cls(e164) if len(e164) > _SHORTEST_E164 else None

    def reveal(self) -> str:
        """The number in E.164, such as +22370000001. For sealing and for the gateway only."""
        return self._e164

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhoneNumber) and self._e164 == other._e164

    def __hash__(self) -> int:
        return hash(self._e164)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a phone number is never pickled or copied: seal it with the vault")


def _plain(raw: str) -> str | None:
    """`raw` as an optional + and ASCII digits; None where it holds anything else."""
    plain = []
    for char in raw.strip():
        value = unicodedata.decimal(char, None)
        if value is not None:
            plain.append(str(value))
        elif char in "+＋" and not plain:
            plain.append("+")
        elif char not in _SEPARATORS:
            return None
    return "".join(plain)
