"""Which counts of a table are kept back, so that no small one can be read or computed.

A table is given by its inner cells; it is published with all of its sums, so a cell that is kept
back alone in a row could be computed from the others. Counts of 1 to `SMALL` are kept back first.
Then each gets a hypercube: for every dimension one other value (or the sum), such that all cells
of the cube are kept back too. Adding t to half of its cells and taking it from the others changes
no sum that is published; t may go as far as the smallest cell of either half. So whoever has only
the table cannot tell any cell of the cube better than within the sum of those two minima, and that
is at least `SMALL`: no lower bound of theirs lies closer to an upper one.

The cheapest such cube is taken. Source: the hypercube method of D. Repsilber, in S. Giessing and
D. Repsilber, "Tools and strategies to protect multiple tables with the GHQUAR cell suppression
engine", Inference Control in Statistical Databases, LNCS 2316 (2002); the problem is that of
L. H. Cox, "Suppression methodology and statistical disclosure control", JASA 75 (1980).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

Cell = tuple[str, ...]  # one value of each dimension, or SUM
Counts = Mapping[Cell, int]

SUM = "*"
SMALL = 4


def with_sums(inner: Counts) -> dict[Cell, int]:
    """Return a table with all of its sums. A cell that is not there counts nobody."""
    full: Counter[Cell] = Counter()
    for cell, count in inner.items():
        for summed in product((False, True), repeat=len(cell)):
            full[
                tuple(SUM if each else value for value, each in zip(cell, summed, strict=True))
            ] += count
    return dict(full)


def kept_back(tables: Sequence[Counts]) -> frozenset[Cell]:
    """Return the cells, sums among them, that must not be shown in any of these tables.

    The tables are inner cells over the same dimensions, and count things that go together, as
    reports and incidents do: a cell is kept back in all of them or in none. Where nothing less
    hides a small count, everything is kept back.
    """
    full = [with_sums(table) for table in tables]
    cells = set().union(*full)
    if not cells:
        return frozenset()
    values = [sorted({cell[i] for cell in cells}) for i in range(len(next(iter(cells))))]
    first = sorted(
        cell for cell in cells if any(1 <= table.get(cell, 0) <= SMALL for table in full)
    )
    back = set(first)
    for cell in first:
        cube = _cheapest(cell, values, full, back)
        if cube is None:
            return frozenset(product(*values))
        back |= cube
    return frozenset(back)


def _cheapest(
    cell: Cell, values: Sequence[Sequence[str]], tables: Sequence[Counts], back: set[Cell]
) -> set[Cell] | None:
    """Return the cube around `cell` that hides it and costs least; None where there is none."""
    best: tuple[tuple[int, int, Cell], set[Cell]] | None = None
    others = (
        [value for value in each if value != here] for here, each in zip(cell, values, strict=True)
    )
    for opposite in product(*others):
        cube = set(product(*zip(cell, opposite, strict=True)))
        added = cube - back
        price = (sum(tables[0].get(each, 0) for each in added), len(added), opposite)
        if best is not None and price >= best[0]:
            continue
        if all(_width(cell, opposite, table) >= SMALL for table in tables):
            best = price, cube
            if not added:
                break
    return best[1] if best else None


def _width(cell: Cell, opposite: Cell, table: Counts) -> int:
    """How far apart the least and the greatest values are that a cube leaves open for its cells."""
    least = {1: _NO_BOUND, -1: _NO_BOUND}
    for corner, sign in _corners(cell, opposite):
        least[sign] = min(least[sign], table.get(corner, 0))
    return sum(least.values())


_NO_BOUND = 10**9  # of the half of a cube that has no cell: counts have no upper limit


def _corners(cell: Cell, opposite: Cell) -> Iterator[tuple[Cell, int]]:
    """Give each corner, and whether it goes up (1) or down (-1) when `cell` goes up.

    What goes up in one cell of a row goes down in another of it, but up in the row's sum.
    """
    for taken in product((False, True), repeat=len(cell)):
        sign = 1
        corner = []
        for here, there, other in zip(cell, opposite, taken, strict=True):
            corner.append(there if other else here)
            if other and SUM not in (here, there):
                sign = -sign
        yield tuple(corner), sign
