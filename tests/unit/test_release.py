"""When an alert leaves, and what it may then say: pure decisions."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.codebook import SEVERITIES, Severity
from service.domain.evidence import DecisionKind
from service.domain.release import ReleasePolicy, Said, due, part_told, to_say, window

BAMAKO = ZoneInfo("Africa/Bamako")
BERLIN = ZoneInfo("Europe/Berlin")
QUARTERS = (time(0), time(6), time(12), time(18))
GRAVE: frozenset[Severity] = frozenset({"severe", "extreme"})
POLICY = ReleasePolicy(GRAVE, QUARTERS, BAMAKO)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
some_ends = st.sets(st.times(), max_size=8).map(lambda ends: tuple(sorted({time(0), *ends})))


@pytest.mark.parametrize(
    ("severity", "now", "leaves"),
    [
        ("extreme", NOON, NOON),
        ("severe", NOON + timedelta(seconds=7), NOON + timedelta(seconds=7)),
        ("moderate", NOON - timedelta(seconds=1), NOON),
        ("moderate", NOON, NOON + timedelta(hours=6)),  # the window that begins now
        ("minor", NOON + timedelta(hours=7), NOON + timedelta(hours=12)),
        ("minor", NOON + timedelta(hours=12), NOON + timedelta(hours=18)),
    ],
)
def test_grave_alerts_leave_at_once_and_others_at_the_end_of_their_window(
    severity: Severity, now: datetime, leaves: datetime
) -> None:
    assert due(severity, now, POLICY) == leaves


@given(moments, moments, some_ends, st.sampled_from([BAMAKO, BERLIN]))
def test_what_is_decided_in_one_window_leaves_at_one_moment(
    one: datetime, other: datetime, ends: tuple[time, ...], zone: ZoneInfo
) -> None:
    """Whatever the windows and the clocks: the moment of leaving tells the window and no more."""
    policy = ReleasePolicy(GRAVE, ends, zone)
    start, end = window(one, policy)
    assert start <= one < end <= start + timedelta(hours=25)
    assert due("minor", one, policy) == end
    assert (due("minor", other, policy) == end) == (start <= other < end)


@given(moments, some_ends, st.sampled_from([BAMAKO, BERLIN]))
def test_no_window_runs_over_midnight(
    now: datetime, ends: tuple[time, ...], zone: ZoneInfo
) -> None:
    start, end = window(now, ReleasePolicy(GRAVE, ends, zone))
    last = end - timedelta(microseconds=1)
    assert start.astimezone(zone).date() == last.astimezone(zone).date()


@given(moments, moments, some_ends)
def test_a_text_tells_no_more_of_the_time_than_its_window(
    one: datetime, other: datetime, ends: tuple[time, ...]
) -> None:
    """Two reports of now, in one window: what is told of the time is the same for both."""
    policy = ReleasePolicy(GRAVE, ends, BAMAKO)
    due_at = due("minor", one, policy)
    if due("minor", other, policy) == due_at:
        told = [part_told(at, "minor", due_at, policy) for at in (one, other)]
        assert told[0] == told[1]


@pytest.mark.parametrize(
    ("severity", "ends", "part"),
    [
        ("minor", QUARTERS, "morning"),
        ("minor", (time(0), time(9), time(11)), "morning"),
        ("minor", (time(0), time(12)), "day"),
        ("severe", (time(0), time(12)), "morning"),
    ],
)
def test_the_part_of_the_day_is_told_where_the_window_is_no_longer(
    severity: Severity, ends: tuple[time, ...], part: str
) -> None:
    policy = ReleasePolicy(GRAVE, ends, BAMAKO)
    at = NOON - timedelta(hours=2, minutes=30)
    assert part_told(at, severity, due(severity, at, policy), policy).part == part


@pytest.mark.parametrize(
    ("decided", "is_told", "said"),
    [
        (["raise"], False, "alert"),
        (["raise", "escalate", "repeat"], False, "alert"),
        (["raise", "correct"], False, None),
        (["raise", "escalate", "correct"], False, None),
        (["escalate"], True, "update"),
        (["repeat", "escalate"], True, "update"),
        (["correct"], True, "correction"),
        (["escalate", "correct"], True, "correction"),
    ],
)
def test_what_was_decided_since_is_told_in_one_text_or_in_none(
    decided: list[DecisionKind], is_told: bool, said: Said | None
) -> None:
    assert to_say(decided, is_told) == said


def test_a_time_without_a_zone_falls_into_no_window() -> None:
    with pytest.raises(ValueError, match="no window"):
        window(datetime(2026, 1, 1), POLICY)  # noqa: DTZ001


def test_every_severity_has_a_time_to_leave() -> None:
    assert all(due(severity, NOON, POLICY) >= NOON for severity in SEVERITIES)
