"""The USSD menu: every walk through it, every screen of it, and what it comes to as a text."""

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.content.files import Files
from service.content.texts import read
from service.domain import grammar, responder
from service.domain.codebook import IncidentType
from service.domain.messages import measure
from service.domain.reading import Answers, Draft, Stop
from service.domain.responder import Respond
from service.domain.responses import OUTCOMES
from service.domain.screens import LIMITS, Screens, fits, fitting
from service.domain.ussd import LABELS, MOST_ANSWERS, MOST_CHARACTERS, Label, Menu
from service.texts import Texts
from tests.support.rules_content import RULES, codebook, gazetteer

SOKOLO = "20745"
# As a draft in a language of Mali may have it, and one in which nothing is short.
BAMBARA = {label: f"ɲɔgɔn {label} ɛ" for label in LABELS}
LONG: dict[Label, str] = {label: f"{label} {'ŋ' * 60} €" for label in LABELS}


@cache
def menu() -> Menu:
    return Menu(codebook(), gazetteer(), 3)


@cache
def screens() -> dict[str, Screens]:
    """The menu in each language that ships, and in two that do not."""
    said: dict[str, dict[Label, str]] = Texts(read(Files(RULES.parent)).templates).menus()
    said |= {"bm": BAMBARA, "long": LONG}
    names = [words["name"] for words in said.values()]
    return {
        language: Screens(menu(), words, titles(language), names)
        for language, words in said.items()
    }


def titles(language: str) -> dict[str, str]:
    strange = {"bm": "sugu kan {} ɔ", "long": "{} " + "ŋ" * 90}
    plain = {each.id: each.title["fr"] for each in codebook().types}
    if language in strange:
        return {id_: strange[language].format(title) for id_, title in plain.items()}
    return {each.id: each.title[language] for each in codebook().types}


def shown(answers: str, language: str = "fr", alerts: tuple[int, ...] = ()) -> str:
    return screens()[language].shown(menu().walk(answers), alerts)


def sent(answers: str) -> str:
    session = menu().walk(answers)
    assert session.finished, shown(answers)
    return menu().coded(session.step.chosen)


# ---- Where answers lead ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (f"1*1*{SOKOLO}*3*3*3*5*1*1", f"MA {SOKOLO} 3 MORT 5 BL"),
        (f"1*1*{SOKOLO}*3*3*3*5*2*4821", f"MA {SOKOLO} 3 MORT 5 BL 1 JR 4821"),
        (f"1*1*{SOKOLO}*1*2*3*0012", f"MA {SOKOLO} 0 MORT 2 JR 0012"),
        (f"1*1*{SOKOLO}*2*2*4*7*1", f"MA {SOKOLO} 7 JR"),
        ("1*1*1*2*2*1*1", "MA ICI"),
        ("1*1*sokolo*2*2*1*1", f"MA {SOKOLO}"),
        ("1*117*1*2*2*1*1", "MA ICI"),
        ("1*VB*Sokolo Niono*3*40*1*1*1*1", f"VB {SOKOLO} 40 TETE 0 MORT 0 BL"),
        ("1*vol de betail*ML0404*2*2*2*1*1", "VB ML0404"),
        ("2*1", "RAS"),
        ("2*4821", "RAS 4821"),
        ("3*17*1*1", "OK 17"),
        ("3*17*1*4821", "OK 17 4821"),
    ],
)
def test_a_session_comes_to_the_text_that_would_have_said_it(answers: str, text: str) -> None:
    assert sent(answers) == text


def test_every_report_is_read_as_it_was_chosen() -> None:
    for number, kind in enumerate(menu().types, 1):
        for counts in every_count(kind):
            keys = "".join("*2" if n is None else "*1" if n == 0 else f"*3*{n}" for n in counts)
            text = sent(f"1*{number}*{SOKOLO}{keys}*4*9*1")
            reading = grammar.read(text, codebook(), gazetteer())
            assert isinstance(reading, Draft), text
            assert (reading.type, reading.days_ago, reading.confidence) == (kind.id, 9, 1.0)
            assert reading.place
            assert reading.place.code == SOKOLO
            assert tuple(getattr(reading, count) for count in kind.counts) == counts, text


def every_count(kind: IncidentType) -> Iterator[tuple[int | None, ...]]:
    for first in (None, 0, 1, 500):
        yield (first, *(n + 1 if n else None for n in range(len(kind.counts) - 1)))


def test_the_own_area_is_the_area_that_the_sender_is_enrolled_in() -> None:
    reading = grammar.read(sent("1*1*1*2*2*1*1"), codebook(), gazetteer(), "ML040410")
    assert isinstance(reading, Draft)
    assert reading.place
    assert (reading.place.area, reading.place.kind) == ("ML040410", "commune")
    assert not isinstance(grammar.read("MA ICI", codebook(), gazetteer()), Draft)
    unknown = grammar.read("MA ICI KOUROUBALAKA", codebook(), gazetteer(), "ML040410")
    assert not isinstance(unknown, Draft), "a place that is not known is not the own area"


def test_every_command_is_read_as_one() -> None:
    for number, option in enumerate(menu().options("more"), 1):
        if option.order in ("no_answers", "answers", "stop"):
            reading = grammar.read(sent(f"4*{number}*1"), codebook(), gazetteer())
            assert isinstance(reading, Answers | Stop)
    for number, kind in enumerate(("acknowledge", "on_the_way", "cannot"), 1):
        assert responder.read(sent(f"3*17*{number}*1"), codebook()) == Respond(kind, 17)
    for number, outcome in enumerate(OUTCOMES, 1):
        read = responder.read(sent(f"3*17*4*{number}*1"), codebook())
        assert read == Respond("done", 17, outcome)


def test_what_the_codebook_has_no_word_for_is_not_on_the_menu() -> None:
    without = codebook().model_copy(
        update={"commands": codebook().commands.model_copy(update={"no_answers": {}})}
    )
    options = Menu(without, gazetteer(), 2).options("more")
    assert "no_answers" not in [each.order for each in options]
    assert "answers" in [each.order for each in options]


@pytest.mark.parametrize(
    ("answers", "same_as"),
    [
        ("1*0", ""),
        ("0", ""),
        ("0*0*00", ""),
        ("1*1*00", ""),
        ("1*1*0", "1"),
        ("1*3*0*1", "1*1"),
        (f"1*1*{SOKOLO}*3*0", f"1*1*{SOKOLO}"),
        (f"1*1*{SOKOLO}*3*3*0*1", f"1*1*{SOKOLO}*3*1"),
        ("1*99*0", "1"),
        ("1*99*99*3", "1*3"),
        ("4*1*1*1", "1"),
        ("  1 * 1 ", "1*1"),
    ],
)
def test_back_home_and_pages_lead_where_they_say(answers: str, same_as: str) -> None:
    assert menu().walk(answers).step == menu().walk(same_as).step
    assert menu().walk(answers).understood or same_as == answers


def test_the_next_page_of_the_last_is_the_first() -> None:
    pages = [shown("1" + "*99" * page) for page in range(6)]
    listed = [line.split(" ", 1)[0] for page in pages[:4] for line in page.splitlines()[1:-2]]
    assert listed == [str(number) for number in range(1, len(menu().types) + 1)]
    assert pages[4] == pages[0]


def test_the_number_of_a_type_holds_on_every_page_and_in_every_language() -> None:
    for answers in ("1*16", "1*99*16", "1*99*99*99*99*16", "4*1*2*1*16"):
        assert menu().walk(answers).step.chosen.type == "displacement"


def test_types_that_are_to_be_first_are() -> None:
    ordered = Menu(codebook(), gazetteer(), 1, ("displacement", "threat")).types
    assert [each.id for each in ordered][:3] == ["displacement", "threat", "market_attack"]
    assert len(ordered) == len(menu().types)


@pytest.mark.parametrize(
    "answers",
    ["9", "x", "", "1*17", "1*RAS", "1*1*12345", "1*1*20746", "1*1*xxyyzz", "3*0x1", "3*79000001",
     f"1*1*{SOKOLO}*4", f"1*1*{SOKOLO}*3*501", f"1*1*{SOKOLO}*3*-1", "2*2", "2*482", "2*48215",
     "2*٤٨٢١", "4*9", "٣", "1*1*²"],
)  # fmt: skip
def test_what_is_not_understood_changes_nothing_and_is_said(answers: str) -> None:
    before = answers.rpartition("*")[0]
    session = menu().walk(f"{answers}*9x") if answers == "" else menu().walk(answers)
    assert session.step == menu().walk(before).step
    assert answers == "" or not session.understood
    assert answers == "" or shown(answers).startswith("Pas compris.")


def test_places_of_one_name_are_told_apart_by_their_cercle() -> None:
    session = menu().walk("1*1*koro")
    assert session.step.at in ("places", "count")
    ambiguous = next(
        name for name in ("Toguel", "Madina", "Kouna", "Sirakoro", "Banankoro")
        if menu().walk(f"1*1*{name}").step.at == "places"
    )  # fmt: skip
    first = shown(f"1*1*{ambiguous}").splitlines()[1]
    assert first.startswith("1 ")
    assert "(" in first
    chosen = menu().walk(f"1*1*{ambiguous}*2").step.chosen
    assert chosen.place == chosen.places[1]


def test_an_asterisk_within_an_answer_is_as_good_as_answers_one_by_one() -> None:
    assert sent(f"1*1*{SOKOLO}*3*3*3*5*1*1") == sent("*".join(["1", f"1*{SOKOLO}*3*3", "3*5*1*1"]))
    assert not menu().walk(f"1*1*{SOKOLO}**").understood


def test_what_comes_behind_what_was_sent_changes_nothing() -> None:
    whole = f"1*1*{SOKOLO}*2*2*1*1"
    for more in ("*1", "*0", "*00*4*1*2", "*1*1*1*1", "*"):
        assert sent(whole + more) == sent(whole)


def test_a_session_that_goes_on_for_too_long_is_over() -> None:
    assert not menu().walk("*".join(["1*0"] * (MOST_ANSWERS // 2))).ended
    assert menu().walk("*".join(["1*0"] * MOST_ANSWERS)).ended
    assert menu().walk("7" * (MOST_CHARACTERS + 1)).ended
    report = f"1*1*{SOKOLO}" + "*x" * MOST_ANSWERS
    assert menu().walk(report).ended
    assert menu().draft(menu().walk(report)) == f"MA {SOKOLO}"


# ---- What is kept of a session that breaks off ------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "draft"),
    [
        ("", ""),
        ("1*1", ""),
        (f"1*1*{SOKOLO}", f"MA {SOKOLO}"),
        (f"1*1*{SOKOLO}*3*7", f"MA {SOKOLO}"),
        (f"1*1*{SOKOLO}*1*1*2", f"MA {SOKOLO}"),
        (f"1*1*{SOKOLO}*0", ""),
        (f"1*1*{SOKOLO}*00", ""),
        (f"1*1*{SOKOLO}*00*1*2*1", "BR ICI"),
        ("2", ""),
        ("3*17*1", ""),
    ],
)
def test_type_and_place_are_kept_until_they_are_taken_back(answers: str, draft: str) -> None:
    session = menu().walk(answers)
    assert menu().draft(session) == draft
    assert session.drafted == (SOKOLO in answers)


# ---- Screens ---------------------------------------------------------------------------------

KEYS = st.one_of(
    st.sampled_from(
        ["0", "00", "99", *map(str, range(1, 17)), SOKOLO, "sokolo", "koro", "4821", "MA", "17"]
    ),
    st.text(max_size=12),
    st.integers(0, 10**10).map(str),
)


@given(st.lists(KEYS, max_size=14), st.lists(st.integers(1, 10**7), max_size=9))
@example(["1", "99", "99"], [])
@example(["1", "1", "koro"], [])
def test_every_walk_has_screens_that_fit_and_comes_to_an_end(
    keys: list[str], alerts: list[int]
) -> None:
    for length in range(len(keys) + 1):
        session = menu().walk("*".join(keys[:length]))
        for language, each in screens().items():
            assert fits(each.not_sent(session)), language
            if session.finished:
                continue
            screen = each.shown(session, alerts)
            assert screen, language
            size = measure(screen)
            assert size.units <= LIMITS[size.encoding], (language, screen)
    # Whatever was pressed: home, and two more answers, end it.
    on = menu().walk("*".join([*keys, "00", "2", "1"]))
    assert on.finished or on.ended


@given(st.lists(KEYS, max_size=14))
def test_answers_mean_the_same_in_every_language_and_as_often_as_they_come(keys: list[str]) -> None:
    answers = "*".join(keys)
    session = menu().walk(answers)
    assert session == menu().walk(answers)
    assert Menu(codebook(), gazetteer(), 3).walk(answers) == session


@given(st.text())
def test_any_text_fits_once_it_is_cut(text: str) -> None:
    assert fits(fitting(text))
    assert text.startswith(fitting(text))
    assert fitting(text) == text or not fits(text)


def test_the_screens_that_ship_are_whole() -> None:
    """Nothing of what ships had to be cut: the longest summary that can be is not."""
    longest = max(menu().types, key=lambda each: len(each.title["fr"]))
    number = menu().types.index(longest) + 1
    for language in ("fr", "en"):
        for answers in ("", "1*1", "3", "4", "4*1", "3*17", f"1*1*{SOKOLO}", f"1*1*{SOKOLO}*2*2",
                        f"1*{number}*{SOKOLO}*3*500*3*500*4*30"):  # fmt: skip
            lines = shown(answers, language).splitlines()
            if answers:
                assert lines[-1] in ("0 Retour 00 Menu", "0 Back 00 Menu")
            assert all(line[0].isdigit() for line in lines[1:-1])


def test_a_responder_sees_bare_numbers_and_nobody_else_sees_a_trace_of_them() -> None:
    assert "17 21" in shown("3", alerts=(17, 21))
    without = shown("3")
    assert "attente" not in without
    assert "17" not in without
