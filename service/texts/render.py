"""Rendering: a text's values become words of a language, and the words take their places.

A text holds words, `{{ placeholders }}`, `{# notes #}` and `[one wording|another]`, and no other
template code: what the sandbox would have to stop is refused before it is compiled.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from service.domain.messages import to_gsm7
from service.domain.ussd import Label
from service.domain.variants import Slot
from service.texts import words as wording
from service.texts.files import Templates, file_of
from service.texts.head import DEFAULT_LANGUAGE, LETTERS_IN_GSM7, Text, in_use
from service.texts.slots import Wordings, slots, with_slots

# number: int. type: the codebook's title by language, or a title (str). area, place, first and
# second (of two places that are asked back): names (str). missed, told: int, people.
# alerts: what `digest_alert` says of each, a line each (str). count: int.
# day: datetime.date. part: domain.alerts.Part. severity: domain.codebook.Severity.
# state, answer: of domain.responses. until: datetime, local.
_ALERT = frozenset({"number", "type", "area", "day", "part", "severity"})
VALUES: dict[str, frozenset[str]] = {
    "alert": _ALERT,
    "update": _ALERT,
    "correction": _ALERT,
    "place": _ALERT | {"place"},
    "digest": frozenset({"count", "severity", "alerts", "number"}),
    "digest_alert": _ALERT,
    "given_up": frozenset({"number", "missed", "told"}),
    "neutral": frozenset(),
    "which_place": frozenset({"first", "second"}),
    "check_in": frozenset(),
    "feedback": frozenset(),
    "welcome_focal_point": frozenset(),
    "welcome_responder": frozenset({"area"}),
    "answer_noted": frozenset({"number", "answer"}),
    "outcome_wanted": frozenset({"number"}),
    "info": _ALERT | {"state"},
    "paused": frozenset({"until"}),
    "resumed": frozenset(),
    "language": frozenset(),
    "unknown_alert": frozenset(),
    "help_responder": frozenset(),
}

_ALLOWED = (nodes.Output, nodes.TemplateData, nodes.Name)
_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()


class TextError(ValueError):
    """A template that cannot be used: its `line`, counted from 1, and the reason."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"{why} (line {line})")
        self.line, self.why = line, why


def parse(source: str) -> nodes.Template:
    """The template's tree, where it holds nothing but words, placeholders and notes.

    Raises TextError.
    """
    try:
        tree = _ENVIRONMENT.parse(source)
        every = tree.find_all(nodes.Node)
        strange = next((node for node in every if not isinstance(node, _ALLOWED)), None)
    except TemplateSyntaxError as error:
        raise TextError(error.lineno, f"the braces do not fit: {error.message}") from None
    except (RecursionError, ValueError, OverflowError):
        longest = max(enumerate(source.split("\n"), start=1), key=lambda line: len(line[1]))
        why = "the template code is too deep or too large to be read"
        raise TextError(longest[0], why) from None
    if strange is not None:
        raise TextError(strange.lineno, "template code other than {{ placeholder }} and {# note #}")
    return tree


def placeholders(tree: nodes.Template) -> list[tuple[str, int]]:
    """The names that a template asks for, with their lines, in order."""
    return [(name.name, name.lineno) for name in tree.find_all(nodes.Name)]


@lru_cache(maxsize=512)
def compiled(source: str, values: frozenset[str]) -> Template:
    """The template ready to render. Raises TextError, also for a placeholder not in `values`."""
    tree = parse(source)
    for name, line in placeholders(tree):
        if name not in values:
            raise TextError(line, f"{{{{ {name} }}}} is not a value of this text")
    # Names that no text can ask for: they are none of `values`.
    return _ENVIRONMENT.from_string(with_slots(source, lambda slot: f"{{{{ _{slot} }}}}"))


class _Language:
    """The texts of one language, compiled."""

    def __init__(self, code: str, written: Mapping[str, Text]) -> None:
        self.code = code
        file = file_of(code, wording.NAME)
        sources = {name: text.sent for name, text in written.items()}
        self.words = {
            entry.key: entry.words for entry in wording.entries(sources.get(wording.NAME, ""))
        }
        if absent := [key for key in wording.KEYS if not self.words.get(key)]:
            raise TextError(1, f"{file}: words are missing: {', '.join(absent)}")
        self.date = _compiled(file, self.words[wording.DATE], wording.DATE_VALUES)
        self.texts = {
            name: _compiled(file_of(code, name), sources[name], VALUES[name])
            for name in VALUES
            if name in sources
        }
        self.wordings = {name: slots(sources[name]) for name in self.texts}
        self.most = {name: written[name].head.max_segments for name in self.texts}
        self._sources = sources

    def render(
        self, name: str, values: Mapping[str, object], choice: Sequence[int], *, drill: bool
    ) -> str:
        worded = {key: self._worded(key, value) for key, value in values.items()}
        for slot, (wordings, chosen) in enumerate(zip(self.wordings[name], choice, strict=True)):
            worded[f"_{slot}"] = wordings.each[chosen]
        text = self.texts[name].render(worded).strip()
        return f"{self.words[wording.DRILL]}: {text}" if drill else text

    def before(self, name: str, placeholder: str) -> frozenset[str]:
        pattern = rf"(\w+)\W*\{{\{{\s*{placeholder}\s*\}}\}}"
        return frozenset(re.findall(pattern, self._sources[name]))

    def _worded(self, key: str, value: object) -> str:
        match key:
            case "severity" | "part" | "state" | "answer":
                return self.words[f"{key}.{value}"]
            case "day":
                return self.date.render(wording.date_values(self.words, cast(date, value)))
            case "until":
                until = cast(datetime, value)
                day = self.date.render(wording.date_values(self.words, until.date()))
                return f"{day}, {until.hour}h{until.minute:02}"
            case "area" | "place" | "first" | "second":
                # Names come from the gazetteer and may hold letters outside GSM-7, any one of
                # which would more than double the cost; templates are reworded instead.
                name = to_gsm7(str(value)) if self.code in LETTERS_IN_GSM7 else str(value)
                return " ".join(name.split())
            case "type" if isinstance(value, Mapping):
                return str(value.get(self.code) or value[DEFAULT_LANGUAGE])
            case _:
                return str(value)


def _compiled(file: str, source: str, values: frozenset[str]) -> Template:
    try:
        return compiled(source, values)
    except TextError as error:
        raise TextError(error.line, f"{file}: {error.why}") from None


class Texts:
    """Every text in every language, ready to render.

    `templates` are as `texts.lint` has passed them; those that are drafts are left out, unless
    `drafts`. Wherever a language is asked for, it may be several with commas between, best first:
    `bm,fr`. Raises TextError for a text that cannot be used.
    """

    def __init__(self, templates: Templates, *, drafts: bool = False) -> None:
        self.languages = frozenset(templates)
        self._languages = {
            code: _Language(code, used)
            for code, written in templates.items()
            if (used := in_use(written, drafts))
        }

    def render(
        self,
        name: str,
        language: str,
        values: Mapping[str, object],
        choice: Sequence[int] | None = None,
        *,
        drill: bool = False,
    ) -> str:
        """The text `name` in the first of `language` that has it, or else in French.

        `values` are exactly those that `VALUES[name]` lists, of the types given there; else
        ValueError. `choice` is the wording for each slot; the first of each where it is left out.
        A text of a `drill` begins with the word for it. Only the names of area and place are put
        into GSM-7 letters, see `messages.to_gsm7`.
        """
        if values.keys() != VALUES[name]:
            wrong = ", ".join(sorted(values.keys() ^ VALUES[name]))
            raise ValueError(f"the text {name!r} has values missing or too many: {wrong}")
        speaks = self._speaking(name, language)
        first = [0] * len(speaks.wordings[name])
        return speaks.render(name, values, choice or first, drill=drill)

    def wordings(self, name: str, language: str) -> tuple[Wordings, ...]:
        """The slots of the text that `render` would use, with their words."""
        return self._speaking(name, language).wordings[name]

    def most_segments(self, name: str, language: str) -> int:
        """How many SMS the text that `render` would use may take."""
        return self._speaking(name, language).most[name]

    def words_before(self, name: str, language: str, placeholder: str) -> frozenset[str]:
        """The words that stand right before a placeholder in the text, each by itself."""
        return self._speaking(name, language).before(name, placeholder)

    def slots(self, name: str, language: str) -> tuple[Slot, ...]:
        """The same without their words."""
        return tuple(wordings.slot for wordings in self.wordings(name, language))

    def titles(self, type_: str) -> dict[str, str]:
        """What a type is called in the languages that say it themselves, beside the codebook."""
        said = {code: each.words.get(f"type.{type_}") for code, each in self._languages.items()}
        return {code: words for code, words in said.items() if words}

    def menus(self) -> dict[str, dict[Label, str]]:
        """What the USSD menu says, by each language that has it: the default one first."""
        codes = sorted(self._languages, key=lambda code: (code != DEFAULT_LANGUAGE, code))
        said = {code: wording.menu(self._languages[code].words) for code in codes}
        return {code: words for code, words in said.items() if words}

    def _speaking(self, name: str, language: str) -> _Language:
        read = (self._languages.get(code) for code in language.split(","))
        able = (speaks for speaks in read if speaks is not None and name in speaks.texts)
        return next(able, None) or self._languages[DEFAULT_LANGUAGE]
