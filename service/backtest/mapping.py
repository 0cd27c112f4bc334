"""What the columns of a file of events mean: `rules/backtests/*.yaml`, which coordinators edit."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from service.backtest.dataset import EventsError
from service.content import ContentError, Document, compose_strict
from service.content.files import YAML_LIMIT, Files
from service.content.typed import Reader, closest
from service.domain.codebook import Codebook

Names = tuple[str, ...]
Model = TypeVar("Model", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Part):
    """Which column holds what. Of several names, the first that the file has; case is no matter."""

    date: Annotated[Names, Field(min_length=1)]
    lat: Annotated[Names, Field(min_length=1)]
    lon: Annotated[Names, Field(min_length=1)]
    event: Names = Field(
        default=(), description="What tells events apart: no two rows may share it"
    )
    until: Names = Field(default=(), description="The last day, where an event lasts for several")
    place: Names = Field(default=(), description="What the place is called")
    country: Names = ()
    areas: tuple[Names, ...] = Field(default=(), description="Areas, the largest first")
    killed: Names = ()
    injured: Names = ()


class Dates(_Part):
    """How well a date is known: for each code of `precision`, how many days it may stand for."""

    precision: Names = ()
    days: dict[str, int] = {}
    at_most: int = Field(default=31, ge=1, le=366, description="Longer than this is left out")
    slashes: Literal["day_first", "month_first"] | None = Field(
        default=None, description="How 03/04/2015 is to be read"
    )


class Places(_Part):
    """How well a place is known: events with another code of `precision` are left out."""

    precision: Names = ()
    keep: Names = ()


class Reporters(_Part):
    """How many people report an event: as many as it has sources, or the `otherwise` supposed."""

    sources: Names = Field(default=(), description="A column with their number, or their names")
    separated_by: str | None = Field(default=None, description="What stands between names")
    otherwise: int = Field(default=1, ge=1, le=50)
    at_most: int = Field(default=3, ge=1, le=50)
    enrolled: int = Field(default=7, ge=1, le=1000, description="Focal points of a finest area")


class Condition(_Part):
    """What one column, or any of several, must say; capitals are no matter."""

    column: str | None = None
    any_column: Names = ()
    equals: str | None = None
    one_of: Names = ()
    contains: Names = Field(default=(), description="Any of these, anywhere in the text")

    @property
    def columns(self) -> Names:
        return self.any_column or ((self.column,) if self.column else ())

    @model_validator(mode="after")
    def _asks_one_thing_of_some_column(self) -> Self:
        if (self.column is None) == (not self.any_column):
            raise PydanticCustomError("column", "name a `column`, or several in `any_column`")
        if sum(map(bool, (self.equals is not None, self.one_of, self.contains))) != 1:
            raise PydanticCustomError("asked", "write one of `equals`, `one_of` and `contains`")
        return self

    def holds(self, values: Sequence[str]) -> bool:
        """Whether any of its columns' values is as asked; they are in small letters."""
        if self.contains:
            return any(part.casefold() in value for value in values for part in self.contains)
        wanted = self.one_of or (self.equals or "",)
        return any(value == each.casefold() for value in values for each in wanted)


class Kind(_Part):
    """Events of which all of `when` holds are of this type of the codebook."""

    type: str
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]


class Mapping(_Part):
    """One format. The first of `kinds` that fits an event gives its type."""

    title: str
    attribution: str = Field(description="Printed wherever the events are used")
    recognised_by: Annotated[Names, Field(min_length=1)]
    columns: Columns
    dates: Dates = Dates()
    places: Places = Places()
    reporters: Reporters = Reporters()
    called: Names = Field(default=(), description="Columns that name a kind without a type")
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]


def read_yaml(path: Path, model: type[Model]) -> tuple[Model, Document]:
    """Read a YAML file of a backtest. Raises ContentError with every problem of it."""
    files = Files(path.parent)
    source = files.text(path.name, YAML_LIMIT)
    if source is None:
        raise ContentError(files.problems)
    document = compose_strict(path.name, source)
    told = len(document.problems)
    read = Reader(model).read(document) if document.data is not None else None
    if document.data is None and not told:
        document.problems.append(document.problem((), "the file is empty"))
    if read is None or document.problems:
        raise ContentError(document.problems)
    return read, document


def read_mapping(path: Path, codebook: Codebook) -> Mapping:
    """Read a mapping whose types the codebook has. Raises ContentError."""
    mapping, document = read_yaml(path, Mapping)
    known = {each.id: each for each in codebook.types}
    problems = [
        document.problem(
            ("kinds", number, "type"),
            f"the codebook has no type `{kind.type}`",
            closest(kind.type, known) or "types are declared in rules/codebook.yaml",
        )
        for number, kind in enumerate(mapping.kinds)
        if kind.type not in known
    ]
    if problems:
        raise ContentError(problems)
    return mapping


def recognise(header: Iterable[str], mappings: MappingOf[str, Mapping]) -> str:
    """Return the name of the mapping whose `recognised_by` the header has most of.

    Raises EventsError if there is none of which it has all.
    """
    columns = {column_key(cell) for cell in header}
    fitting = [name for name, each in mappings.items() if columns >= set(each.recognised_by)]
    if fitting:
        return max(fitting, key=lambda name: len(mappings[name].recognised_by))
    lacks = "; ".join(
        f"{name} needs {', '.join(sorted(set(each.recognised_by) - columns))}"
        for name, each in mappings.items()
    )
    found = ", ".join(sorted(columns)[:30])
    raise EventsError(
        f"no mapping knows these columns: {found or 'none'}. {lacks}. Write a mapping and name it "
        "with --mapping: see rules/backtests/README.md"
    )


def column_key(cell: str) -> str:
    """Return how a column is named in a mapping: `Event Date`, `EVENT_DATE` are `event_date`."""
    return "_".join(cell.strip().lstrip("#").casefold().replace("-", " ").split())[:80]
