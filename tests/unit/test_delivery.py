"""When a text is tried again and by which gateway, what receipts tell, and whose phone works."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import breaker, delivery
from service.domain.breaker import Breaker
from service.domain.delivery import (
    FAILED,
    MOST_UNKNOWN,
    Try,
    after,
    choose,
    fate,
    open_to,
    pause,
    supersedes,
    working,
)
from service.gateway import DeliveryStatus, OutcomeState

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BOTH = ["one", "two"]
STATUSES = [*get_args(OutcomeState), *map(str, DeliveryStatus)]
REFUSED = Try("one", "retry", "refused")


def step(*tries: Try, route: list[str] = BOTH, repeated: bool = True) -> tuple[str, float]:
    return tuple(after(tries, route, 1, 0.5, is_repeated=repeated))


def test_every_status_there_is_has_a_rank() -> None:
    assert set(STATUSES) == set(delivery._RANKS)


def test_waits_double_up_to_a_longest_and_spread() -> None:
    assert [pause(nth, "refused", 0.5) for nth in (1, 2, 3, 20, 10_000)] == [
        15, 30, 60, 1800, 1800,
    ]  # fmt: skip
    assert pause(1, "refused", 0.0) == pytest.approx(12)
    assert pause(1, "refused", 0.999) == pytest.approx(18, rel=0.01)


def test_what_one_gateway_does_not_take_goes_by_the_next_at_once() -> None:
    assert step(REFUSED) == ("waiting", 0)
    assert choose(BOTH, [REFUSED], 1) == "two"


def test_the_wait_begins_when_all_have_been_tried() -> None:
    both = REFUSED, Try("two", "retry", "refused")
    assert step(*both) == ("waiting", 15)
    assert choose(BOTH, both, 1) == "one"
    assert step(*both, *both) == ("waiting", 30)


def test_with_one_gateway_it_is_tried_again_after_a_wait() -> None:
    assert step(REFUSED, route=["one"]) == ("waiting", 15)
    assert step(REFUSED, REFUSED, route=["one"]) == ("waiting", 30)


def test_the_next_has_its_turn_after_as_many_failures_as_are_set() -> None:
    assert [choose(BOTH, [REFUSED] * n, 3) for n in range(5)] == ["one", "one", "one", "two", "two"]
    assert after([REFUSED], BOTH, 3, 0.5, is_repeated=True) == ("waiting", 15)
    assert after([REFUSED] * 3, BOTH, 3, 0.5, is_repeated=True) == ("waiting", 0)


def test_a_gateway_that_will_never_reach_a_number_is_not_asked_again() -> None:
    refused = Try("one", "final", "invalid_number")
    assert open_to(BOTH, [refused]) == ["two"]
    assert step(refused) == ("waiting", 0)
    assert step(refused, route=["one"]) == ("failed", 0)
    assert open_to(BOTH, [Try("one", "failed", "no_such_number")]) == ["two"]
    assert open_to(BOTH, [Try("one", "absent_subscriber", None)]) == BOTH


def test_what_may_have_been_taken_is_sent_again_late_and_not_for_ever() -> None:
    lost = Try("one", "unknown", "connection_lost")
    assert step(lost) == ("waiting", 120)
    assert step(*[lost] * MOST_UNKNOWN) == ("failed", 0)
    assert step(lost, repeated=False) == ("sent", 0)
    assert choose(BOTH, [lost], 1) == "two"


def test_what_was_taken_is_sent() -> None:
    assert step(REFUSED, Try("two", "accepted", "sent")) == ("sent", 0)


def test_receipts_in_any_order_end_the_same() -> None:
    for order in permutations(["sent", "submitted", "buffered", "success"]):
        assert _last(order) == "success"
    for order in permutations(["sent", "buffered", "failed"]):
        assert _last(order) == "failed"
    assert _last(["failed", "success", "failed"]) == "success"
    assert _last(["success", "rejected", "absent_subscriber", "unknown"]) == "success"


@given(st.lists(st.sampled_from(STATUSES)))
def test_what_is_final_stays_final(receipts: list[str]) -> None:
    assert fate(_last(["success", *receipts])) == "arrived"
    assert fate(_last(["failed", *receipts])) != "under_way"


def _last(receipts: object) -> str:
    status = "accepted"
    for receipt in receipts:  # type: ignore[attr-defined]
        status = receipt if supersedes(receipt, status) else status
    return status


def test_what_certainly_failed_is_neither_under_way_nor_arrived() -> None:
    assert {status for status in STATUSES if fate(status) == "failed"} == set(FAILED)
    assert fate("a status of tomorrow") == "under_way"


def test_a_phone_works_until_several_texts_in_a_row_did_not_arrive() -> None:
    def works(undelivered: int, last_at: datetime | None) -> bool:
        return working(undelivered, last_at, NOW, failures=3, within=timedelta(days=7))

    assert [works(n, NOW) for n in range(5)] == [True, True, True, False, False]
    assert works(0, None)
    assert not works(9, NOW - timedelta(days=6, hours=23))
    assert works(9, NOW - timedelta(days=7))  # else nothing would show that it works again


def test_a_gateway_is_passed_over_after_faults_in_a_row_and_no_sooner() -> None:
    shut = Breaker()
    for faulty in (True, True, False, True, True):
        shut = shut.noted(NOW, faulty=faulty)
        assert shut.state(NOW) == "closed"
    assert shut.noted(NOW, faulty=True).state(NOW) == "open"


def test_one_call_shows_whether_it_works_again_and_each_failure_doubles_the_pause() -> None:
    shut, now = Breaker(), NOW
    for _ in range(3):
        shut = shut.noted(now, faulty=True)
    pauses = []
    for _ in range(7):
        assert shut.until is not None
        pauses.append((shut.until - now).total_seconds())
        assert shut.state(shut.until - timedelta(seconds=1)) == "open"
        now = shut.until
        assert shut.state(now) == "half_open"
        shut = shut.noted(now, faulty=True)
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert shut.until is not None
    assert shut.noted(shut.until, faulty=False) == Breaker()


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_pause() -> None:
    shut = Breaker()
    for _ in range(20):
        shut = shut.noted(NOW, faulty=True)
    assert shut.until == NOW + breaker.FIRST_PAUSE
