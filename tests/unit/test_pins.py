"""PINs: where one stands in a text, what it proves, and the same work whatever is true."""

import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import grammar
from service.domain.gazetteer import CODE_LENGTHS
from service.domain.pins import (
    DIGITS,
    MOST_ONE_TIME,
    SLOTS,
    Outcome,
    matching,
    split,
    trusted,
    wrong_so_far,
)
from service.domain.reading import Draft
from service.pins import Desk, new_list, new_pair, rewrap
from service.store import Store, migrate
from service.store import pins as pin_store
from service.vault.keys import Keyring
from service.vault.keystore import Keystore
from service.vault.vault import CannotOpen, Vault
from tests.support.rules_content import codebook, gazetteer


@pytest.mark.parametrize(
    ("text", "before", "pin"),
    [
        ("MA SOKOLO 3 5 4821", "MA SOKOLO 3 5 ", "4821"),
        ("MA*SOKOLO*3*5*0821#", "MA*SOKOLO*3*5*", "0821"),
        ("ma sokolo 4821.", "ma sokolo ", "4821"),
        ("RAS ٤٨٢١ \n", "RAS ", "4821"),
        ("4821", "", "4821"),
        ("  4821  ", "  ", "4821"),
        ("MA SOKOLO 1200 4821", "MA SOKOLO 1200 ", "4821"),
        ("MA SOKOLO 4821 merci", "MA SOKOLO 4821 merci", ""),
        ("VB SOKOLO 1200 boeufs", "VB SOKOLO 1200 boeufs", ""),
        ("MA 20745", "MA 20745", ""),
        ("MA 120745", "MA 120745", ""),
        ("MA SOKOLO 3 5 482", "MA SOKOLO 3 5 482", ""),
        ("MA SOKOLO4821", "MA SOKOLO4821", ""),
        ("MA SOKOLO 3m4821", "MA SOKOLO 3m4821", ""),
        ("", "", ""),
        ("x" * 100_000 + " 4821", "x" * 100_000 + " ", "4821"),
        ("4821" + " " * 100, "4821" + " " * 100, ""),
    ],
)
def test_a_pin_is_the_last_four_digits_and_stands_alone(text: str, before: str, pin: str) -> None:
    assert split(text) == (before, pin)


@given(st.text(max_size=200))
def test_any_text_is_split_without_losing_anything(text: str) -> None:
    before, pin = split(text)
    assert text.startswith(before)
    assert pin == "" or (len(pin) == DIGITS and pin.isascii() and pin.isdecimal())
    assert before == text or pin


def test_no_code_of_a_place_is_as_long_as_a_pin() -> None:
    assert DIGITS not in CODE_LENGTHS


@pytest.mark.parametrize(
    "text",
    ["MA SOKOLO 3 5", "MA SOKOLO", "VB SOKOLO NIONO 40", "RAS", "DP SOKOLO 1200", "EN 20745"],
)
@pytest.mark.parametrize("pin", ["4821", "0000", "0821", "9999"])
def test_a_report_reads_the_same_with_a_pin_behind_it(text: str, pin: str) -> None:
    with_pin, digits = split(f"{text} {pin}")
    assert digits == pin
    reading = grammar.read(with_pin, codebook(), gazetteer())
    assert reading == grammar.read(text, codebook(), gazetteer())
    assert isinstance(reading, Draft)


@pytest.mark.parametrize(
    ("outcome", "has_pins", "warned", "required", "verified"),
    [
        ("none", False, False, False, True),
        ("none", False, False, True, False),
        ("none", True, False, False, False),
        ("wrong", True, False, False, False),
        ("duress", True, True, False, False),
        ("right", True, False, True, True),
        ("right", True, True, False, False),
    ],
)
def test_what_is_verified(
    outcome: Outcome, has_pins: bool, warned: bool, required: bool, verified: bool
) -> None:
    assert trusted(outcome, has_pins=has_pins, warned=warned, required=required) is verified


def test_a_right_pin_makes_up_for_a_wrong_one_and_no_more() -> None:
    wrong = 0
    for outcome, stands in (("wrong", 1), ("wrong", 2), ("right", 1), ("right", 0), ("right", 0)):
        wrong = wrong_so_far(wrong, outcome)  # type: ignore[arg-type]
        assert wrong == stands
    assert wrong_so_far(3, "duress") == wrong_so_far(3, "none") == 3


def test_every_slot_is_compared_wherever_the_match_is() -> None:
    compared = []

    def equal(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return hmac.compare_digest(one, other)

    slots = [bytes([n]) for n in range(SLOTS)]
    for given_, found in ((slots[0], 0), (slots[7], 7), (slots[-1], SLOTS - 1), (b"none", None)):
        compared.clear()
        assert matching(given_, slots, equal) == found
        assert compared == slots


# --- the same work for everyone


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(Keyring.derive(secrets.token_bytes(32)), Keystore(tmp_path / "keystore.sqlite"))
    yield made
    made.close()


class Counting:
    """Does the real work, and counts it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.hashed = self.compared = 0

    def new_pin_key(self) -> bytes:
        return self._vault.new_pin_key()

    def pin_hash(self, wrapped: bytes, digits: str) -> bytes:
        self.hashed += 1
        return self._vault.pin_hash(wrapped, digits)

    def equal(self, one: bytes, other: bytes) -> bool:
        self.compared += 1
        return hmac.compare_digest(one, other)


async def test_a_check_costs_one_hash_and_as_many_comparisons_for_everyone(
    vault: Vault, sqlite_url: str
) -> None:
    store = Store(sqlite_url)
    await migrate.upgrade(store)
    people = [SimpleNamespace(id=n, wrong_pins=0) for n in range(1, 5)]
    bare, paired, listed, both = people
    pair, rows = new_pair(vault)
    other_pair, other_rows = new_pair(vault)
    once, list_rows = new_list(vault, 1, ())
    async with store.write() as tx:
        await pin_store.add(tx, [row | {"person_id": paired.id} for row in rows])
        await pin_store.add(tx, [row | {"person_id": listed.id} for row in list_rows])
        await pin_store.add(tx, [row | {"person_id": both.id} for row in other_rows])
        held = await pin_store.of_people(tx, [both.id])
        many, many_rows = new_list(vault, MOST_ONE_TIME, held)
        await pin_store.add(tx, [row | {"person_id": both.id} for row in many_rows])
        counting = Counting(vault)
        desk = Desk(counting, 5, lambda _: None, counting.equal)  # type: ignore[arg-type]
        await desk.take_up(tx, people)  # type: ignore[arg-type]
    await store.close()
    wrong = next(f"{n:04}" for n in range(10_000) if f"{n:04}" not in (pair.pin, pair.duress))
    found: dict[str, Outcome] = {}
    for case, person, digits in (
        ("stranger", None, "4821"),
        ("stranger, none", None, ""),
        ("bare", bare, "4821"),
        ("none", paired, ""),
        ("wrong", paired, wrong),
        ("right", paired, pair.pin),
        ("duress", paired, pair.duress),
        ("once", listed, once[0]),
        ("once more", listed, once[0]),
        ("first of many", both, many[0]),
        ("last of many", both, many[-1]),
        ("beside many", both, other_pair.pin),
    ):
        counting.hashed = counting.compared = 0
        found[case] = desk.check(person, digits)  # type: ignore[arg-type]
        assert (counting.hashed, counting.compared) == (1, SLOTS), case
    assert found == {
        "stranger": "none",
        "stranger, none": "none",
        "bare": "none",
        "none": "none",
        "wrong": "wrong",
        "right": "right",
        "duress": "duress",
        "once": "right",
        "once more": "wrong",
        "first of many": "right",
        "last of many": "right",
        "beside many": "right",
    }


def test_no_two_pins_of_a_person_are_alike_and_none_is_kept_as_it_is(vault: Vault) -> None:
    for _ in range(50):
        pair, rows = new_pair(vault)
        assert pair.pin != pair.duress
        held = [SimpleNamespace(**row) for row in rows]
        digits, more = new_list(vault, MOST_ONE_TIME, held)  # type: ignore[arg-type]
        every = [pair.pin, pair.duress, *digits]
        assert len(set(every)) == SLOTS
        assert len({row["hash"] for row in rows + more}) == SLOTS
        assert len({row["key"] for row in rows + more}) == 1
        assert not any(pin.encode() in row["hash"] for pin in every for row in rows)


def test_one_person_s_pin_is_not_another_s(vault: Vault) -> None:
    first, second = vault.new_pin_key(), vault.new_pin_key()
    assert vault.pin_hash(first, "4821") != vault.pin_hash(second, "4821")


def test_a_copy_of_the_database_is_not_enough_to_guess(vault: Vault, tmp_path: Path) -> None:
    key = vault.new_pin_key()
    other = Vault(
        Keyring.derive(secrets.token_bytes(32)), Keystore(tmp_path / "other" / "keystore.sqlite")
    )
    with pytest.raises(CannotOpen):
        other.pin_hash(key, "4821")
    other.close()


async def test_pins_outlive_the_keys_that_wrapped_them(tmp_path: Path, sqlite_url: str) -> None:
    first, second = secrets.token_bytes(32), secrets.token_bytes(32)
    keystore = tmp_path / "keystore.sqlite"
    old = Vault(Keyring.of_roots({1: first}), Keystore(keystore))
    pair, rows = new_pair(old)
    person = SimpleNamespace(id=1, wrong_pins=0)
    store = Store(sqlite_url)
    await migrate.upgrade(store)
    async with store.write() as tx:
        await pin_store.add(tx, [row | {"person_id": person.id} for row in rows])
    old.close()
    both = Vault(Keyring.of_roots({1: first, 2: second}), Keystore(keystore))
    await rewrap(store, both)
    both.close()
    new = Vault(Keyring.of_roots({2: second}), Keystore(keystore))
    desk = Desk(new, 5, lambda _: None)
    async with store.read() as tx:
        await desk.take_up(tx, [person])  # type: ignore[list-item]
    assert desk.check(person, pair.duress) == "duress"  # type: ignore[arg-type]
    assert desk.check(person, pair.pin) == "right"  # type: ignore[arg-type]
    new.close()
    retired = Vault(Keyring.of_roots({3: secrets.token_bytes(32)}), Keystore(tmp_path / "3.sqlite"))
    lost = Desk(retired, 5, lambda _: None)
    async with store.read() as tx:
        await lost.take_up(tx, [person])  # type: ignore[list-item]
    assert lost.check(person, pair.pin) == "wrong"  # type: ignore[arg-type]
    retired.close()
    await store.close()
