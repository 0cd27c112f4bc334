"""Load `rules/` and `templates_sms/`: all of the content, or every problem of every file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from service import texts
from service.content.across import Written, rules_hold, seasons_exist_in
from service.content.areas import AreaPolicy
from service.content.files import YAML_LIMIT, Files
from service.content.problem import ContentError, Problem
from service.content.tables import FOLDER, gazetteer
from service.content.typed import Reader
from service.content.yaml import Document, compose_strict
from service.domain.areas import COUNTRY, AreaTree
from service.domain.codebook import Codebook
from service.domain.gazetteer import Gazetteer
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.texts import Texts

CODEBOOK = "rules/codebook.yaml"
SEASONS = "rules/seasons.yaml"
AREAS = "rules/areas.yaml"
RULES = "rules/alerts"
TEXTS = "templates_sms"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that coordinators wrote, checked. `hash` changes when any of it does."""

    codebook: Codebook
    gazetteer: Gazetteer
    tree: AreaTree
    seasons: Seasons
    rules: tuple[Rule, ...]
    areas: AreaPolicy
    texts: Texts
    hash: str

    @property
    def timezone(self) -> ZoneInfo:
        return self.areas.zone


def load(content_dir: Path) -> Content:
    """Load the content of a directory that holds `rules/` and `templates_sms/`.

    Raises ContentError with every problem of every file.
    """
    return _Loader(content_dir).load()


class _Loader:
    """Reads each part, going on after a problem, so that all are told at once."""

    def __init__(self, content_dir: Path) -> None:
        self._files = Files(content_dir)
        self._problems = self._files.problems

    def load(self) -> Content:
        codebook = self._read(self._yaml(CODEBOOK), Codebook)
        written_seasons, written_areas = self._yaml(SEASONS), self._yaml(AREAS)
        seasons = self._read(written_seasons, Seasons)
        areas = self._read(written_areas, AreaPolicy)
        places = gazetteer(self._files)
        tree = self._tree(places, areas, written_areas) if places is not None and areas else None
        if seasons and tree:
            self._problems += seasons_exist_in(seasons, written_seasons, tree)
        rules = list(self._rules())
        self._problems += rules_hold(rules, codebook, seasons)
        sources = self._texts(codebook, tree)
        if self._problems or not (codebook and seasons and areas and tree) or places is None:
            raise ContentError(self._problems)
        return Content(
            codebook=codebook,
            gazetteer=places,
            tree=tree,
            seasons=seasons,
            rules=tuple(each.rule for each in rules if each.rule),
            areas=areas,
            texts=Texts(sources.templates),
            hash=self._files.digest,
        )

    def _yaml(self, file: str) -> Document:
        source = self._files.text(file, YAML_LIMIT)
        document = compose_strict(file, source) if source is not None else Document(file)
        if source is not None and document.data is None and not document.problems:
            why = "the file is empty"
            document.problems.append(Problem(file, 1, 1, "", why, "take it from a sound copy"))
        self._problems += document.problems
        return document

    def _read(self, document: Document, model: type[Model]) -> Model | None:
        return self._part(document, Reader(model), ()) if document.data is not None else None

    def _part(
        self, document: Document, reader: Reader[Model], at: tuple[str | int, ...]
    ) -> Model | None:
        told = len(document.problems)
        read = reader.read(document, at)
        self._problems += document.problems[told:]
        return read

    def _rules(self) -> Iterator[Written]:
        reader = Reader(Rule)
        for file in self._files.names(RULES):
            document = self._yaml(file)
            if document.data is None:
                continue
            if not isinstance(document.data, list):
                why = "a file of rules is a list"
                self._problems.append(document.problem((), why, "begin each rule with `- id:`"))
                continue
            for number, data in enumerate(document.data):
                name = data.get("id") if isinstance(data, dict) else None
                rule = self._part(document, reader, (number,))
                yield Written(document, (number,), name if isinstance(name, str) else "", rule)

    def _tree(self, places: Gazetteer, areas: AreaPolicy, document: Document) -> AreaTree | None:
        merges = tuple(each.merge() for each in areas.merges)
        try:
            return AreaTree(places.areas, merges, places.areas[COUNTRY][0])
        except KeyError:
            why = f"the country, {COUNTRY}, must be the first area"
            self._problems.append(Problem(f"{FOLDER}/areas.csv", 2, 1, "", why))
            return None
        except ValueError as error:
            self._problems.append(document.problem(("merges",), str(error)))
            return None

    def _texts(self, codebook: Codebook | None, tree: AreaTree | None) -> texts.Sources:
        sources, problems = texts.read(self._files.directory / TEXTS)
        if codebook and tree:
            titles = {each.id: each.title for each in codebook.types}
            problems += texts.lint(sources, titles, (tree.name(pcode) for pcode in tree))
        self._problems += (Problem(*each) for each in problems)
        self._files.add("texts", json.dumps(sources, sort_keys=True))
        return sources
