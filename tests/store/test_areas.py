"""Areas from the store: what people, earlier alerts and two coordinators make of them."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service import areas, coordinators
from service.areas import band
from service.content import Content, load
from service.domain.areas import COUNTRY
from service.domain.cover import Wanting
from service.store import Store, alerts, people
from service.store.areas import COARSEN, LIFT
from tests.support.rules_content import RULES

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONTENT: Content = load(RULES.parent)
SOKOLO, NIONO_TOWN, NIONO, SÉGOU = "ML040410", "ML040405", "ML0404", "ML04"


async def enrol(
    tx: AsyncConnection, area: str, count: int, now: datetime = NOW, first: int = 0
) -> None:
    for each in range(first, first + count):
        index = f"{area}/{each}".encode().ljust(32)
        await people.add(tx, index, "focal_point", area, "fr", now)


async def named(tx: AsyncConnection, area: str, now: datetime) -> str:
    return (await areas.cover(tx, CONTENT, now)).named_for(area)


async def alert(tx: AsyncConnection, area: str, at: datetime, number: int = 1) -> None:
    in_use = (await areas.cover(tx, CONTENT, at)).in_use
    row = {"id": number, "episode": f"e{number}", "rule": "r", "type": "market_attack"}
    row |= {"area": area, "day": date(2026, 11, 23), "day_part": "day", "severity": "severe"}
    row |= {"late": False, "place_asked": False, "state": "open", "released_at": at}
    await alerts.add(tx, [row | {"area_version": await areas.version(tx, in_use, at)}])


async def test_an_earlier_alert_keeps_its_possible_senders_together(store: Store) -> None:
    later = NOW + timedelta(days=2)
    async with store.write() as tx:
        await enrol(tx, SOKOLO, 1)
        await enrol(tx, NIONO_TOWN, 8)
        await alert(tx, NIONO, NOW + timedelta(days=1))
        await enrol(tx, SOKOLO, 7, later, first=1)
        assert await named(tx, SOKOLO, later) == NIONO
        shown = {each.area: each for each in await areas.shown(tx, CONTENT, later)}
    assert shown[SOKOLO].wanting == Wanting("told_apart")
    assert shown[SOKOLO].named == CONTENT.tree.name(NIONO)
    assert (shown[NIONO].in_use, shown[NIONO].behind, shown[NIONO].steady) == (True, "10–19", "5–9")
    assert shown[NIONO].since == NOW
    assert shown[NIONO].version == 1
    assert set(shown) == {COUNTRY, SÉGOU, NIONO, SOKOLO, NIONO_TOWN}


async def test_what_two_coordinators_decide_holds_from_then_on(store: Store) -> None:
    """Asked for by one it changes nothing; and no order makes an area finer than the rule does."""
    hours = (NOW + timedelta(hours=each) for each in range(1, 9))
    async with store.write() as tx:
        await enrol(tx, SOKOLO, 8)
        await enrol(tx, NIONO_TOWN, 3)
        assert await named(tx, SOKOLO, next(hours)) == NIONO
        assert isinstance(await coordinators.add(tx, NOW, "awa", None), str)
        assert isinstance(await coordinators.add(tx, NOW, "issa", "awa"), str)
        asked = await coordinators.ask(tx, NOW, "awa", COARSEN, {"area": NIONO})
        assert await named(tx, SOKOLO, next(hours)) == NIONO
        before = await areas.version(tx, (await areas.cover(tx, CONTENT, NOW)).in_use, NOW)
        approved_at = next(hours)
        await coordinators.approve(tx, approved_at, asked, "issa")
        assert await named(tx, SOKOLO, approved_at) == SÉGOU
        coarser = (await areas.cover(tx, CONTENT, approved_at)).in_use
        after = await areas.version(tx, coarser, approved_at)
        assert (before, after) == (1, 2)
        assert await areas.version(tx, coarser, approved_at) == 2
        lifted = await coordinators.ask(tx, approved_at, "issa", LIFT, {"area": NIONO})
        again = next(hours)
        await coordinators.approve(tx, again, lifted, "awa")
        assert await named(tx, SOKOLO, again) == NIONO, "three are too few to be what remains"


def test_a_band_tells_no_single_person() -> None:
    counts = [0, 1, 4, 5, 9, 10, 19, 20, 49, 50, 99, 100, 5000]
    assert [band(count, 5) for count in counts] == [
        "0", "1–4", "1–4", "5–9", "5–9", "10–19", "10–19", "20–49", "20–49", "50–99", "50–99",
        "100+", "100+",
    ]  # fmt: skip
