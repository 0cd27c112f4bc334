"""What a responder is cleared for, and who is told for it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.domain.areas import AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import SEVERITIES, Severity
from service.domain.escalation import is_told

TYPES = ("land_water_dispute", "vawg", "security_forces_abuse")
TREE = AreaTree(
    {
        "R": ("Région", "ML"), "RA": ("Cercle A", "R"), "RB": ("Cercle B", "R"),
        "RA1": ("Commune A1", "RA"), "RA2": ("Commune A2", "RA"),
    }
)  # fmt: skip
clearances = st.builds(
    lambda bounds, types, without: Clearance(
        lowest=min(bounds, key=SEVERITIES.index),
        highest=max(bounds, key=SEVERITIES.index),
        types=tuple(sorted(types)) or None,
        without=tuple(sorted(without - types if types else without)),
    ),
    st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(SEVERITIES)),
    st.frozensets(st.sampled_from(TYPES)),
    st.frozensets(st.sampled_from(TYPES)),
)


def test_nothing_said_is_everything_cleared() -> None:
    everything = Clearance()
    assert everything.stored() is None
    assert Clearance.of(None) == everything
    assert all(everything.covers(*each) for each in product(TYPES, SEVERITIES))


@given(clearances)
def test_a_clearance_is_kept_as_it_was(clearance: Clearance) -> None:
    assert Clearance.of(clearance.stored()) == clearance


@pytest.mark.parametrize(
    ("clearance", "type_", "covered"),
    [
        (Clearance(lowest="severe"), "vawg", {"severe", "extreme"}),
        (Clearance(highest="moderate"), "vawg", {"minor", "moderate"}),
        (Clearance(lowest="moderate", highest="severe"), "vawg", {"moderate", "severe"}),
        (Clearance(types=("vawg",)), "vawg", set(SEVERITIES)),
        (Clearance(types=("vawg",)), "land_water_dispute", set()),
        (Clearance(without=("security_forces_abuse",)), "security_forces_abuse", set()),
        (Clearance(without=("security_forces_abuse",)), "vawg", set(SEVERITIES)),
    ],
)
def test_who_is_cleared_for_what(clearance: Clearance, type_: str, covered: set[Severity]) -> None:
    assert {each for each in SEVERITIES if clearance.covers(type_, each)} == covered


@pytest.mark.parametrize(
    "wrong",
    [
        {"lowest": "extreme", "highest": "minor"},
        {"types": ()},
        {"types": ("vawg",), "without": ("vawg",)},
        {"lowest": "grave"},
        {"area": "ML05"},
    ],
)
def test_a_clearance_for_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Clearance.model_validate(wrong)


@given(
    st.sampled_from(list(TREE)), st.sampled_from([*TREE, "gone"]), clearances,
    st.sampled_from(TYPES), st.sampled_from((None, *SEVERITIES)),
)  # fmt: skip
def test_nobody_is_told_outside_their_area_or_clearance(
    area: str, responder: str, clearance: Clearance, type_: str, severity: Severity | None
) -> None:
    told = is_told(TREE, area, responder, clearance, type_, severity)
    inside = responder in TREE and (area in TREE.path(responder) or responder in TREE.path(area))
    type_covered = any(clearance.covers(type_, each) for each in SEVERITIES)
    covered = type_covered if severity is None else clearance.covers(type_, severity)
    assert told == (inside and covered)
