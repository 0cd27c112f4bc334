"""Slips, spellings by ear and numbers in words; and that a slip makes no other place of a name."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import grammar, words
from service.domain.damm import check_digit
from service.domain.gazetteer import Place, is_code
from service.domain.meant import Meant
from service.domain.numbers import compose
from service.domain.reading import SURE, Doubt, Draft
from service.domain.spelling import Near, Spellings, by_ear, distance, on_keypad
from tests.support.rules_content import codebook, gazetteer, rows

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("a", "b", "slips"),
    [
        ("konna", "konna", 0),
        ("konna", "kona", 1),
        ("konna", "konnna", 1),
        ("konna", "komna", 1),
        ("konna", "knona", 1),
        ("konna", "onnak", 2),
        ("ca", "abc", 3),  # each letter is touched once
        ("", "ab", 2),
    ],
)
def test_slips_are_counted(a: str, b: str, slips: int) -> None:
    assert distance(a, b, 5) == distance(b, a, 5) == slips
    assert distance(a, b, 0) == min(slips, 1)


WORDS = st.text("abk", max_size=7)


@given(WORDS, WORDS, st.integers(0, 3))
def test_a_distance_is_one_whatever_the_most(a: str, b: str, most: int) -> None:
    assert distance(a, b, most) == min(distance(a, b, 9), most + 1)
    assert (distance(a, b, 9) == 0) == (a == b)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("djenne", "jenne"),
        ("douentza", "duentza"),
        ("bandiagara", "bandjagara"),
        ("niafunke", "niafounque"),
        ("tenenkou", "tennenku"),
        ("hombori", "ombory"),
    ],
)
def test_spellings_by_ear_sound_alike(name: str, written: str) -> None:
    assert by_ear(name) == by_ear(written)


def test_every_name_one_slip_away_is_found() -> None:
    spellings = Spellings(["konna", "kouna", "bandiagara", "abc"])
    for slipped in ("konn", "konnaa", "kxnna", "knona", "onna"):
        assert "konna" in [each.key for each in spellings.near(slipped)], slipped
    assert spellings.near("bandiagara")[0] == Near(0.5, "bandiagara")
    assert spellings.near("bnandigara") == [Near(2.0, "bandiagara")]
    assert spellings.near("loomz") == []
    assert spellings.near("looma") == [Near(1.0, "konna")]  # the same keys of a phone
    assert spellings.near("ab") == spellings.near("x" * 1600) == []


@pytest.mark.parametrize(
    ("values", "number", "used"),
    [
        ([3], 3, 1),
        ([3, 5], 3, 1),
        ([20, 1], 21, 2),
        ([4, 20], 80, 2),
        ([4, 20, 10, 7], 97, 4),
        ([60, 11], 71, 2),
        ([2, 100, 50], 250, 3),
        ([1000, 2, 100], 1200, 3),
        ([3, 1000], 3000, 2),
        ([100, 3, 5], 103, 2),
        ([0, 0], 0, 1),
        ([20, 20], 20, 1),
        ([100, 100], 100, 1),
        ([1000, 1000], 1000, 1),
    ],
)
def test_numbers_in_words_are_put_together(values: list[int], number: int, used: int) -> None:
    assert compose(values) == (number, used)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12))
def test_any_values_make_a_number_of_some_of_them(values: list[int]) -> None:
    number, used = compose(values)
    assert 1 <= used <= len(values)
    assert number >= 0


def test_no_wrong_or_swapped_digit_makes_another_place_or_type_of_one_that_ships() -> None:
    codes = {row[0] for row in rows("places")} | {row[3] for row in rows("areas") if row[3]}
    digits = {each.digits for each in codebook().types if each.digits}
    assert len(digits) == len(codebook().types)
    for known in (sorted(codes), sorted(digits)):
        for code in known:
            assert check_digit(code) == "0"
            assert not {each for each in _one_slip(code) if check_digit(each) == "0"}


def _one_slip(code: str) -> Iterator[str]:
    for at, digit in enumerate(code):
        for wrong in "0123456789".replace(digit, ""):
            yield code[:at] + wrong + code[at + 1 :]
        if at and code[at - 1] != digit:
            yield code[: at - 1] + digit + code[at - 1] + code[at + 1 :]


@given(st.sampled_from([row[0] for row in rows("places")]), st.data())
def test_a_text_of_digits_with_one_slip_is_not_filed(code: str, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from([each.digits or "" for each in codebook().types]))
    right = grammar.read(f"{type_}*{code}*3", codebook(), gazetteer())
    assert isinstance(right, Draft) or type_ == "999"  # nothing to report has no number
    wrong_type = data.draw(st.sampled_from(list(_one_slip(type_))))
    wrong_code = data.draw(st.sampled_from(list(_one_slip(code))))
    assert is_code(code)
    for text in (f"{type_}*{wrong_code}*3", f"{wrong_type}*{code}*3"):
        assert not isinstance(grammar.read(text, codebook(), gazetteer()), Draft), text


# --- a slip in a name


def _slipped(key: str, chance: random.Random) -> list[str]:
    at = chance.randrange(1, len(key))
    same_key = [
        each for each in LETTERS if on_keypad(each) == on_keypad(key[at]) and each != key[at]
    ]
    return [
        key[:at] + key[at + 1 :],
        key[:at] + key[at] + key[at:],
        key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :],
        key[:at] + chance.choice(LETTERS) + key[at + 1 :],
        key[:at] + chance.choice(same_key) + key[at + 1 :],
    ]


def _places() -> list[Place]:
    """Every place of the three régions with the first focal points."""
    codes = [row[0] for row in rows("places") if row[3][:4] in ("ML04", "ML05", "ML06")]
    found = (gazetteer().by_code(code) for code in codes)
    return [each for each in found if each and words.key(each.name).isalpha()]


def test_a_slip_in_a_name_files_it_as_no_other_place() -> None:
    chance = random.Random(20261125)
    verdicts: Counter[str] = Counter()
    for place in chance.sample(_places(), 400):
        key = words.key(place.name)
        if len(key) < 4:
            continue
        for slip in _slipped(key, chance):
            if gazetteer().at((slip,), 0):
                continue  # it is another place's name now, and nobody can know that it was meant
            reading = grammar.read(f"MA {slip} 3", codebook(), gazetteer(), place.area[:6])
            if isinstance(reading, Draft):
                assert reading.place
                assert Meant(gazetteer()).are_one(reading.place, place), slip
                assert reading.confidence >= SURE
                verdicts["filed"] += 1
            elif isinstance(reading, Doubt):
                verdicts["asked" if place in reading.candidates else "asked otherwise"] += 1
            else:
                verdicts["not filed"] += 1
    print("", dict(verdicts))
    assert verdicts["filed"] + verdicts["asked"] > 0.9 * verdicts.total()


def test_a_name_that_is_a_slip_of_a_nearer_one_is_asked_back() -> None:
    reading = grammar.read("MA KONA 3", codebook(), gazetteer(), "ML0506")
    assert isinstance(reading, Doubt)
    assert [each.name for each in reading.candidates] == ["Konna", "Kona"]
    assert reading.area
    assert reading.area.code == "ML0506"
