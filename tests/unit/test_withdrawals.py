"""What an `ANN` takes back depends on what was sent when, and on nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from service.domain.withdrawals import WITHIN, Sent, Withdrawal, withdrawn

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def sent(n: int, minute: float, *, verified: bool = True, place: str = "SOKOLO") -> Sent:
    at = NOON + timedelta(minutes=minute)
    return Sent(n, n, 0, at, verified, "market_attack", place)


def ann(
    inbox_id: int, minute: float, *, verified: bool = True, place: str | None = None
) -> Withdrawal:
    at = NOON + timedelta(minutes=minute)
    return Withdrawal(inbox_id, at, verified, corrects=False, place=place)


def cor(inbox_id: int, minute: float) -> Withdrawal:
    return Withdrawal(inbox_id, NOON + timedelta(minutes=minute), verified=True, corrects=True)


def test_the_last_report_goes_and_no_other() -> None:
    reports = [sent(1, 0), sent(2, 5), sent(3, 20)]
    assert withdrawn(reports, [ann(9, 10)]) == {2}
    assert withdrawn(reports, [ann(9, 30)]) == {3}
    assert withdrawn(reports, [ann(9, -1)]) == set()


def test_within_an_hour_and_not_later() -> None:
    hour = WITHIN.total_seconds() / 60
    assert withdrawn([sent(1, 0)], [ann(9, hour)]) == {1}
    assert withdrawn([sent(1, 0)], [ann(9, hour + 0.02)]) == set()


def test_said_twice_it_takes_back_no_more() -> None:
    reports = [sent(1, 0), sent(2, 5)]
    assert withdrawn(reports, [ann(8, 6), ann(9, 7)]) == {2}


def test_a_named_report_goes_though_it_is_not_the_last() -> None:
    reports = [sent(1, 0), sent(2, 5, place="NIONO")]
    assert withdrawn(reports, [ann(9, 6, place="SOKOLO")]) == {1}
    assert withdrawn(reports, [ann(9, 6, place="MOPTI")]) == set()


def test_a_correction_takes_the_place_of_the_one_before_and_can_be_corrected_again() -> None:
    reports = [sent(1, 0), sent(2, 5), sent(3, 8)]
    assert withdrawn(reports, [cor(2, 5)]) == {1}
    assert withdrawn(reports, [cor(2, 5), cor(3, 8)]) == {1, 2}
    assert withdrawn(reports[:2], [cor(2, 5), ann(9, 9)]) == {1, 2}


def test_two_corrections_of_one_second_leave_one() -> None:
    reports = [sent(1, 0), sent(2, 5), sent(3, 5)]
    assert withdrawn(reports, [cor(2, 5), cor(3, 5)]) == {1, 2}


def test_all_that_one_message_said_goes_together() -> None:
    first, second = sent(1, 0), Sent(2, 1, 1, NOON, verified=True, type="banditry", place="NIONO")
    assert withdrawn([first, second], [ann(9, 1)]) == {1, 2}
    assert withdrawn([first, second], [ann(9, 1, place="NIONO")]) == {2}


def test_what_was_proven_is_taken_back_by_what_is_proven() -> None:
    assert withdrawn([sent(1, 0)], [ann(9, 1, verified=False)]) == set()
    assert withdrawn([sent(1, 0, verified=False)], [ann(9, 1, verified=False)]) == {1}
    assert withdrawn([sent(1, 0, verified=False)], [ann(9, 1)]) == {1}


def test_where_the_very_report_is_known_neither_time_nor_order_decides() -> None:
    reports = [sent(1, 0), sent(2, 5), sent(3, 200)]
    late = Withdrawal(9, NOON + timedelta(hours=5), True, False, meant=(2, 0))
    assert withdrawn(reports, [late]) == {2}
    assert withdrawn(reports[:1], [late]) == set()


MINUTES = st.integers(0, 150)


@given(st.lists(MINUTES, max_size=8), st.lists(MINUTES, max_size=8), st.randoms())
def test_the_order_in_which_things_come_changes_nothing(
    said: Sequence[int], taken: Sequence[int], chance: Random
) -> None:
    reports = [sent(n, minute) for n, minute in enumerate(said)]
    back = [ann(100 + n, minute) for n, minute in enumerate(taken)]
    expected = withdrawn(reports, back)
    chance.shuffle(reports)
    chance.shuffle(back)
    assert withdrawn(reports, back + back[:1]) == expected
    assert len(expected) <= len(set(taken))
