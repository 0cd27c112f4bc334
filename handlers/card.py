"""The pocket card that a trainer hands out: every code of the codebook on one page of A6."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from fpdf import FPDF

Design = Literal["plain", "market"]
DESIGNS: tuple[Design, ...] = get_args(Design)

A6 = (105.0, 148.0)  # mm
_MARGIN = 6.0
_HEAD, _FOOT = 12.0, 14.0
_TIGHTEST, _LOOSEST = 3.4, 7.0  # mm, of a row
_POINTS_PER_MM = 72 / 25.4
# A card says nothing of when it was made, or by what.
_MADE_AT = datetime(2000, 1, 1, tzinfo=UTC)


class CannotPrint(ValueError):
    """The message says what does not fit on a card, for whoever wrote the codebook."""


class Row(NamedTuple):
    """One line of a card: the code, what stands beside it, and what stands at the right edge."""

    code: str
    beside: str
    right: str


class Card(NamedTuple):
    """A card's words."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str]


def draw(card: Card) -> bytes:
    """The card as PDF."""
    height = (A6[1] - 2 * _MARGIN - _HEAD - _FOOT) / max(len(card.rows), 1)
    if height < _TIGHTEST:
        raise CannotPrint(f"{len(card.rows)} codes do not fit on one card")
    page = _page()
    _heading(page, card.title)
    for row in card.rows:
        _row(page, row, min(height, _LOOSEST))
    page.set_y(A6[1] - _MARGIN - _FOOT + 2)
    for note in card.notes:
        _line(page, note, 6.5)
    return bytes(page.output())


def _page() -> "FPDF":
    from fpdf import FPDF  # here, since no other command is to wait for it

    page = FPDF(format=A6)
    page.set_creation_date(_MADE_AT)
    page.set_producer("")
    page.set_compression(False)  # a few kilobytes, and whoever is afraid of it can read it
    page.set_margins(_MARGIN, _MARGIN)
    page.set_auto_page_break(False)
    page.add_page()
    return page


def _heading(page: "FPDF", title: str) -> None:
    _font(page, 13, bold=True)
    page.cell(0, _HEAD - 3, _printable(title), new_x="LMARGIN", new_y="NEXT")
    page.line(_MARGIN, page.get_y(), A6[0] - _MARGIN, page.get_y())
    page.set_y(_MARGIN + _HEAD)


def _row(page: "FPDF", row: Row, height: float) -> None:
    size = min(9.0, height * _POINTS_PER_MM * 0.75)
    right = _printable(row.right)
    _font(page, size * 0.8)
    width = page.get_string_width(right) + 2
    _font(page, size, bold=True)
    page.cell(11, height, _printable(row.code))
    _font(page, size)
    room = A6[0] - 2 * _MARGIN - 11 - width
    beside = _printable(row.beside)
    if (wide := page.get_string_width(beside) + 2) > room:
        _font(page, size * room / wide)
    page.cell(room, height, beside)
    _font(page, size * 0.8)
    page.cell(width, height, right, align="R", new_x="LMARGIN", new_y="NEXT")


def _line(page: "FPDF", text: str, size: float) -> None:
    _font(page, size)
    room = A6[0] - 2 * _MARGIN
    text = _printable(text)
    if (wide := page.get_string_width(text) + 2) > room:
        _font(page, size * room / wide)
    page.cell(0, 3.4, text, new_x="LMARGIN", new_y="NEXT")


def _font(page: "FPDF", size: float, *, bold: bool = False) -> None:
    page.set_font("Helvetica", "B" if bold else "", size)


def _printable(text: str) -> str:
    """The text, where every PDF reader's own letters can print it."""
    plain = text.replace("’", "'").replace("œ", "oe").replace("Œ", "OE")
    try:
        plain.encode("latin-1")
    except UnicodeEncodeError as error:
        letter = plain[error.start]
        raise CannotPrint(f"“{text}” has {letter}, which the card cannot print") from None
    return plain
