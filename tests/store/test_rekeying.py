"""Keys are rotated by parts that take them up one after the other, on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from handlers.app import PURPOSES
from service import enrolment
from service.audit import Witness
from service.rekeying import PARTS, Rekeying, standing
from service.store import Store, inbox, people, tables
from service.vault.keys import Keyring, Purpose
from service.vault.keystore import Keystore
from service.vault.number import PhoneNumber
from service.vault.vault import CannotOpen, Shredded, Vault

OLD, NEW = {1: b"the old root key, 32 bytes long."}, {2: b"the new root key, 32 bytes long."}
NUMBER, OTHER = PhoneNumber("+22370000001"), PhoneNumber("+22370000002")
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TODAY = date(2026, 11, 2)


class At:
    """A clock."""

    def now(self) -> datetime:
        return NOW


class Parts:
    """The parts of the service, each with the keys of its role alone."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.path = folder / "keystore.sqlite"
        Vault(Keyring.of_roots(OLD), Keystore(self.path)).close()
        self.keystores = {part: Keystore(self.path) for part in PARTS}
        self.vaults: dict[str, Vault] = {}
        self.rekeyings: dict[str, Rekeying] = {}
        for part in PARTS:
            keyring = self.keyring(part, OLD)
            self.vaults[part] = Vault(keyring, self.keystores[part])
            witness = Witness.beside(self.path, keyring)
            self.rekeyings[part] = Rekeying(store, self.vaults[part], witness, [part])

    def keyring(self, part: str, roots: dict[int, bytes]) -> Keyring:
        return Keyring.of_roots(roots).only(PURPOSES[part])  # type: ignore[index]

    def rotate(self) -> None:
        """As `vigie keys rotate` does: the public keys are there before anybody holds the rest."""
        keystore = Keystore(self.path)
        Vault(Keyring.of_roots(OLD | NEW), keystore)
        keystore.close()

    def take_up(self, roots: dict[int, bytes], *parts: str) -> None:
        for part in parts:
            self.rekeyings[part].take_up(self.keyring(part, roots))

    def settle(self) -> dict[str, int]:
        """What each part seals with, after it looked at what the others hold."""
        for part in PARTS:
            self.rekeyings[part]._settle()
        return {part: self.vaults[part].versions[0] for part in PARTS}

    async def enrol(self, number: PhoneNumber) -> int:
        intake, engine = self.vaults["intake"], self.vaults["engine"]
        index, *others = intake.indexes(number)
        async with self.store.write() as tx:
            person = await people.add(tx, index, "responder", "ML04", "fr", NOW, *others[:1])
            box = intake.seal_sender(number, "came")
            await people.seal(tx, person, await engine.enrol_sender(person, box, "came"))
        return person

    async def known(self, number: PhoneNumber) -> list[int]:
        """Who is found by each index that the intake gives this number."""
        async with self.store.read() as tx:
            indexes = self.vaults["intake"].indexes(number)
            return [row.id for row in (await people.by_index(tx, indexes)).values()]

    async def row(self, person: int) -> tuple[bytes, bytes | None, bytes]:
        async with self.store.read() as tx:
            row = (await people.by_id(tx, [person]))[person]
        return row.number_index, row.other_index, row.sealed_number

    async def number(self, person: int) -> PhoneNumber:
        return self.vaults["sender"].open_person(person, (await self.row(person))[2])


@pytest.fixture
def parts(store: Store, tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(store, tmp_path)
    yield parts
    for keystore in parts.keystores.values():
        keystore.close()


async def test_all_seal_with_the_new_version_once_all_hold_it(parts: Parts) -> None:
    parts.rotate()
    assert parts.settle() == {"intake": 1, "engine": 1, "sender": 1}
    parts.take_up(OLD | NEW, "intake", "engine")
    assert parts.settle() == {"intake": 1, "engine": 1, "sender": 1}
    assert [index[0] for index in parts.vaults["intake"].indexes(NUMBER)] == [1, 2]

    box = parts.vaults["intake"].seal_sender(NUMBER, "x")
    assert parts.vaults["sender"].open_sender(box, "x") == NUMBER

    parts.take_up(OLD | NEW, "sender")
    assert parts.settle() == {"intake": 2, "engine": 2, "sender": 2}
    assert [index[0] for index in parts.vaults["intake"].indexes(NUMBER)] == [2, 1]
    assert parts.vaults["sender"].open_sender(box, "x") == NUMBER


async def test_people_are_known_at_every_step(parts: Parts) -> None:
    person = await parts.enrol(NUMBER)
    parts.rotate()
    for part in PARTS:
        parts.take_up(OLD | NEW, part)
        parts.settle()
        assert set(await parts.known(NUMBER)) == {person}
    between = await parts.enrol(OTHER)  # known by both from the beginning

    await parts.rekeyings["sender"].move()

    for who, number in ((person, NUMBER), (between, OTHER)):
        index, other, box = await parts.row(who)
        assert index[:1] == box[:1] == b"\2"
        assert other is not None
        assert other[:1] == b"\1"
        assert await parts.number(who) == number
        assert set(await parts.known(number)) == {who}
    parts.take_up(NEW, *PARTS)
    parts.settle()
    await parts.rekeyings["engine"].move()
    assert [(await parts.row(who))[1] for who in (person, between)] == [None, None]
    assert await parts.number(person) == NUMBER
    assert await parts.known(NUMBER) == [person]
    old = Vault(Keyring.of_roots(OLD), Keystore(parts.path))
    with pytest.raises(CannotOpen):
        old.open_person(person, (await parts.row(person))[2])
    old.close()


async def test_who_leaves_while_being_moved_stays_gone(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await parts.enrol(NUMBER)
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()
    sender = parts.vaults["sender"]
    keystore = parts.keystores["sender"]
    ((_, wrapped),) = keystore.people_before(2)

    await parts.vaults["engine"].forget_person(person)
    keystore.rewrap_person(person, wrapped, b"\2 wrapped anew, too late")
    await parts.rekeyings["sender"].move()

    assert keystore.person(person) is None
    with pytest.raises(Shredded):
        sender.open_person(person, (await parts.row(person))[2])


async def test_whose_number_does_not_open_keeps_nobody_back(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.rekeying.BATCH", 2)
    lost = [await parts.enrol(PhoneNumber(f"+2237000010{n}")) for n in range(4)]
    async with parts.store.write() as tx:
        damaged = tables.person.c.id.in_(lost)
        await tx.execute(update(tables.person).where(damaged).values(sealed_number=b"\1damaged"))
    person = await parts.enrol(NUMBER)
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()
    await parts.rekeyings["sender"].move()
    assert (await parts.row(person))[2][:1] == b"\2"


async def test_texts_open_after_their_day_was_moved(parts: Parts) -> None:
    box = parts.vaults["intake"].seal_text("MA SOKOLO 3 5", TODAY, "row")
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()

    await parts.rekeyings["engine"].move()
    parts.take_up(NEW, *PARTS)

    assert parts.vaults["engine"].open_text(box, TODAY, "row") == "MA SOKOLO 3 5"
    assert parts.keystores["engine"].days_before(2) == []
    old = Vault(Keyring.of_roots(OLD), Keystore(parts.path))
    with pytest.raises(CannotOpen):
        old.open_text(box, TODAY, "row")
    old.close()


async def test_it_is_told_what_hangs_on_the_old_version(parts: Parts) -> None:
    store, intake = parts.store, parts.vaults["intake"]
    person = await parts.enrol(NUMBER)
    dedupe = intake.blind(Purpose.MESSAGE_ID, "sms\0at\0ATXid_1")
    intake.seal_text("RAS", TODAY, "row")
    row = {"gateway": "at", "kind": "sms", "dedupe": dedupe, "due_at": NOW, "state": "done"}
    code = Vault(Keyring.of_roots(OLD), Keystore(parts.path)).blind(Purpose.INVITE_CODE, "ABCD")
    expires = NOW + timedelta(days=14)
    offer = {"role": "responder", "area": "ML04", "language": "fr", "expires_at": expires}
    async with store.write() as tx:
        await inbox.add(tx, [row | {"received_at": NOW - timedelta(hours=1)}])
        await people.add_invite(tx, offer | {"code_index": code})
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()

    async def left() -> dict[str, int]:
        found = await standing(store, parts.keystores["engine"], [1, 2], At())
        assert found.behind == []
        assert found.in_the_way == any(each.count for each in found.left.values())
        return {name: each.count for name, each in found.left.items() if each.count}

    before = {"people": 1, "people's keys": 1, "days' keys": 1, "messages": 1, "invites": 1}
    assert await left() == before
    found = await standing(store, parts.keystores["engine"], [1, 2], At())
    assert found.left["invites"].until == expires
    assert found.left["messages"].until == NOW + timedelta(hours=71)
    for part in PARTS:
        await parts.rekeyings[part].move()
    assert await left() == {"messages": 1, "invites": 1}
    async with store.write() as tx:
        await tx.execute(update(tables.inbox).values(received_at=NOW - timedelta(hours=73)))
        await tx.execute(update(tables.invite).values(used_at=NOW))
    assert await left() == {}
    assert await parts.number(person) == NUMBER


async def test_hashes_of_a_version_that_is_gone_are_erased(parts: Parts) -> None:
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()
    intake = parts.vaults["intake"]
    index, other = intake.indexes(NUMBER)
    row = {"gateway": "at", "kind": "sms", "due_at": NOW, "state": "done", "received_at": NOW}
    row |= {"dedupe": b"\2 a", "sender_index": index, "other_index": other}
    async with parts.store.write() as tx:
        await inbox.add(tx, [row])
        text = {"key": "k", "purpose": "neutral", "language": "fr", "state": "sent"}
        text |= {"due_at": NOW, "expires_at": NOW, "attempts": 1, "id": 1}
        await tx.execute(insert(tables.outbox).values(text))
        for hash_ in (b"\1 old", b"\2 new"):
            sent = {"outbox_id": 1, "gateway": "at", "status": "accepted", "at": NOW}
            await tx.execute(insert(tables.delivery).values(sent | {"message_index": hash_}))

    await parts.rekeyings["engine"].move()  # both versions are held: nothing is erased
    async with parts.store.read() as tx:
        assert list(await tx.scalars(select(tables.inbox.c.other_index))) == [other]
    parts.take_up(NEW, "engine")
    await parts.rekeyings["engine"].move()

    async with parts.store.read() as tx:
        assert list(await tx.scalars(select(tables.inbox.c.other_index))) == [None]
        assert list(await tx.scalars(select(tables.inbox.c.sender_index))) == [index]
        left = await tx.scalars(select(tables.delivery.c.message_index))
        assert set(left) == {None, b"\2 new"}


async def test_the_number_of_an_invite_still_finds_its_person(parts: Parts) -> None:
    person, other = await parts.enrol(NUMBER), await parts.enrol(OTHER)
    engine = parts.vaults["engine"]
    async with parts.store.write() as tx:
        for who, number in ((person, 3), (other, 41)):
            await people.came_by(tx, who, enrolment.number_indexes(engine, number)[0])
    parts.rotate()
    parts.take_up(OLD | NEW, *PARTS)
    parts.settle()
    found = await standing(parts.store, parts.keystores["engine"], [1, 2], At())
    assert found.left["invite numbers"].count == 2

    await parts.rekeyings["engine"].move()
    parts.take_up(NEW, *PARTS)

    found = await standing(parts.store, parts.keystores["engine"], [1, 2], At())
    assert found.left["invite numbers"].count == 0
    async with parts.store.read() as tx:
        for who, number in ((person, 3), (other, 41)):
            indexes = enrolment.number_indexes(engine, number)
            row = await people.by_invite(tx, "responder", indexes)
            assert row is not None
            assert row.id == who
