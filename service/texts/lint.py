"""What is wrong with the texts, in the terms of whoever writes them, with the place to mend.

The worst case is rendered, not estimated: every wording with the longest type, severity, area,
place, date, day-part and alert number.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from heapq import nlargest
from itertools import product

from service.domain.alerts import PARTS
from service.domain.codebook import LANGUAGES, SEVERITIES
from service.domain.messages import measure, outside_gsm7, to_gsm7
from service.domain.responses import KINDS, OUTCOMES, STATES
from service.texts import words as wording
from service.texts.banned import BannedWords, read_list
from service.texts.files import (
    LOADED_WORDS,
    TELLING_WORDS,
    Sources,
    TextProblem,
    file_of,
    position,
)
from service.texts.head import DEFAULT_LANGUAGE, LETTERS_IN_GSM7, Text
from service.texts.lint_slots import mixed_up, slot_problems
from service.texts.render import (
    VALUES,
    TextError,
    Texts,
    compiled,
    parse,
    placeholders,
)

Titles = Mapping[str, Mapping[str, str]]
At = Callable[[int], tuple[int, int]]  # an offset in a text to its line and column

# What a focal point gets: whoever takes the phone must not read there what it is used for.
_TO_FOCAL_POINTS = ("neutral", "which_place", "check_in", "feedback", "welcome_focal_point")
# Placeholders that somebody may wish for, and that no text will ever have.
_WOULD_NAME_THEM = re.compile(
    r"report|sender|from|phone|name|person|who|hour|time|minute|village|lat|lon"
    r"|auteur|signal|nom|qui|heure|numero|tel"
)
_PHONE_NUMBER = re.compile(r"\+?\d(?:[ .\-]?\d){6,}")
_NOTE = re.compile(r"\{#.*?#\}", re.DOTALL)
_LARGEST_NUMBER = 99_999
_MOST_RESPONDERS = 99_999
# A digest of fewer alerts is none: at least so many must fit into it.
_LINE, _FEWEST_LINES, _MOST_LINES = "digest_alert", 2, 99
_LIKELY = 20  # of the places with the longest names, one costs most


def lint(
    sources: Sources, titles: Titles, areas: Iterable[str], places: Iterable[str] = ()
) -> list[TextProblem]:
    """Every problem of every text, in the order of files and lines.

    `titles` are the codebook's, by type id and language; `areas` and `places` the names that texts
    may carry. An empty list means that each text in each language renders within its segments.
    """
    areas, places = tuple(areas), nlargest(_LIKELY, places, key=len)
    loaded, problems = read_list(
        LOADED_WORDS,
        "it accuses, names a community, or points at who reported",
        sources.loaded_words,
    )
    telling, more = read_list(
        TELLING_WORDS, "it tells what the phone is used for", sources.telling_words
    )
    found = [*problems, *more]
    for language in dict.fromkeys((DEFAULT_LANGUAGE, *sources.templates)):
        texts = sources.templates.get(language, {})
        found += _missing(language, texts)
        words = texts.get(wording.NAME)
        in_words = list(_words(language, words, titles, loaded)) if words else []
        found += in_words
        found += _titles(language, texts, titles, loaded)
        settled = None if in_words else words
        worst = _worst_values(language, settled, titles, areas, places) if settled else {}
        in_texts = {}
        for name in texts.keys() - {wording.NAME}:
            lists = (loaded, telling) if name in _TO_FOCAL_POINTS else (loaded,)
            in_texts[name] = list(_text(language, name, texts[name], lists))
        if worst and in_texts.get(_LINE) == []:
            lines = _dearest(_copies(language, _LINE, texts, worst))
            worst["alerts"] = ["\n".join(two) for two in product(lines, repeat=_FEWEST_LINES)]
        for name, in_text in in_texts.items():
            found += in_text or _cost(language, name, texts, worst)
    if not found:
        found += mixed_up(sources.templates, [*areas, *_said_of_alerts(sources, titles)])
    return sorted(found, key=lambda problem: (problem.file, problem.line, problem.column))


def _said_of_alerts(sources: Sources, titles: Titles) -> Iterator[str]:
    """What alerts say besides their own words and areas: titles, and the words of every value."""
    for title in titles.values():
        yield from title.values()
    for texts in sources.templates.values():
        if wording.NAME in texts:
            said = wording.entries(texts[wording.NAME].sent)
            yield from (entry.words for entry in said if entry.key not in wording.MENU_KEYS)


def _missing(language: str, texts: Mapping[str, Text]) -> Iterator[TextProblem]:
    """Texts that are empty; those that are not there, where no other language can do for them."""
    for name in (*VALUES, wording.NAME):
        needed = name == wording.NAME or language in LANGUAGES
        if not texts[name].body.strip() if name in texts else needed:
            advice = "write it, after the one of another language"
            why = f"this text is missing or empty in {language!r}"
            yield TextProblem(file_of(language, name), 1, 1, "", why, advice)


def _text(
    language: str, name: str, text: Text, lists: Sequence[BannedWords]
) -> Iterator[TextProblem]:
    file, source = file_of(language, name), text.body
    if name not in VALUES:
        yield TextProblem(file, 1, 1, name, "no text has this name", _closest(name, VALUES))
        return
    yield from _code(file, source, VALUES[name])
    said = _NOTE.sub(lambda note: re.sub(r"[^\n]", " ", note[0]), source)
    yield from _letters(file, language, text, said, lambda offset: position(said, offset))
    yield from _banned(file, said, lists, lambda offset: position(said, offset))
    yield from slot_problems(file, name, said, lists)


def _code(file: str, source: str, values: frozenset[str]) -> Iterator[TextProblem]:
    """Template code that is not allowed, unknown placeholders, and a number that is not said."""
    try:
        names = [name for name, _ in placeholders(parse(source))]
    except TextError as error:
        lines = source.split("\n")
        line = lines[min(error.line, len(lines)) - 1]
        column = max(line.find("{"), 0) + 1
        advice = "write words, {{ placeholders }} and {# notes #} only"
        yield TextProblem(file, error.line, column, line.strip(), error.why, advice)
        return
    for name in dict.fromkeys(names):
        if name not in values:
            why = f"this text has no value of that name; it has {_listed(values)}"
            if _WOULD_NAME_THEM.search(name):
                why = "no text may say who reported, their number, or the exact place or hour"
            yield TextProblem(file, *_placeholder(source, name), name, why, _closest(name, values))
    if "number" in values and "number" not in names:
        why = "without its number an alert cannot be answered"
        yield TextProblem(file, 1, 1, "", why, "add {{ number }}")
    if "alerts" in values and "alerts" not in names:
        why = "without its alerts a digest tells of none"
        yield TextProblem(file, 1, 1, "", why, "add {{ alerts }}")


def _words(language: str, text: Text, titles: Titles, loaded: BannedWords) -> Iterator[TextProblem]:
    file = file_of(language, wording.NAME)
    seen: set[str] = set()
    own = {f"type.{type_id}" for type_id, title in titles.items() if language not in title}
    known = (*wording.KEYS, *wording.MENU_KEYS, *sorted(own))
    for entry in wording.entries(text.body):
        here = (file, entry.line, 1, entry.key)
        if entry.key not in known:
            yield TextProblem(*here, "nothing has this name", _closest(entry.key, known))
        elif entry.key in seen:
            yield TextProblem(*here, "this was said already", "keep one of the two lines")
        elif not entry.words:
            yield TextProblem(*here, "no words are given", f"write {entry.key} = …")
        elif entry.key == wording.DATE:
            yield from _date_format(file, entry)
        seen.add(entry.key)
        yield from _letters(file, language, text, entry.words, _within(entry))
        yield from _banned(file, entry.words, (loaded,), _within(entry))
    needed = {*wording.KEYS, *(own if text.head.status == "reviewed" else ())}
    if language in LANGUAGES or seen & set(wording.MENU_KEYS):
        needed |= set(wording.MENU_KEYS)
    for key in known:
        if key in needed - seen:
            yield TextProblem(file, 1, 1, key, "these words are missing", f"add {key} = …")


def _date_format(file: str, entry: wording.Entry) -> Iterator[TextProblem]:
    if "[" in entry.words:
        why = "a date has no wordings: a day is the same for everyone"
        yield TextProblem(file, entry.line, entry.column, entry.words, why, "keep one of them")
        return
    try:
        compiled(entry.words, wording.DATE_VALUES)
    except TextError as error:
        why = f"{error.why}; a date has {_listed(wording.DATE_VALUES)}"
        yield TextProblem(file, entry.line, entry.column, entry.words, why)


def _letters(file: str, language: str, text: Text, said: str, at: At) -> Iterator[TextProblem]:
    """Characters that cost too much, the first of each.

    The letters of a language that GSM-7 does not hold are what they are; a curly quote among them
    would still turn 160 characters into 70 where they do not occur.
    """
    for character in outside_gsm7(said):
        plain = to_gsm7(character)
        goes = text.head.transliterate and bool(plain.strip("?"))
        if goes or (language not in LETTERS_IN_GSM7 and _is_latin(character)):
            continue
        name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()
        why = f"{name} is outside GSM-7: a segment would hold 70 characters instead of 160"
        advice = f"write {plain!r}" if plain.strip("?") else "leave it out"
        yield TextProblem(file, *at(said.index(character)), character, why, advice)


def _is_latin(character: str) -> bool:
    """Whether it is a letter as basic phones have them, or an accent on one."""
    return unicodedata.name(character, "").startswith(("LATIN ", "COMBINING "))


def _banned(file: str, text: str, lists: Sequence[BannedWords], at: At) -> Iterator[TextProblem]:
    """Words that must not be said, and numbers that could be called."""
    for number in _PHONE_NUMBER.finditer(text):
        why = "this looks like a phone number: whoever takes the phone could call it"
        yield TextProblem(file, *at(number.start()), number[0], why, "leave it out")
    for each in lists:
        for offset, held, banned in each.found_in(text):
            why = f"{each.why}: {banned.word!r} is in {each.file}"
            yield TextProblem(file, *at(offset), held, why, banned.instead)


def _titles(
    language: str, texts: Mapping[str, Text], titles: Titles, loaded: BannedWords
) -> Iterator[TextProblem]:
    """The codebook's titles as this language's alerts will say them, told where they do."""
    file = file_of(language, "alert")
    at = _placeholder(texts["alert"].body if "alert" in texts else "", "type")
    for type_id, title in titles.items():
        where = f"the title of {type_id} in rules/codebook.yaml"
        said = title.get(language, "")
        for problem in _banned(file, said, (loaded,), lambda _: at):
            yield problem._replace(text=said, why=f"{where}: {problem.text!r}: {problem.why}")


def _worst_values(
    language: str, words: Text, titles: Titles, areas: Iterable[str], places: Iterable[str]
) -> dict[str, list[object]]:
    """Of each value those that can cost a text most."""
    said = {entry.key: entry.words for entry in wording.entries(words.sent)}
    named = to_gsm7 if language in LETTERS_IN_GSM7 else str
    called = (
        said.get(f"type.{type_id}") or title.get(language) or title.get(DEFAULT_LANGUAGE, "")
        for type_id, title in titles.items()
    )
    in_areas, in_places = _dearest(map(named, areas)), _dearest(map(named, places))
    # Two places of one name are told apart by where they are.
    told_apart: list[object] = [f"{place} ({area})" for place, area in product(in_places, in_areas)]
    days = [*_dearest_days(said)]
    return {
        "number": [_LARGEST_NUMBER],
        "missed": [_MOST_RESPONDERS],
        "told": [_MOST_RESPONDERS],
        "count": [_MOST_LINES],
        "type": [*_dearest(called)],
        "area": [*in_areas],
        "place": [*in_places],
        "first": told_apart,
        "second": told_apart,
        "day": [*days],
        "part": _dearest_words(said, "part", PARTS),
        "severity": _dearest_words(said, "severity", SEVERITIES),
        "state": _dearest_words(said, "state", STATES),
        "answer": _dearest_words(said, "answer", (*KINDS, *OUTCOMES)),
        "until": [datetime.combine(day, time(23, 59)) for day in days],
    }


def _dearest_words(said: Mapping[str, str], kind: str, keys: Iterable[str]) -> list[object]:
    """The keys of those words that can cost most."""
    words = {said[f"{kind}.{key}"]: key for key in keys}
    return [words[each] for each in _dearest(words)]


def _dearest_days(said: Mapping[str, str]) -> Iterator[date]:
    """Days whose dates can cost most: from the 20th to the 26th, a month has every weekday."""
    months = _dearest_words(said, "month", wording.MONTHS)
    weekdays = _dearest_words(said, "weekday", wording.WEEKDAYS)
    for month, number in product(months, range(20, 27)):
        day = date(2028, wording.MONTHS.index(str(month)) + 1, number)
        if wording.WEEKDAYS[day.weekday()] in weekdays:
            yield day


def _cost(
    language: str,
    name: str,
    texts: Mapping[str, Text],
    worst_values: Mapping[str, Sequence[object]],
) -> Iterator[TextProblem]:
    if not worst_values or not VALUES[name] <= worst_values.keys():
        return  # what the words of this language are, or a digest's lines, must be settled first
    worst = _longest(_copies(language, name, texts, worst_values))
    size, most = measure(worst), texts[name].head.max_segments
    if size.segments > most:
        why = (
            f"at worst this takes {size.segments} segments ({size.units} characters in "
            f"{size.encoding}), and {most} is the most it may"
        )
        advice = "shorten the text, or raise its max_segments"
        yield TextProblem(file_of(language, name), 1, 1, worst, why, advice)


def _copies(
    language: str,
    name: str,
    texts: Mapping[str, Text],
    worst_values: Mapping[str, Sequence[object]],
) -> Iterator[str]:
    """Every wording of a text with each of the values that can cost most."""
    written = {each: texts[each] for each in (name, wording.NAME)}
    renderer = Texts({language: written}, drafts=True)
    keys = sorted(VALUES[name])
    sizes = (range(slot.size) for slot in renderer.slots(name, language))
    copies = list(product(*sizes))
    # What tells of an alert may have to say that it is none; its line in a digest need not.
    drill = "number" in VALUES[name] and name != _LINE
    for each in product(*map(worst_values.__getitem__, keys)):
        values = dict(zip(keys, each, strict=True))
        yield from (renderer.render(name, language, values, copy, drill=drill) for copy in copies)


def _longest(texts: Iterable[str]) -> str:
    return max(texts, key=_cost_of, default="")


def _dearest(words: Iterable[str]) -> set[str]:
    """Those that can cost a text most: the longest in either alphabet, and of those that turn a
    text to UCS-2.
    """
    every = list(words) or [""]
    turning = [each for each in every if outside_gsm7(each)] or every
    return {_longest(every), max(every, key=_in_ucs2), max(turning, key=_in_ucs2)}


def _in_ucs2(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def _cost_of(text: str) -> tuple[int, int]:
    size = measure(text)
    return size.segments, size.units


def _placeholder(source: str, name: str) -> tuple[int, int]:
    """Where a text first asks for `name`."""
    found = re.search(rf"\{{\{{[^}}]*?\b({re.escape(name)})\b", source)
    return position(source, found.start(1) if found else 0)


def _within(entry: wording.Entry) -> At:
    return lambda offset: (entry.line, entry.column + offset)


def _closest(name: str, names: Iterable[str]) -> str | None:
    close = get_close_matches(name, list(names), n=1)
    return f"{close[0]}?" if close else None


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values)) or "none"
