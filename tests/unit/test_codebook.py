"""The codebook that ships, and what is refused in one that is changed."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from service.domain import words
from service.domain.codebook import LANGUAGES, SEVERITIES, Codebook
from service.domain.messages import outside_gsm7
from tests.support.rules_content import codebook, codebook_data

ISSUED = {
    "MA": ("market_attack", "criminal"),
    "BR": ("banditry", "criminal"),
    "VB": ("cattle_theft", "criminal"),
    "EN": ("kidnapping", "criminal"),
    "CH": ("herder_farmer_clash", "horizontal"),
    "DC": ("crop_damage", "horizontal"),
    "PB": ("blocked_route", "horizontal"),
    "TE": ("land_water_dispute", "horizontal"),
    "CM": ("intercommunal_clash", "horizontal"),
    "FF": ("violence_women_girls", "horizontal"),
    "GR": ("armed_groups_clash", "horizontal"),
    "AF": ("security_forces_abuse", "vertical"),
    "SP": ("attack_on_state", "vertical"),
    "AV": ("village_attack", "horizontal"),
    "ME": ("threat", None),
    "DP": ("displacement", None),
    "RAS": ("nothing_to_report", None),
}

# Who is said to have done it is never forwarded, and no people is a kind of wrongdoer.
LOADED = re.compile(
    r"djihad|jihad|terror|islamis|rebel|bandit|voleur|ennemi|peul|fulani|dogon|bambara|touareg|"
    r"tuareg|arabe|songh|bozo|dozo|chasseur",
    re.IGNORECASE,
)


def test_the_codes_that_people_have_on_paper_stay() -> None:
    assert {each.code: (each.id, each.typology) for each in codebook().types} == ISSUED


def test_what_an_alert_may_say_is_short_plain_and_blames_nobody() -> None:
    for each in codebook().types:
        for language in LANGUAGES:
            title = each.title[language]
            assert not outside_gsm7(title), title
            assert len(title) <= 40, title
            assert not LOADED.search(title), title


def test_only_the_check_in_makes_no_incident_and_needs_no_place() -> None:
    assert [each.code for each in codebook().types if each.check_in] == ["RAS"]
    assert [each.code for each in codebook().types if "place" not in each.fields] == ["RAS"]


def test_the_place_of_people_in_danger_is_never_public() -> None:
    assert {each.id for each in codebook().types if each.public} == {"blocked_route"}


def test_a_type_is_found_by_id_and_by_code_or_alias_however_typed() -> None:
    book = codebook()
    assert book.type("market_attack").code == "MA"
    for token in ("MA", "ma", " Ma ", "attaque marché", "ATTAQUE-MARCHE", "market attack"):
        found = book.by_code(token)
        assert found is not None, token
        assert found.id == "market_attack", token
    assert book.by_code("XX") is None
    assert book.by_code("") is None
    with pytest.raises(KeyError):
        book.type("MA")


def test_severities_rise() -> None:
    assert SEVERITIES == ("minor", "moderate", "severe", "extreme")


Change = Callable[[dict[str, Any]], None]


def first(**fields: Any) -> Change:
    return lambda data: data["types"][0].update(fields)


def worded(section: str, role: str, language: str, value: Any) -> Change:
    return lambda data: data[section][role].update({language: value})


REFUSED: dict[str, tuple[Change, str]] = {
    "unknown field": (first(colour="red"), "Extra inputs"),
    "lower-case code": (first(code="ma"), "pattern"),
    "unknown severity": (first(severity="high"), "minor"),
    "unknown typology": (first(typology="ethnic"), "horizontal"),
    "unknown field of a report": (first(fields=["place", "suspects"]), "killed"),
    "no title in English": (first(title={"fr": "Attaque"}), "no title in en"),
    "title outside GSM-7": (first(title={"fr": "Enlèvement forcé, ça", "en": "x"}), "ç"),
    "negative distance": (first(corroborates={"km": "-1", "hours": "3"}), "greater than"),
    "a code twice": (first(code="BR"), "two meanings"),
    "a code on the keys of another": (first(code="AG"), "these codes are one: AG, CH"),
    "an id twice": (first(id="banditry"), "declared twice: banditry"),
    "an alias of two types": (first(aliases={"fr": ["vol de bétail"]}), "two meanings"),
    "an alias in a script that no phone types": (first(aliases={"fr": ["سوق"]}), "no letter"),
    "an alias that is a command": (first(aliases={"fr": ["stop"]}), "commands: stop"),
    "a word with two meanings": (worded("words", "injured", "fr", ["mort"]), "two meanings"),
    "a number that is none": (worded("words", "numbers", "fr", {"un": "one"}), "integer"),
    "a command with two meanings": (worded("commands", "stop", "fr", ["OK"]), "two meanings"),
    "an answer with two meanings": (worded("responders", "cannot", "fr", ["VA"]), "two meanings"),
    "an answer that is a type": (worded("responders", "done", "fr", ["MA"]), "commands: ma"),
    "no types": (lambda data: data.update(types=[]), "at least 1"),
    "no limits": (lambda data: data.pop("limits"), "required"),
}


@pytest.mark.parametrize(("change", "says"), REFUSED.values(), ids=REFUSED)
def test_a_codebook_that_cannot_be_meant_is_refused(change: Change, says: str) -> None:
    data = copy.deepcopy(codebook_data())
    change(data)
    with pytest.raises(ValidationError, match=re.escape(says)):
        Codebook.model_validate(data)


def test_another_language_may_be_added() -> None:
    data: Any = copy.deepcopy(codebook_data())
    data["types"][0]["aliases"]["bm"] = ["sugu bɛlɛ"]
    data["words"]["killed"]["bm"] = ["sara"]
    found = Codebook.model_validate(data).by_code("SUGU BELE")
    assert found is not None
    assert found.id == "market_attack"


KEYS = [
    ("Toguéré-Coumbé", "toguerecoumbe"),
    ("M’Pèssoba", "mpessoba"),
    ("KE MACINA", "kemacina"),
    ("Ɲooro", "nyooro"),
    ("Kulikɔrɔ", "kulikoro"),
    ("ŋ ɛ ɓ ɗ ƴ", "nebdy"),
    ("Œuvre", "oeuvre"),
    ("٤٢", "42"),
    ("", ""),
    ("سوق", ""),
]


@pytest.mark.parametrize(("written", "key"), KEYS)
def test_typing_habits_do_not_count(written: str, key: str) -> None:
    assert words.key(written) == key


def test_letters_that_stand_against_a_number_are_known() -> None:
    split = words.split("3m 5 b ok17", 99)
    assert split.runs == ("3", "m", "5", "b", "ok", "17")
    assert split.glued == {1}
    assert split.behind(1) == words.Words(("m", "5", "b", "ok", "17"), frozenset({0}))
