"""The texts that go out: linted and rendered. `service.content` reads them from `templates_sms/`.

Coordinators write the texts, one file a language and message; no wording is in Python. `VALUES`
says what each text may name, its head (`Head`) what it may cost.
"""

from service.texts.files import Sources, TextProblem
from service.texts.head import DEFAULT_LANGUAGE, Head, Text
from service.texts.lint import lint
from service.texts.render import VALUES, TextError, Texts

__all__ = [
    "DEFAULT_LANGUAGE",
    "VALUES",
    "Head",
    "Sources",
    "Text",
    "TextError",
    "TextProblem",
    "Texts",
    "lint",
]
