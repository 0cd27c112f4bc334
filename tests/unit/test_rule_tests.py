"""`vigie test-rules`: the shipped rules do what their tests say, and a test that fails says why."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from handlers.cli import app
from service import content as content_files
from service.content import ContentError
from service.content.french import in_french
from service.domain.geo import Point, distance_km
from service.rule_tests.load import load, north_of
from service.rule_tests.model import (
    Almost,
    Case,
    Expected,
    Given,
    Located,
    Measured,
    RuleTests,
)
from tests.support.content_dir import PROJECT, copy_of_content

PAGE = (PROJECT / "rules" / "TESTS.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

THREE = """\
      - {at: 2026-11-02 08:00, type: market_attack, place: Sokolo, reporter: Awa}
      - {at: 2026-11-03 15:00, type: market_attack, place: Sokolo, reporter: Moussa}
      - {at: 2026-11-04 09:00, type: market_attack, place: Sokolo, reporter: Awa}
"""
RAISED = "{rule: market-cluster, severity: severe, knowable_at: 2026-11-04 09:00}"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The shipped rules and seasons, with areas and without villages, and no tests."""
    copy = copy_of_content(tmp_path)
    shutil.rmtree(copy / "rules/tests", ignore_errors=True)
    (copy / "rules/tests").mkdir()
    return copy


def run(content: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["test-rules", "--content-dir", str(content), *options])


def write(content: Path, tests: str) -> None:
    (content / "rules/tests/some.yaml").write_text(tests, encoding="utf-8")


def story(reports: str = THREE, expect: str = f"[{RAISED}]", more: str = "") -> str:
    return (
        "rules: [market-cluster]\ntests:\n  - name: a story\n"
        f"{more}    reports:\n{reports}    expect: {expect}\n"
    )


def test_every_shipped_rule_is_tested_and_does_what_its_tests_say() -> None:
    result = CliRunner().invoke(app, ["test-rules", "--fail-on-untested"])
    assert result.exit_code == 0, result.output
    assert "tests passed" in result.stderr


def test_the_examples_of_the_page_pass(content: Path) -> None:
    for example in EXAMPLES:
        write(content, example)
        assert run(content).exit_code == 0
    assert EXAMPLES


@pytest.mark.parametrize(
    "model", [RuleTests, Case, Given, Expected, Almost, Located, Measured], ids=lambda m: m.__name__
)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    for key in model.model_fields:
        assert f"`{key}`" in PAGE or f"{key}:" in PAGE, key


def test_a_changed_number_fails_the_test_that_held_it(content: Path) -> None:
    write(content, story())
    assert run(content).exit_code == 0
    rule = content / "rules/alerts/market-cluster.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("at_least: 3", "at_least: 4"))
    result = run(content)
    assert result.exit_code == 1
    (told, *_) = result.stdout.splitlines()
    assert told == (
        "rules/tests/some.yaml:8:14: a story: `raise` by market-cluster was expected, knowable at "
        "2026-11-04 09:00; it was never made; the nearest miss: reports 3 of 4"
    )
    assert "0 of 1 tests passed" in result.stderr


# What is expected of three attacks instead of what comes, and what is told (English, French).
FAILURES = [
    ("none", "`raise` by market-cluster was not expected: knowable at 2026-11-04 09:00, severe, 3 "
     "reports, in ML040410", "n'était pas attendu"),
    (f"[{RAISED.replace('severe,', 'extreme,')}]", "it was made at 2026-11-04 09:00: severe",
     "cela s'est fait le 2026-11-04 09:00"),
    (f"[{RAISED.replace('09:00', '10:00')}]", "knowable at 2026-11-04 10:00; it was made at "
     "2026-11-04 09:00", "connaissable le 2026-11-04 10:00"),
    (f"[{RAISED.replace('severity: severe', 'reports: 4')}]", "severe, 3 reports",
     "3 signalements"),
    (f"[{RAISED.replace('severity: severe', 'areas: [Niono]')}]", "in ML040410", "dans ML040410"),
    (f"[{RAISED.replace('severity: severe', 'late: true')}]", "it was made at", "cela s'est fait"),
    (f"[{RAISED}, {RAISED}]", "it was never made", "jamais"),
    (f"[{RAISED.replace('rule:', 'kind: correct, rule:')}, {RAISED}]", "`correct` by", "`correct`"),
]  # fmt: skip


@pytest.mark.parametrize(("expect", "english", "french"), FAILURES)
def test_what_is_not_as_expected_is_told(
    content: Path, expect: str, english: str, french: str
) -> None:
    write(content, story(expect=expect))
    for options, said in (((), english), (("--language", "fr"), french)):
        result = run(content, *options)
        assert result.exit_code == 1
        assert said in result.stdout


def test_a_near_miss_that_was_none_is_told_with_the_nearest(content: Path) -> None:
    two = "".join(THREE.splitlines(keepends=True)[:2])
    miss = "{rule: market-cluster, check: CHECK, value: VALUE, threshold: 3}"
    for check, value, status in (
        ("reports", "2", 0), ("reports", "2.0", 0), ("reports", "1", 1), ("killed", "2", 1),
        ("reports", "two", 1), ("distance_km", "2", 1),
    ):  # fmt: skip
        more = "    near_misses:\n      - "
        more += miss.replace("CHECK", check).replace("VALUE", value) + "\n"
        write(content, story(two, "none", more))
        result = run(content)
        assert result.exit_code == status, result.stdout
        if status:
            assert "some.yaml:5:9" in result.stdout
            assert (
                f"by {check} {value} of 3 alone; the nearest miss: reports 2 of 3" in result.stdout
            )


# What stands in the first report, or elsewhere, what is written instead, and what is told of it.
MISTAKES = [
    ("type: market_attack", "type: market_atack", "the codebook has no type `market_atack`; did "
     "you mean `market_attack`?"),
    ("place: Sokolo", "place: Atlantis", "no place is called `Atlantis`"),
    ("place: Sokolo", "place: Sokolo Atlantis", "no place is called `Sokolo Atlantis`"),
    ("place: Sokolo", "place: '!!'", "no place is called `!!`"),
    ("place: Sokolo", "place: Dogofry", "several places are called `Dogofry`"),
    ("place: Sokolo", "place: {km: 3, north_of: Atlantis}", "no place is called `Atlantis`"),
    ("place: Sokolo", "place: {km: 3}", "`north_of` is missing"),
    ("place: Sokolo", "place: {lat: 14, lon: -6, area: ML99}", "no area has the pcode `ML99`"),
    ("place: Sokolo", "place: {lat: 99, lon: -6, area: ML04}", "must be at most 90"),
    ("at: 2026-11-02 08:00", "at: 2026-11-02 08:30", "a date and a whole hour: 2026-11-02 08:00"),
    ("at: 2026-11-02 08:00", "at: 2026-02-30 08:00", "a date and a whole hour"),
    ("at: 2026-11-02 08:00", "at: yesterday", "a date and a whole hour"),
    ("reporter: Awa", "reporter: Awa, received: 2026-11-01 08:00", "received before it happens"),
    ("reporter: Awa", "reporter: Awa, retracted: 2026-11-01 08:00", "taken back before it was"),
    ("reporter: Awa", "reporter: Awa, kiled: 3", "unknown key `kiled`; did you mean `killed`?"),
    ("reporter: Awa", "reporter: Awa, killed: 03", "`03` is not a whole number; write 3"),
    ("rules: [market-cluster]", "rules: [market-clusters]", "no rule `market-clusters`; did you"),
    ("rules: [market-cluster]", "rules: [grave-report]", "`market-cluster` is not under test here"),
    ("    reports:", "    timezone: Mali\n    reports:", "no time zone has this name"),
    ("expect: [", "expct: [", "unknown key `expct`; did you mean `expect`?"),
    ("{rule: market-cluster, ", "{", "`rule` is missing"),
    ("severity: severe", "severity: sever", "did you mean `severe`?"),
    ("severity: severe", "areas: [Atlantis]", "no place is called `Atlantis`"),
    ("tests:", "tests: []\nx:", "must not be empty"),
    ("tests:", "tests: &all", "anchors and aliases"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_in_a_test_is_told_where_it_is(
    content: Path, old: str, new: str, told: str
) -> None:
    tests = story()
    assert old in tests
    write(content, tests.replace(old, new, 1))
    result = run(content)
    assert result.exit_code == 1
    said = [line for line in result.stderr.splitlines() if told in line]
    assert len(said) == 1, result.stderr
    assert re.match(r"rules/tests/some\.yaml:\d+:\d+: ", said[0])
    with pytest.raises(ContentError) as error:
        load(content, content_files.load(content))
    for problem in error.value.problems:
        assert in_french(problem.why), problem.why
        assert problem.suggestion is None or in_french(problem.suggestion), problem.suggestion


@pytest.mark.parametrize("expect", ["nothing", "", "{}", "[none]"])
def test_what_is_expected_is_a_list_or_none(content: Path, expect: str) -> None:
    write(content, story(expect=expect))
    assert run(content).exit_code == 1


def test_names_are_told_apart(content: Path) -> None:
    once = story()
    write(content, once + once[once.index("  - name:") :])
    assert "another test has this name" in run(content).stderr


def test_a_hostile_file_is_refused(content: Path) -> None:
    (content / "rules/tests/some.yaml").write_bytes(b"rules: [" + b"x, " * 400_000 + b"]")
    assert "larger than 1 MB" in run(content).stderr
    (content / "rules/tests/some.yaml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in run(content).stderr


def test_a_draft_is_tested_before_it_is_tried(content: Path) -> None:
    rule = content / "rules/alerts/market-cluster.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("status: live", "status: draft"))
    write(content, story())
    assert run(content).exit_code == 0


def test_untested_rules_fail_only_when_that_is_asked(content: Path) -> None:
    write(content, story())
    assert run(content).exit_code == 0
    result = run(content, "--fail-on-untested")
    assert result.exit_code == 1
    assert "rules are not fully tested" in result.stderr


def test_json_has_every_test_and_the_coverage_of_every_rule(content: Path) -> None:
    write(content, story(expect="none"))
    told = json.loads(run(content, "--json").stdout)
    (test,) = told["tests"]
    assert (test["name"], test["passed"]) == ("a story", False)
    assert test["failures"][0]["kind"] == "unexpected"
    assert told["rules"]["market-cluster"]["missing"] == ["fires", "quiet", "almost"]
    write(content, story())
    told = json.loads(run(content, "--json").stdout)
    assert told["rules"]["market-cluster"]["fires"] == ["a story"]
    assert told["rules"]["market-cluster"]["missing"] == ["quiet", "almost"]


def test_north_of_is_never_farther_than_it_says() -> None:
    for lat in (-35.0, 0.0, 14.73, 23.99):
        for km in (0.001, 10, 25, 30, 999.9):
            origin = Point(lat, -6.12)
            assert km - 1e-6 < distance_km(origin, north_of(origin, km)) <= km
