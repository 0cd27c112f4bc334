"""A whole area is told that its texts were of use: everybody or nobody, at no telling moment."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from service import feedback
from service.checkins import PATIENCE, SPREAD
from service.domain.checkins import CheckInPolicy, some_time
from service.feedback import NotAllowed
from service.store.tables import audit, check_in, outbox
from tests.support.network import Network, network, number

SOKOLO, NIONO, MOPTI = "ML040410", "ML0404", "ML0506"
TOLD = "Bonjour à tous. Merci de vos nouvelles, elles ont été utiles."
MEDIATOR = number(901)


async def enrol(vigie: Network) -> None:
    for each in range(1, 9):
        await vigie.enrol(number(each), "focal_point", SOKOLO)
    await vigie.enrol(MEDIATOR, "responder", SOKOLO)
    await vigie.settle()


async def tell(vigie: Network, area: str = SOKOLO, text: str = "feedback") -> int:
    service = vigie.service
    async with service.store.write() as tx:
        return await feedback.tell(tx, service.content, area, "awa", vigie.clock.now(), text)


async def pass_hours(vigie: Network, hours: int) -> None:
    for _ in range(hours * 3):
        vigie.clock.move(minutes=20)
        await vigie.service.timers.check_in()
        await vigie.settle()


def told(vigie: Network) -> list[str]:
    return sorted(to for to, text in vigie.at.texts if text == TOLD)


async def test_everybody_in_the_area_is_told_once_and_nobody_else(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie)
        await vigie.text(number(3), "SILENCE")
        await vigie.settle()
        assert await tell(vigie) == 7
        assert told(vigie) == []
        await pass_hours(vigie, 28)
        assert told(vigie) == sorted(number(each) for each in range(1, 9) if each != 3)
        await vigie.service.timers.forget()
        rows = [row for row in await vigie.rows(outbox) if row.purpose == "feedback"]
        assert rows == []  # who was told is forgotten as soon as it is past
        async with vigie.service.store.read() as tx:
            (entry,) = (
                await tx.execute(select(audit).where(audit.c.action == "told an area"))
            ).all()
        assert (entry.actor, entry.subject) == ("awa", SOKOLO)


async def test_each_phone_rings_at_a_moment_of_its_own(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await tell(vigie)
        (row,) = await vigie.rows(check_in)
        vigie.clock.at = row.due_at
        await vigie.service.timers.check_in()
        texts = [each for each in await vigie.rows(outbox) if each.purpose == "feedback"]
        assert len({each.due_at for each in texts}) == 8
        assert all(row.due_at <= each.due_at <= row.due_at + SPREAD for each in texts)
        assert {each.expires_at for each in texts} == {row.due_at + PATIENCE + SPREAD}


@pytest.mark.parametrize("area", [MOPTI, "ML040401", "ML99", "", "' OR 1=1", number(1)])
async def test_an_area_that_hides_nobody_is_not_told(tmp_path: Path, area: str) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        with pytest.raises(NotAllowed):
            await tell(vigie, area)
        assert await vigie.rows(check_in) == []


async def test_too_few_who_are_left_when_it_leaves_are_not_told(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await tell(vigie)
        for each in range(1, 5):
            await vigie.text(number(each), "SILENCE")
        await vigie.settle()
        await pass_hours(vigie, 28)
        assert told(vigie) == []
        assert [row.state for row in await vigie.rows(check_in)] == ["missed"]


async def test_what_waits_is_not_said_twice(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie)
        await tell(vigie)
        with pytest.raises(NotAllowed, match="already"):
            await tell(vigie)
        await tell(vigie, text="check_in")  # is another text, though nobody is asked by plan
        await pass_hours(vigie, 28)
        assert len(told(vigie)) == 8
        assert [row.state for row in await vigie.rows(check_in)] == ["asked"] * 2


POLICY = CheckInPolicy({}, time(7), time(20), ZoneInfo("Africa/Bamako"))


@pytest.mark.parametrize("hour", [0, 6, 7, 12, 19, 20, 23])
def test_the_moment_is_anywhere_in_the_next_day_and_never_at_night(hour: int) -> None:
    now = datetime.combine(date(2026, 11, 23), time(hour, 30), UTC)
    moments = [some_time(now, POLICY, share / 1000) for share in range(1000)]
    assert all(now <= moment < now + timedelta(hours=24) for moment in moments)
    assert all(7 <= moment.astimezone(POLICY.zone).hour < 20 for moment in moments)
    apart = {later - earlier for earlier, later in pairwise(moments)}
    by_day = [each for each in apart if each < timedelta(hours=1)]
    assert max(by_day) - min(by_day) < timedelta(seconds=1)
    assert len(moments) == len(set(moments))
