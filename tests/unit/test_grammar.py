"""Every text is a report, a command or a named problem: the tables in tests/cases/texts_*.yaml."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.domain import grammar
from service.domain.codebook import COUNTS
from service.domain.gazetteer import Place
from service.domain.meant import Meant
from service.domain.reading import (
    PROBLEM_KINDS,
    Answers,
    Chosen,
    Correct,
    Doubt,
    Draft,
    Drill,
    Enrol,
    Problem,
    Reading,
    Several,
    Speak,
    Stop,
    Withdraw,
)
from tests.support.rules_content import codebook, gazetteer

CASES = Path(__file__).parents[1] / "cases"
COMMANDS = (Answers, Chosen, Enrol, Speak, Stop, Withdraw)


def cases() -> list[Any]:
    return [
        pytest.param(file.stem, case, id=f"{file.stem}:{number}")
        for file in sorted(CASES.glob("texts_*.yaml"))
        for number, case in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")), 1)
    ]


def read(text: str, home: str | None = None) -> Reading:
    return grammar.read(text, codebook(), gazetteer(), home)


def told(place: Place | None) -> str | None:
    return f"{place.name}/{place.cercle}" if place else None


def described(reading: Reading) -> dict[str, Any]:
    """A reading in the form of the tables: what is null or 0 days ago is left out."""
    if isinstance(reading, Drill):
        return {"drill": True} | described(reading.said)
    if isinstance(reading, Several):
        return {"reports": [described(each) for each in reading.reports]}
    if isinstance(reading, Doubt):
        doubt = {"doubt": [told(each) for each in reading.candidates]}
        if reading.area:
            doubt["area"] = told(reading.area)
        return described(reading.draft) | doubt
    if isinstance(reading, Withdraw | Correct):
        about = reading.report if isinstance(reading, Correct) else reading.named
        said = described(about) if about else {}
        return {"command": type(reading).__name__.lower()} | said
    if isinstance(reading, COMMANDS):
        found = {"command": type(reading).__name__.lower()} | dataclasses.asdict(reading)
    else:
        found = {name: getattr(reading, name) for name in ("type", *COUNTS)}
        found |= {"place": told(reading.place), "days_ago": reading.days_ago or None}
        if isinstance(reading, Problem):
            found["problem"] = reading.kind
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(("table", "case"), cases())
def test_a_text_is_read_as_the_table_has_it(table: str, case: dict[str, Any]) -> None:
    expected = {name: value for name, value in case.items() if name not in ("text", "home")}
    if table == "texts_places":
        expected = {"type": "banditry"} | expected
    confidence = expected.pop("confidence", None)
    reading = read(case["text"], case.get("home"))
    assert described(reading) == expected
    if confidence is not None:
        assert isinstance(reading, Draft)
        assert reading.confidence == confidence


def test_the_tables_have_every_kind_of_problem() -> None:
    listed = [param.values[1] for param in cases()]
    assert len(listed) >= 120
    assert {case["problem"] for case in listed if "problem" in case} == set(PROBLEM_KINDS) - {
        "too_long"
    }
    types = {case.get("type") for case in listed} | {"banditry"}
    assert types >= {each.id for each in codebook().types}


def test_every_type_is_read_by_its_code_in_any_case_and_its_aliases() -> None:
    for each in codebook().types:
        aliases = [phrase for listed in each.aliases.values() for phrase in listed]
        for written in (each.code, each.code.lower(), *aliases):
            reading = read(f"{written} KONNA")
            assert isinstance(reading, Draft), written
            assert reading.type == each.id, written


def test_what_is_ambiguous_names_the_candidates() -> None:
    reading = read("BR MORIBOUGOU")
    assert isinstance(reading, Problem)
    assert len(reading.candidates) > 1
    assert {each.name for each in reading.candidates} == {"Moribougou"}


def test_a_long_text_is_read_from_its_beginning_and_said_to_be_too_long() -> None:
    whole = "MA KONNA 3 5 " + "x" * (grammar.TEXT_LIMIT - 13)
    assert isinstance(read(whole), Draft)
    cut = read(whole + "x")
    assert isinstance(cut, Problem)
    assert (cut.kind, cut.type, told(cut.place), cut.killed) == (
        "too_long",
        "market_attack",
        "Konna/Mopti",
        3,
    )
    assert read("." * 2000) == Problem("too_long")
    assert read("STOP " * 1000) == Stop()
    assert isinstance(read("MA " * 400_000), Problem)


HOSTILE = [
    "\0MA\0KONNA\0",
    "\ud800MA KONNA\udfff",
    "ﷺ" * 1600,
    "e" + "\u0301" * 1599,
    "a b c d " * 200,
    "3m5b" * 400,
    "9" * 1600,
    "x koro san niono mopti " * 69,
    "x madina bougoula sokolo " * 64,
    "OK " * 500,
    "INS " * 400,
    "²³¼½ ①② Ⅷ",
    "\u202eMA KONNA",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_read_too(text: str) -> None:
    assert_sane(read(text))


# Whatever can be typed, and likelier what the grammar knows.
KNOWN = st.sampled_from(
    ["MA", "EN", "RAS", "KONNA", "SOKOLO", "NIONO", "53312", "ML0506", "3", "5b", "99999", "hier",
     "ANN", "COR", "EXERCICE", "morts", "de", "OK", "STOP", "INS", "AIDE", "jours", "pas", "*",
     "\n"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(KNOWN, st.text(max_size=6))).map(" ".join), st.binary().map(str)
)
HOMES = st.sampled_from([None, "ML", "ML05", "ML0502", "ML050605", "XX", ""])


@given(TEXTS, HOMES)
def test_any_text_is_a_reading_that_holds_together(text: str, home: str | None) -> None:
    assert_sane(read(text, home))


def assert_sane(reading: Reading) -> None:
    if isinstance(reading, Drill):
        assert isinstance(reading.said, grammar.DRILLED)
        reading = reading.said
    if isinstance(reading, Correct):
        reading = reading.report
    if isinstance(reading, COMMANDS):
        if isinstance(reading, Enrol):
            assert re.fullmatch("[A-HJ-NP-Z]{8}", reading.code)
        return
    if isinstance(reading, Several):
        assert 2 <= len(reading.reports) <= grammar.MOST_REPORTS
        assert any(isinstance(each, Draft | Doubt) for each in reading.reports)
        for each in reading.reports:
            assert_sane(each)
        return
    if isinstance(reading, Doubt):
        assert reading.draft.place is None
        assert len({each.code for each in reading.candidates}) == 2
        if reading.area:
            assert Meant(gazetteer()).around(reading.candidates) == reading.area
        reading = dataclasses.replace(reading.draft, place=reading.candidates[0])
    assert isinstance(reading, Draft | Problem)
    assert reading.type is None or codebook().type(reading.type)
    assert 0 <= reading.days_ago <= codebook().limits.days_ago
    for count in COUNTS:
        number = getattr(reading, count)
        assert number is None or 0 <= number <= getattr(codebook().limits, count)
    if isinstance(reading, Problem):
        assert reading.kind in PROBLEM_KINDS
    else:
        assert 0 < reading.confidence <= 1
        assert reading.place or "place" not in codebook().type(reading.type).fields


@given(
    st.sampled_from(["MA", "BR", "CH"]),
    st.integers(0, 500),
    st.integers(0, 500),
    st.lists(
        st.sampled_from([" ", "*", "#", ",", ".", ";", "/", "\n", "  "]), min_size=3, max_size=3
    ),
    st.booleans(),
)
def test_separators_and_case_do_not_change_the_reading(
    code: str, killed: int, injured: int, separators: list[str], lower: bool
) -> None:
    parts = (code, "KONNA", str(killed), str(injured))
    text = "".join(part + sep for part, sep in zip(parts, [*separators, ""], strict=True))
    reading = read(text.lower() if lower else text)
    assert isinstance(reading, Draft)
    assert reading == read(f"{code} konna {killed}m {injured}b")
    assert (reading.killed, reading.injured, reading.confidence) == (killed, injured, 1.0)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=4, max_size=40))
def test_a_reading_holds_none_of_the_words(text: str) -> None:
    secret = "zq" + re.sub("[^a-z]", "x", text.lower()) + "qz"
    for around in (f"MA KONNA 3 {secret}", f"MA {secret}", f"{secret} KONNA", f"OK {secret}"):
        assert secret not in repr(read(around)).lower()
