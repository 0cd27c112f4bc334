"""A passphrase that is in no file: asked for at a terminal, never shown there, else refused."""

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.content_dir import copy_of_content
from tests.support.process import COMMAND_SECONDS, VIGIE, environment, run

PHRASE = "le fleuve monte avant la lune"
INVITE = ("focal-point", "invite", "--area", "ML04")


@pytest.fixture
async def env(tmp_path: Path) -> dict[str, str]:
    """An installation whose passphrase is in nobody's file any more."""
    env = environment(tmp_path, content_dir=copy_of_content(tmp_path / "content"))
    phrase = tmp_path / "phrase"
    phrase.touch(0o600)
    phrase.write_text(PHRASE)
    await run("init", env=env | {"VIGIE_PASSPHRASE_FILE": str(phrase)})
    phrase.unlink()
    return env


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: whoever sits at it, and the program."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


def type_at(
    terminal: tuple[int, int], env: dict[str, str], typed: str, *arguments: str
) -> tuple[int, str, str]:
    """Type this once something is asked; exit status, standard output, what the terminal showed."""
    person, program = terminal
    process = subprocess.Popen(
        [VIGIE, *arguments],
        env=env,
        stdin=program,
        stdout=subprocess.PIPE,
        stderr=program,
        start_new_session=True,
    )
    shown = b""
    # The last space comes once nothing is shown any more, and what was typed before is gone.
    while not shown.endswith(b"root.key: ") and select.select([person], [], [], COMMAND_SECONDS)[0]:
        shown += os.read(person, 4096)
    os.write(person, typed.encode() + b"\n")
    printed, _ = process.communicate(timeout=COMMAND_SECONDS)
    while select.select([person], [], [], 0)[0]:
        shown += os.read(person, 4096)
    return process.returncode, printed.decode(), shown.decode()


def test_it_is_asked_for_at_a_terminal_and_not_shown(
    env: dict[str, str], terminal: tuple[int, int]
) -> None:
    status, printed, shown = type_at(terminal, env, PHRASE, *INVITE)
    assert status == 0, shown
    assert len(printed.strip()) == 8
    assert "Passphrase of" in shown
    assert PHRASE not in shown


def test_a_wrong_one_is_refused_and_not_repeated(
    env: dict[str, str], terminal: tuple[int, int]
) -> None:
    status, printed, shown = type_at(terminal, env, "quetzalcoatl", *INVITE)
    assert (status, printed) == (1, "")
    assert "the passphrase does not open" in shown
    assert "quetzalcoatl" not in shown


async def test_where_there_is_no_terminal_it_is_said_what_to_do(env: dict[str, str]) -> None:
    done = await run(*INVITE, env=env, status=1, stdin=f"{PHRASE}\n")
    assert "A command asks for it at a terminal" in done.stderr
    assert "VIGIE_PASSPHRASE_FILE" in done.stderr
    assert done.stdout == ""
    pulled = env | {"VIGIE_PASSPHRASE_FILE": str(Path(env["VIGIE_DATA_DIR"]) / "pulled")}
    done = await run(*INVITE, env=pulled, status=1)
    assert "Check VIGIE_PASSPHRASE_FILE" in done.stderr
    assert "Traceback" not in done.stderr
