"""Load `rules/` and `templates_sms/`: all of the content, or every problem of every file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from service import texts
from service.content.across import (
    Known,
    Written,
    lists_hold,
    menu_holds,
    rules_hold,
    seasons_exist_in,
    silences_hold,
)
from service.content.areas import AreaPolicy
from service.content.checkins import CheckIns
from service.content.escalation import routes_hold
from service.content.files import YAML_LIMIT, Files
from service.content.markets import WeeklyMarkets, markets_exist
from service.content.phones import Phones
from service.content.problem import MOST_PROBLEMS, ContentError, Problem, in_order
from service.content.release import Release
from service.content.shared import Shared, names_of_lists
from service.content.tables import FOLDER, gazetteer
from service.content.texts import drafts_of, unused
from service.content.texts import read as read_texts
from service.content.typed import Reader
from service.content.unchanged import unless_changed
from service.content.waivers import Linted, lint
from service.content.yaml import Document, compose_strict
from service.domain.areas import COUNTRY, AreaTree
from service.domain.checkins import CheckInPolicy
from service.domain.codebook import Codebook
from service.domain.gazetteer import Gazetteer
from service.domain.markets import MarketDays
from service.domain.privacy import Waiver, Waivers
from service.domain.release import ReleasePolicy
from service.domain.routes import EscalationPolicy
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.silence import Silence, Silences
from service.texts import Texts

CODEBOOK = "rules/codebook.yaml"
SEASONS = "rules/seasons.yaml"
AREAS = "rules/areas.yaml"
RELEASE = "rules/release.yaml"
CHECK_INS = "rules/checkins.yaml"
ESCALATION = "rules/escalation.yaml"
RULES = "rules/alerts"
LISTS = "rules/lists.yaml"
SILENCES = "rules/silences.yaml"
WAIVERS = "rules/waivers.yaml"
MARKETS = "rules/markets.yaml"
PHONES = "rules/phones.yaml"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that coordinators wrote, checked. `hash` changes when any of it does.

    `waivers` are those by which a live rule may expose what it does; `drafts` the texts, by
    language, that no real phone gets in it; `warnings` is what they should look at though it
    can be used.
    """

    codebook: Codebook
    gazetteer: Gazetteer
    tree: AreaTree
    seasons: Seasons
    rules: tuple[Rule, ...]
    silences: tuple[Silence, ...]
    markets: MarketDays
    waivers: tuple[Waiver, ...]
    areas: AreaPolicy
    phones: Phones
    release: ReleasePolicy
    check_ins: CheckInPolicy
    escalation: EscalationPolicy
    texts: Texts
    drafts: Mapping[str, tuple[str, ...]]
    hash: str
    warnings: tuple[Problem, ...] = ()

    @property
    def timezone(self) -> ZoneInfo:
        return self.areas.zone

    def title(self, type_: str) -> Mapping[str, str] | str:
        """What a type is called, by language; its id where the codebook no longer has it."""
        known = {each.id: each.title for each in self.codebook.types}.get(type_)
        return type_ if known is None else {**known, **self.texts.titles(type_)}


_lint_texts = unless_changed(texts.lint)


def load(content_dir: Path, *, to_replay: bool = False, drafts: bool = False) -> Content:
    """Load the content of a directory that holds `rules/` and `templates_sms/`.

    `to_replay` leaves the privacy lint out: what tells nobody exposes nobody, so that a rule can
    be replayed before anyone has waived anything. `drafts`: use texts that nobody has reviewed,
    as only the simulator may. Raises ContentError with every problem of every file.
    """
    return _Loader(content_dir, to_replay, drafts).load()


class _Loader:
    """Reads each part, going on after a problem, so that all are told at once."""

    def __init__(self, content_dir: Path, to_replay: bool, drafts: bool) -> None:
        self._files = Files(content_dir)
        self._to_replay = to_replay
        self._drafts = drafts
        self._problems = self._files.problems

    def load(self) -> Content:
        codebook = self._read(self._yaml(CODEBOOK), Codebook)
        written_seasons, written_areas = self._yaml(SEASONS), self._yaml(AREAS)
        seasons = self._read(written_seasons, Seasons)
        areas = self._read(written_areas, AreaPolicy)
        release = self._read(self._yaml(RELEASE), Release)
        places = gazetteer(self._files)
        tree = self._tree(places, areas, written_areas) if places is not None and areas else None
        if seasons and tree:
            self._tell(seasons_exist_in(seasons, written_seasons, tree))
        markets = self._markets(places)
        lists, defaults = self._shared(codebook)
        rules = list(self._rules(lists, defaults))
        known = Known(codebook, lists, seasons, None if markets is None else bool(markets.root))
        self._tell(rules_hold(rules, known))
        silences = self._silences(rules, areas, tree)
        escalation = self._escalation(lists, codebook, tree)
        written_phones, phones = self._optional(PHONES, Phones())
        if phones and codebook:
            self._tell(menu_holds(phones, written_phones, codebook))
        _, check_ins = self._optional(CHECK_INS, CheckIns())
        linted = self._lint(rules, areas)
        sources = self._texts(codebook, tree, places)
        if (
            self._problems
            or not (codebook and seasons and areas and tree and markets and silences and phones)
            or places is None
            or not (release and check_ins and escalation)
        ):
            raise ContentError(self._problems, linted.warnings)
        return Content(
            codebook=codebook,
            gazetteer=places,
            tree=tree,
            seasons=seasons,
            rules=tuple(each.rule for each in rules if each.rule),
            silences=silences.root,
            markets=markets.days(places),
            waivers=tuple(linted.in_use),
            areas=areas,
            phones=phones,
            release=release.policy(areas.zone),
            check_ins=check_ins.policy(areas.zone),
            escalation=escalation,
            texts=Texts(sources.templates, drafts=self._drafts),
            drafts=drafts_of(sources.templates),
            hash=self._files.digest,
            warnings=in_order((*linted.warnings, *unused(sources.templates))),
        )

    def _tell(self, problems: Iterable[Problem]) -> None:
        self._problems += islice(problems, MOST_PROBLEMS)

    def _yaml(self, file: str) -> Document:
        source = self._files.text(file, YAML_LIMIT)
        document = compose_strict(file, source) if source is not None else Document(file)
        if source is not None and document.data is None and not document.problems:
            why = "the file is empty"
            document.problems.append(Problem(file, 1, 1, "", why, "take it from a sound copy"))
        self._problems += document.problems
        return document

    def _read(
        self, document: Document, model: type[Model], context: Mapping[str, Any] | None = None
    ) -> Model | None:
        if document.data is None:
            return None
        return self._part(document, Reader(model, context), ())

    def _part(
        self,
        document: Document,
        reader: Reader[Model],
        at: tuple[str | int, ...],
        defaults: Mapping[str, Any] | None = None,
    ) -> Model | None:
        told = len(document.problems)
        read = reader.read(document, at, defaults)
        self._problems += document.problems[told:]
        return read

    def _optional(
        self, file: str, empty: Model, context: Mapping[str, Any] | None = None
    ) -> tuple[Document, Model | None]:
        """Read a file that may be absent or hold nothing, which is as good as `empty`."""
        if not self._files.has(file):
            return Document(file), empty
        source = self._files.text(file, YAML_LIMIT)
        if source is None:
            return Document(file), None
        document = compose_strict(file, source)
        self._problems += document.problems
        if document.data is None:
            return document, None if document.problems else empty
        return document, self._part(document, Reader(type(empty), context), ())

    def _shared(
        self, codebook: Codebook | None
    ) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, Any]]:
        """Return the lists of types and the defaults."""
        document, shared = self._optional(LISTS, Shared())
        if shared is None:
            return names_of_lists(document.data), {}
        if codebook:
            self._tell(lists_hold(shared, document, codebook))
        return shared.lists, shared.under()

    def _markets(self, places: Gazetteer | None) -> WeeklyMarkets | None:
        document, markets = self._optional(MARKETS, WeeklyMarkets(()))
        if markets and places is not None:
            self._tell(markets_exist(markets, document, places))
        return markets

    def _silences(
        self, rules: Iterable[Written], areas: AreaPolicy | None, tree: AreaTree | None
    ) -> Silences | None:
        context = {"zone": areas.zone} if areas else None
        document, silences = self._optional(SILENCES, Silences(()), context)
        if silences is not None:
            ids = [each.id for each in rules]
            self._tell(silences_hold(silences, document, ids, tree))
        return silences

    def _escalation(
        self,
        lists: Mapping[str, tuple[str, ...]],
        codebook: Codebook | None,
        tree: AreaTree | None,
    ) -> EscalationPolicy | None:
        document = self._yaml(ESCALATION)
        policy = self._read(document, EscalationPolicy, {"lists": lists})
        if policy:
            self._tell(routes_hold(policy, document, codebook, tree))
        return policy

    def _lint(self, rules: Iterable[Written], areas: AreaPolicy | None) -> Linted:
        """Lint for privacy, where it is known what is waived and how many an area must have."""
        document, waivers = self._optional(WAIVERS, Waivers(()))
        if self._to_replay:
            return Linted()
        linted = lint(rules, waivers, document, areas.k) if waivers and areas else Linted()
        self._problems += linted.problems
        return linted

    def _rules(
        self, lists: Mapping[str, tuple[str, ...]], defaults: Mapping[str, Any]
    ) -> Iterator[Written]:
        reader = Reader(Rule, {"lists": lists})
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
                rule = self._part(document, reader, (number,), defaults)
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

    def _texts(
        self, codebook: Codebook | None, tree: AreaTree | None, places: Gazetteer | None
    ) -> texts.Sources:
        sources = read_texts(self._files)
        if codebook and tree:
            titles = {each.id: each.title for each in codebook.types}
            areas = tuple(tree.name(pcode) for pcode in tree)
            found = _lint_texts(sources, titles, areas, tuple(places.names()) if places else ())
            self._problems += (Problem(*each) for each in found)
        return sources
