"""The day-part that an alert names."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from service.domain.alerts import DAY_PARTS, DayPart, Part, day_part

BAMAKO = ZoneInfo("Africa/Bamako")


@pytest.mark.parametrize(
    ("clock", "part"),
    [
        ("00:00", "night"),
        ("05:59", "night"),
        ("06:00", "morning"),
        ("11:59", "morning"),
        ("12:00", "afternoon"),
        ("17:59", "afternoon"),
        ("18:00", "evening"),
        ("23:59", "evening"),
    ],
)
def test_a_day_has_four_parts_of_six_hours(clock: str, part: Part) -> None:
    at = datetime.fromisoformat(f"2026-12-31T{clock}:00+00:00")
    assert day_part(at, BAMAKO) == DayPart(date(2026, 12, 31), part)


def test_the_day_is_the_local_one() -> None:
    at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert day_part(at, ZoneInfo("Africa/Lagos")) == DayPart(date(2027, 1, 1), "night")
    west = at.astimezone(timezone(timedelta(hours=-8)))
    assert day_part(west, BAMAKO) == DayPart(date(2026, 12, 31), "evening")


def test_the_parts_come_in_the_order_of_the_day() -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    parts = [day_part(midnight + timedelta(hours=hour), BAMAKO).part for hour in range(24)]
    assert tuple(dict.fromkeys(parts)) == DAY_PARTS


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        day_part(datetime(2026, 3, 1), BAMAKO)  # noqa: DTZ001
