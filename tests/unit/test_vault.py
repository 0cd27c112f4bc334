"""What is sealed opens only with the right keys, at the right place, and never once shredded."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.app import PURPOSES
from handlers.settings import Role
from service.vault.envelopes import ENVELOPE_BYTES
from service.vault.keys import KeyNotHeld, Keyring, KeysError, Purpose
from service.vault.keystore import Keystore
from service.vault.number import PhoneNumber
from service.vault.vault import CannotOpen, Shredded, Vault
from tests.support.leaks import Searcher

NUMBER = PhoneNumber("+22370000001")
OTHER = PhoneNumber("+22370000002")
TODAY = date(2026, 1, 31)
KEYRING = Keyring.derive(b"root key for tests only, no more")


@pytest.fixture
def keystore(tmp_path: Path) -> Iterator[Keystore]:
    store = Keystore(tmp_path / "keystore.sqlite")
    yield store
    store.close()


@pytest.fixture
def vault(keystore: Keystore) -> Vault:
    return Vault(KEYRING, keystore)


async def enrolled(vault: Vault, person: int, number: PhoneNumber = NUMBER) -> bytes:
    return await vault.enrol_sender(person, vault.seal_sender(number, "inbox 1"), "inbox 1")


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_an_index_is_stable_and_keyed(vault: Vault, tmp_path: Path) -> None:
    elsewhere = Vault(Keyring.derive(bytes(32)), Keystore(tmp_path / "other.sqlite"))

    assert vault.index(NUMBER) == vault.index(PhoneNumber("+22370000001"))
    assert len(vault.index(NUMBER)) == 33
    assert len({vault.index(NUMBER), vault.index(OTHER), elsewhere.index(NUMBER)}) == 3
    elsewhere.close()


def test_blinding_is_apart_by_purpose(vault: Vault) -> None:
    purposes = (Purpose.MESSAGE_ID, Purpose.MESSAGE_TEXT, Purpose.INVITE_CODE)
    blinded = {vault.blind(purpose, "+22370000001") for purpose in purposes}

    assert len(blinded | {vault.index(NUMBER)}) == 4
    assert vault.blind(Purpose.MESSAGE_ID, "a\ud800") == vault.blind(
        Purpose.MESSAGE_ID, b"a\xed\xa0\x80"
    )
    for purpose in (Purpose.SENDERS, Purpose.INDEX, "what nobody declared"):
        with pytest.raises(ValueError, match="nothing is blinded"):
            vault.blind(purpose, "x")


def test_a_sealed_number_opens_for_its_context_only(vault: Vault) -> None:
    box = vault.seal_sender(NUMBER, "inbox 1")

    assert vault.open_sender(box, "inbox 1") == NUMBER
    assert box != vault.seal_sender(NUMBER, "inbox 1")
    with pytest.raises(CannotOpen):
        vault.open_sender(box, "inbox 2")


def test_one_burst_shares_an_envelope_and_no_other_does(vault: Vault) -> None:
    burst = vault.sealing()
    boxes = [burst.seal_text(f"text {n}", TODAY, "row") for n in range(3)]
    number = burst.seal_sender(NUMBER, "x")
    later = vault.sealing().seal_text("text 3", TODAY, "row")

    heads = {box[:ENVELOPE_BYTES] for box in boxes}
    assert len(heads) == 1
    assert not {number[:ENVELOPE_BYTES], later[:ENVELOPE_BYTES]} & heads
    assert [vault.open_text(box, TODAY, "row") for box in boxes] == ["text 0", "text 1", "text 2"]
    assert vault.open_sender(number, "x") == NUMBER


def test_boxes_of_one_envelope_cannot_change_heads(vault: Vault) -> None:
    first, second = vault.sealing(), vault.sealing()
    box, other = first.seal_text("RAS", TODAY, "row"), second.seal_text("RAS", TODAY, "row")

    for broken in (
        other[:ENVELOPE_BYTES] + box[ENVELOPE_BYTES:],
        first.seal_sender(NUMBER, "x")[:ENVELOPE_BYTES] + box[ENVELOPE_BYTES:],
    ):
        with pytest.raises(CannotOpen):
            vault.open_text(broken, TODAY, "row")
    assert vault.open_text(box, TODAY, "row") == "RAS"


async def test_what_was_opened_before_its_key_was_deleted_opens_no_more(
    vault: Vault, tmp_path: Path
) -> None:
    box = vault.seal_text("RAS", TODAY, "row")
    assert vault.open_text(box, TODAY, "row") == "RAS"
    elsewhere = Vault(KEYRING, Keystore(tmp_path / "keystore.sqlite"))

    await elsewhere.forget_days(TODAY + timedelta(days=1))

    with pytest.raises(Shredded):
        vault.open_text(box, TODAY, "row")
    elsewhere.seal_text("late", TODAY, "row")
    with pytest.raises(CannotOpen):
        vault.open_text(box, TODAY, "row")
    elsewhere.close()


def test_boxes_do_not_tell_numbers_apart_by_length(vault: Vault) -> None:
    numbers = ("+22370000001", "+290123456", "+123456789012345")

    assert len({len(vault.seal_sender(PhoneNumber(n), "")) for n in numbers}) == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())))
def test_any_text_survives_sealing(vault: Vault, text: str) -> None:
    assert vault.open_text(vault.seal_text(text, TODAY, "row"), TODAY, "row") == text


def test_a_long_text_survives_sealing(vault: Vault) -> None:
    text = "ɓ\0\ud83d" * 300_000

    assert vault.open_text(vault.seal_text(text, TODAY, "row"), TODAY, "row") == text


def test_a_text_opens_on_its_day_and_in_its_row_only(vault: Vault) -> None:
    tomorrow = TODAY + timedelta(days=1)
    box = vault.seal_text("MA SOKOLO 3 5", TODAY, "row")
    vault.seal_text("", tomorrow, "row")

    with pytest.raises(CannotOpen):
        vault.open_text(box, tomorrow, "row")
    with pytest.raises(CannotOpen):
        vault.open_text(box, TODAY, "another row")
    with pytest.raises(Shredded):
        vault.open_text(box, date(2020, 1, 1), "row")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 200), flip=st.integers(1, 255), cut=st.integers(0, 100))
async def test_an_altered_box_does_not_open(vault: Vault, at: int, flip: int, cut: int) -> None:
    opened: list[tuple[bytes, Callable[[bytes], object]]] = [
        (vault.seal_sender(NUMBER, "x"), lambda box: vault.open_sender(box, "x")),
        (
            vault.seal_text("AF SOKOLO", TODAY, "row"),
            lambda box: vault.open_text(box, TODAY, "row"),
        ),
        (await enrolled(vault, 1), lambda box: vault.open_person(1, box)),
    ]
    for box, open_ in opened:
        place = at % len(box)
        altered = box[:place] + bytes([box[place] ^ flip]) + box[place + 1 :]
        for broken in (altered, box[: cut % len(box)], box + b"\0"):
            with pytest.raises(CannotOpen) as raised:
                open_(broken)
            assert "7000" not in str(raised.value)
            assert "SOKOLO" not in str(raised.value)


async def test_boxes_of_one_kind_do_not_open_as_another(vault: Vault) -> None:
    number, text = vault.seal_sender(NUMBER, "2026-01-31"), vault.seal_text("RAS", TODAY, "row")
    person = await enrolled(vault, 1)

    for box in (text, person, b"", b"\x01"):
        with pytest.raises(CannotOpen):
            vault.open_sender(box, "2026-01-31")
    for box in (number, person, b"", b"\x01"):
        with pytest.raises(CannotOpen):
            vault.open_text(box, TODAY, "row")
    for box in (number, text, b"", b"\x01"):
        with pytest.raises(CannotOpen):
            vault.open_person(1, box)


async def test_a_person_is_enrolled_without_opening_and_forgotten(vault: Vault) -> None:
    box, other = await enrolled(vault, 1), await enrolled(vault, 2, OTHER)

    assert vault.open_person(1, box) == NUMBER
    with pytest.raises(CannotOpen):
        vault.open_person(2, box)

    await vault.forget_person(1)
    await vault.forget_person(1)

    with pytest.raises(Shredded):
        vault.open_person(1, box)
    assert vault.open_person(2, other) == OTHER


async def test_enrolling_again_shreds_the_earlier_box(vault: Vault) -> None:
    earlier = await enrolled(vault, 1)
    later = await enrolled(vault, 1)

    assert vault.open_person(1, later) == NUMBER
    with pytest.raises(CannotOpen):
        vault.open_person(1, earlier)


async def test_forgotten_days_stay_forgotten(vault: Vault) -> None:
    days = [TODAY - timedelta(days=n) for n in range(5)]
    boxes = {day: vault.seal_text(f"day {day}", day, "row") for day in days}

    await vault.forget_days(days[3])

    assert [vault.open_text(boxes[day], day, "row") for day in days[:4]]
    with pytest.raises(Shredded):
        vault.open_text(boxes[days[4]], days[4], "row")
    vault.seal_text("late", days[4], "row")
    with pytest.raises(CannotOpen):
        vault.open_text(boxes[days[4]], days[4], "row")


async def test_a_deleted_key_leaves_no_copy_in_the_file(
    vault: Vault, keystore: Keystore, tmp_path: Path
) -> None:
    await enrolled(vault, 1)
    vault.seal_text("", TODAY, "row")
    wrapped = [keystore.person(1), keystore.day_wrapped(TODAY)]

    await vault.forget_person(1)
    await vault.forget_days(TODAY + timedelta(days=1))

    kept = content_of(tmp_path)
    assert all(key is not None and key[-24:] not in kept for key in wrapped)


async def test_the_keystore_holds_no_number_and_no_usable_key(vault: Vault, tmp_path: Path) -> None:
    await enrolled(vault, 1)
    await vault.prepare_days(TODAY)

    kept = content_of(tmp_path)

    assert Searcher(["+22370000001"]).search_bytes(kept, "keystore") == []
    assert not any(KEYRING[purpose] in kept for purpose in Purpose)


async def everything(vault: Vault, held: Vault) -> dict[str, Callable[[], object]]:
    """What there is to open or to make, and how `held` tries to."""
    number, text = vault.seal_sender(NUMBER, "x"), vault.seal_text("RAS", TODAY, "row")
    person = await enrolled(vault, 1)
    message = vault.sealing().seal_locked(b"whole", "came")
    return {
        "number": lambda: held.open_sender(number, "x"),
        "person": lambda: held.open_person(1, person),
        "text": lambda: held.open_text(text, TODAY, "row"),
        "day key": lambda: held.open_text(text, TODAY, "row"),
        "invite": lambda: held.blind(Purpose.INVITE_CODE, "ABCDEFGH"),
        "index": lambda: held.index(NUMBER),
        "message id": lambda: held.blind(Purpose.MESSAGE_ID, "ATXid_1"),
        "repeat": lambda: held.blind(Purpose.MESSAGE_TEXT, "RAS"),
        "locked": lambda: held.open_locked(message, "came"),
    }


# Who opens or makes what; nobody else does. The sender's index is for rotation (decision 0013).
ABLE = {
    "number": {"sender"},
    "person": {"sender"},
    "text": {"engine"},
    "day key": {"engine"},
    "invite": {"engine", "console"},
    "index": {"intake", "sender"},
    "message id": {"intake", "sender"},
    "repeat": {"intake"},
    "locked": {"intake"},
}


@pytest.mark.parametrize("thing", ABLE)
@pytest.mark.parametrize("role", ["intake", "engine", "sender", "console"])
async def test_a_role_opens_only_what_its_keys_open(
    vault: Vault, keystore: Keystore, role: Role, thing: str
) -> None:
    held = Vault(KEYRING.only(PURPOSES[role]), keystore)
    open_ = (await everything(vault, held))[thing]

    if role in ABLE[thing]:
        assert open_()
    else:
        with pytest.raises(KeyNotHeld):
            open_()


@pytest.mark.parametrize("role", ["intake", "engine", "sender", "console", None])
async def test_sealing_needs_no_secret(vault: Vault, keystore: Keystore, role: Role | None) -> None:
    held = Vault(KEYRING.only(PURPOSES[role] if role else []), keystore)

    assert held.locked == (role is None)
    # Not even for a day that has no key yet.
    later = TODAY + timedelta(days=9)
    assert vault.open_sender(held.seal_sender(OTHER, "y"), "y") == OTHER
    assert vault.open_text(held.seal_text("AIDE", later, "row"), later, "row") == "AIDE"


def test_without_keys_and_public_keys_nothing_starts(keystore: Keystore) -> None:
    with pytest.raises(KeysError, match="vigie init"):
        Vault(KEYRING.only([]), keystore)


def test_a_keystore_of_other_keys_is_refused(vault: Vault, keystore: Keystore) -> None:
    assert vault
    with pytest.raises(KeysError, match="another key file"):
        Vault(Keyring.derive(bytes(32)), keystore)


def test_a_box_of_another_key_version_says_so(vault: Vault, keystore: Keystore) -> None:
    second = Vault(Keyring.derive(bytes(32), version=2), keystore)

    with pytest.raises(CannotOpen, match="version"):
        second.open_sender(vault.seal_sender(NUMBER, ""), "")


async def test_what_another_process_forgot_is_gone_here(vault: Vault, tmp_path: Path) -> None:
    box = await enrolled(vault, 1)
    other = Vault(KEYRING, Keystore(tmp_path / "keystore.sqlite"))

    await other.forget_person(1)

    with pytest.raises(Shredded):
        vault.open_person(1, box)
    other.close()


def seal_in_another_process(path: Path, day: date, person: int) -> tuple[bytes, bytes]:
    vault = Vault(KEYRING, Keystore(path))
    try:
        return vault.seal_text(str(person), day, "row"), asyncio.run(enrolled(vault, person))
    finally:
        vault.close()


def test_processes_agree_on_a_new_day_and_lose_no_key(vault: Vault, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=context) as pool:
        path = tmp_path / "keystore.sqlite"
        work = [pool.submit(seal_in_another_process, path, TODAY, n) for n in range(12)]
        boxes = [future.result(timeout=120) for future in work]

    for person, (text, number) in enumerate(boxes):
        assert vault.open_text(text, TODAY, "row") == str(person)
        assert vault.open_person(person, number) == NUMBER


async def test_threads_share_a_vault(vault: Vault) -> None:
    async def come_and_go(person: int) -> None:
        box = await enrolled(vault, person)
        assert vault.open_person(person, box) == NUMBER
        await vault.forget_person(person)

    people: list[Awaitable[None]] = [come_and_go(person) for person in range(40)]
    await asyncio.gather(*people, vault.prepare_days(TODAY), vault.prepare_days(TODAY))


def test_a_failed_change_leaves_the_keystore_as_it_was(keystore: Keystore) -> None:
    def fail() -> None:
        raise RuntimeError("no entropy")

    with pytest.raises(RuntimeError):
        keystore.keep_day(TODAY, fail)  # type: ignore[arg-type]

    assert keystore.day_public(TODAY) is None
    keystore.keep_person(1, b"wrapped")
    assert keystore.person(1) == b"wrapped"


def test_the_keystore_is_for_its_owner_only(vault: Vault, tmp_path: Path) -> None:
    vault.seal_text("", TODAY, "row")

    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_a_file_that_is_no_keystore_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keystore.sqlite").write_bytes(b"not a database, and long enough to look at" * 99)

    with pytest.raises(KeysError, match=r"keystore\.sqlite"):
        Keystore(tmp_path / "keystore.sqlite")
