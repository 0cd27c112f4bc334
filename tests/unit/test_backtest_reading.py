"""Files of events: the public formats, coordinators' own, broken ones and hostile ones."""

import contextlib
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.backtest import Dataset, EventsError, tables
from service.backtest.days import Days
from service.backtest.events import dataset_of
from service.backtest.mapping import Mapping, read_mapping, recognise
from service.backtest.outcomes import read_outcomes
from service.backtest.places import Places, UnreadableError
from service.backtest.rules import load_over
from service.content import ContentError
from service.domain.areas import COUNTRY
from tests.support.backtests import shipped
from tests.support.content_dir import PROJECT

BACKTESTS = PROJECT / "rules" / "backtests"
CASES = PROJECT / "tests" / "cases"
README = (BACKTESTS / "README.md").read_text(encoding="utf-8")

OWN: dict[str, Any] = {
    "title": "Own",
    "attribution": "",
    "recognised_by": ("date", "lat", "lon"),
    "columns": {
        "event": ("id",), "date": ("date",), "until": ("until",), "lat": ("lat",),
        "lon": ("lon",), "place": ("place",), "killed": ("killed",),
    },
    "called": ("kind",),
    "kinds": [{"type": "banditry", "when": [{"column": "kind", "equals": "robbery"}]}],
}  # fmt: skip
NOON = 1_400_068_800  # of 14 May 2014
HEADER = "id,date,until,lat,lon,place,kind,killed"


def shipped_mapping(name: str) -> Mapping:
    return read_mapping(BACKTESTS / f"{name}.yaml", shipped().codebook)


def read(path: Path, mapping: Mapping | None = None) -> Dataset:
    chosen = mapping or Mapping.model_validate(OWN)
    return dataset_of(path, tables.read(path), chosen, shipped().tree)


def own(tmp_path: Path, *rows: str, header: str = HEADER) -> Dataset:
    file = tmp_path / "own.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return read(file)


def table_of(path: Path) -> list[list[str]]:
    opened = tables.read(path)
    return [list(opened.header), *(list(row.cells) for row in opened.rows)]


def sheet(path: Path, *rows: Sequence[object]) -> Path:
    book = openpyxl.Workbook()
    active = book.active
    assert active is not None
    for row in rows:
        active.append(list(row))
    book.save(path)
    return path


# --- the public formats


def test_ucdp_as_shared() -> None:
    data = read(BACKTESTS / "ucdp_nigeria_1990_2019.csv", shipped_mapping("ucdp"))
    assert (data.rows, len(data.events), data.bad) == (4603, 4180, [])
    assert sum(data.left_out.values()) == 4603 - 4180
    kinds = Counter(event.type for event in data.events)
    assert kinds["herder_farmer_clash"] > 600
    assert kinds[None] == sum(data.unmapped.values()) < 1100
    assert data.attribution == "UCDP GED, CC BY 4.0; Sundberg & Melander 2013"
    by_line = {event.line: event for event in data.events}
    # Line 4: 19 to 22 April 1991, Bauchi town, 75 killed.
    bauchi = by_line[4]
    assert (bauchi.at - bauchi.began, bauchi.killed) == (3 * 86_400, 75)
    assert data.tree.path(bauchi.spot.area) == (
        "Nigeria / Bauchi state / Bauchi lga", "Nigeria / Bauchi state", "Nigeria", COUNTRY,
    )  # fmt: skip


def test_ucdp_s_own_download_has_other_names(tmp_path: Path) -> None:
    file = tmp_path / "GEDEvent.csv"
    file.write_text(
        "id,type_of_violence,side_a,side_b,number_of_sources,where_prec,where_coordinates,adm_1,"
        "adm_2,latitude,longitude,country,date_prec,date_start,date_end,best\n"
        "1,2,Fulani,Tiv,4,1,Agatu,Benue state,Agatu lga,7.9,8.0,Nigeria,1,"
        "2016-02-22 00:00:00.000,2016-02-22 00:00:00.000,20\n"
        "2,3,Government of Nigeria,Civilians,-1,1,Agatu,Benue state,Agatu lga,7.9,8.0,Nigeria,1,"
        "2016-02-23 00:00:00.000,2016-02-24 00:00:00.000,1\n",
        encoding="utf-8",
    )
    mappings = {name: shipped_mapping(name) for name in ("acled", "ucdp")}
    assert recognise(tables.read(file).header, mappings) == "ucdp"
    data = read(file, mappings["ucdp"])
    assert [event.type for event in data.events] == ["herder_farmer_clash", "security_forces_abuse"]
    assert Counter(data.event_of) == {0: 3, 1: 2}  # at most 3 reporters; -1 is none known


@pytest.mark.parametrize("name", ["acled_new.csv", "acled_old.csv"])
def test_acled_is_recognised_by_its_columns(name: str) -> None:
    mappings = {name: shipped_mapping(name) for name in ("acled", "ucdp")}
    assert recognise(tables.read(CASES / name).header, mappings) == "acled"


def test_acled_as_exported_today() -> None:
    data = read(CASES / "acled_new.csv", shipped_mapping("acled"))
    assert [event.type for event in data.events] == [
        "market_attack", "market_attack", "herder_farmer_clash", None,
    ]  # fmt: skip
    assert [event.spot.area for event in data.events[:3]] == ["ML050604", "ML050605", "ML050101"]
    assert data.left_out == {"too coarse a place: geo_precision 3": 1}
    assert data.unmapped == {"Strategic developments / Agreement": 1}
    assert [(row.line, row.why) for row in data.bad] == [
        (7, "'2023-13-05' is no day of the calendar"),
        (8, "the event 'MLI9001' is in line 2 already"),
    ]
    week = data.events[2]
    assert (week.at - week.began) == 6 * 86_400  # time_precision 2: known when the week is over
    assert Counter(data.event_of) == {0: 2, 1: 1, 2: 1}  # as many as it has sources
    assert "ML0506" in data.tree


def test_older_acled_exports_lack_columns_and_name_the_date_otherwise() -> None:
    data = read(CASES / "acled_old.csv", shipped_mapping("acled"))
    assert [event.type for event in data.events] == ["security_forces_abuse", "herder_farmer_clash"]
    assert [event.killed for event in data.events] == [4, 11]
    assert data.events[0].spot.point == (14.95, -3.9)
    ((line, why),) = data.bad
    assert line == 4
    assert "`slashes: day_first` or `month_first`" in why


def test_acled_as_a_spreadsheet_reads_as_its_csv(tmp_path: Path) -> None:
    rows = table_of(CASES / "acled_new.csv")
    day = rows[0].index("event_date")
    typed: list[list[object]] = [list(row) for row in rows]
    typed[1][day] = datetime(2023, 3, 1)  # noqa: DTZ001 - as spreadsheets have dates
    file = sheet(tmp_path / "acled.xlsx", *typed)
    mapping = shipped_mapping("acled")
    one, other = read(CASES / "acled_new.csv", mapping), read(file, mapping)
    assert [(e.line, e.type, e.at, e.killed, e.spot.area) for e in one.events] == [
        (e.line, e.type, e.at, e.killed, e.spot.area) for e in other.events
    ]
    assert one.bad == other.bad


# --- a coordinator's own


def test_the_readme_s_mapping_loads_and_names_every_key(tmp_path: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (example,) = (each for each in examples if each.startswith("title:"))
    file = tmp_path / "my.yaml"
    file.write_text(example, encoding="utf-8")
    mapping = read_mapping(file, shipped().codebook)
    assert mapping.dates.slashes == "day_first"
    schema = Mapping.model_json_schema()
    keys = set(schema["properties"]) | {
        key for part in schema["$defs"].values() for key in part["properties"]
    }
    for key in keys:
        assert f"`{key}`" in README, key
        assert re.search(rf"\b{key}:", example), key
    assert set(mapping.columns.model_fields_set) == set(type(mapping.columns).model_fields)


def test_the_readme_s_outcomes_load(tmp_path: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (example,) = (each for each in examples if each.startswith("- id: ten-killed"))
    file = tmp_path / "outcomes.yaml"
    file.write_text(example, encoding="utf-8")
    assert [each.id for each in read_outcomes(file)] == ["ten-killed", "herds-and-fields"]
    assert read_outcomes(BACKTESTS / "outcomes.yaml")[0].killed == 10


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  - type: crop_damage", "  - type: crop_damag", "the codebook has no type `crop_damag`; "
         "did you mean `crop_damage`?"),
        ("equals:", "equal:", ": unknown key `equal`; did you mean `equals`?"),
        ("equals: dégâts", "equals: dégâts, one_of: [x]", "write one of `equals`, `one_of` and"),
        ("column: fait, equals", "columns: fait, equals", "unknown key `columns`"),
        ("{column: fait, equals: dégâts}", "{equals: dégâts}", "name a `column`, or several"),
        ("jour: 1", "jour: one", "`one` is not a whole number"),
        ("recognised_by: [jour, lieu, fait]", "", "`recognised_by` is missing"),
        ("  date: [jour]\n", "", "`date` is missing"),
        ("title:", "title: &a", "anchors and aliases"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_told_where_it_is(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (example,) = (each for each in examples if each.startswith("title:"))
    assert old in example
    file = tmp_path / "my.yaml"
    file.write_text(example.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContentError) as raised:
        read_mapping(file, shipped().codebook)
    lines = [str(problem) for problem in raised.value.problems]
    assert any(re.match(r"my\.yaml:\d+:\d+: ", line) and told in line for line in lines), lines


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("- {id: x, within: {km: 1, days: 1}}", "write one of `killed` and `incidents`"),
        ("- {id: x, killed: 0, within: {km: 1, days: 1}}", "must be at least 1"),
        ("- {id: x, killed: 1, within: {km: 1, days: 1}}\n" * 2, "the id x stands twice"),
        ("[]", "must not be empty"),
        ("", "the file is empty"),
    ],
)
def test_a_mistake_in_the_outcomes_is_told(tmp_path: Path, written: str, told: str) -> None:
    file = tmp_path / "outcomes.yaml"
    file.write_text(written, encoding="utf-8")
    with pytest.raises(ContentError) as raised:
        read_outcomes(file)
    assert any(told in str(problem) for problem in raised.value.problems)


def test_a_file_that_no_mapping_knows_is_told_what_each_needs() -> None:
    mappings = {name: shipped_mapping(name) for name in ("acled", "ucdp")}
    with pytest.raises(EventsError) as raised:
        recognise(["Side A", "side-b", "where_prec"], mappings)
    assert "no mapping knows these columns: side_a, side_b, where_prec" in str(raised.value)
    assert "ucdp needs date_prec" in str(raised.value)


# --- rows


ROWS = [
    # the row, and why it is bad
    ("1,yesterday,,14,-4,Konna,robbery,0", "'yesterday' is no date"),
    ("1,2015-02-30,,14,-4,Konna,robbery,0", "'2015-02-30' is no day of the calendar"),
    ("1,1015-02-03,,14,-4,Konna,robbery,0", "'1015-02-03' is not within 1900 and 2100"),
    ("1,2015-02-03,2015-02-01,14,-4,Konna,robbery,0", "its last day is before its first"),
    ("1,2015-02-03,,,-4,Konna,robbery,0", "'' is no latitude"),
    ("1,2015-02-03,,91,-4,Konna,robbery,0", "'91' is no latitude: it lies beyond 90°"),
    ("1,2015-02-03,,14,nan,Konna,robbery,0", "'nan' is no longitude"),
    ("1,2015-02-03,,14,1_0,Konna,robbery,0", "'1_0' is no longitude"),
    ("1,2015-02-03,,14,-4,Konna,robbery,many", "'many' is no number of killed"),
    ("1,2015-02-03,,14,-4,Konna,robbery,-1", "'-1' is no number of killed"),
    ("1,2015-02-03,,14,-4,Konna,robbery", "it has 7 cells, and the header 8"),
    ('1,2015-02-03,,14,-4,Kon"na"x,"rob"b,0', "this row cannot be read: ',' expected after '\"'"),
]


@pytest.mark.parametrize(("row", "why"), ROWS, ids=[why[:30] for _, why in ROWS])
def test_a_bad_row_is_listed_with_its_line_and_the_others_are_read(
    tmp_path: Path, row: str, why: str
) -> None:
    good = "2,2015-02-03,,14,-4,Konna,robbery,0"
    data = own(tmp_path, good, row, good.replace("2,", "3,", 1))
    assert [tuple(bad) for bad in data.bad] == [(3, why)]
    assert [event.line for event in data.events] == [2, 4]


def test_nothing_is_dropped_silently(tmp_path: Path) -> None:
    data = own(
        tmp_path,
        "1,2015-01-01,,14,-4,Konna,robbery,0",
        "2,2015-01-01,2015-03-01,14,-4,Konna,robbery,0",
        "3,2015-01-01,,14,-4,Konna,quarrel,7",
        "4,never,,14,-4,Konna,robbery,0",
    )
    assert data.rows == len(data.events) + sum(data.left_out.values()) + len(data.bad)
    assert data.left_out == {"too coarse a date: more than 31 days": 1}
    assert data.unmapped == {"quarrel": 1}
    assert [(event.type, event.killed) for event in data.events] == [("banditry", 0), (None, 7)]


def test_a_quote_that_is_never_closed_costs_only_what_it_swallows(tmp_path: Path) -> None:
    good = "2,2015-02-03,,14,-4,Konna,robbery,0"
    data = own(tmp_path, good, '3,2015-02-03,,14,-4,"Konna,robbery,0', good)
    ((line, why),) = data.bad
    assert line == 3
    assert why.startswith("a quote is opened and not closed; lines 3 to ")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "own.csv"
    tags = "#id,#date,,#geo+lat,#geo+lon,#loc,,"
    text = f"{HEADER}\r\n{tags}\r\n1,1-Mar-2015,,14.5,-4,Konna,robbery,\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.replace(",", mark).encode())
    (event,) = read(file).events
    assert (event.type, event.spot.name) == ("banditry", "Konna")


@pytest.mark.parametrize(
    "written",
    ["2014-05-14", "2014-05-14 00:00:00.000", "2014-05-14T10:00:00Z", "14 May 2014", "14-mai-2014",
     "14 May. 2014", "2014-5-14"],
)  # fmt: skip
def test_dates_as_they_are_written(written: str) -> None:
    assert Days(None).noon(written) == NOON


def test_slashes_are_read_only_as_the_mapping_says() -> None:
    assert Days("day_first").noon("14/05/2014") == NOON
    assert Days("month_first").noon("5/14/2014") == NOON
    with pytest.raises(UnreadableError, match="may be two days"):
        Days(None).noon("14/05/2014")


@settings(max_examples=150)
@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_every_day_is_read_as_its_noon(day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12).timestamp()  # noqa: DTZ001 - zones below
    assert abs(Days(None).noon(day.isoformat()) - noon) <= 14 * 3600


PLACES = Places(shipped().tree)


@settings(max_examples=150)
@given(st.text(max_size=30))
def test_no_date_and_no_coordinate_raises_anything_else(cell: str) -> None:
    with contextlib.suppress(UnreadableError):
        Days("day_first").noon(cell)
    with contextlib.suppress(UnreadableError):
        PLACES.spot(cell, cell, cell, [cell, cell])


def test_names_of_mali_are_its_areas_and_others_are_new() -> None:
    places = Places(shipped().tree)
    spots = [
        places.spot("14", "-4", "x", ["Mali", "Mopti Region", "Djenne", ""]),
        places.spot("14", "-4", "x", ["MALI", "A region made since", "Djenné"]),
        places.spot("14", "-4", "x", ["MALI", "A region made since", "A new cercle"]),
        places.spot("14", "-4", "x", ["Niger", "Tillabéri", "Téra"]),
    ]
    tree = places.tree()
    assert [spot.area for spot in spots] == [
        "ML0503",
        "ML0503",
        COUNTRY,
        "Niger / Tillabéri / Téra",
    ]
    assert [tree.name(spot.area) for spot in spots][3] == "Téra"
    assert tree.common([spots[0].area, spots[3].area]) == COUNTRY


# --- hostile files


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "has no header"),
        (b"id,date\xe9\n", "own.csv:1: 0xE9 is not UTF-8"),
        (b"date,lat,lon\n1,1,caf\xe9\n", "own.csv:2: 0xE9 is not UTF-8"),
        ("id,date".encode("utf-16"), "is UTF-16"),
        (b"id,\0date", "this is no text"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, "an old Excel file"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04 but no archive", "is damaged"),
        (b"x" * 1_100_000, "this line has no end"),
        (b"id,date\n" + b"\n".join(b"1,2" for _ in range(10)), "no column for `date`"),
        (b"date,lat,lon\n" + b"a,b,c\n" * 1000, "no event that can be used; line 2: 'b' is no"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, raw: bytes, told: str) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(raw)
    mapping = Mapping.model_validate(OWN | {"columns": OWN["columns"] | {"date": ("date",)}})
    if "no column" in told:
        mapping = Mapping.model_validate(OWN | {"columns": OWN["columns"] | {"date": ("day",)}})
        told = "no column for `date`: the mapping “Own” looks for day, and the header has id, date"
    with pytest.raises(EventsError) as raised:
        read(file, mapping)
    assert told in str(raised.value)


def test_a_directory_and_a_missing_file_say_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(EventsError, match="cannot be read"):
            tables.read(path)


def test_a_spreadsheet_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path) -> None:
    sound = sheet(tmp_path / "sound.xlsx", ["date", "lat", "lon"], ["2015-01-01", 1, 2])
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        with new.open("xl/media/image1.bin", "w", force_zip64=True) as much:
            for _ in range(100):
                much.write(b"\0" * 1_000_000)
    assert bomb.stat().st_size < 200_000
    with pytest.raises(EventsError, match="would unpack to 100,000,000 bytes"):
        read(bomb)


def test_entities_in_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    sound = sheet(tmp_path / "sound.xlsx", ["date", "lat", "lon"], ["2015-01-01", 1, 2])
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(bomb, "w") as new:
        for member in old.namelist():
            text = old.read(member).decode()
            if member.endswith("sheet1.xml"):
                text = f'<!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]>' + text.replace(
                    "<v>1</v>", "<v>&l8;</v>"
                )
            new.writestr(member, text)
    with pytest.raises(EventsError, match="no spreadsheet that can be read"):
        read(bomb)


def test_a_formula_makes_its_row_a_bad_one(tmp_path: Path) -> None:
    file = sheet(
        tmp_path / "own.xlsx",
        HEADER.split(","),
        [1, date(2015, 2, 3), None, 14, -4, "Konna", "robbery", 2.0],
        [2, date(2015, 2, 4), None, 14, -4, '=HYPERLINK("http://x")', "robbery", None],
        [None] * 8,
        [3, date(2015, 2, 5), None, "14,5", -4, "Konna", "robbery", None],
    )
    data = read(file)
    assert [(event.line, event.killed) for event in data.events] == [(2, 2), (5, 0)]
    assert data.bad == [(3, "F3 is a formula: paste its value")]


def test_a_spreadsheet_cut_short_is_damaged(tmp_path: Path) -> None:
    whole = sheet(tmp_path / "own.xlsx", HEADER.split(",")).read_bytes()
    cut = tmp_path / "cut.xlsx"
    for length in (10, len(whole) // 2, len(whole) - 5):
        cut.write_bytes(whole[:length])
        with pytest.raises(EventsError, match=r"cut\.xlsx"):
            read(cut)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_an_error_for_people(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.mktemp("bytes") / "own.csv"
    for head in (b"", b"date,lat,lon\n", b"PK\x03\x04"):
        file.write_bytes(head + raw)
        with pytest.raises(EventsError):
            read(file)


# --- rules of another directory


def test_rules_may_be_whole_content_a_rules_folder_or_only_files(tmp_path: Path) -> None:
    only = tmp_path / "only"
    only.mkdir()
    shutil.copy(PROJECT / "rules/alerts/market-cluster.yaml", only)
    folder = tmp_path / "folder"
    shutil.copytree(only, folder / "alerts")
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole / "rules")
    for directory in (only, folder, whole):
        assert [rule.id for rule in load_over(directory, PROJECT).rules] == ["market-cluster"]
    seasons = (PROJECT / "rules/seasons.yaml").read_text(encoding="utf-8")
    (folder / "seasons.yaml").write_text(seasons.replace("transhumance", "herds"), encoding="utf-8")
    assert "herds" in load_over(folder, PROJECT).seasons
    assert load_over(PROJECT, PROJECT).rules == shipped().rules


def test_a_live_rule_may_be_changed_and_replayed_before_anyone_waives_what_it_exposes(
    tmp_path: Path,
) -> None:
    written = (PROJECT / "rules/alerts/grave-report.yaml").read_text(encoding="utf-8")
    assert "hours: 24" in written
    (tmp_path / "grave.yaml").write_text(written.replace("hours: 24", "hours: 25"), "utf-8")
    (rule,) = load_over(tmp_path, PROJECT).rules
    assert rule.status == "live"


def test_problems_of_rules_laid_over_are_told_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("- id: x\n  atleast: 3\n", encoding="utf-8")
    with pytest.raises(ContentError) as raised:
        load_over(tmp_path, PROJECT)
    assert "rules/alerts/mine.yaml:2:3" in {problem.where for problem in raised.value.problems}
