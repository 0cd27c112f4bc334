"""How far an alert has come by what responders said last, in whatever order it came."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.responses import (
    ENDED,
    KINDS,
    OUTCOMES,
    REACHES,
    STATES,
    Kind,
    Outcome,
    Response,
    acknowledged_by,
    heard_at,
    last_words,
    outcome,
    said_at,
    state,
    tally,
)

TOLD = datetime(2026, 11, 23, 9, tzinfo=UTC)
AWA, BOUBA, COUMBA = 1, 2, 3


def said(
    person: int, kind: Kind, minute: int = 0, ended: Outcome | None = None, id_: int = 0
) -> Response:
    return Response(id_ or minute, person, kind, ended, TOLD + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], "open"),
        ([said(AWA, "acknowledge")], "acknowledged"),
        ([said(AWA, "on_the_way")], "on_the_way"),
        ([said(AWA, "done", ended="too_late")], "done"),
        ([said(AWA, "cannot")], "open"),
        ([said(AWA, "cannot"), said(BOUBA, "acknowledge")], "acknowledged"),
        ([said(AWA, "acknowledge", 1), said(AWA, "cannot", 2)], "open"),
        ([said(AWA, "cannot", 1), said(AWA, "on_the_way", 2)], "on_the_way"),
        ([said(AWA, "done", 1), said(AWA, "acknowledge", 2)], "acknowledged"),
        ([said(AWA, "done", 1), said(BOUBA, "acknowledge", 2)], "done"),
    ],
)
def test_an_alert_is_as_far_as_anybodys_last_word_takes_it(
    given_: list[Response], expected: str
) -> None:
    assert state(given_) == expected
    assert state(given_, corrected=True) == "corrected"


def test_every_answer_reaches_a_state_and_every_state_is_reached() -> None:
    assert set(REACHES) == set(KINDS)
    assert {*REACHES.values(), "corrected"} == set(STATES)
    assert set(STATES) > ENDED


def test_who_has_it_in_hand_are_those_whose_last_word_is_not_that_they_cannot() -> None:
    given_ = [said(AWA, "acknowledge", 1), said(BOUBA, "on_the_way", 2), said(COUMBA, "cannot", 3)]
    assert acknowledged_by(given_) == {AWA, BOUBA}
    assert acknowledged_by([*given_, said(AWA, "cannot", 4)]) == {BOUBA}
    assert acknowledged_by([]) == frozenset()
    assert tally(given_) == {"acknowledge": 1, "on_the_way": 1, "cannot": 1, "done": 0}


def test_the_last_word_is_the_last_that_was_sent_in_whatever_order_they_came() -> None:
    spoken = [said(AWA, "acknowledge", 1), said(AWA, "cannot", 5), said(AWA, "on_the_way", 9)]
    for order in permutations(spoken):
        came = [Response(n, r.person, r.kind, r.outcome, r.at) for n, r in enumerate(order)]
        assert last_words(came)[AWA].kind == "on_the_way"


def test_of_two_that_were_sent_together_the_later_read_counts() -> None:
    both = [said(AWA, "cannot", 3, id_=8), said(AWA, "acknowledge", 3, id_=7)]
    assert last_words(both)[AWA].kind == "cannot"


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ([], None),
        ([None], None),
        (["prevented"], "prevented"),
        (["prevented", None], "prevented"),
        (["false_alarm", "contained", "false_alarm"], "false_alarm"),
        (["false_alarm", "contained"], "disputed"),
    ],
)
def test_how_it_ended_is_what_most_say(ended: list[Outcome | None], expected: str | None) -> None:
    assert outcome([said(n, "done", n, each) for n, each in enumerate(ended)]) == expected


def test_who_takes_back_an_outcome_has_none() -> None:
    assert outcome([said(AWA, "done", 1, "too_late"), said(AWA, "on_the_way", 2)]) is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, 30),
        (10, 10),
        (0, 0),
        (30, 30),
        (-1, -1),  # by a clock that is slow: in the order in which it was said all the same
        (-2, -2),
        (-3, 30),  # before the alert was told: the date is wrong
        (31, 31),  # by a clock that is fast
        (33, 30),  # after it came
    ],
)
def test_an_answer_was_given_when_it_was_sent_if_that_can_be_believed(
    sent: int | None, expected: int
) -> None:
    sent_at = None if sent is None else TOLD + timedelta(minutes=sent)
    received = TOLD + timedelta(minutes=30)
    assert said_at(sent_at, received, TOLD) == TOLD + timedelta(minutes=expected)


@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2])
def test_the_order_of_two_answers_is_theirs_by_whatever_clock_and_in_whatever_order(
    off: int,
) -> None:
    """Awa answers at 0 and 1 minutes; the first text comes after 0 or 40, the second 1 or 40."""
    skew = timedelta(minutes=off)
    for first_came, then_came in ((0, 1), (40, 1), (0, 40), (41, 40)):
        came = [TOLD + timedelta(minutes=each) for each in (first_came, then_came)]
        sent = [TOLD + skew, TOLD + skew + timedelta(minutes=1)]
        at = [said_at(s, c, TOLD) for s, c in zip(sent, came, strict=True)]
        words = [
            Response(2, AWA, "acknowledge", None, at[0]),
            Response(1, AWA, "done", None, at[1]),
        ]
        assert last_words(words)[AWA].kind == "done"
        for each, c in zip(at, came, strict=True):
            assert TOLD <= heard_at(each, c, TOLD) <= c


RESPONSES = st.builds(
    Response,
    st.integers(1, 99),
    st.integers(1, 4),
    st.sampled_from(KINDS),
    st.sampled_from([None, *OUTCOMES]),
    st.integers(0, 5).map(lambda minute: TOLD + timedelta(minutes=minute)),
)


@given(st.lists(RESPONSES, unique_by=lambda each: each.id), st.randoms())
def test_the_order_in_which_answers_are_looked_at_changes_nothing(
    given_: list[Response], chance: "object"
) -> None:
    shuffled = given_.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert state(shuffled) == state(given_)
    assert outcome(shuffled) == outcome(given_)
    assert acknowledged_by(shuffled) == acknowledged_by(given_)
    assert (state(given_) == "open") == (not acknowledged_by(given_))
