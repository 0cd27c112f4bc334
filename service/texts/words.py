"""`words.txt`: how a language says severities, answers, dates and the USSD menu, a line each."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from service.domain.alerts import PARTS
from service.domain.codebook import SEVERITIES
from service.domain.responses import KINDS, OUTCOMES, STATES
from service.domain.ussd import LABELS, Label
from service.texts.head import WORDS

NAME = WORDS
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
DATE = "date"
DRILL = "drill"  # the word with which every text of an exercise begins
DATE_VALUES = frozenset({"weekday", "day", "month"})
KEYS = (
    *(f"severity.{severity}" for severity in SEVERITIES),
    *(f"part.{part}" for part in PARTS),
    *(f"state.{state}" for state in STATES),
    *(f"answer.{answer}" for answer in (*KINDS, *OUTCOMES)),
    *(f"weekday.{weekday}" for weekday in WEEKDAYS),
    *(f"month.{month}" for month in MONTHS),
    DATE,
    DRILL,
)
# A language has all of these or none: then the menu is not offered in it.
MENU_KEYS = tuple(f"menu.{label}" for label in LABELS)


class Entry(NamedTuple):
    """One line of the file: `line` counts from 1, `column` is where the words begin."""

    key: str
    words: str
    line: int
    column: int


def entries(source: str) -> list[Entry]:
    """The lines of a words file in order; one without `=` has all of itself as key and no words.

    Empty lines and lines that begin with `#` say nothing.
    """
    found = []
    for number, line in enumerate(source.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, _, words = line.partition("=")
        column = len(line) - len(words.lstrip()) + 1
        found.append(Entry(key.strip(), words.strip(), number, column))
    return found


def date_values(words: Mapping[str, str], day: date) -> dict[str, str]:
    """What the `date` entry may name, for one day."""
    return {
        "weekday": words[f"weekday.{WEEKDAYS[day.weekday()]}"],
        "day": str(day.day),
        "month": words[f"month.{MONTHS[day.month - 1]}"],
    }


def menu(words: Mapping[str, str]) -> dict[Label, str]:
    """What the USSD menu says; empty in a language that does not have it."""
    said = {label: words.get(key, "") for label, key in zip(LABELS, MENU_KEYS, strict=True)}
    return said if all(said.values()) else {}
