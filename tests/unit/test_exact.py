"""Which place may be named exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.exact import ENOUGH, place_to_name


@pytest.mark.parametrize(
    ("reports", "asked", "place"),
    [
        ([], 2, None),
        ([("a", 1), ("a", 2)], 2, None),
        ([("a", 1), ("a", 2), ("a", 3)], 2, "a"),
        ([("a", 1), ("a", 2), ("a", 2), ("a", 2)], 2, None),
        ([("a", 1), ("a", 2), ("b", 3)], 2, None),
        ([("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 4)], 2, "a"),
        ([("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 4), ("b", 5)], 2, None),
        ([("a", 1), ("a", 2), ("a", 3)], 4, None),
        ([("a", 1), ("a", 2), ("a", 3), ("a", 4)], 4, "a"),
    ],
)
def test_a_place_is_named_where_enough_people_reported_that_very_place(
    reports: list[tuple[str, int]], asked: int, place: str | None
) -> None:
    assert place_to_name(reports, asked) == place


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6))), st.integers(1, 5))
def test_never_with_fewer_people_than_are_enough(
    reports: list[tuple[str, int]], asked: int
) -> None:
    place = place_to_name(reports, asked)
    if place is not None:
        people = {who for where, who in reports if where == place}
        assert len(people) >= max(ENOUGH, asked)
