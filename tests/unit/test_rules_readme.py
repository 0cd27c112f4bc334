"""rules/README.md documents every field, and every example in it loads."""

import json
import re
from pathlib import Path
from typing import get_args

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel

from service.content import load
from service.content.areas import AreaPolicy, MergedAreas
from service.content.checkins import Between, CheckIns, TimesADay
from service.content.markets import WeeklyMarket
from service.content.phones import Phones, Pins, Replies, Ussd
from service.content.release import Release
from service.content.schema import rule_schema
from service.content.shared import AlertDefaults, Defaults, Shared
from service.domain.codebook import SEVERITIES
from service.domain.condition import AllOf, AnomalySpec, AnyOf, Count, Level, Sequence, Unusual
from service.domain.hours import Digest, Stretch
from service.domain.privacy import Exposure, Waiver
from service.domain.routes import (
    EscalationPolicy,
    Quiet,
    Rota,
    Route,
    Serving,
    Step,
    Unreachable,
    Until,
)
from service.domain.rule import Again, AlertSpec, Escalation, Outside, Rule, Status, Within
from service.domain.seasons import Recurring, Season, Window, Zone
from service.domain.silence import Silence
from service.domain.waits import Wait
from tests.support.content_dir import PROJECT, copy_of_content, problems_of

README = (PROJECT / "rules" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
RULES = [example for example in EXAMPLES if "\n  when:" in example]
MODELS: list[type[BaseModel]] = [
    Rule, Count, Within, AllOf, AnyOf, Sequence, Unusual, AnomalySpec,
    Outside, AlertSpec, Again, Escalation, Shared, Defaults, AlertDefaults,
    Season, Zone, Window, Recurring, AreaPolicy, MergedAreas, WeeklyMarket, Silence, Waiver,
    Phones, Replies, Pins, Ussd, Wait, Release, CheckIns, TimesADay, Between,
    EscalationPolicy, Stretch, Rota, Quiet, Digest, Unreachable, Route, Until, Step,
]  # fmt: skip
ONE_OF_EACH = {
    "seasons.yaml": "transhumance:",
    "areas.yaml": "timezone:",
    "release.yaml": "at_once:",
    "checkins.yaml": "a_day:",
    "escalation.yaml": "functions:",
    "lists.yaml": "lists:",
    "phones.yaml": "replies:",
    "silences.yaml": "- id: meeting-of-chiefs",
    "markets.yaml": "- place: 44136",
    "waivers.yaml": "- rule: grave-report",
}


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_documented_and_shown(model: type[BaseModel]) -> None:
    examples = "\n".join(EXAMPLES)
    for key in keys(model):
        assert f"`{key}`" in README, f"{key} is not documented"
        assert re.search(rf"\b{key}:", examples), f"{key} is in no example"


def test_every_choice_is_documented() -> None:
    choices = (
        *get_args(Status),
        *SEVERITIES,
        *get_args(Level),
        *get_args(Exposure),
        *get_args(Serving),
    )
    for choice in (*choices, "cluster", "place", "area", "exact", "same", "any", "[area, type]"):
        assert f"`{choice}`" in README, choice


def test_every_file_is_in_the_table() -> None:
    for file in (PROJECT / "rules").glob("*.yaml"):
        assert f"| `{file.name}` |" in README


def test_every_example_of_a_rule_loads_and_no_way_to_write_a_condition_is_left_out(
    tmp_path: Path,
) -> None:
    content = copy_of_content(tmp_path)
    for file in (content / "rules/alerts").iterdir():
        file.unlink()
    (content / "rules/waivers.yaml").unlink()
    for number, example in enumerate(RULES):
        (content / f"rules/alerts/{number}.yaml").write_text(example, encoding="utf-8")
    assert problems_of(content) == []
    rules = load(content).rules
    assert len(rules) == len(RULES)
    assert {type(rule.when) for rule in rules} == {Count, AllOf, AnyOf, Sequence, Unusual}


@pytest.mark.parametrize("example", RULES, ids=lambda example: example.split()[2])
def test_an_editor_finds_nothing_wrong_in_an_example(example: str) -> None:
    jsonschema_rs.validator_for(json.loads(rule_schema())).validate(yaml.safe_load(example))


@pytest.mark.parametrize(("file", "begins"), ONE_OF_EACH.items())
def test_the_examples_of_other_files_load(tmp_path: Path, file: str, begins: str) -> None:
    content = copy_of_content(tmp_path)
    (example,) = (each for each in EXAMPLES if each.startswith(begins))
    if file == "waivers.yaml":  # a waiver holds for the rule as it is
        grave = next(rule for rule in load(content).rules if rule.id == "grave-report")
        example, changed = re.subn(r"(?<=hash: )[0-9a-f]{16}", grave.hash, example)
        assert changed == 1
    (content / "rules" / file).write_text(example, encoding="utf-8")
    assert problems_of(content) == []
