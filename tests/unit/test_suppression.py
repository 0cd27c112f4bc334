"""Small counts cannot be read or computed: shown by trying every table that fits what is shown."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.suppression import SMALL, SUM, Cell, Counts, kept_back, with_sums

PLACES, TYPES, WEEKS = ("Mopti", "Niono"), ("clash", "raid"), ("w1", "w2")


def ranges(
    inner: Counts, dimensions: list[tuple[str, ...]], back: frozenset[Cell]
) -> dict[Cell, tuple[float, float]]:
    """(least, greatest) of each kept-back cell over all tables of counts that fit what is shown.

    Exact: linear programmes over the inner cells, in fractions, one for each bound.
    """
    full = with_sums(inner)
    cells = list(product(*dimensions))

    def line(total: Cell) -> list[int]:
        return [int(all(t in (v, SUM) for v, t in zip(cell, total, strict=True))) for cell in cells]

    every = list(product(*((*each, SUM) for each in dimensions)))
    shown = [(line(cell), full.get(cell, 0)) for cell in every if cell not in back]
    return {
        cell: (-greatest([-n for n in line(cell)], shown), greatest(line(cell), shown))
        for cell in back
    }


def greatest(aim: list[int], equations: list[tuple[list[int], int]]) -> float:
    """The greatest aim·x where x >= 0 and a·x = b for each (a, b): the simplex method, by Bland's
    rule. The equations have a solution, for the true table is one.
    """
    width = len(aim)
    rows = [
        [*map(Fraction, a), *(Fraction(int(i == j)) for j in range(len(equations))), Fraction(b)]
        for i, (a, b) in enumerate(equations)
    ]
    basis = [width + i for i in range(len(rows))]
    # First the helpers are driven to nothing, then the aim counts; helpers never come back.
    for wanted, usable in (
        ([0] * width + [-1] * len(rows), width + len(rows)),
        (aim + [0] * len(rows), width),
    ):
        while True:
            worth = [
                wanted[j] - sum(wanted[basis[i]] * row[j] for i, row in enumerate(rows))
                for j in range(usable)
            ]
            enters = next((j for j, gain in enumerate(worth) if gain > 0), None)
            if enters is None:
                break
            leaving = [
                (row[-1] / row[enters], basis[i], i)
                for i, row in enumerate(rows)
                if row[enters] > 0 or (basis[i] >= width and usable == width and row[enters] != 0)
            ]
            if not leaving:
                return float("inf")
            pivot(rows, min(leaving)[2], enters)
            basis[min(leaving)[2]] = enters
    return float(sum(wanted[basis[i]] * row[-1] for i, row in enumerate(rows)))


def pivot(rows: list[list[Fraction]], at: int, column: int) -> None:
    rows[at] = [value / rows[at][column] for value in rows[at]]
    for i, row in enumerate(rows):
        if i != at and row[column]:
            rows[i] = [value - row[column] * of for value, of in zip(row, rows[at], strict=True)]


def checked(inner: Counts, dimensions: list[tuple[str, ...]]) -> None:
    back = kept_back([inner])
    full = with_sums(inner)
    for cell, count in full.items():
        assert not 1 <= count <= SMALL or cell in back
    for cell, (low, high) in ranges(inner, dimensions, back).items():
        assert high - low >= SMALL, (cell, low, high)


def tables(*dimensions: tuple[str, ...]) -> st.SearchStrategy[dict[Cell, int]]:
    counts = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, 9])
    cells = list(product(*dimensions))
    return st.lists(counts, min_size=len(cells), max_size=len(cells)).map(
        lambda values: {cell: n for cell, n in zip(cells, values, strict=True) if n}
    )


@settings(max_examples=30)
@given(tables(("a", "b", "c", "d")))
def test_a_row_with_its_sum(inner: dict[Cell, int]) -> None:
    checked(inner, [("a", "b", "c", "d")])


@settings(max_examples=20)
@given(tables(PLACES, ("clash", "raid", "theft")))
def test_rows_and_columns(inner: dict[Cell, int]) -> None:
    checked(inner, [PLACES, ("clash", "raid", "theft")])


@settings(max_examples=6)
@given(tables(PLACES, TYPES, WEEKS))
def test_three_dimensions(inner: dict[Cell, int]) -> None:
    checked(inner, [PLACES, TYPES, WEEKS])


def test_the_check_finds_a_cell_that_stands_alone() -> None:
    """One cell kept back and nothing else: its sum tells it."""
    inner = {("a",): 3, ("b",): 20}
    assert ranges(inner, [("a", "b")], frozenset({("a",)})) == {("a",): (3, 3)}


def test_the_least_is_kept_back_beside_a_small_count() -> None:
    inner = {("a",): 3, ("b",): 20, ("c",): 7}
    assert kept_back([inner]) == {("a",), ("c",)}


def test_what_cannot_be_hidden_otherwise_is_kept_back_whole() -> None:
    assert kept_back([{("a",): 2}]) == {("a",), (SUM,)}


def test_a_table_without_small_counts_is_shown_whole() -> None:
    assert kept_back([{("a", "x"): 5, ("b", "x"): 9, ("b", "y"): 30}]) == frozenset()
    assert kept_back([{}]) == frozenset()


@pytest.mark.parametrize("second", [{("a",): 2, ("b",): 9, ("c",): 9}, {("a",): 9, ("b",): 3}])
def test_what_goes_together_is_kept_back_together(second: dict[Cell, int]) -> None:
    first = {("a",): 12, ("b",): 15, ("c",): 30}
    back = kept_back([first, second])
    full = with_sums(second)
    assert {cell for cell, count in full.items() if 1 <= count <= SMALL} <= back
    assert len(back) >= 2
