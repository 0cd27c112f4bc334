"""The rule schema: what it refuses, at which field; and that editors get the current one."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import ValidationError

from service.content.schema import rule_schema
from service.domain.rule import Rule
from service.rule_tests.schema import schema_of_tests

RULES = Path(__file__).resolve().parents[2] / "rules"
RULE: dict[str, Any] = {
    "id": "market-cluster",
    "title": {"fr": "Marchés", "en": "Markets"},
    "status": "live",
    "when": {
        "types": ["market_attack"],
        "at_least": 3,
        "distinct_reporters": 2,
        "within": {"km": 25, "hours": 72},
    },
    "alert": {"severity": "severe", "quiet_for": "72h"},
    "escalate": [{"at_least": 6, "severity": "extreme"}],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The rule with the value at `path` (a/b/0) replaced, or a key added."""
    rule: dict[str, Any] = json.loads(json.dumps(RULE))
    *above, last = path.split("/")
    part: Any = rule
    for step in above:
        part = part[int(step) if isinstance(part, list) else step]
    part[last] = value
    return rule


def without_tags(path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out the steps that name which form of a union was tried."""
    return tuple(step for step in path if step not in ("counted", "list"))


def test_the_schema_file_is_current() -> None:
    """`python -m service.content.schema > rules/rule.schema.json` writes it anew."""
    assert (RULES / "rule.schema.json").read_text(encoding="utf-8") == rule_schema()


@pytest.mark.parametrize("file", sorted((RULES / "alerts").glob("*.yaml")), ids=lambda f: f.name)
def test_each_file_of_rules_names_the_schema_and_follows_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../rule.schema.json\n")
    jsonschema_rs.validator_for(json.loads(rule_schema())).validate(yaml.safe_load(text))


class _AsAnEditorReads(yaml.SafeLoader):
    """YAML 1.2, in which a date is a word."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name and type
        first: [(tag, pattern) for tag, pattern in resolvers if "timestamp" not in tag]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_the_schema_of_rule_tests_is_current() -> None:
    """`python -m service.rule_tests.schema > rules/tests.schema.json` writes it anew."""
    assert (RULES / "tests.schema.json").read_text(encoding="utf-8") == schema_of_tests()


@pytest.mark.parametrize("file", sorted((RULES / "tests").glob("*.yaml")), ids=lambda f: f.name)
def test_each_file_of_tests_names_the_schema_and_follows_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../tests.schema.json\n")
    schema = jsonschema_rs.validator_for(json.loads(schema_of_tests()))
    schema.validate(yaml.load(text, _AsAnEditorReads))
    with pytest.raises(jsonschema_rs.ValidationError):
        schema.validate({"tests": [{"name": "a story without reports", "expect": "none"}]})


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("id", "Market Cluster", ("id",)),
        ("status", "on", ("status",)),
        ("when/types", [], ("when", "types")),
        ("when/types", "market_attack", ("when", "types")),
        ("when/at_least", 0, ("when", "at_least")),
        ("when/distinct_reporters", 4, ("when", "distinct_reporters")),
        ("when/within/km", 0, ("when", "within", "km")),
        ("when/within/hours", 1.5, ("when", "within", "hours")),
        ("when/atleast", 3, ("when", "atleast")),
        ("outside", {"at_least": 4}, ("outside",)),
        ("alert/severity", "grave", ("alert", "severity")),
        ("alert/one_per", "village", ("alert", "one_per")),
        ("alert/quiet_for", "72", ("alert", "quiet_for")),
        ("alert/quiet_for", "0h", ("alert", "quiet_for")),
        ("alert/quiet_for", "٣d", ("alert", "quiet_for")),
        ("alert/inhibited_by", "market-cluster", ("alert", "inhibited_by")),
        ("escalate/0/at_least", 3, ("escalate", 0, "at_least")),
        ("escalate/0/severity", "severe", ("escalate", 0, "severity")),
    ],
)
def test_refusals_stand_at_their_field(path: str, value: object, where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as raised:
        Rule.model_validate(changed(path, value))
    assert where in [without_tags(error["loc"]) for error in raised.value.errors()]


def test_outside_asks_for_more_than_the_season() -> None:
    rule = changed("only_in", "transhumance") | {"outside": {"at_least": 3}}
    with pytest.raises(ValidationError) as raised:
        Rule.model_validate(rule)
    assert [error["loc"] for error in raised.value.errors()] == [("outside", "at_least")]


def test_every_contradiction_is_told_at_once() -> None:
    rule = changed("when/distinct_reporters", 9)
    rule["alert"]["inhibited_by"] = rule["id"]
    rule["escalate"] = [{"at_least": 2, "severity": "minor"}, {"at_least": 2, "severity": "minor"}]
    with pytest.raises(ValidationError) as raised:
        Rule.model_validate(rule)
    assert len(raised.value.errors()) == 6


@pytest.mark.parametrize(("written", "hours"), [("72h", 72), ("3d", 72), ("2w", 336), ("1h", 1)])
def test_durations_are_hours(written: str, hours: int) -> None:
    assert Rule.model_validate(changed("alert/quiet_for", written)).alert.quiet_for == hours


def test_the_hash_tells_meaning_and_not_spelling() -> None:
    rule = Rule.model_validate(RULE)
    assert len(rule.hash) == 16
    assert Rule.model_validate(changed("alert/quiet_for", "3d")).hash == rule.hash
    assert Rule.model_validate(dict(reversed(RULE.items()))).hash == rule.hash
    assert Rule.model_validate(rule.model_dump()).hash == rule.hash
    assert Rule.model_validate(changed("when/at_least", 4)).hash != rule.hash
    assert Rule.model_validate(changed("status", "trial")).hash != rule.hash


def test_a_rule_without_a_status_does_nothing() -> None:
    rule = {key: value for key, value in RULE.items() if key != "status"}
    assert Rule.model_validate(rule).status == "draft"
