"""From strict YAML to the domain's models: typed by their schema, checked by pydantic.

Every problem stands at the line and column of the value or key that it is about, and says in a
coordinator's words what the model's own error says in a programmer's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, partial
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.content.problem import MOST_PROBLEMS, Problem
from service.content.yaml import Data, Document, Path

Model = TypeVar("Model", bound=BaseModel)
Schema = Mapping[str, Any]
Typed = str | int | float | bool | None | list[Any] | dict[str, Any]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    """Worked out once: it takes longer than reading what is written by it."""
    return model.model_json_schema()


class Reader(Generic[Model]):
    """Reads documents, or parts of them, as one kind of model."""

    def __init__(self, model: type[Model], context: Mapping[str, Any] | None = None) -> None:
        """`context` is what the model's validators may ask for."""
        self._model = model
        self._context = context
        self._schema = _schema_of(model)

    def read(
        self, document: Document, at: Path = (), defaults: Mapping[str, Any] | None = None
    ) -> Model | None:
        """Return the part of the document at `at` as the model; None where it has problems.

        The problems are added to the document's; one that has `MOST_PROBLEMS` is not read on.
        `defaults` stand where the part says nothing.
        """
        if len(document.problems) >= MOST_PROBLEMS:
            return None
        part = _Part(self._schema, document, at)
        typed = part.typed(document.at(at), self._schema, at)
        if isinstance(typed, dict) and defaults:
            typed = _merged(defaults, typed)
        model = None
        try:
            model = self._model.model_validate(typed, context=self._context)
        except ValidationError as error:
            part.problems += islice(part.told(error), MOST_PROBLEMS)
        document.problems += part.problems
        if len(document.problems) >= MOST_PROBLEMS:
            why = f"more than {MOST_PROBLEMS} problems: the others are not told"
            document.problems.append(Problem(document.file, 1, 1, "", why, "mend these first"))
        return None if part.problems else model


def _merged(under: Mapping[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `over`, and of `under` what it leaves out."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], Mapping) and isinstance(over[key], dict):
            merged[key] = _merged(under[key], over[key])
    return merged


class _Part:
    """One part of a document, held against a schema.

    A misspelt key is a problem, and is then read as the key that it must be, so that what is wrong
    below it is told as well, and nothing is told to be missing. `problems` are those met on the
    way, before the model is asked.
    """

    def __init__(self, schema: Schema, document: Document, at: Path) -> None:
        self._schema = schema
        self._document = document
        self._at = at
        self._misspelt: dict[Path, str] = {}  # the written key, by the path with the right one
        self._right: dict[Path, str] = {}  # the right key, by the path with the written one
        self._mistyped: set[Path] = set()
        self.problems: list[Problem] = []

    def typed(self, data: Data, schema: Schema, path: Path) -> Typed:
        if isinstance(data, dict):
            meant = self._meant(list(data), schema, path)
            return {
                meant[key]: self.typed(held, self._below(schema, meant[key]), (*path, key))
                for key, held in data.items()
            }
        if isinstance(data, list):
            return [
                self.typed(held, self._below(schema, step), (*path, step))
                for step, held in enumerate(data)
            ]
        try:
            return _scalar(data, {each.get("type") for each in self._branches(schema)})
        except _MistypedError as error:
            self._mistyped.add(path)
            self.problems.append(self._document.problem(path, error.why, error.suggestion))
            return data

    def told(self, error: ValidationError) -> Iterator[Problem]:
        """Each of pydantic's errors once, in plain words, save where the type was wrong anyway."""
        for details in error.errors(include_url=False):
            path = self._written(details["loc"])
            if path in self._mistyped or _miscounted(details):
                continue
            why, suggestion = self._plainly(details, path)
            at_key = details["type"] == "extra_forbidden" or details["loc"][-1:] == ("[key]",)
            yield self._document.problem(path, why, suggestion, at_key)

    def _meant(self, written: list[str], schema: Schema, path: Path) -> dict[str, str]:
        """Return each key with the key that it is read as; it is told which are misspelt."""
        branches = list(self._branches(schema))
        known = {key for branch in branches for key in branch.get("properties", {})}
        is_closed = all(branch.get("additionalProperties") is False for branch in branches)
        meant = {key: key for key in written}
        left = sorted(known - meant.keys())
        for key in written[:MOST_PROBLEMS] if is_closed else ():
            if len(self.problems) >= MOST_PROBLEMS:
                break
            if key not in known and (near := _nearest(key, left)):
                left.remove(near)
                meant[key] = near
                self._misspelt[(*path, near)] = key
                self._right[(*path, key)] = near
                why, suggestion = f"unknown key `{key}`", _did_you_mean(near)
                self.problems.append(self._document.problem((*path, key), why, suggestion, True))
        return meant

    def _written(self, loc: Path) -> Path:
        """Return the path in the document of a validator's path.

        Steps that the document has not are passed over: a validator names the branches that it
        tried as if they were steps, and what is missing stands nowhere.
        """
        here = self._at
        for step in loc:
            there = (*here, self._misspelt.get((*here, step), step))
            here = there if there in self._document.values else here
        return here

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
        """The schema of one item or key, any of several; an empty one where there is none."""
        found = [each for each in map(partial(_held, step=step), self._branches(schema)) if each]
        return found[0] if len(found) == 1 else {"anyOf": found} if found else {}

    def _schema_at(self, path: Path) -> Schema:
        schema = self._schema
        for end in range(len(self._at) + 1, len(path) + 1):
            schema = self._below(schema, self._right.get(path[:end], path[end - 1]))
        return schema

    def _plainly(self, details: ErrorDetails, path: Path) -> tuple[str, str | None]:
        kind, facts = details["type"], details.get("ctx", {})
        match kind:
            case "extra_forbidden":
                return self._unknown(path)
            case "missing":
                key = str(details["loc"][-1])
                return f"`{key}` is missing", f"add `{key}:`"
            case "literal_error" | "enum":
                choices, written = self._choices(path), str(details["input"])
                why = f"`{written}` is not one of {_list(choices)}"
                return why, closest(written, choices)
            case "string_pattern_mismatch":
                described = self._schema_at(path).get("description")
                why = f"`{details['input']}` is not written as it should be"
                return why, described or f"it must match {facts['pattern']}"
            case "value_error":
                return str(facts["error"]), None
        if facts.get("min_length") == 1:
            return "must not be empty", None
        if kind in _PLAIN:
            why, suggestion = _PLAIN[kind]
            return why.format(**facts), suggestion
        return details["msg"], None

    def _unknown(self, path: Path) -> tuple[str, str]:
        """Tell a key that nobody knows from one that is known, but not beside another there."""
        above, key = path[:-1], str(path[-1])
        branches = [each.get("properties", {}) for each in self._branches(self._schema_at(above))]
        keys = list(dict.fromkeys(key for branch in branches for key in branch))
        if key not in keys:
            return f"unknown key `{key}`", f"the keys are {_list(keys)}"
        siblings = [each for each in self._document.keys if each[:-1] == above]
        for path in siblings:
            pair = {key, self._right.get(path, path[-1])}
            if not any(pair <= branch.keys() for branch in branches):
                other = path[-1]
                why = f"`{key}` cannot stand beside `{other}`"
                return why, f"write it inside `{other}`, or remove it"
        return f"`{key}` cannot stand here", "remove it"

    def _choices(self, path: Path) -> list[str]:
        """The words that may stand at `path`; a dictionary's keys where it is a key."""
        choices: list[str] = []
        for branch in self._branches(self._schema_at(path)):
            choices += branch.get("enum", ()) or filter(None, (branch.get("const"),))
        if choices or path == self._at:
            return list(dict.fromkeys(choices))
        holders = self._branches(self._schema_at(path[:-1]))
        return [key for each in holders for key in each.get("propertyNames", {}).get("enum", ())]


def _miscounted(details: ErrorDetails) -> bool:
    """Whether entries are said to be too few only because what is wrong was not counted."""
    written, facts = details["input"], details.get("ctx", {})
    too_few = details["type"] == "too_short" and isinstance(written, list)
    return too_few and len(written) >= facts["min_length"]


def _held(schema: Schema, step: str | int) -> Schema | None:
    """The schema of one item or key of what one schema describes."""
    if isinstance(step, int):
        found = schema.get("items")
    else:
        other = schema.get("additionalProperties") or next(
            iter(schema.get("patternProperties", {}).values()), None
        )
        found = schema.get("properties", {}).get(step, other)
    return found if isinstance(found, dict) else None


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
    near = _nearest(written, known)
    return _did_you_mean(near) if near else None


def _nearest(written: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(written.casefold(), list(known), n=1, cutoff=0.6)), None)


def _did_you_mean(word: str) -> str:
    return f"did you mean `{word}`?"


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
