"""The outbox: each text once, claimed by one sender at a time, what became of it recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service import areas
from service.store import Store, alerts, outbox, tables

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
END = NOW + timedelta(hours=72)


def alert(person: int, number: int = 17, purpose: str = "alert", **others: Any) -> dict[str, Any]:
    return outbox.text(purpose, NOW, END, "fr", person_id=person, alert_id=number, **others)


async def add(store: Store, *rows: dict[str, Any]) -> None:
    async with store.write() as tx:
        await outbox.add(tx, rows)


async def claim(store: Store, now: datetime = NOW, limit: int = 10) -> list[int]:
    async with store.write() as tx:
        return [row.person_id for row in await outbox.claim(tx, now, now + (LATER - NOW), limit, 1)]


async def test_a_person_is_told_of_an_alert_once(store: Store) -> None:
    await add(store, alert(1), alert(1), alert(2))
    await add(store, alert(1), alert(1, 18))
    assert await claim(store) == [1, 2, 1]


async def test_each_step_of_severity_is_a_text_of_its_own(store: Store) -> None:
    steps = [alert(1, purpose="update", step=step) for step in ("severe", "extreme", "extreme")]
    await add(store, *steps)
    assert await claim(store) == [1, 1]


async def test_replies_to_two_messages_are_two_texts(store: Store) -> None:
    replies = [
        outbox.text("neutral", NOW, END, "fr", person_id=1, inbox_id=message)
        for message in (1, 2, 2)
    ]
    await add(store, *replies)
    assert await claim(store) == [1, 1]


async def raised(store: Store, **severities: str) -> None:
    """Alerts 17, 18 … of these severities, as `a17="minor"`."""
    async with store.write() as tx:
        version = await areas.version(tx, frozenset(), NOW)
        rows = [
            {
                "id": int(name[1:]), "episode": name, "rule": "a-rule", "type": "threat",
                "area": "ML", "area_version": version, "day": NOW.date(), "day_part": "day",
                "severity": severity, "late": False, "state": "open", "released_at": NOW,
                "drill": False, "place_asked": False,
            }
            for name, severity in severities.items()
        ]  # fmt: skip
        await alerts.add(tx, rows)


async def claim_together(store: Store, limit: int) -> list[tuple[int, int]]:
    async with store.write() as tx:
        rows = await outbox.claim(tx, NOW, LATER, limit, 1, ("minor",))
        return [(row.person_id, row.alert_id) for row in rows]


async def test_whoever_gets_one_of_what_goes_together_gets_all_of_it(store: Store) -> None:
    """However few texts may be taken; what is graver, or about something else, comes first."""
    await raised(store, a17="minor", a18="minor", a19="severe", a20="minor")
    later = outbox.text("alert", LATER, END, "fr", person_id=1, alert_id=20)
    await add(store, *(alert(person, number) for number in (17, 18) for person in (1, 2, 3)))
    await add(store, alert(1, 20, purpose="update"), later, alert(3, 19), alert(1, 19))
    assert await claim_together(store, 3) == [(1, 20), (3, 19), (1, 19)]
    assert await claim_together(store, 2) == [(1, 17), (2, 17), (1, 18), (2, 18)]
    assert await claim_together(store, 1) == [(3, 17), (3, 18)]
    assert await claim_together(store, 1) == []
    async with store.read() as tx:
        query = select(tables.outbox.c.attempts, tables.outbox.c.key_version)
        taken = set((await tx.execute(query.where(tables.outbox.c.state == "claimed"))).all())
    assert taken == {(1, 1)}


async def test_without_anything_that_goes_together_texts_go_in_order(store: Store) -> None:
    await raised(store, a17="minor", a18="severe")
    await add(store, alert(1), alert(2), alert(1, 18))
    assert await claim(store, limit=2) == [1, 2]


async def test_nobody_else_takes_a_claimed_text_until_the_claim_lapses(store: Store) -> None:
    await add(store, alert(1), alert(2))
    assert await claim(store, limit=1) == [1]
    assert await claim(store) == [2]
    assert await claim(store) == []
    assert await claim(store, LATER) == [1, 2]


async def test_a_sender_that_starts_alone_takes_everything_back(store: Store) -> None:
    await add(store, alert(1))
    await claim(store)
    async with store.write() as tx:
        await outbox.release_all(tx)
    assert await claim(store) == [1]


@pytest.mark.parametrize(
    ("state", "again"), [("sent", []), ("failed", []), ("dropped", []), ("waiting", [1])]
)
async def test_what_was_settled_is_sent_again_only_if_it_waits(
    store: Store, state: str, again: list[int]
) -> None:
    await add(store, alert(1))
    await claim(store)
    async with store.write() as tx:
        await outbox.settle(tx, [{"row": 1, "state": state, "due_at": LATER, "attempts": 1}])
    assert await claim(store) == []
    assert await claim(store, LATER) == again


async def test_who_has_left_is_sent_nothing_more(store: Store) -> None:
    await add(store, alert(1), alert(2), alert(1, 18))
    async with store.write() as tx:
        await outbox.forget_person(tx, 1)
    assert await claim(store) == [2]


async def test_who_was_told(store: Store) -> None:
    await add(store, alert(2), alert(1), alert(3, 18), alert(4, purpose="update", step="severe"))
    async with store.read() as tx:
        assert await outbox.told(tx, [17, 18, 19]) == {17: {1, 2}, 18: {3}}
        assert await outbox.told_of(tx, 3) == {}  # it waits: they have not read it
    async with store.write() as tx:
        await outbox.settle(tx, [{"row": 3, "state": "sent", "due_at": NOW, "attempts": 1}])
        assert await outbox.told_of(tx, 3) == {18: NOW}
