"""A message whose date is too far from its coming is not counted, and no other."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.replays import AHEAD, OLDEST, misdated
from service.domain.retention import MESSAGE_HOURS

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MEMORY = timedelta(hours=MESSAGE_HOURS)


@pytest.mark.parametrize(
    ("sent_at", "why"),
    [
        (None, None),
        (NOW, None),
        (NOW - OLDEST, None),
        (NOW - OLDEST - timedelta(seconds=1), "too_old"),
        (NOW + AHEAD, None),
        (NOW + AHEAD + timedelta(seconds=1), "too_new"),
        (datetime.min.replace(tzinfo=UTC), "too_old"),
        (datetime.max.replace(tzinfo=UTC), "too_new"),
    ],
)
def test_what_is_misdated(sent_at: datetime | None, why: str | None) -> None:
    assert misdated(sent_at, NOW) == why


@given(
    ahead=st.timedeltas(-MEMORY, MEMORY),
    later=st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_what_was_counted_once_is_remembered_for_as_long_as_it_would_count(
    ahead: timedelta, later: timedelta
) -> None:
    """Whatever the gateway's clock says: no copy counts after the inbox has forgotten it."""
    sent_at = NOW + ahead
    counted = misdated(sent_at, NOW) is None
    would_count_again = misdated(sent_at, NOW + later) is None
    assert not (counted and would_count_again) or later <= MEMORY
