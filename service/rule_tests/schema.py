"""The JSON schema of a file of rule tests, by which editors complete and explain them.

`python -m service.rule_tests.schema > rules/tests.schema.json` writes it anew.
"""

import sys

from service.content.schema import schema_of, written
from service.rule_tests.model import RuleTests


def schema_of_tests() -> str:
    """Return the schema of `rules/tests/*.yaml` as the text of `rules/tests.schema.json`."""
    return written(schema_of(RuleTests), "Tests of Vigie's rules", "service/rule_tests/model.py")


if __name__ == "__main__":
    sys.stdout.write(schema_of_tests())
