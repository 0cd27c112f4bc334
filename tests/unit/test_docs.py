"""Every command, option and setting is documented, and nothing else is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from handlers.cli import app
from handlers.settings import Settings
from service.store.keepings import KEEPINGS, as_row

PROJECT = Path(__file__).resolve().parents[2]
OPERATORS_PAGE = (PROJECT / "deploy" / "README.md").read_text(encoding="utf-8")
PAGES = [(PROJECT / "README.md").read_text(encoding="utf-8"), OPERATORS_PAGE]


def commands(
    command: object, path: str = "vigie"
) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """(`vigie focal-point invite`, its command) for each command that does something."""
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield path, command
        for name, inner in sorted(command.commands.items()):
            yield from commands(inner, f"{path} {name}")
    elif isinstance(command, TyperCommand):
        yield path, command


COMMANDS = dict(commands(typer.main.get_command(app)))
SETTINGS = {f"VIGIE_{name.upper()}" for name in Settings.model_fields}


def rows(first_cell: str) -> list[str]:
    """The lines of the operators' page that are a table's row for `first_cell`."""
    return [line for line in OPERATORS_PAGE.splitlines() if line.startswith(f"| `{first_cell}` |")]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_a_row_with_its_options(command: str) -> None:
    row = rows(command)
    assert len(row) == 1, f"deploy/README.md needs one row for `{command}`"
    options = {
        option
        for parameter in COMMANDS[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and option != "--help"
    }
    documented = set(re.findall(r"--[a-z][a-z-]*", row[0]))
    assert documented == options, command


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_each_setting_has_a_row(setting: str) -> None:
    assert len(rows(setting)) == 1, f"deploy/README.md needs one row for `{setting}`"


def test_what_is_kept_of_people_is_on_the_operators_page() -> None:
    expected = [as_row(keeping) for keeping in KEEPINGS]
    missing = [row for row in expected if row not in OPERATORS_PAGE.splitlines()]
    assert missing == [], "put these rows under “What is kept, and for how long”"
    first = OPERATORS_PAGE.index(expected[0])
    assert OPERATORS_PAGE[first:].split("\n\n")[0].count("\n") + 1 == len(expected)


def test_no_page_names_a_setting_that_does_not_exist() -> None:
    named = {name for page in PAGES for name in re.findall(r"\bVIGIE_[A-Z_]+\b", page)}
    assert named <= SETTINGS


def test_no_page_names_a_command_that_does_not_exist() -> None:
    """A command in a page is `vigie word …` or a line of a code block that begins with it."""
    groups = {name.rsplit(" ", 1)[0] for name in COMMANDS}
    for page in PAGES:
        for words in re.findall(r"(?:`|bin/|^)vigie ((?:[a-z-]+ ?)+)", page, re.MULTILINE):
            said = f"vigie {words}".split()
            known = any(" ".join(said[:length]) in {*COMMANDS, *groups} for length in (2, 3))
            assert known, f"`{' '.join(said)}` is no command"


def test_each_page_that_is_linked_to_is_there() -> None:
    for folder, page in zip((PROJECT, PROJECT / "deploy"), PAGES, strict=True):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page):
            assert (folder / target).exists(), target
