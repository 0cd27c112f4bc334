"""The house keeps its walls: who imports whom, and what the domain's types may hold."""

import ast
import dataclasses
import importlib
import pkgutil
import shutil
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

import service.domain

PROJECT = Path(__file__).resolve().parents[2]
DOMAIN = PROJECT / "service" / "domain"


# --- imports


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("service/planted.py", "import handlers.settings", "never the other way"),
        ("service/store/planted.py", "import service.intake", "only those below it"),
        ("service/store/planted.py", "import service.vault.vault", "only those below it"),
        ("handlers/gateways/planted.py", "import service.store", "never touch the store"),
        ("handlers/console/planted.py", "import service.vault.keys", "never touch the store"),
        ("service/domain/planted.py", "import sqlalchemy", "domain is pure"),
    ],
)
def test_the_contracts_of_imports_bite(tmp_path: Path, file: str, line: str, contract: str) -> None:
    """`make check` holds the contracts to the code; here each is shown to catch what it forbids."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for package in ("service", "handlers"):
        shutil.copytree(
            PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / file).write_text(line + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [said for said in done.stdout.splitlines() if said.endswith("BROKEN")]
    assert any(contract in said for said in broken), done.stdout


# --- the domain is pure

WITH_EFFECTS = {
    "asyncio", "concurrent", "ctypes", "glob", "http", "io", "logging", "mmap", "multiprocessing",
    "os", "pathlib", "pickle", "random", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
EFFECTS = {"open", "print", "input", "exec", "eval", "compile", "__import__"}
CLOCKS = {"now", "utcnow", "today"}


def domain_files() -> list[Path]:
    return sorted(DOMAIN.rglob("*.py"))


@pytest.mark.parametrize("file", domain_files(), ids=lambda file: file.stem)
def test_the_domain_has_no_effects_no_clock_and_no_chance(file: Path) -> None:
    """The standard library without its effects, pydantic, and the domain itself: no more."""
    allowed = (sys.stdlib_module_names - WITH_EFFECTS) | {"pydantic", "pydantic_core"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        where = f"{file.name}:{getattr(node, 'lineno', 0)}"
        for name in imported(node):
            pure = name.split(".")[0] in allowed or name.startswith("service.domain")
            assert pure, f"{where}: imports {name}"
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                assert function.id not in EFFECTS, f"{where}: calls {function.id}"
            if isinstance(function, ast.Attribute):
                assert function.attr not in CLOCKS, f"{where}: reads the clock"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        module = node.module or ""
        return [f"{module}.{alias.name}" if module == "service" else module for alias in node.names]
    return []


# --- invariant 2: no type of the domain could hold a number, a name or a message's text

# Whatever it holds, a field so called invites it.
FORBIDDEN_NAMES = {
    "body", "contact", "message", "msisdn", "number", "person_name", "phone", "raw", "recipient",
    "sender", "text", "words",
}  # fmt: skip

# Modules whose types hold what coordinators wrote in rules/: nothing of a report or a person.
CONTENT = {
    "codebook", "gazetteer", "hours", "loosened", "privacy", "routes", "rule", "seasons",
    "silence", "spelling",
}  # fmt: skip

# The text fields that there are, each with what it holds: an identifier from a closed list, never
# words from outside. A new one has to be entered here, and so to be thought about.
IDENTIFIERS = {
    "area": "a pcode",
    "areas": "pcodes",
    "code": "a pcode or place code of the gazetteer",
    "episode": "the alert's own name, made from its rule and evidence ids",
    "function": "a function's id, from rules/escalation.yaml",
    "gateway": "a gateway's name, one of the settings'",
    "place": "a place code of the gazetteer",
    "language": "a language's code of the codebook",
    "places": "place codes of the gazetteer",
    "route": "a route's id",
    "rule": "a rule's id",
    "rule_hash": "a rule's fingerprint",
    "suppressed_by": "a rule's id, or why it was quiet",
    "type": "an incident type's id",
    "types": "incident types' ids",
    "without": "incident types' ids",
}

# What the two rules above would refuse and invariant 2 allows, with the reason.
ALLOWED = {
    "Check.name": "a predicate's name in the rule language",
    "Check.value": "what was counted, or a season's id",
    "Check.threshold": "what the rule asked for",
    "Codebook.words": "the vocabulary of counts and days, from rules/codebook.yaml",
    "Enrol.code": "an invite's code, which the vault blinds before it is stored or compared",
    "Head.letters": "the beginning of a SHA-256, in consonants",
    "Link.content": "a SHA-256",
    "Link.hash": "a SHA-256",
    "Try.reason": "a closed-list word of the gateway's module",
    "Try.status": "a gateway's answer or a receipt's status, closed lists both",
    "Link.seal": "an HMAC-SHA256",
    "Need.number": "how many reports are asked for",
    "Merge.name": "an area's name, from rules/",
    "Merge.members": "pcodes",
    "Words.runs": "the text while it is read; the grammar returns none of it, as is tested below",
}


def domain_types() -> Iterator[type]:
    for module in pkgutil.walk_packages(service.domain.__path__, "service.domain."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name and fields(value):
                yield value


def fields(kind: type) -> dict[str, Any]:
    """Name and type of each field of a dataclass, a pydantic model or a named tuple."""
    if dataclasses.is_dataclass(kind):
        names = {field.name for field in dataclasses.fields(kind)}
    elif issubclass(kind, BaseModel):
        names = set(kind.model_fields)
    elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names = set(kind._fields)
    else:
        return {}
    return {name: hint for name, hint in get_type_hints(kind).items() if name in names}


def holds_free_text(hint: Any) -> bool:
    """Whether a value of this type could be words from outside: text, bytes, or anything."""
    if get_origin(hint) is typing.Literal:
        return False
    if get_origin(hint) is not None or isinstance(hint, types.UnionType):
        return any(holds_free_text(part) for part in get_args(hint) if part is not Ellipsis)
    return hint in (str, bytes, bytearray, memoryview, object, Any)


TYPES = sorted(domain_types(), key=lambda kind: (kind.__module__, kind.__name__))


def test_the_domain_was_found() -> None:
    assert {"Evidence", "Decision", "IncidentType", "Point"} <= {kind.__name__ for kind in TYPES}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_no_field_could_hold_a_number_a_name_or_a_text(kind: type) -> None:
    from_rules = kind.__module__.rsplit(".", 1)[-1] in CONTENT
    for name, hint in fields(kind).items():
        if f"{kind.__name__}.{name}" in ALLOWED:
            continue
        assert name not in FORBIDDEN_NAMES, f"{kind.__name__}.{name}: invariant 2"
        if not from_rules and holds_free_text(hint):
            assert name in IDENTIFIERS, f"{kind.__name__}.{name} can hold any text: invariant 2"


def test_every_exception_is_still_needed() -> None:
    there = {f"{kind.__name__}.{name}" for kind in TYPES for name in fields(kind)}
    assert set(ALLOWED) <= there
    assert set(IDENTIFIERS) <= {name.split(".")[1] for name in there}


def test_no_type_of_the_domain_carries_the_text_on() -> None:
    for kind in TYPES:
        for name, hint in fields(kind).items():
            assert "Words" not in str(hint), f"{kind.__name__}.{name}"


def test_the_check_would_find_a_planted_field() -> None:
    planted = dataclasses.make_dataclass("Planted", [("note", "str | None"), ("at", "int")])
    assert holds_free_text(fields(planted)["note"])
    assert not holds_free_text(fields(planted)["at"])
    assert holds_free_text(dict[str, tuple[bytes, ...]])
    assert not holds_free_text(typing.Literal["minor", "severe"] | None)
