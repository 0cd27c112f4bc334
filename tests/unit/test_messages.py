"""Segment arithmetic against the published tables."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.messages import (
    DEFAULT_ALPHABET,
    EXTENSION_TABLE,
    Size,
    measure,
    outside_gsm7,
    to_gsm7,
)

# Unicode, Inc., "GSM 03.38 default alphabet to Unicode", table version 1.1: code points in the
# order of their septets (0x00 to 0x7F without 0x1B), where they are not those of ASCII.
DEFAULT_ALPHABET_POINTS = {
    0x00: 0x0040, 0x01: 0x00A3, 0x02: 0x0024, 0x03: 0x00A5, 0x04: 0x00E8, 0x05: 0x00E9,
    0x06: 0x00F9, 0x07: 0x00EC, 0x08: 0x00F2, 0x09: 0x00C7, 0x0A: 0x000A, 0x0B: 0x00D8,
    0x0C: 0x00F8, 0x0D: 0x000D, 0x0E: 0x00C5, 0x0F: 0x00E5, 0x10: 0x0394, 0x11: 0x005F,
    0x12: 0x03A6, 0x13: 0x0393, 0x14: 0x039B, 0x15: 0x03A9, 0x16: 0x03A0, 0x17: 0x03A8,
    0x18: 0x03A3, 0x19: 0x0398, 0x1A: 0x039E, 0x1C: 0x00C6, 0x1D: 0x00E6, 0x1E: 0x00DF,
    0x1F: 0x00C9, 0x24: 0x00A4, 0x40: 0x00A1, 0x5B: 0x00C4, 0x5C: 0x00D6, 0x5D: 0x00D1,
    0x5E: 0x00DC, 0x5F: 0x00A7, 0x60: 0x00BF, 0x7B: 0x00E4, 0x7C: 0x00F6, 0x7D: 0x00F1,
    0x7E: 0x00FC, 0x7F: 0x00E0,
}  # fmt: skip
# The same table: septets after the escape 0x1B.
EXTENSION_POINTS = {
    0x0A: 0x000C, 0x14: 0x005E, 0x28: 0x007B, 0x29: 0x007D, 0x2F: 0x005C, 0x3C: 0x005B,
    0x3D: 0x007E, 0x3E: 0x005D, 0x40: 0x007C, 0x65: 0x20AC,
}  # fmt: skip


def test_the_default_alphabet_is_the_published_one() -> None:
    assert len(DEFAULT_ALPHABET) == 128
    for septet, character in enumerate(DEFAULT_ALPHABET):
        if septet != 0x1B:
            assert ord(character) == DEFAULT_ALPHABET_POINTS.get(septet, septet), hex(septet)
            assert measure(character) == Size("gsm7", 1, 1)


def test_the_extension_table_is_the_published_one() -> None:
    assert [ord(each) for each in EXTENSION_TABLE] == list(EXTENSION_POINTS.values())
    for character in EXTENSION_TABLE:
        assert measure(character) == Size("gsm7", 2, 1)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("", Size("gsm7", 0, 1), id="an empty text goes out as one"),
        pytest.param("a" * 160, Size("gsm7", 160, 1), id="one full segment"),
        pytest.param("a" * 161, Size("gsm7", 161, 2), id="one too many"),
        pytest.param("a" * 306, Size("gsm7", 306, 2), id="two full"),
        pytest.param("a" * 307, Size("gsm7", 307, 3), id="two and one"),
        pytest.param("€" * 80, Size("gsm7", 160, 1), id="80 euros fill a segment"),
        pytest.param("€" * 81, Size("gsm7", 162, 2), id="81 do not fit"),
        pytest.param("€" * 153, Size("gsm7", 306, 3), id="76 pairs a part: 153 is odd"),
        pytest.param("a" * 152 + "€" + "a" * 151, Size("gsm7", 305, 2), id="pair moves on whole"),
        pytest.param("a" * 152 + "€" + "a" * 152, Size("gsm7", 306, 3), id="its gap costs a part"),
        pytest.param("a" * 151 + "€" + "a" * 153, Size("gsm7", 306, 2), id="a pair that ends one"),
        pytest.param("ç", Size("ucs2", 1, 1), id="small c cedilla is not the capital"),
        pytest.param("\x1b", Size("ucs2", 1, 1), id="the escape alone is no character"),
        pytest.param("ɛ" * 70, Size("ucs2", 70, 1), id="one full in UCS-2"),
        pytest.param("a" * 70 + "ɛ", Size("ucs2", 71, 2), id="one letter turns the whole text"),
        pytest.param("ɛ" * 134, Size("ucs2", 134, 2), id="two full in UCS-2"),
        pytest.param("ɛ" * 135, Size("ucs2", 135, 3), id="two and one in UCS-2"),
        pytest.param("😀" * 35, Size("ucs2", 70, 1), id="beyond the BMP counts two"),
        pytest.param("😀" * 67, Size("ucs2", 134, 3), id="33 surrogate pairs a part"),
        pytest.param("ɛ" * 66 + "😀" + "ɛ" * 66, Size("ucs2", 134, 3), id="pair moves on"),
        pytest.param("ɛ" * 65 + "😀" + "ɛ" * 67, Size("ucs2", 134, 2), id="pair that ends one"),
        pytest.param("€" + "ɛ", Size("ucs2", 2, 1), id="the euro counts one in UCS-2"),
        pytest.param("\ud83d", Size("ucs2", 1, 1), id="a lone surrogate is measured, not raised"),
    ],
)
def test_measure(text: str, size: Size) -> None:
    assert measure(text) == size


DIGITS = "1234567890" * 40


# Published: the tests of Twilio's message segment calculator (github.com/TwilioDevEd/
# message-segment-calculator, tests/index.test.js and segments.test.js, MIT), whose `messageSize`
# is in bits: 1120 is 160 septets or 70 code units, 1127 is 161 septets, 1136 is 71 code units.
@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("{" + DIGITS[1:159], Size("gsm7", 1120 // 7, 1), id="escape, one segment"),
        pytest.param("{" + DIGITS[1:160], Size("gsm7", 1127 // 7, 2), id="escape, two segments"),
        pytest.param("😜" + DIGITS[1:69], Size("ucs2", 1120 // 16, 1), id="surrogates, one"),
        pytest.param("😜" + DIGITS[1:70], Size("ucs2", 1136 // 16, 2), id="surrogates, two"),
        pytest.param(DIGITS[:307], Size("gsm7", 307, 3), id="the third holds one septet"),
        pytest.param("😜" + DIGITS[1:134], Size("ucs2", 135, 3), id="the third holds one unit"),
    ],
)
def test_measure_is_as_others_publish_it(text: str, size: Size) -> None:
    assert measure(text) == size


@given(st.text(st.sampled_from("aé€{ɛ😀"), max_size=400))
@settings(max_examples=200)
def test_segments_are_as_few_as_can_be(text: str) -> None:
    encoding, units, segments = measure(text)
    alone, part = (160, 153) if encoding == "gsm7" else (70, 67)
    if units <= alone:
        assert segments == 1
    else:
        assert units <= segments * part
        assert (segments - 1) * (part - 1) < units


def test_outside_gsm7_names_each_character_once_in_order() -> None:
    assert outside_gsm7("Garçon, garçon: forêt, l’été") == ("ç", "ê", "’")
    assert outside_gsm7("Été à Ségou [17] €") == ()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Ségou", "Ségou"),
        ("Diafarabé", "Diafarabé"),
        ("Diafarabe\u0301", "Diafarabé"),
        ("Koubaye-ô-Gourma", "Koubaye-o-Gourma"),
        ("Bɔrɛ", "Bore"),
        ("Ɲamina", "Nyamina"),
        ("Ŋoma", "Ngoma"),
        ("ɓurɗaƴe", "burdaye"),
        ("Œil d’eau", "Oeil d'eau"),
        ("Ké\u202fMacina", "Ké Macina"),
        ("Aɛ\u0302", "Ae"),
        ("武", "?"),
    ],
)
def test_a_name_is_written_in_gsm7(name: str, plain: str) -> None:
    assert to_gsm7(name) == plain


@given(st.text())
@settings(max_examples=200)
def test_any_name_becomes_gsm7_and_stays_so(name: str) -> None:
    plain = to_gsm7(name)
    assert outside_gsm7(plain) == ()
    assert to_gsm7(plain) == plain
