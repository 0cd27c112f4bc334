"""`vigie codes`: the table, and the card that a trainer hands out."""

import json
import re
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handlers.card import A6, DESIGNS, CannotPrint, Card, Row, draw
from handlers.cli import app
from handlers.cli.codes import WORDS, card
from service.domain.codebook import COUNTS, LANGUAGES
from tests.support.rules_content import codebook


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["codes", *arguments])
    return result.exit_code, result.stdout, result.stderr


def printed(pdf: bytes) -> list[str]:
    """The strings on a page, in order, as a PDF writes them: `(MA) Tj`."""
    found = re.findall(rb"\((.*?)(?<!\\)\) Tj", pdf)
    return [re.sub(r"\\(.)", r"\1", each.decode("latin-1")) for each in found]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_every_code_with_its_digits_and_order(language: str) -> None:
    status, out, _ = run("--language", language)
    assert status == 0
    for line, kind in zip(out.splitlines(), codebook().types, strict=True):
        assert line.split()[:2] == [kind.code, kind.digits]
        assert kind.title[language] in line
    status, out, _ = run("--language", language, "--json")
    rows = json.loads(out)
    assert [row["code"] for row in rows] == [each.code for each in codebook().types]
    assert [len(row["then"]) for row in rows] == [len(each.fields) for each in codebook().types]


@pytest.mark.parametrize(("language", "design"), list(product(LANGUAGES, DESIGNS)))
def test_the_card_is_one_page_of_a6_with_every_code(
    language: str, design: str, tmp_path: Path
) -> None:
    file = tmp_path / "card.pdf"
    assert run("--language", language, "--pdf", str(file), "--design", design) == (0, "", "")
    pdf = file.read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert re.findall(rb"/Count (\d+)", pdf) == [b"1"]
    width, height = (float(each) for each in re.findall(rb"/MediaBox \[0 0 (\S+) (\S+)\]", pdf)[0])
    assert (width, height) == pytest.approx([mm / 25.4 * 72 for mm in A6], abs=0.1)
    words = printed(pdf)
    codes = [kind.code for kind in codebook().types]
    assert sorted(each for each in words if each in codes) == sorted(codes)
    lowest = min(float(y) for y in re.findall(rb"[\d.]+ ([\d.-]+) Td", pdf))
    assert lowest > 10  # points: nothing runs off the page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_price_list_tells_no_meaning_and_no_program(language: str) -> None:
    pdf = draw(card(codebook(), language, "market"))
    words = " ".join(printed(pdf))
    for kind in codebook().types:
        assert kind.title[language] not in words
        assert kind.cover[language].lower().startswith(kind.code[0].lower())
        assert f"{kind.digits}0" in words.replace(" ", "")
    for word in (b"igie", b"SOKOLO", b"fpdf", b"2026"):
        assert word not in pdf


def test_a_card_is_the_same_whenever_it_is_made() -> None:
    assert draw(card(codebook(), "fr", "plain")) == draw(card(codebook(), "fr", "plain"))


def test_what_no_card_can_hold_is_said() -> None:
    with pytest.raises(CannotPrint, match="ɛ"):
        draw(Card("Codes", [Row("MA", "sugu binnkannɛ", "")], []))
    with pytest.raises(CannotPrint, match="90 codes"):
        draw(Card("Codes", [Row("MA", "x", "y")] * 90, []))
    bare = codebook().types[0].model_copy(update={"cover": {}})
    with pytest.raises(CannotPrint, match="market_attack has no cover in fr"):
        card(codebook().model_copy(update={"types": (bare,)}), "fr", "market")


def test_a_language_that_is_not_there_is_used_wrongly() -> None:
    status, out, err = run("--language", "xx")
    assert (status, out) == (2, "")
    assert "fr, en" in err


def test_each_language_has_a_word_for_every_field() -> None:
    assert set(WORDS) == set(LANGUAGES)
    for words in WORDS.values():
        assert set(words.fields) == {"place", *COUNTS}
