"""The texts: what ships is clean, what coordinators may write wrong is said, nothing can be run."""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from service.content import Problem
from service.content.files import Files
from service.content.french import in_french
from service.content.texts import read
from service.domain.alerts import PARTS
from service.domain.codebook import SEVERITIES, Codebook
from service.domain.messages import measure, outside_gsm7
from service.texts import VALUES, Head, Sources, Text, TextError, TextProblem, Texts, lint

PROJECT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "fr")
ALERT = {
    "number": 17,
    "type": {"fr": "Attaque de marché", "en": "Market attack"},
    "area": "Niono",
    "day": date(2026, 9, 2),
    "part": "morning",
    "severity": "severe",
}
OTHERS = {
    "missed": 3,
    "told": 12,
    "place": "Sokolo",
    "first": "Sokolo",
    "second": "Sokolobougou",
    "state": "on_the_way",
    "answer": "false_alarm",
    "until": datetime(2026, 9, 5, 14, 30, tzinfo=UTC),
    "count": 2,
    "alerts": "Alerte 17, annoncé: Attaque\nAlerte 18, indiqué: Attaque",
}
TITLES: dict[str, Mapping[str, str]] = {"market_attack": ALERT["type"]}  # type: ignore[dict-item]


@cache
def everything() -> Sources:
    """What ships, in every language."""
    files = Files(PROJECT)
    sources = read(files)
    assert files.problems == []
    return sources


@cache
def shipped() -> Sources:
    """What ships in the two languages that are no drafts, so that no other one is in the way."""
    sources = everything()
    return sources._replace(templates={code: sources.templates[code] for code in LANGUAGES})


def codebook() -> Codebook:
    source = (PROJECT / "rules/codebook.yaml").read_text()
    return Codebook.model_validate(yaml.load(source, Loader=yaml.BaseLoader))


def area_names() -> list[str]:
    with (PROJECT / "rules/places/areas.csv").open() as rows:
        return [row["name"] for row in csv.DictReader(rows)]


def values_of(name: str) -> dict[str, object]:
    return {key: (ALERT | OTHERS)[key] for key in VALUES[name]}


def changed(language: str, name: str, source: str | None) -> Sources:
    """What ships in French and English, with one text changed, or taken away; it keeps its head."""
    sources = shipped()
    texts = dict(sources.templates.get(language, {}))
    if source is None:
        del texts[name]
    else:
        head = texts[name].head if name in texts else Head(status="draft")
        texts[name] = Text(source, head)
    return sources._replace(templates={**sources.templates, language: texts})


# ---- what ships


def test_what_ships_has_no_problem_with_the_real_codebook_and_every_area() -> None:
    titles = {each.id: each.title for each in codebook().types}
    assert lint(everything(), titles, area_names()) == []


def every_alert() -> Iterator[Mapping[str, object]]:
    longest = max(area_names(), key=len)
    for type_ in codebook().types:
        for severity in SEVERITIES:
            for part in PARTS:
                yield ALERT | {
                    "number": 99999,
                    "type": type_.title,
                    "area": longest,
                    "severity": severity,
                    "part": part,
                }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["alert", "update", "correction"])
def test_no_alert_of_any_type_severity_or_part_takes_more_than_two_segments(
    language: str, name: str
) -> None:
    texts = Texts(shipped().templates)
    for values in every_alert():
        assert measure(texts.render(name, language, values))[::2] <= ("gsm7", 2)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", list(VALUES))
def test_each_text_renders_whole_in_gsm7_within_its_segments(language: str, name: str) -> None:
    text = Texts(shipped().templates).render(name, language, values_of(name))
    assert text == text.strip() != ""
    assert not {"{", "}"} & set(text)
    size = measure(text)
    assert size.encoding == "gsm7"
    assert size.segments <= shipped().templates[language][name].head.max_segments


def test_an_alert_says_area_date_part_type_severity_number_and_how_to_answer() -> None:
    texts = Texts(shipped().templates)
    assert texts.render("alert", "fr", ALERT).split("\n") == [
        "ALERTE 17, gravité élevée",
        "Fait signalé: Attaque de marché",
        "Niono, mer. 2 sept., matin",
        "Quand vous avez lu, répondez OK 17",
    ]
    assert texts.render("alert", "en", ALERT).split("\n") == [
        "ALERT 17, severity high",
        "Reported: Market attack",
        "Niono, Wed 2 Sept, morning",
        "When you have read this, reply OK 17",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_welcome_of_a_focal_point_says_what_sms_cannot_hide_and_how_to_leave(
    language: str,
) -> None:
    text = Texts(shipped().templates).render("welcome_focal_point", language, {})
    told = {
        "fr": ("téléphone voit qui écrit", "quand", "effacez", "STOP"),
        "en": ("phone company sees who texts", "when", "delete", "STOP"),
    }[language]
    assert [words for words in told if words not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keywords_that_texts_tell_people_to_send_are_the_codebooks(language: str) -> None:
    texts = Texts(shipped().templates)
    known = {
        "OK": codebook().responders.acknowledge,
        "STOP": codebook().commands.stop,
        {"fr": "AIDE", "en": "HELP"}[language]: codebook().responders.help,
    }
    for word, phrases in known.items():
        assert word in {each for language_words in phrases.values() for each in language_words}
        assert word in texts.render("help_responder", language, {})


# ---- rendering


def test_a_language_or_text_that_is_not_there_falls_back_to_french() -> None:
    sources = changed("en", "unknown_alert", None)
    texts = Texts(sources.templates)
    assert texts.render("unknown_alert", "en", {}) == texts.render("unknown_alert", "fr", {})
    assert texts.render("alert", "bm", ALERT) == texts.render("alert", "fr", ALERT)
    assert texts.render("alert", "en", ALERT) != texts.render("alert", "fr", ALERT)


def test_a_title_falls_back_to_french_and_may_be_plain_text() -> None:
    texts = Texts(shipped().templates)
    only_french = ALERT | {"type": {"fr": "Attaque de marché"}}
    assert "Attaque de marché" in texts.render("alert", "en", only_french)
    assert "Cattle theft" in texts.render("alert", "en", ALERT | {"type": "Cattle theft"})


def test_only_the_name_of_the_area_is_put_into_gsm7_letters() -> None:
    texts = Texts(shipped().templates)
    text = texts.render("alert", "fr", ALERT | {"area": "Bɔrɛ\n d’Œil", "type": "Blɛ"})
    assert "Bore d'Oeil," in text
    assert "Blɛ" in text


def test_a_value_that_looks_like_template_code_is_only_text() -> None:
    text = Texts(shipped().templates).render("alert", "fr", ALERT | {"area": "{{ number ** 9 }}"})
    assert "{{ number ** 9 }}" in text


@pytest.mark.parametrize(
    ("name", "values", "wrong"),
    [
        ("alert", {key: ALERT[key] for key in ALERT if key != "area"}, "area"),
        ("alert", ALERT | {"sender": "x"}, "sender"),
        ("neutral", {"number": 17}, "number"),
    ],
)
def test_values_missing_or_too_many_are_refused(
    name: str, values: Mapping[str, object], wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        Texts(shipped().templates).render(name, "fr", values)


# ---- hostile templates

HOSTILE = [
    "{{ ''.__class__ }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% include 'fr/words.txt' ignore missing %}",
    "{%- set x = namespace() -%}",
    "{{ undefined_thing() }}",
    "{{ number }}{{ number|format('%999999999d') }}",
    "{{ number.__class__.__mro__ }}",
    "{{ number['__class__'] }}",
    "{{ ''.join }}",
    "{% for i in range(999999999) %}x{% endfor %}",
    "{% for a in number %}{% for b in number %}x{% endfor %}{% endfor %}",
    "{{ 'x' * 999999999 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ lipsum() }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ self }}",
    "{{ range }}",
    "{{ number | attr('__class__') }}",
    "{% include '/etc/passwd' %}",
    "{% import 'words' as words %}",
    "{% extends 'fr/alert' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set number = 1 %}",
    "{{ number if number else area }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "9" * 6000 + " }}",
    "{{ " + "+".join("1" * 3000) + " }}",
    "{{ number }",
    "{% if %}",
    "{# never ended",
]


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_template_code_is_a_problem_and_never_compiled(source: str) -> None:
    sources = changed("fr", "alert", f"ALERTE {{{{ number }}}}\n{source}\n")
    problems = lint(sources, TITLES, ["Niono"])
    assert problems
    assert {problem.file for problem in problems} == {"templates_sms/fr/alert.txt"}
    assert {problem.line for problem in problems} <= {2, 3}
    with pytest.raises(TextError, match=r"templates_sms/fr/alert\.txt"):
        Texts(sources.templates)


@given(st.text(st.sampled_from("{}%#|().'\" \nan_0éç*") | st.characters(), max_size=60))
@settings(max_examples=50)
def test_any_source_is_linted_and_either_used_or_refused(source: str) -> None:
    sources = changed("fr", "unknown_alert", source)
    problems = lint(sources, TITLES, ["Niono"])
    try:
        text = Texts(sources.templates).render("unknown_alert", "fr", {})
    except TextError:
        assert problems
    else:
        assert problems or (outside_gsm7(text) == () and measure(text).segments == 1)


# ---- the lint


def place(problem: TextProblem | Problem) -> tuple[str, int, int, str]:
    return problem.file.removeprefix("templates_sms/"), problem.line, problem.column, problem.text


@pytest.mark.parametrize(
    ("language", "name", "source", "where", "why", "suggestion"),
    [
        pytest.param(
            "en", "unknown_alert", None,
            ("en/unknown_alert.txt", 1, 1, ""), "missing or empty in 'en'", None,
            id="missing translation",
        ),
        pytest.param(
            "fr", "neutral", " \n",
            ("fr/neutral.txt", 1, 1, ""), "missing or empty in 'fr'", None,
            id="empty text",
        ),
        pytest.param(
            "fr", "alerte", "ALERTE {{ number }}",
            ("fr/alerte.txt", 1, 1, "alerte"), "no text has this name", "alert?",
            id="misspelt name",
        ),
        pytest.param(
            "fr", "alert", "ALERTE {{ number }}\narea: {{ aera }}\n",
            ("fr/alert.txt", 2, 10, "aera"), "it has area, day, number", "area?",
            id="unknown placeholder",
        ),
        pytest.param(
            "fr", "neutral", "Merci {{ number }}",
            ("fr/neutral.txt", 1, 10, "number"), "it has none", None,
            id="the neutral text is fixed",
        ),
        pytest.param(
            "fr", "alert", "ALERTE {{ type }}",
            ("fr/alert.txt", 1, 1, ""), "cannot be answered", "add {{ number }}",
            id="an alert without its number",
        ),
        pytest.param(
            "fr", "unknown_alert", "{# l’été #}\nC’est fini: l’été",
            ("fr/unknown_alert.txt", 2, 2, "’"),
            "U+2019 RIGHT SINGLE QUOTATION MARK", "write \"'\"",
            id="typographic apostrophe, not the one in the note",
        ),
        pytest.param(
            "fr", "unknown_alert", "Fini 😀",
            ("fr/unknown_alert.txt", 1, 6, "😀"), "GRINNING FACE", "leave it out",
            id="emoji",
        ),
        pytest.param(
            "fr", "answer_noted", "Alerte {{ number }}: les Djihadistes",
            ("fr/answer_noted.txt", 1, 26, "Djihadistes"), "accuses, names a community",
            "dire ce qui a été fait / say what was done",
            id="loaded word, capital and plural",
        ),
        pytest.param(
            "fr", "neutral", "Merci de votre signalement.",
            ("fr/neutral.txt", 1, 16, "signalement"), "what the phone is used for", "message",
            id="a word that betrays",
        ),
        pytest.param(
            "fr", "answer_noted", "Alerte {{ number }} " + "a" * 136,
            ("fr/answer_noted.txt", 1, 1, "Alerte 99999 " + "a" * 136), None, None,
            id="149 characters fit",
        ),
        pytest.param(
            "fr", "answer_noted", "Alerte {{ number }} " + "a" * 138,
            ("fr/answer_noted.txt", 1, 1, "EXERCICE: Alerte 99999 " + "a" * 138),
            "at worst this takes 2 segments (161 characters in gsm7), and 1 is the most", None,
            id="one character too many with the largest number in an exercise",
        ),
    ],
)  # fmt: skip
def test_a_problem_names_its_place_its_reason_and_what_to_do(
    language: str,
    name: str,
    source: str | None,
    where: tuple[str, int, int, str],
    why: str | None,
    suggestion: str | None,
) -> None:
    problems = lint(changed(language, name, source), TITLES, ["Niono"])
    if why is None:
        assert problems == []
        return
    (problem,) = problems
    assert place(problem) == where
    assert why in problem.why
    if suggestion:
        assert problem.suggestion == suggestion


def words_with(old: str, new: str) -> Sources:
    source = shipped().templates["fr"]["words"].body
    assert old in source
    return changed("fr", "words", source.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "text", "why"),
    [
        ("part.evening = soir\n", "", "part.evening", "missing"),
        ("part.evening = soir", "part.evening =", "part.evening", "no words"),
        ("part.evening = soir", "part.evening = soirée\npart.evening = soir", "part.evening", "al"),
        ("month.august = aout", "month.august = août", "û", "LATIN SMALL LETTER U WITH CIRCUMFLEX"),
        ("{{ weekday }} {{ day }} {{", "{{ weekday }} {{ hour }} {{", "hour", "weekday"),
        ("date = {{ weekday }}", "date = {{ weekday.x }}", "weekday.x", "placeholder"),
    ],
)
def test_words_are_checked_line_by_line(old: str, new: str, text: str, why: str) -> None:
    problem = lint(words_with(old, new), TITLES, ["Niono"])[0]
    assert problem.file == "templates_sms/fr/words.txt"
    assert text in problem.text
    assert why in problem.why


def test_a_misspelt_key_is_told_with_the_one_that_was_meant() -> None:
    problems = lint(words_with("month.may = mai", "month.mai = mai"), TITLES, ["Niono"])
    assert [(each.text, each.suggestion) for each in problems] == [
        ("month.may", "add month.may = …"),
        ("month.mai", "month.may?"),
    ]


def test_a_long_area_or_title_counts_in_the_worst_case() -> None:
    long = {"x": {"fr": "a" * 300, "en": "a" * 300}}
    files = {each.file for each in lint(shipped(), long, ["Niono"])}
    assert files == {
        f"templates_sms/{language}/{name}.txt"
        for language in LANGUAGES
        for name in ("alert", "update", "correction", "place", "digest", "digest_alert", "info")
    }
    assert "templates_sms/fr/alert.txt" in {
        each.file for each in lint(shipped(), TITLES, ["Niono", "é" * 300])
    }


def test_a_digest_must_hold_two_alerts_at_worst_and_tell_of_them() -> None:
    (problem,) = lint(changed("fr", "digest", "ALERTES, OK {{ number }}"), TITLES, ["Niono"])
    assert (problem.why, problem.suggestion) == (
        "without its alerts a digest tells of none",
        "add {{ alerts }}",
    )
    assert in_french(problem.why)
    assert in_french("add {{ alerts }}") == "ajoutez {{ alerts }}"
    long = f"{{{{ alerts }}}} {{{{ number }}}} {'x' * 440}"
    assert lint(changed("fr", "digest", long), TITLES, ["Niono"]) == []
    (problem,) = lint(changed("fr", "digest", long), TITLES, ["Niono", "Tenenkou" * 5])
    assert problem.file == "templates_sms/fr/digest.txt"
    assert "at worst this takes 5 segments" in problem.why
    assert problem.text.count("Tenenkou" * 5) == 2


def test_the_digest_that_the_readme_shows_is_one() -> None:
    texts = Texts(shipped().templates)
    titles = {each.id: each.title for each in codebook().types}
    shown = (("crop_damage", 2, 17), ("blocked_route", 0, 18))
    lines = [
        texts.render(
            "digest_alert", "fr", ALERT | {"type": titles[id_], "number": number}, [choice]
        )
        for id_, choice, number in shown
    ]
    said = {"number": 17, "count": 2, "severity": "minor", "alerts": "\n".join(lines)}
    text = texts.render("digest", "fr", said)
    indented = "".join(f"    {line}\n" for line in text.split("\n"))
    assert indented in (PROJECT / "rules/README.md").read_text(encoding="utf-8"), text


def test_a_loaded_title_is_told_where_alerts_say_it() -> None:
    titles = {"x": {"fr": "Attaque de bandits", "en": "Attack"}}
    (problem,) = lint(shipped(), titles, ["Niono"])
    assert place(problem) == ("fr/alert.txt", 8, 34, "Attaque de bandits")
    assert "the title of x in rules/codebook.yaml" in problem.why


def test_without_its_lists_the_lint_says_so_rather_than_passing_everything() -> None:
    sources = shipped()._replace(loaded_words="# nothing\n", telling_words="jihad**\n")
    assert [(each.file, each.line) for each in lint(sources, TITLES, ["Niono"])] == [
        ("templates_sms/loaded_words.txt", 1),
        ("templates_sms/telling_words.txt", 1),
        ("templates_sms/telling_words.txt", 1),
    ]


# ---- the files


HEAD = b"---\nstatus: reviewed\nreviewed_by: AD\nmax_segments: 1\n---\n"


def read_file(tmp_path: Path, raw: bytes, file: str = "fr/neutral.txt") -> tuple[Sources, Files]:
    path = tmp_path / "templates_sms" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    files = Files(tmp_path)
    return read(files), files


def test_files_as_a_notepad_leaves_them_are_read(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + HEAD + b"Bonjour\nmerci\n"
    sources, files = read_file(tmp_path, raw.replace(b"\n", b"\r\n"))
    assert files.problems == []
    head = Head(status="reviewed", reviewed_by="AD", max_segments=1)
    assert sources == Sources(
        {"fr": {"neutral": Text("\n" * 5 + "Bonjour\nmerci\n", head)}}, "", ""
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"Merci\nd'\xeatre", ("fr/neutral.txt", 2, 3, "0xEA")),
        (b"x" * 20_000, ("fr/neutral.txt", 1, 1, "")),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, raw: bytes, problem: tuple[str, int, int, str]
) -> None:
    sources, files = read_file(tmp_path, raw)
    assert [place(each) for each in files.problems] == [problem]
    assert sources.templates == {"fr": {}}


@pytest.mark.parametrize(
    ("file", "head", "where", "why"),
    [
        ("fr/neutral.txt", "Merci", (1, 1), "does not begin with its status"),
        ("fr/neutral.txt", "", (1, 1), "does not begin with its status"),
        ("fr/neutral.txt", "---\n---\nMerci", (1, 1), "does not begin with its status"),
        ("fr/neutral.txt", "---\n# a note\n---\nMerci", (1, 1), "does not begin with its status"),
        ("fr/neutral.txt", "\n---\nstatus: draft\n---\nMerci", (1, 1), "does not begin"),
        ("fr/neutral.txt", "---\nstatus: draft\nMerci", (1, 1), "does not begin"),
        ("fr/neutral.txt", "---\nstatus: draft\n---\nMerci", (2, 9), "cannot be drafts"),
        ("bm/neutral.txt", "---\nstatus: reviewed\n---\nA", (2, 1), "says who reviewed it"),
        (
            "bm/neutral.txt",
            "---\nstatus: draft\nreviewed_by: AD\n---\nA",
            (2, 1),
            "nobody has reviewed",
        ),
        ("bm/neutral.txt", "---\n# note\nstatus: ready\n---\nA", (3, 9), "not one of draft"),
        ("bm/neutral.txt", "---\nstatus: draft\nsegments: 1\n---\nA", (3, 1), "unknown key"),
        ("bm/neutral.txt", "---\nstatus: draft\nstatus: draft\n---\nA", (3, 1), "twice"),
        ("bm/neutral.txt", "---\nstatus: draft\nmax_segments: no\n---\nA", (3, 15), "whole number"),
        ("bm/neutral.txt", "---\nstatus: draft\nmax_segments: 99\n---\nA", (3, 15), "at most 10"),
        ("bm/neutral.txt", "---\nstatus: draft\nmax_segments: 0\n---\nA", (3, 15), "at least 1"),
        ("bm/neutral.txt", "---\nstatus: &a draft\n---\nA", (2, 9), "anchors and aliases"),
        ("bm/neutral.txt", "---\nstatus: [draft\n---\nA", (2, 9), "not closed"),
        (
            "bm/neutral.txt",
            "---\nstatus: reviewed\nreviewed_by: Awa Diarra\n---\nA",
            (3, 14),
            "not written as it should be",
        ),
        (
            "bm/neutral.txt",
            "---\nstatus: draft\ntransliterate: true\n---\nA",
            (3, 16),
            "only texts in 'fr' are transliterated",
        ),
    ],
)
def test_a_head_that_will_not_do_is_told_where_it_is(
    tmp_path: Path, file: str, head: str, where: tuple[int, int], why: str
) -> None:
    _, files = read_file(tmp_path, head.encode(), file)
    (problem,) = files.problems
    assert (problem.file, problem.line, problem.column) == (f"templates_sms/{file}", *where)
    assert why in problem.why


def test_what_is_wrong_below_a_head_is_told_in_its_line(tmp_path: Path) -> None:
    sources, _ = read_file(tmp_path, HEAD + "Merci\nl’été".encode())
    told = [place(each) for each in lint(sources, TITLES, []) if each.text == "’"]
    assert told == [("fr/neutral.txt", 7, 2, "’")]


def test_a_folder_that_is_not_there_has_every_french_text_missing(tmp_path: Path) -> None:
    files = Files(tmp_path / "nowhere")
    sources = read(files)
    assert files.problems == []
    missing = {each.file for each in lint(sources, TITLES, []) if "/fr/" in each.file}
    assert missing == {f"templates_sms/fr/{name}.txt" for name in (*VALUES, "words")}
