"""The page for focal points and responders says what Vigie does: its tables, texts and examples."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from service.content.files import Files
from service.content.texts import read as read_texts
from service.domain.codebook import SEVERITIES, Codebook
from service.domain.gazetteer import Gazetteer
from service.domain.grammar import read as read_report
from service.domain.reading import Answers, Draft, Enrol, Stop
from service.domain.responder import Help, Info, Pause, Respond, Resume, Speak
from service.domain.responder import read as read_command
from service.domain.routes import EscalationPolicy
from service.texts import VALUES, Head, Texts
from service.texts import words as wording

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "templates_sms/README.md").read_text()
LANGUAGES = {
    "fr": PAGE.split("# Français\n", 1)[1].split("# English\n", 1)[0],
    "en": PAGE.split("# English\n", 1)[1].split("# Changer les textes", 1)[0],
}
FIELDS = {
    "fr": {
        "place": "lieu",
        "killed": "morts",
        "injured": "blessés",
        "abducted": "enlevés",
        "displaced": "déplacés",
        "livestock": "animaux",
    },
    "en": {
        "place": "place",
        "killed": "killed",
        "injured": "injured",
        "abducted": "abducted",
        "displaced": "displaced",
        "livestock": "animals",
    },
}
ALERT = {
    "number": 17,
    "type": {"fr": "Attaque de marché", "en": "Market attack"},
    "area": "Niono",
    "place": "Sokolo",
    "first": "Sokolo",
    "second": "Konna",
    "day": date(2026, 9, 2),
    "part": "morning",
    "severity": "severe",
}


def codebook() -> Codebook:
    source = (PROJECT / "rules/codebook.yaml").read_text()
    return Codebook.model_validate(yaml.load(source, Loader=yaml.BaseLoader))


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    def rows(name: str) -> list[list[str]]:
        with (PROJECT / f"rules/places/{name}.csv").open() as opened:
            return list(csv.reader(opened))[1:]

    return Gazetteer.from_tables(rows("areas"), rows("places"), rows("aliases"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_table_is_the_codebooks(language: str) -> None:
    expected = "\n".join(
        f"| `{each.code}` | {each.title[language]} "
        f"| {', '.join(FIELDS[language][field] for field in each.fields) or '–'} |"
        for each in codebook().types
    )
    table = re.search(r"(?:^\| `[A-Z]{2,4}` \|.*\n)+", LANGUAGES[language], re.MULTILINE)
    assert table is not None
    assert table[0].strip() == expected, f"the table of codes should read:\n{expected}"


def test_the_texts_that_are_quoted_are_the_ones_that_are_sent() -> None:
    texts = Texts(read_texts(Files(PROJECT)).templates)
    quotes = re.findall(r"<!-- (\w+)/(\w+) -->\n((?:> .*\n)+)", PAGE)
    assert len(quotes) == 12
    for language, name, quote in quotes:
        sent = texts.render(name, language, {key: ALERT[key] for key in VALUES[name]})
        assert re.sub("^> ", "", quote, flags=re.MULTILINE).strip() == sent


def test_the_table_of_texts_is_complete() -> None:
    templates = read_texts(Files(PROJECT)).templates
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \| (\d) \|$", PAGE, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(VALUES)
    for name, names, segments in rows:
        assert set(re.findall(r"`(\w+)`", names)) == VALUES[name]
        assert {int(segments)} == {templates[each][name].head.max_segments for each in LANGUAGES}


def test_the_head_that_the_page_shows_is_one_and_its_table_is_complete(tmp_path: Path) -> None:
    shown = re.search(r"^```\n(---\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    file = tmp_path / "templates_sms/fr/answer_noted.txt"
    file.parent.mkdir(parents=True)
    file.write_text(shown[1], encoding="utf-8")
    files = Files(tmp_path)
    assert read_texts(files).templates["fr"]["answer_noted"].head.reviewed_by == "AD"
    assert files.problems == []
    keys = re.findall(r"^\| `([a-z_]+)` \| [^|]* \|$", PAGE, re.MULTILINE)
    assert keys == list(Head.model_fields)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_of_a_report_is_understood(language: str, gazetteer: Gazetteer) -> None:
    examples = re.findall(r"^    (\S.*)$", LANGUAGES[language], re.MULTILINE)
    assert len(examples) == 7
    for example in examples:
        reading = read_report(example, codebook(), gazetteer)
        if example.endswith("KWPTRMZA"):
            assert isinstance(reading, Enrol)
            assert reading.code == "KWPTRMZA"
            continue
        assert isinstance(reading, Draft), example
        if example == "RAS":
            assert (reading.type, reading.place) == ("nothing_to_report", None)
            continue
        assert reading.place is not None
        assert (reading.place.name, reading.place.cercle) == ("Sokolo", "Niono"), example
        assert reading.killed in (None, 3)
        assert reading.injured in (None, 5)
        assert reading.days_ago == ("hier" in example or "yesterday" in example)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_keyword_that_the_page_tells_is_a_command(
    language: str, gazetteer: Gazetteer
) -> None:
    for text, command in {
        "STOP": Stop,
        {"fr": "SILENCE", "en": "SILENT"}[language]: Answers,
        {"fr": "PAROLE", "en": "SPEAK"}[language]: Answers,
    }.items():
        assert f"`{text}`" in LANGUAGES[language]
        assert isinstance(read_report(text, codebook(), gazetteer), command)


ANSWERS = {
    "fr": {
        "OK 17": Respond("acknowledge", 17),
        "OK": Respond("acknowledge", None),
        "VA 17": Respond("on_the_way", 17),
        "NON 17": Respond("cannot", 17),
        "FIN 17 2": Respond("done", 17, "contained"),
        "INFO 17": Info(17),
        "PAUSE 3J": Pause(72),
        "REPRISE": Resume(),
        "LANGUE EN": Speak("en"),
        "AIDE": Help(),
    },
    "en": {
        "OK 17": Respond("acknowledge", 17),
        "OK": Respond("acknowledge", None),
        "GOING 17": Respond("on_the_way", 17),
        "NO 17": Respond("cannot", 17),
        "DONE 17 2": Respond("done", 17, "contained"),
        "INFO 17": Info(17),
        "PAUSE 3D": Pause(72),
        "RESUME": Resume(),
        "LANGUAGE FR": Speak("fr"),
        "HELP": Help(),
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_that_the_page_and_the_help_tell_of_is_understood(language: str) -> None:
    texts = Texts(read_texts(Files(PROJECT)).templates)
    reminder = texts.render("help_responder", language, {})
    for text, command in ANSWERS[language].items():
        assert f"`{text}`" in LANGUAGES[language]
        assert text == "OK" or f"{text}:" in reminder
        assert read_command(text, codebook()) == command


def _spelt(minutes: int, language: str) -> str:
    if minutes < 60:
        return f"{minutes} minutes"
    return f"{minutes // 60} {'heures' if language == 'fr' else 'hours'}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_waits_that_the_page_tells_are_those_of_the_routes(language: str) -> None:
    """A row a route, with the severities that it takes and how long each of its steps waits."""
    source = (PROJECT / "rules/escalation.yaml").read_text()
    policy = EscalationPolicy.model_validate(yaml.load(source, Loader=yaml.BaseLoader))
    texts = read_texts(Files(PROJECT)).templates[language][wording.NAME]
    words = {each.key: each.words for each in wording.entries(texts.sent)}
    left = list(reversed(SEVERITIES))
    for route in policy.routes:
        mine = [each for each in left if route.severities is None or each in route.severities]
        left = [each for each in left if each not in mine]
        named = ", ".join(words[f"severity.{each}"] for each in mine)
        row = re.search(rf"^\| {re.escape(named)} \|.*$", LANGUAGES[language], re.MULTILINE)
        assert row is not None, named
        waits = [_spelt(step.wait, language) for step in route.steps if step.wait is not None]
        assert re.findall(r"\d+ \w+", row[0]) == waits
    assert left == []
    assert policy.digest is not None
    assert policy.digest.up_to == "minor"
    assert [f"{each:%H:%M}" for each in policy.digest.at] == ["07:00", "19:00"]
    assert policy.unreachable.failures == 3
