"""Strict YAML: what is read as written, and what is refused, where and why."""

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from service.content import ContentError, Problem, compose_strict
from service.content.files import YAML_LIMIT, Files

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "rules").rglob("*.yaml"))


def only(source: str) -> Problem:
    (problem,) = compose_strict("f.yaml", source).problems
    return problem


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("a: no", {"a": "no"}),
        ("a: 010", {"a": "010"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 1e3", {"a": "1e3"}),
        ("a: ~", {"a": "~"}),
        ("a: null", {"a": "null"}),
        ("a: 2014-11-15", {"a": "2014-11-15"}),
        ("a: 'no'", {"a": "no"}),
        ("a: ''", {"a": ""}),
        ("a:", {"a": None}),
        ("no: 1", {"no": "1"}),
        ("1: on", {"1": "on"}),
        ("- [a, {b: c}]\n- d", [["a", {"b": "c"}], "d"]),
        ("a: >-\n  one\n  two", {"a": "one two"}),
        ("é: ɓ 🐄", {"é": "ɓ 🐄"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("'<<': a", {"<<": "a"}),
    ],
)
def test_every_scalar_stays_as_written(source: str, data: object) -> None:
    document = compose_strict("f.yaml", source)
    assert (document.data, document.problems) == (data, [])


@pytest.mark.parametrize(
    ("source", "line", "column", "text", "why"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "a", "this key stands here twice"),
        ("x:\n  - {a: 1, a: 2}", 2, 12, "a", "this key stands here twice"),
        ("a:\n\t- b", 2, 1, "\\t", "a tab"),
        ("a: b\t# c", 1, 5, "\\t", "a tab"),
        ("a: &x 1\nb: *x", 1, 4, "&x", "anchors and aliases"),
        ("a: *x", 1, 4, "*x", "anchors and aliases"),
        ("a: !!python/object:os.system x", 1, 4, "tag:yaml.org", "a tag"),
        ("a: 1\n---\nb: 2", 2, 1, "", "a second document"),
        ("%YAML 1.1\n---\na: 1", 1, 1, "%", "a line that begins with %"),
        ("? [a]\n: b", 1, 3, "", "a key must be one word"),
        ("a: \0", 1, 4, "\\x00", "not text"),
        ("a: \ud800", 1, 4, "\\ud800", "not text"),
        ("a: \x1b[31m", 1, 4, "\\x1b", "not text"),
        ("a: b: c", 1, 5, "a: b: c", "a `:` where no key can stand"),
        ("a: 'b\nc: d", 1, 4, "a: 'b", "a quote is opened"),
        ("x: 1\na: [b,\n c", 2, 4, "a: [b,", "begins with [ is not closed"),
        ("a: {b: c", 1, 4, "a: {b: c", "begins with { is not closed"),
        ("a: @b", 1, 4, "a: @b", "cannot begin with this character"),
        ("- a\nb: c", 2, 1, "b: c", "not indented"),
        ("a:\n  - b\n c: d", 3, 2, "c: d", "not indented"),
        ("a: b\nc\n", 3, 1, "c", "a key without its `:`"),
        ("[" * 51, 1, 51, "", "inside each other"),
        ("- " * 51, 1, 101, "", "inside each other"),
    ],
)
def test_refusals_say_where_and_why(
    source: str, line: int, column: int, text: str, why: str
) -> None:
    problem = only(source)
    assert (problem.file, problem.line, problem.column) == ("f.yaml", line, column)
    assert problem.text.startswith(text)
    assert why in problem.why


def test_fifty_deep_is_still_read() -> None:
    assert compose_strict("f.yaml", "[" * 50 + "]" * 50).problems == []


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(BOMB, id="billion laughs"),
        pytest.param("[" * 1_000_000, id="deep list"),
        pytest.param("{a: " * 250_000, id="deep mapping"),
        pytest.param("- " * 500_000, id="deep block"),
        pytest.param("? " * 500_000, id="deep keys"),
        pytest.param("[" + "a," * 499_000 + "]", id="half a million values"),
        pytest.param("a: b\n" * 200_000, id="keys without end"),
        pytest.param("---\n" * 250_000, id="documents without end"),
        pytest.param("".join(f"%TAG !{n}! x\n" for n in range(60_000)), id="directives"),
        pytest.param("\0" * 1_000_000, id="NULs"),
        pytest.param("&a " * 300_000, id="anchors"),
    ],
)
def test_hostile_text_is_refused_and_not_worked_through(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: the parser is asked for few events, whatever the text holds."""
    events = 0
    parse = yaml.parse

    def counted(source: str, Loader: type[yaml.SafeLoader]) -> Iterator[yaml.Event]:
        nonlocal events
        for event in parse(source, Loader=Loader):
            events += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counted)
    document = compose_strict("f.yaml", source)
    assert document.data is None
    assert document.problems
    assert events <= 20_100


def test_the_slow_parser_reads_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = [compose_strict("f", path.read_text(encoding="utf-8")) for path in SHIPPED]
    monkeypatch.setattr("service.content.yaml._Loader", yaml.SafeLoader)
    slow = [compose_strict("f", path.read_text(encoding="utf-8")) for path in SHIPPED]
    assert fast == slow


@pytest.mark.parametrize(
    ("raw", "line", "column", "why"),
    [
        (b"a: 1\nb: \xe9t\xe9", 2, 4, "this is not UTF-8"),
        ("a: é\n".encode("utf-16"), 1, 1, "this is not UTF-8"),
        (b"#" * (YAML_LIMIT + 1), 1, 1, "the file is larger than 1 MB"),
    ],
)
def test_files_that_are_no_text(
    tmp_path: Path, raw: bytes, line: int, column: int, why: str
) -> None:
    (tmp_path / "f.yaml").write_bytes(raw)
    files = Files(tmp_path)
    assert files.text("f.yaml", YAML_LIMIT) is None
    (problem,) = files.problems
    assert (problem.line, problem.column, problem.why) == (line, column, why)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert Files(tmp_path).text("f.yaml", YAML_LIMIT) == "a: 1"


def test_a_folder_or_nothing_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    files = Files(tmp_path)
    assert files.text("folder.yaml", 10) is None
    assert files.text("absent.yaml", 10) is None
    assert [each.why for each in files.problems] == [
        "the file cannot be read: Is a directory",
        "the file cannot be read: No such file or directory",
    ]


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!%#'\"|>?,@ \n\t\0é"), max_size=60))
def test_never_raises_and_never_guesses(source: str) -> None:
    """What is read without a problem has the same keys and text as plain YAML without types."""
    document = compose_strict("f.yaml", source)
    if not document.problems:
        plain = yaml.load(source, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        assert _without_empty(document.data) == _without_empty(plain)


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_no_bytes_raise(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f").write_bytes(raw)
        text = Files(Path(folder)).text("f", 1000)
        if text is not None:
            compose_strict("f", text)


def _without_empty(data: object) -> object:
    """BaseLoader reads an empty value as an empty text."""
    if isinstance(data, dict):
        return {key: _without_empty(held) for key, held in data.items()}
    if isinstance(data, list):
        return [_without_empty(held) for held in data]
    return data or ""


def test_an_error_tells_the_same_after_it_came_from_another_process() -> None:
    """A backtest's processes hand theirs over."""
    problems = [Problem("rules/a.yaml", line, 1, "x", f"reason {line}") for line in (3, 2)]
    error = ContentError(problems, problems[:1])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problems, copy.warnings) == (str(error), error.problems, error.warnings)
