"""rules/README.md documents every field, and every example in it loads."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from service.content.areas import AreaPolicy, MergedAreas
from service.domain.condition import AllOf, AnomalySpec, AnyOf, Count, Sequence, Unusual
from service.domain.rule import AlertSpec, Again, Escalation, Outside, Rule, Within
from service.domain.seasons import Recurring, Season, Window, Zone
from tests.support.content_dir import PROJECT, copy_of_content, problems_of

README = (PROJECT / "rules" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
MODELS: list[type[BaseModel]] = [
    Rule, Count, Within, Outside, AlertSpec, Escalation,
    Season, Zone, Window, Recurring, AreaPolicy, MergedAreas,
]  # fmt: skip


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_documented_and_shown(model: type[BaseModel]) -> None:
    examples = "\n".join(EXAMPLES)
    for key in keys(model):
        assert f"`{key}`" in README, f"{key} is not documented"
        assert re.search(rf"\b{key}:", examples), f"{key} is in no example"


def test_every_choice_is_documented() -> None:
    for choice in ("draft", "trial", "live", "retired", "minor", "moderate", "severe", "extreme"):
        assert f"`{choice}`" in README


def test_every_example_of_a_rule_loads(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path)
    rules = [example for example in EXAMPLES if example.startswith("- id:")]
    for number, example in enumerate(rules):
        name = "market-cluster" if number == 0 else f"example-{number}"
        (content / f"rules/alerts/{name}.yaml").write_text(example, encoding="utf-8")
    assert len(rules) >= 5
    assert problems_of(content) == []


@pytest.mark.parametrize(
    ("file", "begins"), [("seasons.yaml", "transhumance:"), ("areas.yaml", "timezone:")]
)
def test_the_examples_of_other_files_load(tmp_path: Path, file: str, begins: str) -> None:
    content = copy_of_content(tmp_path)
    (example,) = (each for each in EXAMPLES if each.startswith(begins))
    (content / "rules" / file).write_text(example, encoding="utf-8")
    assert problems_of(content) == []
