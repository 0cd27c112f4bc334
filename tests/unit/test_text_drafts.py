"""Drafts stay off real phones, and people read their second language until they are reviewed."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handlers.app import content_of
from handlers.cli import app
from handlers.cli.people import _not_read
from handlers.settings import Settings
from service.content import Content, load
from service.content.texts import drafts_of, unused
from service.domain.messages import measure
from service.texts import VALUES, Head, Text, TextProblem, Texts, lint
from service.texts.head import WORDS
from tests.support.content_dir import copy_of_content
from tests.unit.test_texts import TITLES, changed, everything, shipped, values_of

DRAFTS = ("bm", "ff")


def reviewed(language: str, *names: str) -> dict[str, dict[str, Text]]:
    """What ships, with some texts of a language reviewed."""
    templates = {code: dict(texts) for code, texts in everything().templates.items()}
    for name in names:
        text = templates[language][name]
        head = text.head.model_copy(update={"status": "reviewed", "reviewed_by": "AD"})
        templates[language][name] = text._replace(head=head)
    return templates


@pytest.mark.parametrize("language", DRAFTS)
def test_bambara_and_fulfulde_ship_whole_and_all_as_drafts(language: str) -> None:
    texts = everything().templates[language]
    assert texts.keys() == {*VALUES, WORDS}
    assert {text.head.status for text in texts.values()} == {"draft"}
    assert not any(text.head.transliterate for text in texts.values())


@pytest.mark.parametrize("language", DRAFTS)
@pytest.mark.parametrize("name", list(VALUES))
def test_a_draft_leaves_on_the_simulator_and_on_no_real_phone(language: str, name: str) -> None:
    templates, values = everything().templates, values_of(name)
    simulator, phones = Texts(templates, drafts=True), Texts(templates)
    draft = simulator.render(name, language, values)
    assert draft != simulator.render(name, "fr", values)
    assert "{" not in draft
    assert phones.render(name, language, values) == phones.render(name, "fr", values)
    assert phones.render(name, f"{language},en", values) == phones.render(name, "en", values)
    assert simulator.render(name, f"{language},en", values) == draft
    assert phones.slots(name, f"{language},en") == phones.slots(name, "en")


def test_a_reviewed_text_leaves_once_the_words_of_its_language_are_reviewed() -> None:
    draft = Texts(everything().templates, drafts=True).render("neutral", "bm", {})
    french = Texts(everything().templates).render("neutral", "bm", {})
    assert Texts(reviewed("bm", "neutral")).render("neutral", "bm", {}) == french
    texts = Texts(reviewed("bm", "neutral", WORDS))
    assert texts.render("neutral", "bm", {}) == draft
    assert texts.render("check_in", "bm,en", {}) == texts.render("check_in", "en", {})


def test_a_language_of_drafts_can_be_asked_for_all_the_same() -> None:
    assert Texts(everything().templates).languages == {"bm", "en", "ff", "fr"}


def test_titles_of_types_come_from_the_words_of_a_language_beside_the_codebook() -> None:
    content = load(Path(__file__).resolve().parents[2], drafts=True)
    title = content.title("cattle_theft")
    assert isinstance(title, dict)
    assert title["fr"] == "Vol de bétail"
    assert title["bm"] == "Bagan sonyali"
    assert content.title("gone") == "gone"
    values = {**values_of("alert"), "type": title}
    assert "Bagan sonyali" in content.texts.render("alert", "bm", values)
    assert "Nguyka jawdi" in content.texts.render("alert", "ff", values)


def test_a_title_that_the_words_do_not_say_yet_is_said_in_french() -> None:
    sources = everything()
    words = sources.templates["bm"][WORDS]
    body = "\n".join(line for line in words.body.split("\n") if not line.startswith("type."))
    templates = {
        **shipped().templates,
        "bm": {**sources.templates["bm"], WORDS: Text(body, words.head)},
    }
    assert lint(sources._replace(templates=templates), TITLES, ["Niono"]) == []
    text = Texts(templates, drafts=True).render("alert", "bm", values_of("alert"))
    assert "Attaque de marché" in text
    done = Head(status="reviewed", reviewed_by="AD")
    templates["bm"] = {**templates["bm"], WORDS: Text(body, done)}
    (problem,) = lint(sources._replace(templates=templates), TITLES, ["Niono"])
    assert (problem.text, problem.suggestion) == (
        "type.market_attack",
        "add type.market_attack = …",
    )


@pytest.mark.parametrize("language", DRAFTS)
def test_names_keep_the_letters_of_a_language_that_has_them(language: str) -> None:
    texts = Texts(everything().templates, drafts=True)
    values = {**values_of("welcome_responder"), "area": "Bɔrɛ"}
    assert "Bɔrɛ" in texts.render("welcome_responder", language, values)
    assert "Bore" in texts.render("welcome_responder", "fr", values)


def test_french_is_transliterated_only_where_its_head_says_so() -> None:
    body = "Reçu. Cœur, forêt, août: {{ number }}"
    head = Head(status="reviewed", reviewed_by="AD", transliterate=True)
    templates = {**shipped().templates}
    templates["fr"] = {**templates["fr"], "answer_noted": Text(body, head)}
    sources = shipped()._replace(templates=templates)
    assert lint(sources, TITLES, ["Niono"]) == []
    text = Texts(templates).render("answer_noted", "fr", {"number": 17, "answer": "done"})
    assert text == "Recu. Coeur, foret, aout: 17"
    assert measure(text).encoding == "gsm7"
    templates["fr"]["answer_noted"] = Text(body + " 武", head)
    (problem,) = lint(sources, TITLES, ["Niono"])
    assert problem.text == "武"
    templates["fr"]["answer_noted"] = Text(body, head.model_copy(update={"transliterate": False}))
    assert [each.text for each in lint(sources, TITLES, ["Niono"])] == ["ç", "œ", "ê", "û"]


def test_a_wording_is_traced_by_the_letters_in_which_it_left() -> None:
    head = Head(status="reviewed", reviewed_by="AD", max_segments=2, transliterate=True)
    body = "ALERTE {{ number }} [de bon cœur|à regret]"
    templates = {**shipped().templates}
    templates["fr"] = {**templates["fr"], "alert": Text(body, head)}
    texts = Texts(templates)
    (wordings,) = texts.wordings("alert", "fr")
    assert wordings.each == ("de bon coeur", "à regret")
    assert lint(shipped()._replace(templates=templates), TITLES, ["Niono"]) == []


# ---- who says so


def test_check_names_the_texts_that_no_real_phone_gets() -> None:
    warnings = {each.file: each for each in unused(everything().templates)}
    assert set(warnings) == {f"templates_sms/{code}/words.txt" for code in DRAFTS}
    told = warnings["templates_sms/bm/words.txt"]
    assert f"{len(VALUES) + 1} texts in 'bm' are drafts or missing" in told.why
    assert "neutral" in told.why
    assert told.in_french().why != told.why
    left = drafts_of(reviewed("bm", WORDS, *VALUES))
    assert set(left) == {"ff"}


def test_a_text_that_a_language_does_not_have_is_told_and_is_no_problem() -> None:
    templates = {**everything().templates}
    templates["bm"] = {name: text for name, text in templates["bm"].items() if name != "neutral"}
    only_bm = {**shipped().templates, "bm": templates["bm"]}
    titles = {"market_attack": TITLES["market_attack"]}
    problems = lint(everything()._replace(templates=only_bm), titles, ["Niono"])
    assert not [each for each in problems if each.file.endswith("neutral.txt")]
    assert "neutral" in drafts_of(reviewed("bm", WORDS, "alert"))["bm"]


def content_with(gateway: str, directory: Path) -> Content:
    return content_of(Settings(content_dir=directory, gateway=gateway))  # type: ignore[arg-type]


def test_only_the_simulator_takes_drafts_up(tmp_path: Path) -> None:
    directory = copy_of_content(tmp_path)
    on_simulator = content_with("simulator", directory)
    on_phones = content_with("africastalking", directory)
    assert on_simulator.drafts == on_phones.drafts
    assert on_simulator.texts.render("neutral", "bm", {}) != on_phones.texts.render(
        "neutral", "bm", {}
    )
    assert on_phones.texts.render("neutral", "bm", {}) == on_phones.texts.render(
        "neutral", "fr", {}
    )


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        ("simulator", "the simulator alone sends drafts"),
        ("africastalking", "do not leave by africastalking: alert, answer_noted"),
    ],
)
def test_doctor_says_which_drafts_are_not_used_and_why(
    gateway: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_GATEWAY", gateway)
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "2000")
    told = CliRunner().invoke(app, ["doctor", "--json"]).stdout
    assert said in told


# ---- the languages of a person


@pytest.mark.parametrize("language", ["fr", "bm", "bm,fr", "ff,en", "en,fr"])
def test_one_or_two_languages_can_be_given(language: str) -> None:
    assert _not_read(language, frozenset({"fr", "en", "bm", "ff"})) is None


@pytest.mark.parametrize(
    "language", ["", "xx", "bm,", ",fr", "bm,bm", "bm,fr,en", "bm;fr", "bm, fr", "BM"]
)
def test_any_other_is_refused_in_words(language: str) -> None:
    assert _not_read(language, frozenset({"fr", "en", "bm", "ff"}))


# ---- letters and words


def problems_of(language: str, name: str, body: str) -> list[TextProblem]:
    texts = everything().templates[language]
    text = Text(body, Head(status="draft", max_segments=10))
    templates = {**shipped().templates, language: {**texts, name: text}}
    own = "\n".join(f"type.{key} = X" for key in TITLES)
    words = re.sub(r"(?m)^type\..*$", "", texts[WORDS].body) + own
    templates[language][WORDS] = Text(words, texts[WORDS].head)
    return lint(everything()._replace(templates=templates), TITLES, ["Niono"])


@pytest.mark.parametrize("language", DRAFTS)
@pytest.mark.parametrize(
    ("character", "advice"),
    [
        ("’", 'write "\'"'),
        ("‘", 'write "\'"'),
        ("“", "write '\"'"),
        ("—", "write '-'"),
        ("–", "write '-'"),
        ("…", "write '...'"),
        ("\u00a0", "write ' '"),
        ("\u202f", "write ' '"),
        ("\u200b", "leave it out"),
        ("\u00ad", "leave it out"),
        ("\u202e", "leave it out"),
        ("😀", "leave it out"),
        ("Ж", "leave it out"),
        ("ߒ", "leave it out"),
    ],
)
def test_typography_that_silently_doubles_the_cost_is_told_where_letters_do_not(
    language: str, character: str, advice: str
) -> None:
    (problem,) = problems_of(language, "neutral", f"ɛɔŋɲɓɗƴ\nƐƆŊ e{character}")
    assert (problem.line, problem.column, problem.text) == (2, 6, character)
    assert f"U+{ord(character):04X}" in problem.why
    assert problem.suggestion == advice
    assert problems_of(language, "neutral", "ɛɔŋɲɓɗƴ\nƐƆŊ e") == []


@pytest.mark.parametrize(
    "said",
    [
        "djihadistes", "Jihad", "contre-jihadisme", "antiterroriste", "TERRORISME", "térroriste",
        "te\u0301rroriste", "ｔｅｒｒｏｒｉｓｔｅ", "terr\u200borisme", "terr\u00adoriste",
        "_jihad_", "jihad2",
        "Peuls", "peules", "Fulɓe", "fulaw", "Dogons", "touarègues", "d'assassins", "voleurs",
        "notre  source", "un témoin", "signalé par", "point focal",
    ],
)  # fmt: skip
def test_a_loaded_word_is_found_however_it_is_written(said: str) -> None:
    told = [
        each.why
        for each in lint(changed("fr", "unknown_alert", f"Voir: {said}, merci."), TITLES, [])
    ]
    assert any("loaded_words.txt" in why for why in told), told


@pytest.mark.parametrize("said", ["appeler", "un peu", "bon", "massif", "partout", "informer"])
def test_other_words_are_not_taken_for_loaded_ones(said: str) -> None:
    assert lint(changed("fr", "unknown_alert", f"Voir: {said}."), TITLES, []) == []


@pytest.mark.parametrize(
    "name", ["sender", "reporter", "phone", "name", "village", "hour", "lat", "auteur", "heure"]
)
def test_a_placeholder_that_would_name_a_reporter_is_refused_in_so_many_words(name: str) -> None:
    (problem,) = lint(
        changed("fr", "answer_noted", f"{{{{ number }}}} {{{{ {name} }}}}"), TITLES, []
    )
    assert "no text may say who reported" in problem.why
    assert (problem.line, problem.column) == (1, 17)


@pytest.mark.parametrize("number", ["+223 70 12 34 56", "70123456", "70.12.34.56", "70-12-34-56"])
def test_a_text_holds_no_number_that_could_be_called(number: str) -> None:
    (problem,) = lint(changed("fr", "unknown_alert", f"Merci {number}"), TITLES, [])
    assert (problem.column, problem.text) == (7, number)
    assert "phone number" in problem.why
