"""Which writings are a subscriber number, and that a number never shows itself."""

import copy
import json
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.vault.number import PhoneNumber


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("+22370000001", "+22370000001"),
        ("0022370000001", "+22370000001"),
        ("22370000001", "+22370000001"),
        ("70000001", "+22370000001"),
        ("70 00 00 01", "+22370000001"),
        (" +223 70-00-00-01\n", "+22370000001"),
        ("(+223) 70.00.00.01", "+22370000001"),
        ("+223 (70) 00/00/01", "+22370000001"),
        ("20000001", "+22320000001"),
        ("٧٠٠٠٠٠٠١", "+22370000001"),
        ("+٢٢٣٧٠٠٠٠٠٠١", "+22370000001"),
        ("＋２２３７０００００００１", None),  # a digit too many
        ("＋２２３７００００００１", "+22370000001"),
        ("+33612345678", "+33612345678"),
        ("0033612345678", "+33612345678"),
        ("+18005550100", "+18005550100"),
    ],
)
def test_writings_of_a_number(raw: str, e164: str | None) -> None:
    number = PhoneNumber.parse(raw)

    assert (number and number.reveal()) == e164


@given(st.from_regex(r"\+223[0-9]{8}", fullmatch=True))
def test_what_gateways_write_is_read_as_any_other_writing(e164: str) -> None:
    assert PhoneNumber.parse(e164) == PhoneNumber.parse(f"{e164[:4]} {e164[4:]}")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "+",
        "17",
        "12345",
        "36555",
        "+36555",
        "+4312345",  # Austria has numbers as short as this; a gateway's "+" before a short code too
        "+22336555",
        "22336555 1 2",
        "TELEMALI",
        "+1800FLOWERS",
        "33612345678",  # another country needs its plus
        "+223700000012",
        "+22370000001;ext=5",
        "tel:+22370000001",
        "+22370000001x1",
        "+223+70000001",
        "70000001 70000002",
        "+9990000000001",
        "²²³⁷⁰⁰⁰⁰⁰⁰¹",
        "7000000\x00",
        "\ud800",
        "7" * 1_000_000,
        " " * 1_000_000,
    ],
)
def test_short_codes_names_and_garbage_are_no_number(raw: str) -> None:
    assert PhoneNumber.parse(raw) is None


@given(st.integers(0, 99_999).map(str) | st.integers(0, 99_999).map("{:05}".format))
def test_no_short_code_becomes_a_subscriber(code: str) -> None:
    for raw in (code, f"+{code}", f" {code} ", " ".join(code)):
        assert PhoneNumber.parse(raw) is None


@given(st.text())
def test_any_text_is_answered(raw: str) -> None:
    number = PhoneNumber.parse(raw)

    assert number is None or PhoneNumber.parse(number.reveal()) == number


def test_a_number_hides_itself() -> None:
    @dataclass
    class Message:
        sender: PhoneNumber

    number = PhoneNumber("+22370000001")

    shown = [repr(number), str(number), f"{number:>20}", f"{number!r}", "%s" % number]  # noqa: UP031
    shown += [repr([number]), repr(Message(number)), repr({number: 1})]

    assert all("‹number›" in text and "7000" not in text for text in shown)


@pytest.mark.parametrize("leave", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy, vars])
def test_a_number_does_not_leave_by_accident(leave: object) -> None:
    with pytest.raises(TypeError) as raised:
        leave(PhoneNumber("+22370000001"))  # type: ignore[operator]

    assert "7000" not in str(raised.value)


def test_numbers_are_equal_by_value() -> None:
    one, same = PhoneNumber.parse("70 00 00 01"), PhoneNumber.parse("+22370000001")

    assert one == same
    assert {one, same} == {one}
    assert one != PhoneNumber("+22370000002")
    assert one != "+22370000001"


@pytest.mark.parametrize("e164", ["22370000001", "+", "+223 70", "+٢٢٣", ""])
def test_only_e164_makes_a_number(e164: str) -> None:
    with pytest.raises(ValueError, match="parse"):
        PhoneNumber(e164)
