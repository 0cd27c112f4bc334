"""Seasons: decided windows, recurring defaults, New Year and leap days."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.content.typed import Reader
from service.content.yaml import compose_strict
from service.domain.seasons import Recurring, Seasons

SHIPPED = Path(__file__).resolve().parents[2] / "rules" / "seasons.yaml"
TENENKOU = ("ML050701", "ML0507", "ML05", "ML")


def seasons(zone: dict[str, object], **more: dict[str, object]) -> Seasons:
    title = {"fr": "Essai", "en": "Trial"}
    zones = {"zone": {"areas": ["ML0507"]} | zone} | more
    return Seasons.model_validate({"s": {"title": title, "zones": zones}})


def shipped() -> Seasons:
    document = compose_strict("seasons.yaml", SHIPPED.read_text(encoding="utf-8"))
    read = Reader(Seasons).read(document)
    assert read, document.problems
    return read


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2014-11-14", False),  # the default's 1 November does not hold in a decided year
        ("2014-11-15", True),
        ("2014-12-31", True),
        ("2015-01-01", True),
        ("2015-01-31", True),
        ("2015-02-01", False),
        ("2015-10-31", False),
        ("2015-11-01", True),  # 2015 is not decided: the default
        ("2016-01-31", True),
        ("2016-02-01", False),
        ("2014-01-15", True),  # the default of 2013 runs into the decided year
    ],
)
def test_the_shipped_transhumance_at_diafarabe(day: str, is_open: bool) -> None:
    assert shipped().open("transhumance", TENENKOU, date.fromisoformat(day)) is is_open


def test_a_window_of_a_year_may_open_in_the_next() -> None:
    late = {
        "windows": [{"year": 2015, "from": "2016-01-05", "to": "2016-02-10"}],
        "default": [{"from": "11-01", "to": "01-31"}],
    }
    calendar = seasons(late)
    days = {"2015-12-01": False, "2016-01-04": False, "2016-01-05": True, "2016-11-01": True}
    for day, is_open in days.items():
        assert calendar.open("s", ("ML0507",), date.fromisoformat(day)) is is_open, day


def test_the_finest_zone_decides_and_elsewhere_is_never_open() -> None:
    commune = {"areas": ["ML050701"], "default": [{"from": "04-01", "to": "04-30"}]}
    calendar = seasons({"default": [{"from": "11-01", "to": "01-31"}]}, commune=commune)
    april, december = date(2020, 4, 10), date(2020, 12, 10)
    assert calendar.zone("s", TENENKOU) == "commune"
    assert calendar.open("s", TENENKOU, april)
    assert not calendar.open("s", TENENKOU, december)
    assert calendar.open("s", TENENKOU[1:], december)
    assert calendar.zone("s", ("ML09", "ML")) is None
    assert not calendar.open("s", ("ML09", "ML"), december)


def test_an_unknown_season_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        shipped().open("winter", TENENKOU, date(2020, 1, 1))
    assert "transhumance" in shipped()
    assert "winter" not in shipped()


@pytest.mark.parametrize(
    ("opens", "closes", "year", "first", "last"),
    [
        ("11-15", "01-31", 2019, date(2019, 11, 15), date(2020, 1, 31)),
        ("02-01", "02-29", 2020, date(2020, 2, 1), date(2020, 2, 29)),
        ("02-01", "02-29", 2021, date(2021, 2, 1), date(2021, 2, 28)),
        ("02-29", "03-31", 2021, date(2021, 3, 1), date(2021, 3, 31)),
        ("12-01", "02-29", 2019, date(2019, 12, 1), date(2020, 2, 29)),
        ("12-31", "12-31", 2021, date(2021, 12, 31), date(2021, 12, 31)),
    ],
)
def test_recurring_windows_wrap_and_know_leap_years(
    opens: str, closes: str, year: int, first: date, last: date
) -> None:
    assert Recurring.model_validate({"from": opens, "to": closes}).of(year) == (first, last)


@given(
    start=st.dates(date(2001, 1, 1), date(2001, 12, 31)),
    length=st.integers(0, 300),
    day=st.dates(date(2002, 1, 1), date(2040, 12, 31)),
)
def test_a_day_is_open_just_when_a_window_that_recurs_holds_it(
    start: date, length: int, day: date
) -> None:
    end = start + timedelta(days=length)
    calendar = seasons({"default": [{"from": f"{start:%m-%d}", "to": f"{end:%m-%d}"}]})
    month_day = (day.month, day.day)
    first, last = (start.month, start.day), (end.month, end.day)
    if first <= last:
        expected = first <= month_day <= last
    else:
        expected = month_day >= first or month_day <= last
    assert calendar.open("s", ("ML0507",), day) is expected


@pytest.mark.parametrize(
    ("zone", "why"),
    [
        ({"default": [{"from": "13-01", "to": "01-31"}]}, "month-day"),
        ({"default": [{"from": "02-30", "to": "03-31"}]}, "month-day"),
        ({"default": [{"from": "1 Nov", "to": "01-31"}]}, "month-day"),
        ({"windows": [{"year": 2014, "from": "20141115", "to": "2015-01-31"}]}, "year-month-day"),
        ({"windows": [{"year": 2015, "from": "2015-02-29", "to": "2015-03-31"}]}, "year-month-day"),
        (
            {"windows": [{"year": 2014, "from": "2014-11-15", "to": "2014-11-14"}]},
            "before it opens",
        ),
        ({"windows": [{"year": 2014, "from": "2014-11-15", "to": "2015-11-16"}]}, "a year long"),
        ({"windows": [{"year": 2012, "from": "2014-11-15", "to": "2014-12-15"}]}, "opens in 2012"),
        ({"areas": []}, "at least 1"),
    ],
)
def test_calendars_that_cannot_be(zone: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        seasons(zone)


def test_an_area_is_in_one_zone_only() -> None:
    with pytest.raises(ValidationError, match="ML0507 is in the zones zone and other"):
        seasons({}, other={"areas": ["ML0507"]})
