"""From strict YAML to the domain's models: typed by their schema, checked by pydantic.

Every problem stands at the line and column of the value or key that it is about, and says in a
coordinator's words what the model's own error says in a programmer's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.content.problem import Problem
from service.content.yaml import Data, Document, Path

Model = TypeVar("Model", bound=BaseModel)
Schema = Mapping[str, Any]
Typed = str | int | float | bool | None | list[Any] | dict[str, Any]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}


class Reader(Generic[Model]):
    """Reads documents, or parts of them, as one kind of model."""

    def __init__(self, model: type[Model]) -> None:
        self._model = model
        self._schema: Schema = model.model_json_schema()

    def read(self, document: Document, at: Path = ()) -> Model | None:
        """Return the part of the document at `at` as the model; None where it has problems.

        The problems are added to the document's.
        """
        data: Data = document.data
        for step in at:
            data = data[step]  # type: ignore[index]
        mistyped: dict[Path, Problem] = {}
        typed = self._typed(document, data, self._schema, at, mistyped)
        document.problems += mistyped.values()
        try:
            model = self._model.model_validate(typed)
        except ValidationError as error:
            document.problems += self._told(document, at, error, mistyped)
            return None
        return None if mistyped else model

    def _typed(
        self,
        document: Document,
        data: Data,
        schema: Schema,
        path: Path,
        mistyped: dict[Path, Problem],
    ) -> Typed:
        if isinstance(data, dict):
            return {
                key: self._typed(document, held, self._below(schema, key), (*path, key), mistyped)
                for key, held in data.items()
            }
        if isinstance(data, list):
            return [
                self._typed(document, held, self._below(schema, step), (*path, step), mistyped)
                for step, held in enumerate(data)
            ]
        kinds = {each.get("type") for each in self._branches(schema)}
        try:
            return _scalar(data, kinds)
        except _MistypedError as error:
            mistyped[path] = document.problem(path, error.why, error.suggestion)
            return data

    def _branches(self, schema: Schema) -> Iterator[Schema]:
        """Every schema that a value here may follow."""
        if reference := schema.get("$ref"):
            yield from self._branches(self._schema["$defs"][reference.rpartition("/")[2]])
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            for option in options:
                yield from self._branches(option)
        else:
            yield schema

    def _below(self, schema: Schema, step: str | int) -> Schema:
        """The schema of one item or key; an empty one where there is none."""
        for branch in self._branches(schema):
            if isinstance(step, int):
                found = branch.get("items")
            else:
                other = branch.get("additionalProperties") or next(
                    iter(branch.get("patternProperties", {}).values()), None
                )
                found = branch.get("properties", {}).get(step, other)
            if isinstance(found, dict):
                return found
        return {}

    def _at(self, path: Iterable[str | int]) -> Schema:
        schema = self._schema
        for step in path:
            schema = self._below(schema, step)
        return schema

    def _told(
        self, document: Document, at: Path, error: ValidationError, mistyped: Mapping[Path, Problem]
    ) -> Iterator[Problem]:
        """Each of pydantic's errors once, in plain words, save where the type was wrong anyway."""
        for details in error.errors(include_url=False):
            path = document.reach((*at, *details["loc"]))
            if path in mistyped:
                continue
            why, suggestion = self._plainly(details, path[len(at) :])
            at_key = details["type"] == "extra_forbidden" or details["loc"][-1:] == ("[key]",)
            yield document.problem(path, why, suggestion, at_key)

    def _plainly(self, details: ErrorDetails, path: Path) -> tuple[str, str | None]:
        kind, facts = details["type"], details.get("ctx", {})
        match kind:
            case "extra_forbidden":
                key, keys = str(path[-1]), self._keys(path[:-1])
                return f"unknown key `{key}`", closest(key, keys) or f"the keys are {_list(keys)}"
            case "missing":
                key = str(details["loc"][-1])
                return f"`{key}` is missing", f"add `{key}:`"
            case "literal_error" | "enum":
                choices, written = self._choices(path), str(details["input"])
                why = f"`{written}` is not one of {_list(choices)}"
                return why, closest(written, choices)
            case "string_pattern_mismatch":
                described = self._at(path).get("description")
                why = f"`{details['input']}` is not written as it should be"
                return why, described or f"it must match {facts['pattern']}"
            case "value_error":
                return str(facts["error"]), None
        if kind in _PLAIN:
            why, suggestion = _PLAIN[kind]
            return why.format(**facts), suggestion
        return details["msg"], None

    def _keys(self, path: Path) -> list[str]:
        branches = self._branches(self._at(path))
        return [key for branch in branches for key in branch.get("properties", {})]

    def _choices(self, path: Path) -> list[str]:
        """The words that may stand at `path`; a dictionary's keys where it is a key."""
        choices: list[str] = []
        for branch in self._branches(self._at(path)):
            choices += branch.get("enum", ()) or filter(None, (branch.get("const"),))
        if choices or not path:
            return choices
        holders = self._branches(self._at(path[:-1]))
        return [key for each in holders for key in each.get("propertyNames", {}).get("enum", ())]


class _MistypedError(Exception):
    def __init__(self, why: str, suggestion: str | None) -> None:
        super().__init__(why)
        self.why, self.suggestion = why, suggestion


def _scalar(written: str | None, kinds: set[str | None]) -> Typed:
    """Read one scalar as one of the JSON types `kinds`; text wherever a text may stand."""
    if written is None:
        if kinds & {"null", None}:
            return None
        raise _MistypedError("a value is missing", "write it behind the `:`, or remove the line")
    if kinds & {"string", None}:
        return written
    if "integer" in kinds and "number" not in kinds and not _INTEGER.fullmatch(written):
        raise _MistypedError(f"`{written}` is not a whole number", _meant(written, _INTEGER))
    if "integer" in kinds and _INTEGER.fullmatch(written):
        return int(written)
    if "number" in kinds:
        if _NUMBER.fullmatch(written):
            return float(written)
        raise _MistypedError(f"`{written}` is not a number", _meant(written, _NUMBER))
    if "boolean" in kinds:
        if written in _BOOLEANS:
            return _BOOLEANS[written]
        raise _MistypedError(f"`{written}` is neither yes nor no", "write true or false")
    return written


def _meant(written: str, number: re.Pattern[str]) -> str:
    """What to write instead: the number that it looks like, without what can be misread."""
    meant = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", written.strip().replace(",", "."))
    return f"write {meant}" if number.fullmatch(meant) else "write it in digits, as 10"


def closest(written: str, known: Iterable[str]) -> str | None:
    """Return the suggestion of the nearest known word, if one is near."""
    near = get_close_matches(written.casefold(), list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


_LIST = ("a list is wanted here", "write [one, another], or lines that begin with -")
_KEYS = ("keys are wanted here", "write lines of `key: value`")

# Pydantic's error types in plain words; {…} are its own facts.
_PLAIN: dict[str, tuple[str, str | None]] = {
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "string_type": ("one word or text is wanted here", "put it in quotes"),
    "int_type": ("a whole number is wanted here", "write it in digits, as 10"),
    "float_type": ("a number is wanted here", "write it in digits, as 10"),
    "greater_than": ("must be more than {gt}", None),
    "greater_than_equal": ("must be at least {ge}", None),
    "less_than": ("must be less than {lt}", None),
    "less_than_equal": ("must be at most {le}", None),
    "too_short": ("must have at least {min_length} entries", None),
    "too_long": ("must have at most {max_length} entries", None),
    "string_too_short": ("must have at least {min_length} characters", None),
    "string_too_long": ("must have at most {max_length} characters", None),
}
