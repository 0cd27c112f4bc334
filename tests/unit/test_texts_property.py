"""Whatever a text may be given, it stays within its segments, and nothing of its code is sent."""

import re
from collections.abc import Mapping
from datetime import UTC, date, timedelta
from functools import cache
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.alerts import PARTS
from service.domain.codebook import SEVERITIES
from service.domain.messages import measure, to_gsm7
from service.domain.responses import KINDS, OUTCOMES, STATES
from service.texts import VALUES, Head, Sources, Text, Texts, lint
from service.texts.head import LETTERS_IN_GSM7, WORDS
from tests.support.rules_content import codebook, rows
from tests.unit.test_texts import everything, shipped

CODE = set("{}[]|#%")
LANGUAGES = tuple(everything().templates)


@cache
def texts() -> Texts:
    return Texts(everything().templates, drafts=True)


@cache
def types() -> list[Mapping[str, str]]:
    return [{**each.title, **texts().titles(each.id)} for each in codebook().types]


NAMES = {
    "area": [row[2] for row in rows("areas")],
    "place": [row[1] for row in rows("places")],
}
NAMES["first"] = NAMES["second"] = NAMES["place"]


@st.composite
def copies(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], list[int]]:
    """A text in a language, with any values that it may be given, and any of its wordings."""
    name, language = draw(st.sampled_from(sorted(VALUES))), draw(st.sampled_from(LANGUAGES))
    known: dict[str, st.SearchStrategy[Any]] = {
        "number": st.integers(1, 99_999),
        "type": st.sampled_from(types()),
        "day": st.integers(0, 4_000).map(lambda days: date(2026, 1, 1) + timedelta(days=days)),
        "part": st.sampled_from(PARTS),
        "severity": st.sampled_from(SEVERITIES),
        "state": st.sampled_from(STATES),
        "answer": st.sampled_from((*KINDS, *OUTCOMES)),
        "until": st.datetimes(timezones=st.just(UTC)),
        "count": st.integers(2, 99),
        "missed": st.integers(1, 9_999),
        "told": st.integers(1, 9_999),
        **{key: st.sampled_from(each) for key, each in NAMES.items()},
    }

    def one_of(name: str) -> tuple[dict[str, Any], list[int]]:
        values = {key: draw(known[key]) for key in sorted(VALUES[name])}
        return values, [
            draw(st.integers(0, slot.size - 1)) for slot in texts().slots(name, language)
        ]

    # What fits besides depends on what it says; two alerts always do.
    lines = (texts().render("digest_alert", language, *one_of("digest_alert")) for _ in range(2))
    known["alerts"] = st.builds("\n".join, st.just(list(lines)))
    return name, language, *one_of(name)


@given(copies())
@settings(max_examples=300)
def test_any_copy_of_any_text_with_any_values_stays_within_its_segments(
    copy: tuple[str, str, dict[str, Any], list[int]],
) -> None:
    name, language, values, choice = copy
    text = texts().render(name, language, values, choice)
    head = everything().templates[language][name].head
    size = measure(text)
    assert size.segments <= head.max_segments
    assert size.encoding == "gsm7" or language not in LETTERS_IN_GSM7
    assert not CODE & set(text)
    if "number" in values:
        assert str(values["number"]) in text
    if "type" in values:
        assert values["type"][language] in text
    for key in NAMES.keys() & values.keys():
        named = to_gsm7(values[key]) if language in LETTERS_IN_GSM7 else values[key]
        assert " ".join(named.split()) in text


# ---- the worst case of the lint is the worst

TITLE = {"fr": "Attaque", "en": "Attack"}
DAY = date(2026, 9, 2)
_AT_WORST = re.compile(r"at worst this takes (\d+) segments")
PLAIN = st.text(st.sampled_from("aé ɛ"), min_size=1, max_size=90).map(str.strip).filter(bool)


def alert_in_bambara(body: str, severity: str, type_: str) -> dict[str, dict[str, Text]]:
    """An alert of this body, and words that say one severity and the only type so."""
    words = everything().templates["bm"][WORDS]
    lines = [line for line in words.body.split("\n") if not line.startswith("type.")]
    said = [
        f"severity.minor = {severity}" if line.startswith("severity.minor") else line
        for line in (*lines, f"type.market_attack = {type_}")
    ]
    alert = Text(body, Head(status="draft", max_segments=1))
    return {"bm": {"alert": alert, WORDS: Text("\n".join(said), words.head)}}


def at_worst(templates: dict[str, dict[str, Text]], areas: list[str]) -> int:
    """How many segments the lint says that the alert may take."""
    sources = Sources(templates, shipped().loaded_words, shipped().telling_words)
    told = (each.why for each in lint(sources, {"market_attack": TITLE}, areas))
    return max((int(found[1]) for why in told if (found := _AT_WORST.match(why))), default=1)


@given(PLAIN, PLAIN, st.lists(PLAIN, min_size=1, max_size=5), st.integers(2, 70))
@settings(max_examples=100, deadline=None)
def test_nothing_costs_more_than_the_worst_case_that_the_lint_has_measured(
    severity: str, type_: str, areas: list[str], long: int
) -> None:
    body = (
        f"{{{{ number }}}} {{{{ severity }}}} {{{{ type }}}} {{{{ area }}}} [{'mi' * long}|ɓɛrɛɗo]"
    )
    templates = alert_in_bambara(body, severity, type_)
    most, used = at_worst(templates, areas), Texts(templates, drafts=True)
    said = {"number": 99_999, "type": {**TITLE, "bm": type_}, "part": "night"}
    sizes = [
        measure(
            used.render("alert", "bm", said | {"area": area, "severity": each, "day": DAY}, [i])
        )
        for area, each, i in product(areas, SEVERITIES, range(2))
    ]
    assert max(size.segments for size in sizes) <= most
