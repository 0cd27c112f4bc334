"""The shipped codebook and places, read once, for tests that want them without all of `content`."""

import csv
from functools import cache
from pathlib import Path

import yaml

from service.domain.codebook import Codebook
from service.domain.gazetteer import Gazetteer

RULES = Path(__file__).resolve().parents[2] / "rules"
TABLES = ("areas", "places", "aliases")


def rows(table: str) -> list[list[str]]:
    with (RULES / "places" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        _, *rest = csv.reader(file)
    return rest


@cache
def gazetteer() -> Gazetteer:
    return Gazetteer.from_tables(*(rows(table) for table in TABLES))


def codebook_data() -> dict[str, object]:
    """As `content` gives it: every scalar a string."""
    text = (RULES / "codebook.yaml").read_text(encoding="utf-8")
    data: dict[str, object] = yaml.load(text, yaml.BaseLoader)
    return data


@cache
def codebook() -> Codebook:
    return Codebook.model_validate(codebook_data())
