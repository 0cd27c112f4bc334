"""Counts for others: by whole quarters and areas that alerts may name, small ones kept back."""

from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.cli.export import SOURCES, _csv, _row
from service import export
from service.content import Content, load
from service.domain.areas import COUNTRY
from service.export import ALL, Line, quarter_name, quarter_of, quarters
from service.store import Store, people, tables
from tests.support.rules_content import RULES

CONTENT: Content = load(RULES.parent)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 8, 1, 9, 0, tzinfo=UTC)
SOKOLO, NIONO, SÉGOU = "ML040410", "ML0404", "ML04"
IDS = count(1)


async def enrol(tx: AsyncConnection, area: str, many: int, at: datetime) -> None:
    for _ in range(many):
        await people.add(tx, f"{next(IDS)}".encode().ljust(32), "focal_point", area, "fr", at)


async def happened(
    tx: AsyncConnection, area: str, type_: str, many: int, at: datetime = NOW
) -> None:
    """So many incidents of one report each."""
    for _ in range(many):
        number = next(IDS)
        where = {"type": type_, "place": area, "area": area, "lat": 14.0, "lon": -6.0}
        await tx.execute(insert(tables.incident).values(id=number, at=at, **where))
        said = {"occurred_at": at, "received_at": at, "confidence": 1.0, "status": "counted"}
        said |= {"inbox_id": number, "reporter": 1, "incident_id": number}
        await tx.execute(insert(tables.report).values(id=number, **where, **said))


async def lines(tx: AsyncConnection, *by: export.Dimension) -> list[Line]:
    return await export.table(tx, CONTENT, by, NOW.date(), NOW.date(), NOW)


def reports_of(found: list[Line]) -> dict[tuple[str, ...], int | None]:
    return {tuple(line.values.values()): line.reports for line in found}


async def test_a_small_count_is_kept_back_and_so_is_what_tells_it(store: Store) -> None:
    async with store.write() as tx:
        await enrol(tx, SOKOLO, 8, BEFORE)
        await happened(tx, SOKOLO, "market_attack", 3)
        await happened(tx, SOKOLO, "banditry", 7)
        await happened(tx, SOKOLO, "cattle_theft", 20)
        found = await lines(tx, "area", "type")
    assert reports_of(found) == {
        (SOKOLO, "market_attack"): None,
        (SOKOLO, "banditry"): None,
        (SOKOLO, "cattle_theft"): 20,
        (SOKOLO, ALL): 30,
        (ALL, "market_attack"): None,
        (ALL, "banditry"): None,
        (ALL, "cattle_theft"): 20,
        (ALL, ALL): 30,
    }
    assert all((line.reports is None) == (line.incidents is None) for line in found)


async def test_areas_are_those_that_could_be_named_when_the_quarter_began(store: Store) -> None:
    async with store.write() as tx:
        await enrol(tx, NIONO, 8, BEFORE)
        await enrol(tx, SOKOLO, 8, NOW)
        await happened(tx, SOKOLO, "banditry", 9)
        found = await lines(tx, "area")
    assert reports_of(found) == {(NIONO,): 9, (ALL,): 9}


async def test_what_nobody_is_there_to_hide_is_the_countrys(store: Store) -> None:
    async with store.write() as tx:
        await happened(tx, SOKOLO, "banditry", 9)
        await happened(tx, SOKOLO, "banditry", 6, NOW - timedelta(weeks=30))
        assert reports_of(await lines(tx, "area")) == {(COUNTRY,): 9, (ALL,): 9}


async def test_a_report_that_was_taken_back_does_not_count(store: Store) -> None:
    async with store.write() as tx:
        await happened(tx, SOKOLO, "banditry", 9)
        last = (await tx.execute(tables.report.select())).all()[-1]
        await tx.execute(
            tables.report.update().where(tables.report.c.id == last.id).values(status="retracted")
        )
        (line, _) = await lines(tx, "type")
    assert (line.reports, line.incidents, line.alerts) == (8, 8, 0)


@pytest.mark.parametrize(
    ("day", "start", "name"),
    [
        (date(2026, 11, 23), date(2026, 9, 28), "2026-Q4"),
        (date(2026, 9, 28), date(2026, 9, 28), "2026-Q4"),  # its Thursday is 1 October
        (date(2026, 9, 27), date(2026, 6, 29), "2026-Q3"),
        (date(2027, 1, 1), date(2026, 9, 28), "2026-Q4"),  # of the week of 31 December
        (date(2027, 1, 4), date(2027, 1, 4), "2027-Q1"),
    ],
)
def test_a_quarter_is_of_whole_weeks(day: date, start: date, name: str) -> None:
    assert quarter_of(day) == start
    assert quarter_name(start) == name


def test_quarters_follow_one_another_without_a_gap() -> None:
    found = quarters(date(2020, 1, 1), date(2032, 1, 1))
    assert len(found) == len(set(found)) == 12 * 4 + 1
    assert all(quarter_of(start) == start for start in found)
    assert all(quarter_of(start - timedelta(days=1)) == before for before, start in pairwise(found))


def test_a_table_is_safe_in_a_spreadsheet_and_names_its_source() -> None:
    line = Line("2026-Q4", {"area": NIONO, "type": "=HYPERLINK(1)"}, 9, None, 0)
    text = _csv([_row(line, ["area", "type"], CONTENT)], ["area", "type"])
    header, row = text.splitlines()
    assert header == "quarter,area,type,area_name,reports,incidents,alerts,source"
    assert row == f'2026-Q4,{NIONO},\'=HYPERLINK(1),Niono,9,c,0,"{SOURCES}"'
