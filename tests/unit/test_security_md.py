"""deploy/SECURITY.md promises nothing that no test shows, and says what SMS cannot hide first."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "deploy" / "SECURITY.md").read_text(encoding="utf-8")
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ADVERSARIES = (
    "A focal point's phone is seized",
    "A responder's phone is seized",
    "A responder works for someone else",
    "A disk or a backup is seized",
    "Someone in the telephone company",
    "Someone forges texts or callbacks",
    "A coordinator is forced",
    "Someone watches the traffic",
)
CONTROLS = ["What Vigie does", "What that cannot do", "Shown by"]
STANDARD = "OWASP ASVS 5.0"
REQUIREMENTS = ["item", "it asks that", "Shown by"]


class Row(NamedTuple):
    """A row of a table: the page's heading above it, the table's head, and its own cells."""

    heading: str
    head: list[str]
    cells: list[str]


def rows(page: str) -> list[Row]:
    found: list[Row] = []
    heading, head = "", list[str]()
    for line in page.splitlines():
        if line.startswith(("## ", "### ")):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells(line)
        elif not re.fullmatch(r"[|\s:-]+", line):
            found.append(Row(heading, head, cells(line)))
    return found


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests that a file defines, in classes too."""
    file = PROJECT / path
    if not file.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    functions = (n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def faults(page: str) -> list[str]:
    """What the page claims without a test that is there."""
    found = [
        f"{path}::{name} does not exist"
        for path, name in TEST_NAME.findall(page)
        if name not in names_in(path)
    ]
    for row in rows(page):
        if row.head[-1] != "Shown by":
            continue
        shown = row.cells[-1]
        said = row.heading == STANDARD and re.match(r"not met: \w", shown)
        if len(row.cells) != len(row.head) or not (TEST_NAME.search(shown) or said):
            found.append(f"{row.cells[0]}: no test shows it")
    return found


def test_every_control_is_shown_by_a_test_that_exists() -> None:
    assert faults(PAGE) == []


@pytest.mark.parametrize("heading", ADVERSARIES)
def test_each_adversary_has_controls_and_what_they_cannot_do(heading: str) -> None:
    controls = [row for row in rows(PAGE) if row.heading == heading]
    assert controls, heading
    for row in controls:
        assert row.head == CONTROLS
        assert all(row.cells), row


def test_what_sms_cannot_hide_is_said_first() -> None:
    headings = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert headings[0] == "What SMS cannot hide"
    assert headings == [headings[0], headings[1], *ADVERSARIES, STANDARD]


def test_each_item_of_the_standard_is_named_once_and_in_order() -> None:
    """Each chapter either has items that apply, or is named among those that do not."""
    table = [row for row in rows(PAGE) if row.heading == STANDARD]
    ids = []
    for row in table:
        assert row.head == REQUIREMENTS
        match = re.fullmatch(r"V(\d+)\.(\d+)\.(\d+)", row.cells[0])
        assert match, row.cells[0]
        ids.append(tuple(int(part) for part in match.groups()))
    assert ids == sorted(set(ids))
    said = PAGE.split(f"## {STANDARD}\n", 1)[1].split("\n|", 1)[0]
    left_out = {int(chapter) for chapter in re.findall(r"\bV(\d+) \(", said)}
    assert {chapter for chapter, _, _ in ids} | left_out == set(range(1, 18))


def test_the_readme_leads_here_and_says_the_same() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## What Vigie cannot protect against\n", 1)[1].split("\n## ", 1)[0]
    assert "(deploy/SECURITY.md)" in section
    for said in ("sees who texts", "number can be forged"):
        assert said in section, said
        assert said.replace("sees who texts", "sees who texts Vigie's number") in PAGE, said


@pytest.mark.parametrize(
    "planted",
    [
        "| It hides all. | Nothing. | `tests/unit/test_security_md.py::test_that_is_not_there` |",
        "| It hides all. | Nothing. | `tests/unit/no_such_file.py::test_any` |",
        "| It hides all. | Nothing. | surely |",
        "| It hides all. | Nothing. | not met: nobody had time |",
    ],
)
def test_the_check_finds_a_promise_without_a_test(planted: str) -> None:
    table = "## A\n| What Vigie does | What that cannot do | Shown by |\n|---|---|---|\n"
    assert faults(table + planted)


def test_the_check_takes_a_promise_with_one() -> None:
    name = "`tests/unit/test_security_md.py::test_the_check_takes_a_promise_with_one`"
    table = "## A\n| What Vigie does | What that cannot do | Shown by |\n|---|---|---|\n"
    assert not faults(f"{table}| It hides all. | Nothing. | {name} |")
