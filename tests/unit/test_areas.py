import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.areas import COUNTRY, AreaTree, Membership, Merge, finest, in_use

K, MARGIN = 5, 2
AREAS = {
    "ML05": ("Mopti", COUNTRY),
    "ML0501": ("Bandiagara", "ML05"),
    "ML0502": ("Bankass", "ML05"),
    "ML050101": ("Bandiagara", "ML0501"),
    "ML050102": ("Kendé", "ML0501"),
    "ML050103": ("Pignari", "ML0501"),
    "ML050201": ("Baye", "ML0502"),
    "ML06": ("Tombouctou", COUNTRY),
}
KENDE_PIGNARI = Merge("ML0501-a", "Kendé et Pignari", ("ML050102", "ML050103"))
TREE = AreaTree(AREAS, [KENDE_PIGNARI])


def enrolled(area: str, count: int, joined_at: int = 0, left_at: int | None = None):
    return [Membership(area, joined_at, left_at)] * count


def used(*groups: list[Membership], now: int = 100) -> frozenset[str]:
    return in_use(TREE, [member for group in groups for member in group], now, K, MARGIN)


def test_a_merge_stands_between_its_members_and_their_parent():
    assert TREE.path("ML050102") == ("ML050102", "ML0501-a", "ML0501", "ML05", "ML")
    assert TREE.path("ML050101") == ("ML050101", "ML0501", "ML05", "ML")
    assert TREE.name("ML0501-a") == "Kendé et Pignari"
    assert (TREE.parent("ML0501-a"), TREE.parent(COUNTRY)) == ("ML0501", None)
    assert "ML0501-a" in TREE
    assert "ML99" not in TREE


@pytest.mark.parametrize(
    ("pcode", "commune", "cercle", "region"),
    [
        ("ML050102", "ML050102", "ML0501", "ML05"),
        ("ML0501", "ML0501", "ML0501", "ML05"),
        ("ML05", "ML05", "ML05", "ML05"),
        ("ML0501-a", "ML0501", "ML0501", "ML05"),
        (COUNTRY, COUNTRY, COUNTRY, COUNTRY),
    ],
)
def test_an_area_lies_in_one_of_each_level_above_it(pcode, commune, cercle, region):
    assert TREE.at(pcode, "commune") == commune
    assert TREE.at(pcode, "cercle") == cercle
    assert TREE.at(pcode, "region") == region


@pytest.mark.parametrize(
    ("pcodes", "common"),
    [
        (["ML050102"], "ML050102"),
        (["ML050102", "ML050103"], "ML0501-a"),
        (["ML050102", "ML050101"], "ML0501"),
        (["ML050102", "ML0501"], "ML0501"),
        (["ML050102", "ML050201"], "ML05"),
        (["ML050102", "ML06"], COUNTRY),
        ([], COUNTRY),
    ],
)
def test_the_common_area_is_the_finest_that_holds_all(pcodes, common):
    assert TREE.common(pcodes) == common


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("ML0501", "ML050101", True),
        ("ML050101", "ML0501", True),
        ("ML0501", "ML0501", True),
        ("ML050101", "ML050102", False),
        ("ML06", COUNTRY, True),
    ],
)
def test_two_areas_are_on_one_branch_when_one_holds_the_other(a, b, same):
    assert TREE.on_same_branch(a, b) is same


@pytest.mark.parametrize(
    ("areas", "merges", "says"),
    [
        ({"ML05": ("Mopti", "ML09")}, [], "ML05 lies in ML09, which is not an area"),
        ({"A": ("a", "B"), "B": ("b", "A")}, [], "A lies within itself"),
        (AREAS, [Merge("ML0501", "x", ("ML050101", "ML050102"))], "the code of another area"),
        (AREAS, [Merge("m", "x", ("ML050101", "ML059999"))], "names ML059999"),
        (AREAS, [Merge("m", "x", ("ML050101", "ML050201"))], "the same parent"),
        (AREAS, [Merge("m", "x", ("ML050101", "ML050101"))], "two or more areas"),
        (AREAS, [KENDE_PIGNARI, Merge("m", "x", ("ML050101", "ML050102"))], "the same parent"),
    ],
)
def test_what_is_no_tree_is_refused(areas, merges, says):
    with pytest.raises(ValueError, match=says):
        AreaTree(areas, merges)


def test_an_unknown_area_is_a_key_error():
    with pytest.raises(KeyError):
        TREE.path("ML99")


@pytest.mark.parametrize(
    ("count", "area"),
    [(7, "ML050101"), (6, COUNTRY)],
    ids=["enough with the margin", "one short of the margin"],
)
def test_an_area_comes_into_use_only_with_the_margin(count, area):
    assert finest(TREE, used(enrolled("ML050101", count)), "ML050101") == area


def test_too_few_in_the_commune_names_the_merge_then_the_cercle_then_the_region():
    here = enrolled("ML050102", 4)
    assert finest(TREE, used(here, enrolled("ML050103", 3)), "ML050102") == "ML0501-a"
    assert finest(TREE, used(here, enrolled("ML050101", 3)), "ML050102") == "ML0501"
    assert finest(TREE, used(here, enrolled("ML050201", 3)), "ML050102") == "ML05"
    assert finest(TREE, used(here, enrolled("ML06", 3)), "ML050102") == COUNTRY


def test_an_area_stays_in_use_down_to_k_and_goes_out_below():
    stay = enrolled("ML050101", 5)
    assert "ML050101" in used(stay, enrolled("ML050101", 2, left_at=50))
    assert "ML050101" not in used(stay[:4], enrolled("ML050101", 3, left_at=50))


def test_newcomers_do_not_stand_in_for_those_who_were_there():
    first = enrolled("ML050101", 4) + enrolled("ML050101", 3, left_at=50)
    assert "ML050101" not in used(first, enrolled("ML050101", 2, joined_at=40))
    assert "ML050101" in used(first, enrolled("ML050101", 3, joined_at=40))


def test_those_who_leave_at_one_moment_leave_together():
    first = enrolled("ML050101", 4) + enrolled("ML050101", 3, left_at=50)
    later = enrolled("ML050101", 1, joined_at=10, left_at=50) + enrolled(
        "ML050101", 2, joined_at=10
    )
    assert "ML050101" not in used(first, later)


def test_an_area_out_of_use_comes_back_only_with_the_margin():
    shrunk = enrolled("ML050101", 4) + enrolled("ML050101", 3, left_at=50)
    assert "ML050101" not in used(shrunk, enrolled("ML050101", 2, joined_at=60))
    assert "ML050101" in used(shrunk, enrolled("ML050101", 3, joined_at=60))


def test_all_who_join_at_the_moment_of_use_count_as_there_from_the_start():
    assert "ML050101" in used(enrolled("ML050101", 5), enrolled("ML050101", 4, left_at=50))


def test_what_comes_after_now_is_not_known_yet():
    assert used(enrolled("ML050101", 7, joined_at=101)) == {COUNTRY}
    assert "ML050101" in used(enrolled("ML050101", 7, left_at=101))
    assert "ML050101" not in used(enrolled("ML050101", 7, left_at=100))


def test_who_left_before_joining_was_never_there():
    assert used(enrolled("ML050101", 7, joined_at=50, left_at=50)) == {COUNTRY}


memberships = st.lists(
    st.builds(
        lambda area, joined, stay: Membership(area, joined, stay and joined + stay),
        st.sampled_from(["ML050101", "ML050102", "ML050103", "ML050201", "ML0501", "ML06"]),
        st.integers(0, 12),
        st.none() | st.integers(1, 12),
    ),
    max_size=40,
)


def there(members: list[Membership], area: str, moment: int) -> set[int]:
    """Positions in the list of who is enrolled in the area's subtree at that moment."""
    return {
        person
        for person, member in enumerate(members)
        if area in TREE.path(member.area)
        and member.joined_at <= moment
        and (member.left_at is None or moment < member.left_at)
    }


@given(memberships)
def test_k_people_stand_behind_a_name_for_the_whole_time_it_is_in_use(members):
    k, margin, end = 2, 1, 25
    history = [in_use(TREE, members, moment, k, margin) for moment in range(end)]
    for area in set(TREE) - {COUNTRY}:
        steady: set[int] = set()
        for moment in range(end):
            present = there(members, area, moment)
            if area not in history[moment]:
                assert len(present) < k + margin
                steady = set()
                continue
            assert len(present) >= k
            steady &= present
            if len(steady) < k:
                assert len(present) >= k + margin, "a new use begins only with the margin"
                steady = present


@given(memberships, st.integers(0, 25))
def test_named_areas_nest_or_lie_apart(members, now):
    named = {
        finest(TREE, in_use(TREE, members, now, 2, 1), area) for area in TREE if area != COUNTRY
    }
    for a in named:
        for b in named:
            if not TREE.on_same_branch(a, b):
                assert not there(members, a, now) & there(members, b, now)
