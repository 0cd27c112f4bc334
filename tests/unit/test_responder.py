"""What responders write: the table in tests/cases/answers.yaml, and whatever else can be typed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.domain.reading import Speak
from service.domain.responder import (
    LONGEST_PAUSE,
    Command,
    Help,
    Info,
    Pause,
    Respond,
    Resume,
    Unsure,
    read,
)
from service.domain.responses import KINDS
from tests.support.rules_content import codebook

CASES = yaml.safe_load(
    (Path(__file__).parents[1] / "cases" / "answers.yaml").read_text(encoding="utf-8")
)


def described(command: Command | None) -> dict[str, Any]:
    """A command in the form of the table: what it does not say is left out."""
    if command is None:
        return {}
    held = asdict(command)
    name = held.pop("kind", type(command).__name__.lower())
    return {"read": name} | {key: value for key, value in held.items() if value is not None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "empty")
def test_an_answer_is_read_as_the_table_has_it(case: dict[str, Any]) -> None:
    expected = {key: value for key, value in case.items() if key != "text"}
    assert described(read(case["text"], codebook())) == expected


def test_the_table_has_every_command() -> None:
    read_so = {case.get("read") for case in CASES}
    assert read_so >= {*KINDS, "info", "pause", "resume", "speak", "help", "unsure", None}
    assert len(CASES) >= 150


def test_every_word_of_the_codebook_is_the_command_that_it_is_listed_under() -> None:
    responders = codebook().responders
    for kind in KINDS:
        for phrases in getattr(responders, kind).values():
            for phrase in phrases:
                assert read(f"{phrase} 17", codebook()) == Respond(kind, 17), phrase
                assert read(f"{phrase}17".lower(), codebook()) == Respond(kind, 17), phrase


KNOWN = st.sampled_from(
    ["OK", "0K", "VA", "NON", "NO", "FIN", "INFO", "PAUSE", "REPRISE", "LANGUE", "AIDE", "17", "18",
     "2", "3J", "n°", "alerte", "fausse alerte", "deux", "morts", "min", "personnes", "MA", "fr",
     "STOP", "merci", ",", "/", "\n", "99999999999999999999"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(KNOWN, st.text(max_size=5))).map(" ".join), st.binary().map(str)
)


@given(TEXTS)
def test_any_text_is_a_command_that_holds_together_or_none(text: str) -> None:
    command = read(text, codebook())
    assert command is None or isinstance(
        command, Respond | Info | Pause | Resume | Help | Speak | Unsure
    )
    if isinstance(command, Respond | Info) and command.alert is not None:
        assert 0 <= command.alert < 10**9
    if isinstance(command, Pause):
        assert 0 < command.hours <= LONGEST_PAUSE
    if isinstance(command, Speak):
        assert command.language in {None, *codebook().languages}


@given(
    st.sampled_from(["OK", "VA", "NON", "INFO", "FIN"]),
    st.integers(1, 99_999),
    st.sampled_from([" ", "", ".", " n° ", " #", "\n", " alerte ", "  no "]),
    st.sampled_from(["", ".", " merci", " svp", "!!", " j'ai lu"]),
    st.booleans(),
)
def test_the_number_that_is_written_is_the_alert_that_is_meant(
    word: str, alert: int, between: str, behind: str, lower: bool
) -> None:
    text = f"{word}{between}{alert}{behind}"
    command = read(text.lower() if lower else text, codebook())
    assert isinstance(command, Respond | Info)
    assert command.alert == alert


@given(TEXTS, st.integers(100_000, 999_999))
def test_an_alert_that_is_not_written_is_never_answered(text: str, other: int) -> None:
    command = read(text, codebook())
    if isinstance(command, Respond | Info) and str(other) not in text:
        assert command.alert != other
