"""The texts that go out: read from `templates_sms/`, linted, rendered.

Coordinators write the texts, one file a language and message; no wording is in Python. `VALUES`
says what each text may name, `SEGMENTS` what it may cost.
"""

from service.texts.files import Sources, TextProblem, read
from service.texts.lint import lint
from service.texts.render import DEFAULT_LANGUAGE, SEGMENTS, VALUES, TextError, Texts

__all__ = [
    "DEFAULT_LANGUAGE",
    "SEGMENTS",
    "VALUES",
    "Sources",
    "TextError",
    "TextProblem",
    "Texts",
    "lint",
    "read",
]
