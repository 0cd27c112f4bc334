"""The JSON schema of a file of rules, by which editors complete and explain them.

`python -m service.content.schema > rules/rule.schema.json` writes it anew.
"""

import json
import sys

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from service.domain.rule import Rule


class _Schema(GenerateJsonSchema):
    """Without the titles that pydantic makes of field names: editors would show them as help."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def rule_schema() -> str:
    """Return the schema of `rules/alerts/*.yaml` as the text of `rules/rule.schema.json`."""
    schema = TypeAdapter(tuple[Rule, ...]).json_schema(schema_generator=_Schema)
    for part, key in (("Rule", "alert"), ("AlertSpec", "severity")):
        schema["$defs"][part]["required"].remove(key)  # the defaults of lists.yaml may have it
        if not schema["$defs"][part]["required"]:
            del schema["$defs"][part]["required"]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of Vigie",
        "description": "Made from service/domain/rule.py: change that, not this.",
    }
    return json.dumps(head | schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(rule_schema())
