import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.areas import (
    COUNTRY,
    Alerted,
    AreaTree,
    Coarsened,
    Cover,
    Membership,
    Merge,
    finest,
    in_use,
    replay,
)
from service.domain.cover import Wanting

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


K2, MARGIN2, END = 2, 1, 25
warned = st.lists(
    st.builds(
        Alerted,
        st.sampled_from(["ML050101", "ML0501-a", "ML0501", "ML05", COUNTRY]),
        st.integers(0, END),
    ),
    max_size=12,
)


def covers(members: list[Membership], alerts: list[Alerted]) -> list[Cover]:
    return [replay(TREE, members, moment, K2, MARGIN2, alerts) for moment in range(END)]


@given(memberships, warned)
def test_k_people_stand_behind_a_name_for_the_whole_time_it_is_in_use(members, alerts):
    spans: dict[str, set[int]] = {}
    for moment, cover in enumerate(covers(members, alerts)):
        for area in set(TREE) - {COUNTRY}:
            present = there(members, area, moment)
            since = cover.since(area)
            if since is None:
                spans.pop(area, None)
                continue
            if since == moment:
                assert len(present) >= K2 + MARGIN2, "a use begins only with the margin"
                spans[area] = present
            spans[area] &= present
            assert len(spans[area]) >= K2
            assert cover.steady(area) == len(spans[area])


@given(memberships, warned)
def test_an_alert_points_at_k_people_or_at_all_there_are(members, alerts):
    """What remains of an area, when the finer ones are taken away, hides its people too."""
    for moment, cover in enumerate(covers(members, alerts)):
        everyone = there(members, COUNTRY, moment)
        behind = {area: cover.behind(area) for area in cover.in_use}
        assert sorted(key for group in behind.values() for key in group) == sorted(everyone)
        for area, group in behind.items():
            assert group == {p for p in everyone if cover.named_for(members[p].area) == area}
            assert not group or len(group) >= min(K2, len(everyone))


@given(memberships, warned)
def test_alerts_held_together_point_at_k_people_unless_some_left(members, alerts):
    """However areas came into use between the alerts of one sender."""
    could: dict[int, list[frozenset[int]]] = {}
    for moment, cover in enumerate(covers(members, alerts)):
        for person in there(members, COUNTRY, moment):
            group = cover.behind(cover.named_for(members[person].area))
            if any(
                alert.at == moment + 1 and cover.named_for(alert.area) == cover.named_for(area)
                for alert in alerts
                if (area := members[person].area)
            ):
                could.setdefault(person, []).append(group)
            seen = could.get(person, [])
            held = frozenset.intersection(group, *seen)
            stayed = all(
                members[other].left_at is None or members[other].left_at > moment
                for sent in seen
                for other in sent
            )
            if stayed and all(len(sent) >= K2 for sent in seen):
                assert len(held) >= min(K2, len(there(members, COUNTRY, moment)))


def test_an_area_waits_while_what_remains_around_it_would_be_a_few():
    few = enrolled("ML050102", 3)
    assert finest(TREE, used(enrolled("ML050101", 8), few), "ML050101") == "ML0501"
    assert "ML050101" in used(enrolled("ML050101", 8), few, enrolled("ML050103", 2))
    assert "ML050101" in used(enrolled("ML050101", 8))


def test_one_who_enrols_beside_an_area_in_use_is_never_named_alone():
    before = enrolled("ML050101", 8)
    assert "ML050101" in used(before)
    alone = enrolled("ML050102", 1, joined_at=50)
    assert finest(TREE, used(before, alone), "ML050102") == "ML0501"
    assert finest(TREE, used(before, alone), "ML050101") == "ML0501"


def test_who_could_have_sent_an_earlier_alert_is_not_told_apart_by_a_finer_area():
    """One of Bandiagara warns, the cercle is named, then six more enrol beside them."""
    elders = enrolled("ML050101", 1) + enrolled("ML050102", 9)
    newcomers = enrolled("ML050101", 7, joined_at=50)
    alerts = [Alerted("ML0501", 20)]

    def named(alerts: list[Alerted], elders: list[Membership] = elders) -> Cover:
        return replay(TREE, elders + newcomers, 100, K, MARGIN, alerts)

    assert named([]).named_for("ML050101") == "ML050101"
    assert named(alerts).named_for("ML050101") == "ML0501"
    assert named(alerts).wanting("ML050101") == Wanting("told_apart")
    assert named(alerts, elders[1:]).named_for("ML050101") == "ML050101"


def test_what_is_wanting_is_told_in_people():
    cover = replay(TREE, enrolled("ML050101", 5) + enrolled("ML050102", 8), 100, K, MARGIN)
    assert cover.wanting("ML050101") == Wanting("few", 2)
    assert cover.wanting("ML0501") is None
    cover = replay(TREE, enrolled("ML050101", 8) + enrolled("ML050102", 3), 100, K, MARGIN)
    assert cover.wanting("ML050101") == Wanting("rest", 0, 2)
    cover = replay(TREE, enrolled("ML050101", 5) + enrolled("ML050102", 3), 100, K, MARGIN)
    assert cover.wanting("ML050101") == Wanting("few", 2, 2)


def test_whoever_enrols_beside_an_area_may_be_whom_it_waited_for():
    waits = enrolled("ML050101", 8) + enrolled("ML050102", 3)
    assert "ML050101" not in used(waits)
    assert "ML050101" in used(waits, enrolled("ML050103", 2, joined_at=50))


@given(memberships, warned)
def test_an_area_that_is_not_in_use_wants_people_or_could_tell_some_apart(members, alerts):
    """None waits that could be in use."""
    for cover in covers(members, alerts):
        for area in TREE:
            wanting = cover.wanting(area)
            assert (wanting is None) == (area in cover.in_use)
            if wanting is not None and wanting.why != "told_apart":
                assert wanting.more + wanting.beside > 0


def test_what_two_coordinators_coarsen_is_coarser_at_once_and_until_they_end_it():
    people = enrolled("ML050101", 8) + enrolled("ML050201", 8)

    def cover(at: int, *orders: Coarsened) -> Cover:
        return replay(TREE, people, at, K, MARGIN, [], orders)

    order = Coarsened("ML0501", 40, 60)
    assert cover(39, order).named_for("ML050101") == "ML050101"
    assert cover(40, order).named_for("ML050101") == "ML05"
    assert cover(40, order).named_for("ML050201") == "ML050201"
    assert cover(40, order).wanting("ML050101") == Wanting("coarsened")
    assert cover(60, order).named_for("ML050101") == "ML050101"


@given(memberships, st.integers(0, 25))
def test_named_areas_nest_or_lie_apart(members, now):
    named = {
        finest(TREE, in_use(TREE, members, now, 2, 1), area) for area in TREE if area != COUNTRY
    }
    for a in named:
        for b in named:
            if not TREE.on_same_branch(a, b):
                assert not there(members, a, now) & there(members, b, now)
