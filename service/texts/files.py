"""The files of `templates_sms/`, as coordinators leave them."""

from pathlib import Path
from typing import NamedTuple

FOLDER = "templates_sms"
LOADED_WORDS = f"{FOLDER}/loaded_words.txt"
TELLING_WORDS = f"{FOLDER}/telling_words.txt"
_MAX_BYTES = 16_384


class TextProblem(NamedTuple):
    """What is wrong where, for the person who wrote it.

    `line` and `column` count from 1; `text` is what stands there; `suggestion` is what to write or
    do instead, None where nothing better can be said.
    """

    file: str
    line: int
    column: int
    text: str
    why: str
    suggestion: str | None = None


class Sources(NamedTuple):
    """What the files hold: texts by language and name (`words` is one), and two lists of words.

    Loaded words accuse or name a community, and no text may hold them. Telling words betray what
    a focal point's phone is used for.
    """

    templates: dict[str, dict[str, str]]
    loaded_words: str
    telling_words: str


def file_of(language: str, name: str) -> str:
    """The path by which coordinators know a text."""
    return f"{FOLDER}/{language}/{name}.txt"


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def read(folder: Path) -> tuple[Sources, list[TextProblem]]:
    """Read `<language>/<name>.txt` and the two lists under `folder`, with what is unreadable.

    A file that is missing is not a problem here: `lint` knows which there must be.
    """
    problems: list[TextProblem] = []
    templates = {
        language.name: {
            path.stem: source
            for path in sorted(language.glob("*.txt"))
            if (source := _read(path, file_of(language.name, path.stem), problems)) is not None
        }
        for language in sorted(folder.glob("[a-z]*"))
        if language.is_dir()
    }
    lists = (_list(folder, file, problems) for file in (LOADED_WORDS, TELLING_WORDS))
    return Sources(templates, *lists), problems


def _list(folder: Path, file: str, problems: list[TextProblem]) -> str:
    path = folder / Path(file).name
    return (_read(path, file, problems) or "") if path.exists() else ""


def _read(path: Path, file: str, problems: list[TextProblem]) -> str | None:
    try:
        with path.open("rb") as opened:
            raw = opened.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            why = f"the file is larger than {_MAX_BYTES // 1024} KB"
        else:
            return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        shown = f"0x{raw[error.start]:02X}"
        advice = "save the file as UTF-8"
        problems.append(TextProblem(file, line, column, shown, "this is not UTF-8", advice))
        return None
    except OSError as error:
        why = f"the file cannot be read: {error.strerror}"
    problems.append(TextProblem(file, 1, 1, "", why))
    return None
