"""People and invites: a code works once, a person who leaves is gone, the count of areas stays."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from service.store import Store, people

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
INDEX = b"i" * 32


def invite(code: bytes, expires_at: datetime) -> dict[str, object]:
    return {
        "code_index": code.ljust(32),
        "role": "focal_point",
        "area": "ML0404",
        "language": "fr",
        "expires_at": expires_at,
    }


async def test_an_invite_works_once_and_in_time(store: Store) -> None:
    async with store.write() as tx:
        later = NOW + timedelta(days=1)
        for row in (invite(b"good", later), invite(b"old", NOW)):
            await people.add_invite(tx, row)
        used = await people.use_invite(tx, [b"good".ljust(32)], NOW)
        assert used is not None
        assert (used.role, used.area, used.language) == ("focal_point", "ML0404", "fr")
        for code in (b"good", b"old", b"never made"):
            assert await people.use_invite(tx, [code.ljust(32)], NOW) is None


async def test_a_number_belongs_to_one_person(store: Store) -> None:
    async with store.write() as tx:
        await people.add(tx, INDEX, "focal_point", "ML0404", "fr", NOW)
    async with store.write() as tx:
        with pytest.raises(IntegrityError):
            await people.add(tx, INDEX, "responder", "ML0404", "fr", NOW)
        await tx.rollback()


async def test_who_leaves_is_gone_but_was_counted(store: Store) -> None:
    left = NOW + timedelta(hours=2)
    async with store.write() as tx:
        person_id = await people.add(tx, INDEX, "focal_point", "ML0404", "fr", NOW)
        await people.seal(tx, person_id, b"sealed")
        known = (await people.by_index(tx, [INDEX]))[INDEX]
        assert known.sealed_number == b"sealed"
        await people.remove(tx, known, left)
        assert await people.by_index(tx, [INDEX]) == {}
        assert [tuple(row) for row in await people.memberships(tx)] == [("ML0404", NOW, left)]
        again = await people.add(tx, INDEX, "focal_point", "ML0404", "fr", left)
    assert again != person_id  # old reports' pseudonym must not become somebody else's


async def test_coming_and_going_are_known_to_the_hour(store: Store) -> None:
    """Else the telephone company's record of an `INS` would tell who hides behind a pseudonym."""
    at = NOW + timedelta(minutes=17, seconds=3)
    async with store.write() as tx:
        await people.add(tx, INDEX, "focal_point", "ML0404", "fr", at)
        known = (await people.by_index(tx, [INDEX]))[INDEX]
        await people.remove(tx, known, at + timedelta(hours=1))
        (row,) = await people.memberships(tx)
    assert (row.joined_at, row.left_at) == (NOW, NOW + timedelta(hours=1))


async def test_who_moves_leaves_one_area_and_joins_another(store: Store) -> None:
    moved = NOW + timedelta(hours=2)
    async with store.write() as tx:
        await people.add(tx, INDEX, "focal_point", "ML0404", "fr", NOW)
        known = (await people.by_index(tx, [INDEX]))[INDEX]
        await people.move(tx, known, "responder", "ML05", "en", moved)
        (responder,) = await people.responders(tx)
        assert (responder.area, responder.language) == ("ML05", "en")
        assert [tuple(row) for row in await people.memberships(tx)] == [("ML0404", NOW, moved)]
        assert await people.counts(tx) == {"responder": 1}


async def test_the_list_shows_nothing_that_leads_to_a_number(store: Store) -> None:
    async with store.write() as tx:
        await people.add(tx, INDEX, "focal_point", "ML0404", "fr", NOW)
        (row,) = await people.enrolled(tx, "focal_point")
    shown = {"id", "area", "language", "silent", "function", "clearance", "joined_at"}
    assert set(row._mapping) == shown


async def test_the_number_of_an_invite_is_never_given_to_another(store: Store) -> None:
    async with store.write() as tx:
        first = await people.add_invite(tx, invite(b"one", NOW))
        await people.forget_invite(tx, first)
        assert await people.add_invite(tx, invite(b"two", NOW)) > first
