"""`vigie codes`: the table of codes, on the terminal or on a card for the pocket."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from handlers.card import CannotPrint, Card, Design, Row, draw
from handlers.settings import Settings
from service.content import load
from service.domain.codebook import Codebook, Count, IncidentType

Field = Literal["place"] | Count


class Words(NamedTuple):
    """What stands on a card beside what the codebook says, in one language."""

    codes: str
    fields: dict[Field, str]
    notes: tuple[str, ...]
    prices: str
    price_notes: tuple[str, ...]


WORDS = {
    "fr": Words(
        codes="Codes",
        fields={
            "place": "lieu",
            "killed": "morts",
            "injured": "blessés",
            "abducted": "enlevés",
            "displaced": "déplacés",
            "livestock": "animaux",
        },
        notes=(
            "Le code, le lieu, puis les nombres: {code} SOKOLO 3 5. Hier: {code} SOKOLO 3 5 hier",
            "En chiffres: {digits}*lieu*3*5. Effacez chaque message, envoyé et reçu.",
            "Ne gardez pas cette carte avec le téléphone.",
        ),
        prices="Prix du marché",
        price_notes=("F CFA la mesure. Prix du jour, sans garantie.",),
    ),
    "en": Words(
        codes="Codes",
        fields={
            "place": "place",
            "killed": "killed",
            "injured": "injured",
            "abducted": "abducted",
            "displaced": "displaced",
            "livestock": "animals",
        },
        notes=(
            "The code, the place, then numbers: {code} SOKOLO 3 5. Yesterday: {code} SOKOLO 3 5 "
            "yesterday",
            "In digits: {digits}*place*3*5. Delete each text, sent and received.",
            "Do not keep this card with the phone.",
        ),
        prices="Market prices",
        price_notes=("CFA francs a measure. Prices of the day, not binding.",),
    ),
}


def codes(
    language: Annotated[str, typer.Option(help="fr or en.")] = "fr",
    pdf: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the pocket card to this file: A6.")
    ] = None,
    design: Annotated[
        Design, typer.Option(help="market looks like a list of prices, and tells no meaning.")
    ] = "plain",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Print the table of codes, or write the card that a trainer hands out as PDF."""
    if language not in WORDS:
        raise typer.BadParameter(f"there are {', '.join(WORDS)}", param_hint="--language")
    codebook = load(Settings().content_dir).codebook
    if pdf is not None:
        try:
            pdf.write_bytes(draw(card(codebook, language, design)))
        except CannotPrint as error:
            typer.echo(f"rules/codebook.yaml: {error}", err=True)
            raise typer.Exit(1) from None
        return
    rows = [described(each, language) for each in codebook.types]
    if json_:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        Console().print(_table(rows))


def described(kind: IncidentType, language: str) -> dict[str, Any]:
    """One type, as the table has it."""
    return {
        "code": kind.code,
        "digits": kind.digits,
        "title": kind.title[language],
        "then": [WORDS[language].fields[field] for field in kind.fields],
        "cover": kind.cover.get(language),
    }


def card(codebook: Codebook, language: str, design: Design) -> Card:
    """The card in one language and design; CannotPrint where a type has no cover for it."""
    words = WORDS[language]
    first = codebook.types[0]
    if design == "plain":
        notes = [each.format(code=first.code, digits=first.digits) for each in words.notes]
        return Card(words.codes, [_plain(each, language) for each in codebook.types], notes)
    prices = sorted((_price(each, language) for each in codebook.types), key=lambda row: row.beside)
    return Card(words.prices, prices, words.price_notes)


def _plain(kind: IncidentType, language: str) -> Row:
    then = ", ".join(WORDS[language].fields[field] for field in kind.fields)
    return Row(kind.code, f"{kind.digits or ''}  {kind.title[language]}", then)


def _price(kind: IncidentType, language: str) -> Row:
    """Its digits with a nought behind are a price; what it sells begins with its letters."""
    cover = kind.cover.get(language)
    if not cover or not kind.digits:
        raise CannotPrint(f"{kind.id} has no cover in {language}, or no digits")
    return Row(kind.code, cover, f"{kind.digits[0]} {kind.digits[1:]}0")


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        then = ", ".join(row["then"]) or "–"
        table.add_row(f"[bold]{row['code']}[/]", row["digits"] or "", row["title"], then)
    return table
