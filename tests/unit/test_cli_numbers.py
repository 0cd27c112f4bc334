"""A number that no database can hold is used wrongly, and not an error within."""

import pytest
from typer.testing import CliRunner

from handlers.cli import app


@pytest.mark.parametrize(
    "command",
    [
        ["alert", "release", "9" * 30, "--as", "awa"],
        ["coordinator", "approve", "9" * 30, "--as", "awa"],
        ["focal-point", "revoke", "--pseudonym", "9" * 30],
        ["focal-point", "revoke", "--invite", "9" * 30],
        ["responder", "clear", "--pseudonym", "9" * 30, "--as", "awa"],
        ["responder", "revoke", "--pseudonym", "9" * 30],
        ["focal-point", "pins", "--invite", "9" * 30],
        ["focal-point", "clear", "--pseudonym", "9" * 30],
        ["trace-leak", "--as", "awa", "--alert", "9" * 30],
        ["explain", "9" * 30],
    ],
)
def test_a_number_beyond_it_is_refused_before_anything_is_opened(command: list[str]) -> None:
    assert CliRunner().invoke(app, command).exit_code == 2
