"""The JSON schemas of rules and of routes, by which editors complete and explain them.

`python -m service.content.schema > rules/rule.schema.json` writes the one of rules anew, and
`python -m service.content.schema escalation > rules/escalation.schema.json` that of routes.
"""

import json
import sys
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from service.domain.routes import EscalationPolicy
from service.domain.rule import Rule


class _Schema(GenerateJsonSchema):
    """Without the titles that pydantic makes of field names: editors would show them as help."""

    # The argument is pydantic's; no field is to have a title.
    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def rule_schema() -> str:
    """Return the schema of `rules/alerts/*.yaml` as the text of `rules/rule.schema.json`."""
    schema = TypeAdapter(tuple[Rule, ...]).json_schema(schema_generator=_Schema)
    for part, key in (("Rule", "alert"), ("AlertSpec", "severity")):
        schema["$defs"][part]["required"].remove(key)  # the defaults of lists.yaml may have it
        if not schema["$defs"][part]["required"]:
            del schema["$defs"][part]["required"]
    return written(schema, "Rules of Vigie", "service/domain/rule.py")


def escalation_schema() -> str:
    """Return the schema of `rules/escalation.yaml` as the text of its file."""
    return written(schema_of(EscalationPolicy), "Escalation of Vigie", "service/domain/routes.py")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's schema, as editors like it."""
    return model.model_json_schema(schema_generator=_Schema)


def written(schema: dict[str, Any], title: str, source: str) -> str:
    """Return the text of a schema's file; `source` is where it comes from."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": f"Made from {source}: change that, not this.",
    }
    return json.dumps(schema | head, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(escalation_schema() if "escalation" in sys.argv else rule_schema())
