"""Who runs a command: from the first coordinator on, the audit log says it by name."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from click.testing import Result
from typer.testing import CliRunner

from handlers.cli import app
from service import content
from service.backup import new_identity
from tests.support.content_dir import copy_of_content
from tests.support.process import environment
from tests.unit.test_docs import commands

SOKOLO = ("--area", "ML040410")
IDENTITY, RECIPIENT = new_identity()

# Each command that acts by name once there are names, with arguments that let it act.
ACTS: dict[str, tuple[str, ...]] = {
    "audit accept": (),
    "backtest": (),
    "backup": ("--recipient", RECIPIENT, "--to", "FOLDER/backup.vigie"),
    "explain": ("--near-misses", "market-cluster"),
    "export": (),
    "focal-point clear": ("--pseudonym", "1"),
    "focal-point invite": SOKOLO,
    "focal-point list": (),
    "focal-point pins": ("--invite", "1"),
    "focal-point revoke": ("--invite", "1"),
    "keys export": ("--role", "intake", "--to", "FOLDER/intake.key"),
    "keys retire": (),
    "keys rotate": (),
    "keys split": (),
    "keys token": ("--rotate",),
    "late": ("--accept",),
    "responder invite": SOKOLO,
    "responder list": (),
    "responder revoke": ("--invite", "1"),
    "route": ("--type", "MA", "--place", "ML04"),
    "scan": (),
}
ELSEWHERE = {"keys restore"}  # the key file must be away


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    # Most of what a command does is to read the content, which is the same for all of them here.
    monkeypatch.setattr(content, "load", cache(content.load))
    env = environment(tmp_path, content_dir=copy_of_content(tmp_path / "content"))
    assert CliRunner().invoke(app, ["init"], env=env).exit_code == 0
    return env


@pytest.fixture
def do(tmp_path: Path, env: dict[str, str]) -> Callable[..., Result]:
    def do(command: str, *arguments: str, **others: str) -> Result:
        given = [each.replace("FOLDER", str(tmp_path)) for each in arguments]
        return CliRunner().invoke(app, [*command.split(), *given], env=env | others)

    return do


@pytest.fixture
def awa(tmp_path: Path, do: Callable[..., Result]) -> dict[str, str]:
    """The first coordinator; where her code is."""
    code = tmp_path / "awa.code"
    code.touch(0o600)
    code.write_text(do("coordinator add", "awa").stdout)
    return {"VIGIE_COORDINATOR_CODE_FILE": str(code)}


def entered(do: Callable[..., Result]) -> list[tuple[str, str]]:
    log: list[dict[str, Any]] = json.loads(do("audit", "--json").stdout)
    return [(entry["actor"], entry["action"]) for entry in log]


def test_every_command_that_acts_by_name_is_tried_here() -> None:
    asking = set()
    for name, command in commands(typer.main.get_command(app)):
        named = [option for option in command.params if "--as" in option.opts]
        if named and not named[0].required:
            asking.add(name.removeprefix("vigie "))
    assert asking == {*ACTS, *ELSEWHERE, "coordinator add"}


def test_as_long_as_there_is_no_coordinator_all_work_and_say_so(do: Callable[..., Result]) -> None:
    invited = do("focal-point invite", *SOKOLO, "--count", "2")
    assert [len(code) for code in invited.stdout.splitlines()] == [8, 8]
    for done in (invited, do("keys split"), do("late", "--accept")):
        assert done.exit_code == 0, done.output
        assert "nobody is a coordinator yet" in done.stderr
    assert [actor for actor, _ in entered(do)] == ["cli"] * 4


def test_from_the_first_coordinator_on_nothing_is_done_by_nobody(
    do: Callable[..., Result], awa: dict[str, str]
) -> None:
    before = entered(do)
    for command, arguments in sorted(ACTS.items()):
        done = do(command, *arguments, **awa)
        assert done.exit_code == 1, (command, done.output)
        assert done.stdout == "", command
        if command != "keys retire":  # which refuses first
            assert "--as NAME" in str(done.exception), command
    forged = do("focal-point invite", *SOKOLO, "--as", "issa", **awa)
    assert (forged.exit_code, forged.stdout) == (1, "")
    assert "not the code of a coordinator issa" in str(forged.exception)
    assert entered(do) == before


def test_the_log_says_by_whom(
    tmp_path: Path, do: Callable[..., Result], awa: dict[str, str]
) -> None:
    before = len(entered(do))
    named = ["focal-point invite", "focal-point pins", "focal-point revoke", "focal-point list"]
    named += ["keys token", "keys export", "keys rotate", "audit accept", "scan"]
    for command in named:
        done = do(command, *ACTS[command], "--as", "awa", **awa)
        assert done.exit_code == 0, (command, done.output)
    acts = entered(do)[before:]
    assert len(acts) == len(named)
    assert {actor for actor, _ in acts} == {"awa"}


def test_the_backup_of_each_night_needs_nobody_and_goes_to_no_other(
    tmp_path: Path, do: Callable[..., Result], awa: dict[str, str]
) -> None:
    ours = {"VIGIE_BACKUP_RECIPIENT": RECIPIENT}
    assert do("backup", "--to", "FOLDER/1.vigie", **ours).exit_code == 0
    assert entered(do)[-1] == ("cli", "made a backup")
    _, other = new_identity()
    to = ("--to", "FOLDER/2.vigie", "--recipient", other)
    assert do("backup", *to, **ours).exit_code == 1
    assert not (tmp_path / "2.vigie").exists()
    assert do("backup", *to, "--as", "awa", **ours, **awa).exit_code == 0
    assert entered(do)[-1] == ("awa", "made a backup")


def test_lost_codes_are_made_good_by_those_who_have_the_shares(
    tmp_path: Path, env: dict[str, str], do: Callable[..., Result]
) -> None:
    words = do("keys split").stdout.splitlines()
    assert do("coordinator add", "awa").exit_code == 0  # and the code is lost

    def add(name: str, given: list[str]) -> Result:
        arguments = ["coordinator", "add", name, "--shares"]
        return CliRunner().invoke(app, arguments, env=env, input="\n".join(given) + "\n")

    assert add("issa", words[:1]).exit_code == 1
    other = environment(tmp_path / "other", content_dir=env["VIGIE_CONTENT_DIR"])
    assert CliRunner().invoke(app, ["init"], env=other).exit_code == 0
    theirs = CliRunner().invoke(app, ["keys", "split"], env=other).stdout.splitlines()
    assert add("issa", theirs[:2]).exit_code == 1
    assert entered(do)[-1] == ("cli", "added a coordinator")
    made = add("issa", words[1:])
    assert made.exit_code == 0, made.output
    code = tmp_path / "issa.code"
    code.touch(0o600)
    code.write_text(made.stdout)
    mine = {"VIGIE_COORDINATOR_CODE_FILE": str(code)}
    assert do("focal-point list", "--as", "issa", **mine).exit_code == 0
    log = json.loads(do("audit", "--json").stdout)
    assert [entry["details"] for entry in log if entry["subject"] == "issa"] == [
        {"by_shares": True}
    ]
