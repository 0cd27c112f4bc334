"""Counts for others: by whole quarters and areas that alerts may name, small ones kept back."""

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, count, pairwise, product
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.cli.export import SOURCES, _csv, _row
from service import export
from service.content import Content, load
from service.domain.areas import COUNTRY
from service.domain.suppression import SMALL, SUM, Cell
from service.export import ALL, DIMENSIONS, Dimension, Line, quarter_name, quarter_of, quarters
from service.store import Store, people, tables
from tests.support.rules_content import RULES
from tests.unit.test_suppression import ranges

CONTENT: Content = load(RULES.parent)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLOSED = datetime(2027, 2, 3, 0, 0, tzinfo=UTC)  # 30 days after the last week of the quarter
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
    return await export.table(tx, CONTENT, by, NOW.date(), NOW.date(), CLOSED)


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


async def test_nothing_is_said_of_a_quarter_before_the_last_late_report(store: Store) -> None:
    async with store.write() as tx:
        await happened(tx, SOKOLO, "banditry", 9)
        for now in (NOW, CLOSED - timedelta(seconds=1)):
            assert await export.table(tx, CONTENT, ["area"], NOW.date(), now.date(), now) == []
        assert reports_of(await lines(tx, "area")) == {(COUNTRY,): 9, (ALL,): 9}


async def test_a_quarter_is_given_out_once_whatever_changes_afterwards(store: Store) -> None:
    """Else two tables of different days would differ by a single report."""
    async with store.write() as tx:
        await enrol(tx, SOKOLO, 8, BEFORE)
        await happened(tx, SOKOLO, "banditry", 9)
        await happened(tx, SOKOLO, "cattle_theft", 6)
        first = await lines(tx, "area", "type")
        await happened(tx, SOKOLO, "banditry", 1)
        await tx.execute(tables.report.update().values(area=COUNTRY))  # as after ninety days
    async with store.write() as tx:
        assert await lines(tx, "area", "type") == first
        assert reports_of(await lines(tx, "type")) == {
            ("banditry",): 9,
            ("cattle_theft",): 6,
            (ALL,): 15,
        }


async def test_another_cut_of_a_quarter_is_refused(store: Store) -> None:
    async with store.write() as tx:
        await happened(tx, SOKOLO, "banditry", 9)
        await lines(tx, "type")
        for other in (["week"], ["area", "type"], ["week", "area", "type"]):
            with pytest.raises(export.NotAsked, match="--by type"):
                await export.table(tx, CONTENT, other, NOW.date(), NOW.date(), CLOSED)


CUTS = [
    tuple(name for name in DIMENSIONS if name in some)
    for many in (1, 2, 3)
    for some in combinations(DIMENSIONS, many)
]
VALUES = {"week": ("w1", "w2"), "area": ("a1", "a2"), "type": ("t1", "t2")}


@settings(max_examples=25)
@given(
    st.lists(st.integers(min_value=0, max_value=9), min_size=8, max_size=8),
    st.permutations(CUTS),
)
def test_whoever_holds_every_export_of_a_quarter_cannot_tell_a_small_count(
    inner: list[int], asked: list[tuple[Dimension, ...]]
) -> None:
    """Every cut is asked for, in any order, and what is answered is put together."""
    known = asked[0]
    counts: Counter[Cell] = Counter()
    for cell, number in zip(product(*VALUES.values()), inner, strict=True):
        at = dict(zip(DIMENSIONS, cell, strict=True))
        counts[tuple(at[name] for name in known)] += number
    whole = {"reports": counts, "incidents": counts, "alerts": Counter[Cell]()}
    given_out = [asdict(line) for line in export._lines("2026-Q4", known, whole)]
    before = SimpleNamespace(quarter="2026-Q4", dimensions=known, lines=given_out)
    held: dict[Cell, set[int | None]] = defaultdict(set)
    for by in asked:
        with suppress(export.NotAsked):
            for line in export._of(before, by):
                cell = tuple(line.values.get(name, ALL).replace(ALL, SUM) for name in known)
                held[cell].add(line.reports)
    back = frozenset(cell for cell, said in held.items() if said == {None})
    assert all(len(said) == 1 for said in held.values())
    for cell, (least, greatest) in ranges(counts, [VALUES[name] for name in known], back).items():
        assert greatest - least >= SMALL, cell


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
