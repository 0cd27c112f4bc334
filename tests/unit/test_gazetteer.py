"""The places that ship, how names find them, and what is refused in the tables."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import words
from service.domain.areas import AreaTree
from service.domain.damm import check_digit
from service.domain.gazetteer import (
    Gazetteer,
    TablesError,
    is_code,
)
from service.domain.geo import Point, distance_km
from service.domain.meant import Match, Meant
from tests.support.rules_content import RULES, gazetteer, rows


def find(text: str, home: str | None = None) -> Match:
    return Meant(gazetteer(), home).find(words.split(text, 100).runs)


# --- the check digit


def test_the_check_digit_is_the_one_that_damm_gives() -> None:
    assert check_digit("572") == "4"
    assert check_digit("5724") == "0"


@given(st.text("0123456789", min_size=4, max_size=5), st.data())
def test_one_wrong_digit_or_two_swapped_never_pass(payload: str, data: st.DataObject) -> None:
    code = payload + check_digit(payload)
    assert is_code(code)
    at = data.draw(st.integers(0, len(code) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    assert is_code(code[:at] + digit + code[at + 1 :]) == (digit == code[at])
    here = data.draw(st.integers(0, len(code) - 2))
    swapped = code[:here] + code[here + 1] + code[here] + code[here + 2 :]
    assert is_code(swapped) == (swapped == code)


@pytest.mark.parametrize("text", ["", "5724", "1234567", "53 31", "5331a", "٥٣٣١٢", "²³¹¹²"])
def test_what_is_not_formed_as_a_code_is_none(text: str) -> None:
    assert not is_code(text)


# --- the places that ship


def test_every_place_of_the_sources_is_there_once() -> None:
    places, areas = rows("places"), rows("areas")
    assert [sum(len(row[0]) == length for row in areas) for length in (2, 4, 6, 8)] == [
        1,
        9,
        50,
        718,
    ]
    assert len(gazetteer()) == len(places) + 718
    assert len(gazetteer()) > 14_902
    assert {row[2] for row in places} == {"village", "market"}


def test_codes_are_short_where_the_first_focal_points_are() -> None:
    paths = {row[0]: row[1] for row in rows("areas")}
    for code, _, _, area, *_ in rows("places"):
        region = area
        while paths[region] != "ML":
            region = paths[region]
        assert len(code) == (5 if region in ("ML04", "ML05", "ML06") else 6), code
        assert code[0] != "0"


def test_the_tables_say_where_they_come_from() -> None:
    sources = (RULES / "places" / "SOURCES.md").read_text(encoding="utf-8")
    for name in ("OCHA", "GeoNames", "Who's On First", "WFP", "CC BY"):
        assert name in sources


def test_the_areas_make_a_tree() -> None:
    tree = AreaTree(gazetteer().areas)
    assert tree.name("ML") == "Mali"
    assert tree.path("ML050605") == ("ML050605", "ML0506", "ML05", "ML")
    # A commune of a former cercle that is a région of its own in the newer codes.
    assert tree.path("ML100305") == ("ML100305", "ML0704", "ML07", "ML")


def test_every_area_has_a_point_in_or_near_mali() -> None:
    middle = gazetteer().point_of("ML")
    for pcode in gazetteer().areas:
        assert distance_km(middle, gazetteer().point_of(pcode)) < 1100, pcode
    assert gazetteer().point_of("ML050605") == Point(14.94329, -3.89474)
    with pytest.raises(KeyError):
        gazetteer().point_of("ML99")


def test_a_commune_without_a_seat_stands_at_its_cercle() -> None:
    bare = next(row for row in rows("areas") if len(row[0]) == 8 and not row[4])
    commune = gazetteer().by_code(bare[0])
    assert commune is not None
    assert commune.point is None
    assert gazetteer().point_of(bare[0]) == gazetteer().point_of(bare[1])


@pytest.mark.parametrize(
    ("name", "kind", "area"),
    [
        ("Djenné", "commune", "ML050303"),
        ("Djenne Commune", "commune", "ML050303"),
        ("Niafunké", "commune", "ML060407"),
        ("Dialloubé", "commune", "ML050603"),
        ("Mopti", "commune", "ML050609"),
        ("Ségou", "commune", "ML040626"),
        ("Gao", "commune", "ML070303"),
        ("Sévaré", "village", "ML050609"),
        ("Mopti Digue", "market", "ML0506"),
        ("Ké-Macina", "village", "ML0403"),
    ],
)
def test_known_towns_are_found(name: str, kind: str, area: str) -> None:
    place = find(name, home="ML0506" if area == "ML050609" else None).place
    assert place is not None
    assert (place.kind, place.area) == (kind, area)


def test_a_commune_its_seat_and_its_market_are_one_place() -> None:
    for name in ("Djenné", "Konna", "Dialloubé", "Niafunké", "Diafarabé"):
        match = find(name)
        assert match.place is not None
        named = gazetteer().at(words.split(name, 50).runs, 0)
        assert named is not None
        assert [each for each in named.places if each.cercle == match.place.cercle] == [match.place]


# --- what is meant


def test_every_place_is_found_by_its_code_and_among_its_name() -> None:
    for code, name, *_ in rows("places"):
        place = gazetteer().by_code(code)
        assert place is not None
        assert gazetteer().by_code(place.area) is not None
        named = gazetteer().at(words.split(name, 100).runs, 0)
        assert named is not None
        assert place in named.places, code


def test_the_longest_name_wins() -> None:
    match = find("Mopti Digue 3")
    assert match.place is not None
    assert (match.place.name, match.used) == ("Mopti Digue", 2)


def test_nearness_is_to_the_senders_area() -> None:
    homes = {"ML0502": "Bankass", "ML0404": "Niono", "ML0406": "Ségou", "ML0301": "Bougouni"}
    for home, cercle in homes.items():
        place = find("SOKOLO", home).place
        assert place is not None
        assert place.cercle == cercle


def test_supposing_more_is_being_less_sure() -> None:
    told, inside, town = find("SOKOLO NIONO"), find("SOKOLO", "ML0502"), find("SOKOLO")
    assert 1.0 == told.exactness > inside.exactness > town.exactness > 0


def test_what_cannot_be_told_apart_is_not_guessed() -> None:
    match = find("MORIBOUGOU")
    assert match.place is None
    assert len(match.candidates) > 1
    assert all(a.code != b.code for a, b in pairwise(match.candidates))
    assert find("QWERTY") == Match(None, (), 0, 0.0)


# --- what is refused

AREAS = [
    ("ML", "", "Mali", "", "17", "-4"),
    ("ML05", "ML", "Mopti", "", "14.5", "-3.8"),
    ("ML0506", "ML05", "Mopti", "", "14.7", "-4.1"),
    ("ML050605", "ML0506", "Konna", "53312", "", ""),
]
PLACES = [("30656", "Sokolo", "village", "ML0506", "14.3", "-3.5")]
ALIASES = [("53312", "Kona"), ("ML0506", "Moti")]


def test_small_tables_are_enough() -> None:
    built = Gazetteer.from_tables(AREAS, PLACES, ALIASES)
    assert len(built) == 2
    assert built.point_of("ML050605") == Point(14.7, -4.1)
    meant = Meant(built)
    konna = meant.find(["kona"]).place
    assert konna is not None
    assert (konna.name, konna.cercle, konna.point) == ("Konna", "Mopti", None)
    cercle = meant.find(["moti"]).place
    assert cercle is not None
    assert (cercle.kind, cercle.code) == ("cercle", "ML0506")
    assert len(Gazetteer.from_tables([], [], [])) == 0


# A row that is added to a table, and the column and the beginning of what is said of it.
REFUSED = [
    ("areas", ("ML06", "ML", "T", "", "16"), "", "the columns are"),
    ("areas", ("ML0607", "ML06", "T", "", "", ""), "parent", "ML06 is not in the rows above"),
    ("areas", ("ML05", "ML", "M", "", "", ""), "pcode", "ML05 stands twice"),
    ("areas", ("ML06", "ML", "T", "", "x", ""), "lat", "x,  are not decimal degrees"),
    ("areas", ("ML06", "ML", "T", "11111", "", ""), "code", "11111 is no place code"),
    ("places", ("30656", "A", "village", "ML05", "", ""), "code", "30656 stands twice"),
    ("places", ("30657", "A", "village", "ML05", "", ""), "code", "30657 is no place code"),
    ("places", ("17468", "A", "hamlet", "ML05", "", ""), "kind", "hamlet is not"),
    ("places", ("17468", "A", "village", "ML9", "", ""), "area", "ML9 is not in areas.csv"),
    ("places", ("17468", "-", "village", "ML05", "", ""), "code", "17468 has no name"),
    ("places", ("17468", "A", "village", "ML05", "91", "0"), "lat", "91, 0 are not on the Earth"),
    ("places", ("17468", "A", "village", "ML05", "nan", "0"), "lat", "nan, 0 are not on the"),
    ("places", (), "", "the columns are"),
    ("aliases", ("17468", "A"), "code", "no place has the code 17468"),
    ("aliases", ("30656", "!"), "alias", "it has no letter"),
    ("aliases", ("30656",), "", "the columns are code, alias"),
]


@pytest.mark.parametrize(("table", "row", "column", "why"), REFUSED)
def test_a_wrong_row_is_named(table: str, row: tuple[str, ...], column: str, why: str) -> None:
    tables: dict[str, list[tuple[str, ...]]] = {
        "areas": [*AREAS],
        "places": [*PLACES],
        "aliases": [*ALIASES],
    }
    tables[table].append(row)
    with pytest.raises(TablesError) as caught:
        Gazetteer.from_tables(*tables.values())
    (problem,) = caught.value.problems
    assert (problem.table, problem.row, problem.column) == (table, len(tables[table]), column)
    assert problem.why.startswith(why)


def test_every_wrong_row_is_named_at_once() -> None:
    with pytest.raises(TablesError) as caught:
        Gazetteer.from_tables(AREAS, [("1",), ("2",)], [("3", "x")])
    assert len(caught.value.problems) == 3
