"""Dates as the public data sets write them."""

import re
from datetime import UTC, datetime
from typing import Literal

from service.backtest.places import UnreadableError

_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ][0-9:.+Z]*)?", re.ASCII)
_WORDS = re.compile(r"([0-9]{1,2})[ -]([^\W\d_]+)[. -]*([0-9]{4})")
_SLASHES = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january janv janvier",
            "feb february févr février fevrier",
            "mar march mars",
            "apr april avr avril",
            "may mai",
            "jun june juin",
            "jul july juil juillet",
            "aug august août aout",
            "sep sept september septembre",
            "oct october octobre",
            "nov november novembre",
            "dec december déc décembre decembre",
        ),
        1,
    )
    for name in names.split()
}


class Days:
    """Reads dates as epoch seconds of their noon, UTC; each spelling once."""

    def __init__(self, slashes: Literal["day_first", "month_first"] | None) -> None:
        self._slashes = slashes
        self._read: dict[str, int] = {}

    def noon(self, cell: str) -> int:
        """Return the noon of a date. Raises UnreadableError."""
        noon = self._read.get(cell)
        if noon is None:
            noon = self._read[cell] = self._noon(cell.strip())
        return noon

    def _noon(self, written: str) -> int:
        year, month, day = self._parts(written)
        if not 1900 <= year <= 2100:
            raise UnreadableError(f"{written[:40]!r} is not within 1900 and 2100")
        try:
            return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp())
        except ValueError:
            raise UnreadableError(f"{written[:40]!r} is no day of the calendar") from None

    def _parts(self, written: str) -> tuple[int, int, int]:
        if found := _ISO.fullmatch(written):
            return int(found[1]), int(found[2]), int(found[3])
        if (found := _WORDS.fullmatch(written)) and found[2].casefold() in _MONTHS:
            return int(found[3]), _MONTHS[found[2].casefold()], int(found[1])
        if found := _SLASHES.fullmatch(written):
            if self._slashes is None:
                raise UnreadableError(
                    f"{written!r} may be two days: write `slashes: day_first` or `month_first` "
                    "under `dates` in the mapping"
                )
            day, month = (1, 2) if self._slashes == "day_first" else (2, 1)
            return int(found[3]), int(found[month]), int(found[day])
        raise UnreadableError(f"{written[:40]!r} is no date")
