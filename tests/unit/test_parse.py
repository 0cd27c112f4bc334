"""`vigie parse`: how a text would be read."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app
from handlers.cli.parse import MEANING
from service.domain.reading import PROBLEM_KINDS


def parse(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["parse", *arguments])
    return result.exit_code, result.stdout, result.stderr


def parsed(*arguments: str) -> tuple[int, dict[str, Any]]:
    status, out, _ = parse(*arguments, "--json")
    return status, json.loads(out)


def test_a_report_is_printed_as_json() -> None:
    status, read = parsed("MA SOKOLO 3 5")
    assert status == 0
    assert (read["type"], read["killed"], read["injured"], read["days_ago"]) == (
        "market_attack", 3, 5, 0,
    )  # fmt: skip
    assert (read["place"]["name"], read["place"]["cercle"]) == ("Sokolo", "Niono")
    assert 0 < read["confidence"] <= 1
    assert "problem" not in read


def test_the_senders_area_tells_places_apart() -> None:
    assert parsed("MA SOKOLO 3 5", "--area", "ml0502")[1]["place"]["cercle"] == "Bankass"


def test_a_problem_is_printed_with_what_was_understood() -> None:
    status, read = parsed("MA MORIBOUGOU 3")
    assert status == 1
    assert (read["problem"], read["type"], read["place"], read["killed"]) == (
        "ambiguous_place", "market_attack", None, 3,
    )  # fmt: skip
    assert {each["name"] for each in read["candidates"]} == {"Moribougou"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STOP", {"command": "stop"}),
        ("INS ABCD EFGH", {"command": "enrol", "code": "ABCDEFGH"}),
    ],
)
def test_a_command_is_named(text: str, expected: dict[str, Any]) -> None:
    assert parsed(text) == (0, expected)


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        (
            "fin 17 2",
            0,
            {"command": "respond", "kind": "done", "alert": 17, "outcome": "contained"},
        ),
        ("PAUSE 3J", 0, {"command": "pause", "hours": 72}),
        ("OK 1 7", 1, {"command": "unsure"}),
        ("STOP", 0, {"command": "stop"}),
    ],
)
def test_a_text_is_read_as_a_responders_where_that_is_asked(
    text: str, status: int, expected: dict[str, Any]
) -> None:
    assert parsed(text, "--responder") == (status, expected)
    assert parsed("MA KONNA 3", "--responder")[1]["type"] == "market_attack"
    assert parsed("OK 17")[0] == 1


def test_a_person_gets_a_line_a_fact() -> None:
    status, out, _ = parse("VB KONNA 45 boeufs hier")
    assert status == 0
    assert out.splitlines() == [
        "type: cattle_theft: Cattle theft",
        "place: Konna, commune in Mopti (53312)",
        "livestock: 45",
        "days ago: 1",
        "confidence: 1.0",
    ]
    status, out, _ = parse("MA QWERTY")
    assert status == 1
    assert out.startswith("problem: unknown_place: no place is called so")


def test_several_reports_are_told_apart() -> None:
    status, read = parsed("MA KONNA 3; VB DJENNE 40")
    assert status == 0
    assert [each["type"] for each in read["reports"]] == ["market_attack", "cattle_theft"]
    status, out, _ = parse("MA KONNA 3; VB QWERTY 40")
    assert status == 1
    assert [each.splitlines()[0] for each in out.split("\n\n")] == [
        "type: market_attack: Market attack",
        "problem: unknown_place: no place is called so: see rules/places/, or add an alias",
    ]


def test_a_doubtful_place_is_told_with_what_would_be_asked() -> None:
    status, read = parsed("BR MORIBOUGOU 1", "--area", "ML0506")
    assert (status, read["doubt"], read["place"], read["killed"]) == (0, "place", None, 1)
    assert [each["cercle"] for each in read["candidates"]] == ["Macina", "Ségou"]
    assert read["area"]["code"] == "ML04"
    _, out, _ = parse("BR MORIBOUGOU 1", "--area", "ML0506")
    assert "doubtful place: 1 for Moribougou, village in Macina (17731), 2 for" in out


def test_every_problem_is_explained() -> None:
    assert set(MEANING) == set(PROBLEM_KINDS)


def test_an_unknown_area_is_used_wrongly() -> None:
    status, out, err = parse("MA KONNA", "--area", "XX")
    assert (status, out) == (2, "")
    assert "areas.csv" in err
