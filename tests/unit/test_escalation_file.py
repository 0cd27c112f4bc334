"""`rules/escalation.yaml`: each mistake as it is told to a coordinator, and hostile files."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from service.content import load
from service.content.french import in_french
from service.content.problem import MOST_PROBLEMS
from service.content.schema import escalation_schema
from tests.support.content_dir import PROJECT, content_of_three_rules, problems_of

FILE = "rules/escalation.yaml"
HEAD = """
functions:
  mediator: {fr: Médiateur, en: Mediator}
  coordinator: {fr: Coordination, en: Coordination}
hours:
  night: {zone: Africa/Bamako, from: "21:00", to: "06:00"}
rotas:
  nights: {hours: night, since: 2026-11-23, turns: [[mediator], [coordinator]]}
quiet: {hours: night, up_to: minor}
digest: {up_to: moderate, zone: Africa/Bamako, at: ["07:00", "19:00"]}
routes:
"""
LAST = "  - {id: others, steps: [{serving: any, wait: 2h}, {functions: [coordinator]}]}\n"
SOUND = (
    HEAD
    + """  - id: clashes-at-night
    why: {fr: La nuit, en: At night}
    areas: [ML05]
    types: [threat, raids]
    severities: [severe]
    hours: night
    until: {acknowledge: 2, done: 1}
    steps:
      - {rota: nights, serving: local, wait: 15m}
      - {functions: [mediator], wait: 1d}
      - {functions: [coordinator]}
"""
    + LAST
)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_of_three_rules(tmp_path)


def write(content: Path, text: str) -> None:
    (content / FILE).write_text(text, encoding="utf-8")


def test_a_sound_file_loads_with_lists_of_types_by_their_names(content: Path) -> None:
    write(content, SOUND)
    assert problems_of(content) == []
    route, _ = load(content).escalation.routes
    assert route.types == ("threat", "market_attack", "banditry", "cattle_theft")
    assert [step.wait for step in route.steps] == [15, 24 * 60, None]


MISTAKES = [
    ("functions:\n", "function:\n", "{at}: unknown key `function`; did you mean `functions`?"),
    ("  mediator:", "  Mediator:", "{at}: Mediator: a function is named in small letters"),
    ("fr: Médiateur, en", "de: Vermittler, en", "{at}: `de` is not one of fr, en"),
    ("  coordinator: {", "  coordination: {", "one function must be `coordinator`"),
    ("zone: Africa/Bamako", "zone: Mali", "{at}: Mali: no time zone has this name"),
    ('from: "21:00"', "from: 9pm", "{at}: 9pm: a time of the day is written 06:00"),
    ('from: "21:00"', "from: 24:00", "{at}: 24:00: a time of the day is written 06:00"),
    ('to: "06:00"', 'to: "21:00"', "{at}: 21:00: it ends when it begins"),
    ("quiet: {hours: night", "quiet: {hours: nihgt",
     "{at}: no hours are called `nihgt` in this file; did you mean `night`?"),
    ("up_to: moderate, zone", "up_to: severe, zone",
     "{at}: `severe` is not one of minor, moderate"),
    ("up_to: moderate, zone: Africa/Bamako", "up_to: minor, zone: Bamako",
     "{at}: Bamako: no time zone has this name"),
    ('at: ["07:00"', 'at: ["7:00"', "{at}: 7:00: a time of the day is written 06:00"),
    ('at: ["07:00", "19:00"]', 'at: "07:00"', "{at}: 07:00: a list is wanted here"),
    ('at: ["07:00", "19:00"]', "at: []", "must not be empty"),
    ('at: ["07:00", "19:00"]', "at: [19:00, 07:00]", "times of digests stand in the order"),
    ('at: ["07:00", "19:00"]', "at: [07:00, 07:00]", "times of digests stand in the order"),
    ('at: ["07:00", "19:00"]', "at: [07:00, 21:00]",
     "{at}: 21:00: a digest in the quiet hours never leaves"),
    ('at: ["07:00", "19:00"]', f"at: [{', '.join(f'{h:02}:00' for h in range(7, 20))}]", "12"),
    ('at: ["07:00"', 'times: ["07:00"', "{at}: unknown key `times`"),
    ("up_to: minor", "up_to: extreme", "{at}: `extreme` is not one of minor, moderate, severe"),
    ("since: 2026-11-23", "since: 23/11/2026", "a date is written year-month-day"),
    ("turns: [[mediator], [coordinator]]", "turns: [[mediatr], [coordinator]]",
     "{at}: no function is called `mediatr` in this file; did you mean `mediator`?"),
    ("turns: [[mediator], [coordinator]]", "turns: []", "must not be empty"),
    ("rota: nights", "rota: night", "{at}: no rota is called `night` in this file"),
    ("rota: nights, serving", "rota: nights, functions: [mediator], serving",
     "a rota says the functions itself"),
    ("serving: local", "serving: near", "{at}: `near` is not one of local, wider, any"),
    ("wait: 15m", "wait: 15", "{at}: 15: a wait is written 20m, 2h or 1d"),
    ("wait: 15m", "wait: 9d", "must be at most 10080"),
    (", wait: 1d}", "}", "only the last step has no `wait`"),
    ("{functions: [mediator], wait: 1d}", "{wait: 1d}", "a step must say whom it tells"),
    ("areas: [ML05]", "areas: [ML5]", "{at}: no area has the pcode `ML5`"),
    ("types: [threat, raids]", "types: [threats, raids]",
     "{at}: the codebook has no type `threats`; did you mean `threat`?"),
    ("severities: [severe]", "severities: [sever]", "{at}: `sever` is not one of"),
    ("    hours: night", "    hours: nights", "{at}: no hours are called `nights`"),
    ("until: {acknowledge: 2, done: 1}", "until: {}", "`until` must say what ends it"),
    ("until: {acknowledge: 2, done: 1}", "until: {acknowledged: 2}",
     "{at}: unknown key `acknowledged`; did you mean `acknowledge`?"),
    ("until: {acknowledge: 2, done: 1}", "until: {done: 0}", "{at}: 0: must be at least 1"),
    ("      - {functions: [coordinator]}\n", "      - {functions: [mediator]}\n",
     "the last step tells the coordinators"),
    ("      - {functions: [coordinator]}\n", "      - {functions: [coordinator], serving: local}\n",
     "the last step tells the coordinators"),
    ("      - {functions: [coordinator]}\n", "      - {functions: [coordinator], wait: 1h}\n",
     "the last step tells the coordinators"),
    ("id: others,", "id: others, severities: [minor],", "the last route must fit every alert"),
    ("id: others,", "id: clashes-at-night,", "{at}: another route has the id `clashes-at-night`"),
    (LAST, LAST + LAST.replace("others", "rest"), "this route fits every alert"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES, ids=[f"{m[1]!r:.50}" for m in MISTAKES])
def test_a_mistake_is_told_where_it_is_in_both_languages(
    content: Path, old: str, new: str, told: str
) -> None:
    assert old in SOUND
    write(content, SOUND.replace(old, new, 1))
    problems = problems_of(content)
    lines = [str(problem) for problem in problems]
    if told.startswith("{at}"):
        pattern = re.escape(FILE) + r":\d+:\d+" + re.escape(told[4:])
        assert any(re.match(pattern, line) for line in lines), lines
    else:
        assert any(line.startswith(FILE) and told in line for line in lines), lines
    assert len(lines) < 6
    for problem in problems:
        assert in_french(problem.why), problem.why
        assert problem.suggestion is None or in_french(problem.suggestion), problem.suggestion


def test_the_place_is_exact(content: Path) -> None:
    write(content, SOUND.replace("rota: nights", "rota: nigths"))
    (problem,) = problems_of(content)
    line = SOUND.splitlines().index("      - {rota: nights, serving: local, wait: 15m}") + 1
    assert problem.where == f"{FILE}:{line}:16"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "text",
        "routes: {}",
        "routes: [[]]",
        "\x00",
        "- " * 100_000,
        "functions: &a {coordinator: {fr: x, en: y}}\nroutes: [*a]",
        HEAD + "  - {id: x, types: {}, steps: {}}",
        HEAD + "  - {id: x, types: [[threat]], steps: [x, [], {tell: {}}]}",
        HEAD + "  - {id: x, steps: [{functions: [[]]}, {rota: {}, wait: {}}]}",
        HEAD.replace("{hours: night, since", "{hours: [], since") + LAST,
        HEAD.replace("turns: [[mediator], [coordinator]]", "turns: mediator") + LAST,
        HEAD.replace("zone: Africa/Bamako", "zone: ../../etc/passwd") + LAST,
        HEAD.replace("2026-11-23", "2026-02-30") + LAST,
        HEAD.replace('at: ["07:00", "19:00"]', "at: {}") + LAST,
        HEAD.replace('at: ["07:00", "19:00"]', "at: [[], {}, 7, ~]") + LAST,
        HEAD.replace('at: ["07:00", "19:00"]', f"at: [{'06:00, ' * 20_000}]") + LAST,
        HEAD.replace("up_to: moderate, zone", "up_to: [minor], zone") + LAST,
        HEAD.replace("digest: {", "digest: [{").replace('"19:00"]}', '"19:00"]}]') + LAST,
    ],
    ids=lambda text: repr(text[-40:]),
)
def test_hostile_files_are_problems_and_never_exceptions(content: Path, text: str) -> None:
    write(content, text)
    assert FILE in {problem.file for problem in problems_of(content)}


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "  - {id: x}\n" * 9_000,
        HEAD + f"  - {{id: x, steps: [{'{rota: z, wait: 1}, ' * 5_000}]}}",
        HEAD + "".join(f"  - {{id: x, types: [a{n}], steps: []}}\n" for n in range(5_000)),
        f"functions: {{{', '.join(f'F{n}: {{}}' for n in range(9_000))}}}",
    ],
    ids=["routes", "steps", "types", "functions"],
)
def test_what_a_hostile_file_costs_is_bounded(content: Path, text: str) -> None:
    write(content, text)
    problems = [problem for problem in problems_of(content) if problem.file == FILE]
    assert 1 <= len(problems) <= 2 * MOST_PROBLEMS + 1
    assert max(len(str(problem)) for problem in problems) < 1_000


def test_a_file_that_is_absent_is_a_problem(content: Path) -> None:
    (content / FILE).unlink()
    assert [problem.file for problem in problems_of(content)] == [FILE]


def test_the_hash_of_the_content_tells_a_change(content: Path) -> None:
    before = load(content).hash
    write(content, SOUND)
    assert load(content).hash != before


class _AsAnEditorReads(yaml.SafeLoader):
    """Dates stay the texts that they are."""


_AsAnEditorReads.yaml_implicit_resolvers = {
    letter: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_the_schema_is_current_and_what_loads_follows_it() -> None:
    schema = escalation_schema()
    assert (PROJECT / "rules/escalation.schema.json").read_text(encoding="utf-8") == schema
    shipped = (PROJECT / FILE).read_text(encoding="utf-8")
    assert shipped.startswith("# yaml-language-server: $schema=escalation.schema.json\n")
    validator = jsonschema_rs.validator_for(json.loads(schema))
    for text in (shipped, SOUND):
        validator.validate(yaml.load(text, _AsAnEditorReads))
