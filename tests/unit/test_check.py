"""`vigie check`: each mistake a coordinator makes, as it is told to them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from handlers.cli import app
from service.content import load
from service.content.french import in_french
from service.content.problem import MOST_PROBLEMS
from service.domain.rule import Rule
from tests.support.content_dir import PROJECT, content_of_three_rules, problems_of

MARKETS = "rules/alerts/market-cluster.yaml"
HERDERS = "rules/alerts/herder-farmer.yaml"
GRAVE = "rules/alerts/grave-report.yaml"
SEASONS = "rules/seasons.yaml"
LISTS = "rules/lists.yaml"
SILENCES = "rules/silences.yaml"
WAIVERS = "rules/waivers.yaml"
WEEKLY = "rules/markets.yaml"
AREAS = "rules/areas.yaml"
RELEASE = "rules/release.yaml"
CHECK_INS = "rules/checkins.yaml"
CODEBOOK = "rules/codebook.yaml"
ALERT = "templates_sms/fr/alert.txt"
NEUTRAL = "templates_sms/fr/neutral.txt"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_of_three_rules(tmp_path)


def change(content: Path, file: str, old: str, new: str) -> None:
    path = content / file
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def check(content: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", "--content-dir", str(content), *options])


# file, what stands there, what is written instead, and the one line that is printed (English).
MISTAKES = [
    (MARKETS, "at_least: 3", "atleast: 3", "{at}: unknown key `atleast`; did you mean `at_least`?"),
    (MARKETS, "status: live", "status: lve", "{at}: `lve` is not one of draft, trial, live, "
     "retired; did you mean `live`?"),
    (MARKETS, "at_least: 3", "at_least: 010", "{at}: `010` is not a whole number; write 10"),
    (MARKETS, "at_least: 3", "at_least: 3.5", "{at}: `3.5` is not a whole number; write it in "
     "digits, as 10"),
    (MARKETS, "at_least: 3", "at_least: three", "{at}: `three` is not a whole number; write it in "
     "digits, as 10"),
    (MARKETS, "km: 25", "km: '2,5'", "{at}: `2,5` is not a number; write 2.5"),
    (MARKETS, "hours: 72", "hours: 12:30", "{at}: `12:30` is not a whole number; write it in "
     "digits, as 10"),
    (MARKETS, "hours: 72", "hours: 0", "{at}: 0: must be at least 1"),
    (MARKETS, "hours: 72", "hours: ", "{at}: a value is missing; write it behind the `:`, or "
     "remove the line"),
    (MARKETS, "[market_attack]", "market_attack", "{at}: market_attack: a list is wanted: "
     "[market_attack]"),
    (MARKETS, "[market_attack]", "[market_atack]", "{at}: the codebook has no type `market_atack`; "
     "did you mean `market_attack`?"),
    (MARKETS, "[market_attack]", "[nothing_to_report]", "{at}: `nothing_to_report` says that all "
     "is well: no rule can count it; take it out of the list"),
    (MARKETS, "distinct_reporters: 2", "distinct_reporters: 4", "{at}: 4: at most 3 people can "
     "have sent 3 reports"),
    (MARKETS, "at_least: 6", "at_least: 2", "{at}: 2: must be more than the 3 of the step before"),
    (MARKETS, "quiet_for: 72h", "quiet_for: 72", "{at}: 72: a duration is written 72h, 3d or 2w"),
    (MARKETS, "id: market-cluster", "id: Market", "{at}: `Market` is not written as it should be; "
     "A short name of its own: small letters, digits and hyphens"),
    (MARKETS, "{fr: Attaques", "{de: Attaques", "{at}: `de` is not one of fr, en"),
    (MARKETS, "- id: market-cluster", "- name: x", "{at}: unknown key `name`"),
    (MARKETS, "- id:", "id:", "a `:` where no key can stand"),
    (HERDERS, "only_in: transhumance", "only_in: transhumence", "{at}: there is no season "
     "`transhumence`; did you mean `transhumance`?"),
    (HERDERS, "  only_in: transhumance\n", "", "`outside` has no meaning without `only_in`"),
    (HERDERS, "inhibited_by: market-cluster", "inhibited_by: market-clusters", "{at}: there is no "
     "rule `market-clusters`; did you mean `market-cluster`?"),
    (MARKETS, "id: market-cluster", "id: grave-report", "another rule has the id `grave-report`"),
    (GRAVE, "kidnapping,", "crop_damage,", "{at}: one report of `crop_damage` may not alert "
     "alone; ask for at_least: 2, or take it out of the list"),
    (GRAVE, "[village_attack, kidnapping, armed_groups_clash, attack_on_state]", "any",
     "{at}: any: one report of "
     "any type may not alert alone; ask for at_least: 2, or name types"),
    (SEASONS, "areas: [ML0507]", "areas: [ML0599]", "{at}: no area has the pcode `ML0599`; look it "
     "up in rules/places/areas.csv"),
    (SEASONS, "from: 2014-11-15", "from: 15/11/2014", "{at}: 15/11/2014: a date is written "
     "year-month-day: 2014-11-15"),
    (SEASONS, "{from: 11-01", "{from: 1-11", "{at}: 1-11: a day of the year is written month-day: "
     "11-15"),
    (AREAS, "k: 5", "k: 4", "{at}: 4: must be at least 5"),
    (AREAS, "Africa/Bamako", "Mali", "{at}: Mali: no time zone has this name; Mali's is "
     "Africa/Bamako"),
    (AREAS, "merges: []", "merges: [{code: MLX, name: x, members: [ML01, ML01]}]",
     "not written as it should be"),
    (AREAS, "merges: []", "merges: [{code: MLX1, name: x, members: [ML01, ML0201]}]",
     "must have two or more areas with the same parent"),
    (RELEASE, "[severe, extreme]", "[sever, extreme]", "{at}: `sever` is not one of minor, "
     "moderate, severe, extreme; did you mean `severe`?"),
    (RELEASE, "[severe, extreme]", "[moderate, severe]",
     "a severity leaves at once, and a graver one would wait"),
    (RELEASE, "06:00\"", "6h\"", "`6h` is not written as it should be; a time of the day is "
     "written 06:00, from 00:00 to 23:59"),
    (RELEASE, "[\"00:00\", ", "[", "the first end is 00:00"),
    (RELEASE, "\"12:00\", \"18:00\"", "\"18:00\", \"12:00\"", "in the order of the day"),
    (CHECK_INS, "cercle: 0", "cercle: 13", "{at}: 13: must be at most 12"),
    (CHECK_INS, "cercle: 0", "circle: 0", "{at}: unknown key `circle`; did you mean `cercle`?"),
    (CHECK_INS, "20:00", "06:00", "the last hour of check-ins is not after the first"),
    (CODEBOOK, "severity: severe", "severity: sever", "{at}: `sever` is not one of minor, "
     "moderate, severe, extreme; did you mean `severe`?"),
    (CODEBOOK, "alone: true", "alone: maybe", "{at}: `maybe` is neither yes nor no; write true or "
     "false"),
    (CODEBOOK, "fields: [place, killed", "fields: [place, kiled", "{at}: `kiled` is not one of "
     "place, killed, injured, abducted, displaced, livestock; did you mean `killed`?"),
    (CODEBOOK, "code: MA", "code: BR", "is given two meanings"),
    ("rules/places/areas.csv", "pcode,", "pcod,", "the first row must be pcode,parent"),
    ("rules/places/areas.csv", "ML050701,ML0507,", "ML050701,ML05X,", "{at}: ML05X: ML05X is "
     "not in the rows above"),
    (ALERT, "{{ number }}", "{{ numbr }}", "this text has no value of that name"),
    (NEUTRAL, "merci", "mercŋ", "is outside GSM-7"),
    ("templates_sms/fr/answer_noted.txt", "---\n#", "#", "the text does not begin with its "
     "status, between two lines of ---; begin with the lines `---`, `status: draft`, "
     "`max_segments: 1`, `---`"),
    (NEUTRAL, "status: reviewed", "status: revewed", "{at}: `revewed` is not one of draft, "
     "reviewed; did you mean `reviewed`?"),
    (NEUTRAL, "status: reviewed", "status: draft", "{at}: nobody has reviewed a draft: write "
     "`status: reviewed`, or take out `reviewed_by:`"),
    (NEUTRAL, "reviewed_by: VC\n", "", "a reviewed text says who reviewed it: add `reviewed_by:`, "
     "initials"),
    (NEUTRAL, "max_segments: 1", "max_segments: 1\ntransliterated: yes", "unknown key "
     "`transliterated`; did you mean `transliterate`?"),
]  # fmt: skip

WHEN = "{types: [market_attack], at_least: 3, distinct_reporters: 2, within: {km: 25, hours: 72}}"
RAIDS = "{types: [market_attack], at_least: 2, distinct_reporters: 2, within: {km: 9, hours: 9}}"
THREATS = "{types: [threat], at_least: 2, distinct_reporters: 2, within: {km: 9, hours: 9}}"
UNUSUAL = "{types: any, per: [area, type], anomaly: {window: 7d, baseline: 26w, gap: 2w}}"

# What is written for `when:` in place of WHEN, and what is told of it.
CONDITIONS = [
    (f"{{all_off: [{RAIDS}, {THREATS}]}}", "{at}: unknown key `all_off`; did you mean `all_of`?"),
    (f"{{any_of: [{RAIDS}]}}", "{at}: any_of: must have at least 2 entries"),
    (f"{{all_of: {RAIDS}}}", "{at}: all_of: a list is wanted here"),
    (f"{{all_of: [{RAIDS}, threat]}}", "{at}: threat: keys are wanted here"),
    (f"{{all_of: [{RAIDS}, {THREATS.replace('at_least', 'atleast')}]}}",
     "{at}: unknown key `atleast`; did you mean `at_least`?"),
    (f"{{all_of: [{RAIDS}, {THREATS}], at_least: 3}}",
     "{at}: `at_least` cannot stand beside `all_of`; write it inside `all_of`, or remove it"),
    (f"{{all_of: [{RAIDS}, {THREATS}], any_of: [{RAIDS}, {THREATS}]}}",
     "{at}: `any_of` cannot stand beside `all_of`"),
    (f"{{first: {THREATS}, than: {RAIDS}, within: {{km: 9, hours: 9}}}}",
     "{at}: unknown key `than`; did you mean `then`?"),
    (f"{{first: {THREATS}, within: {{km: 9, hours: 9}}}}", "`then` is missing; add `then:`"),
    (f"{{first: {THREATS}, then: {RAIDS}}}", "`within` is missing; add `within:`"),
    (f"{{first: {THREATS}, then: {RAIDS}, within: {{area: cercle, hours: 9}}}}",
     "{at}: cercle: a sequence is within km and hours"),
    (f"{{first: {THREATS}, then: {RAIDS.replace('market_attack', 'market_atack')}, "
     "within: {km: 9, hours: 9}}",
     "{at}: the codebook has no type `market_atack`; did you mean `market_attack`?"),
    (WHEN.replace("km: 25, ", ""), "`within` must say where: km, area or place"),
    (WHEN.replace("km: 25", "km: 25, area: cercle"), "{at}: cercle: `within` has `km` already"),
    (WHEN.replace("km: 25", "area: circle"),
     "{at}: `circle` is not one of commune, cercle, region; did you mean `cercle`?"),
    (WHEN.replace("km: 25", "place: near"), "{at}: `near` is not one of same"),
    (WHEN.replace("[market_attack]", "raid"), "{at}: raid: a list is wanted: [raid]"),
    (WHEN.replace("[market_attack]", "[raids, threats]"),
     "{at}: the codebook has no type `threats`; did you mean `threat`?"),
    (WHEN.replace("at_least: 3", "at_least: 3, killed: none"),
     "{at}: `none` is not a whole number"),
    (WHEN.replace("at_least: 3", "at_least: 3, weekdays: [mardy]"),
     "{at}: `mardy` is not one of monday"),
    (WHEN.replace("at_least: 3", "at_least: 3, weekdays: []"), "must not be empty"),
    (WHEN.replace("at_least: 3", "at_least: 3, market_day: monday"),
     "{at}: `monday` is neither yes nor no"),
    (UNUSUAL.replace("[area, type]", "area"), "{at}: area: `per` is written [area, type]"),
    (UNUSUAL.replace("baseline: 26w", "baseline: 3w"),
     "{at}: 3w: must be at least four times the `window`"),
    (UNUSUAL.replace("window: 7d", "windw: 7d"),
     "{at}: unknown key `windw`; did you mean `window`?"),
    (UNUSUAL.replace("gap: 2w", "at_least: 1"), "{at}: any: one report of any type may not alert "
     "alone"),
    (WHEN.replace("at_least: 3, distinct_reporters: 2", "at_least: 1"),
     "{at}: one report of `market_attack` may not alert alone"),
    (f"{{any_of: [{RAIDS}, {{types: [threat], within: {{km: 9, hours: 9}}}}]}}",
     "{at}: one report of `threat` may not alert alone"),
    ("{all_of: [{types: any, killed: 5, within: {km: 9, hours: 9}}, "
     "{types: [threat], within: {km: 9, hours: 9}}]}",
     "{at}: one report of `threat` may not alert alone"),
    ("[market_attack]", "keys are wanted here"),
]  # fmt: skip

MISTAKES += [(MARKETS, WHEN, new, told) for new, told in CONDITIONS]
MISTAKES += [
    (GRAVE, "id: grave-report", "id: any", "{at}: `any` means every rule, and is no rule's id"),
    (MARKETS, "quiet_for: 72h", "quiet_for: 72h, again: {after: 2d, at_most: 1d}", "{at}: 1d: must "
     "be at least the 48 hours of `after`"),
    (MARKETS, "quiet_for: 72h", "quiet_for: 72h, again: {after: 3d}", "{at}: 3d: must be less than "
     "the 72 hours of `quiet_for`, after which the alert is new"),
    (MARKETS, "quiet_for: 72h", "quiet_for: 72h, again: 24h", "{at}: 24h: keys are wanted here"),
    (MARKETS, "one_per: cluster", "one_per: village", "{at}: `village` is not one of cluster, "
     "area, commune, cercle, region, place"),
    (MARKETS, "quiet_for: 72h", "quiet_for: 72h, place: exact", "{at}: `market_attack` is not "
     "public in the codebook: no rule may ask for its exact place; take out `place: exact`"),
    (HERDERS, "outside: {at_least: 4}", "outside: {at_least: 2}", "{at}: 2: must be more than the "
     "2 asked in season"),
    (LISTS, "  raids:", "  Raids:", "{at}: Raids: a list is named in small letters"),
    (LISTS, "  raids:", "  threat:", "{at}: `threat` is a type of its own"),
    (LISTS, "raids: [market_attack", "raids: [market_atack", "{at}: the codebook has no type "
     "`market_atack`; did you mean `market_attack`?"),
    (LISTS, "raids: [market_attack", "raids: [nothing_to_report", "says that all is well"),
    (LISTS, "defaults:", "default:", "{at}: unknown key `default`; did you mean `defaults`?"),
    (LISTS, "quiet_for: 72h", "quiet_for: soon", "{at}: soon: a duration is written 72h, 3d or 2w"),
    (WEEKLY, "place: 44136", "place: 44137", "{at}: no place has the code `44137`"),
    (WEEKLY, "name: Djenné", "name: Fatoma", "{at}: Fatoma: the place `44136` is called `Djenné`"),
    (WEEKLY, "day: lundi", "day: lunedi", "{at}: `lunedi` is not one of monday"),
    (WEEKLY, "  source: https://bamada", "  # source: https://bamada", "`source` is missing"),
    (WAIVERS, "rule: grave-report", "rule: grave-reports", "{at}: there is no rule "
     "`grave-reports`; did you mean `grave-report`?"),
    (WAIVERS, "[one-person]", "[one-persn]", "{at}: `one-persn` is not one of one-person, below-k, "
     "exact-place; did you mean `one-person`?"),
    (WAIVERS, "  author: Vigie\n", "", "`author` is missing"),
    (WAIVERS, "hash: ", "hash: x", "is not written as it should be"),
]  # fmt: skip
MISTAKES += [
    (SILENCES, "\n[]", f"\n- {{{silence}}}", told)
    for silence, told in [
        ("id: s, rule: any, area: any, author: A, why: w", "`until` is missing; add `until:`"),
        ("id: s, rule: any, area: any, until: 2026-11-15, why: w", "`author` is missing"),
        ("id: s, rule: any, area: any, until: 2026-11-15, author: A", "`why` is missing"),
        ("id: s, rule: any, area: any, until: 2026-11-15, author: A, why: {de: w}",
         "{at}: `de` is not one of fr, en"),
        ("id: s, rule: any, area: any, until: tomorrow, author: A, why: w",
         "{at}: tomorrow: a moment is written 2014-11-15 or 2014-11-15 18:00"),
        ("id: s, rule: any, area: any, from: 2026-11-16, until: 2026-11-15, author: A, why: w",
         "ends before it begins"),
        ("id: s, rule: herders, area: any, until: 2026-11-15, author: A, why: w",
         "{at}: there is no rule `herders`; did you mean `herder-farmer`?"),
        ("id: s, rule: any, area: Mopti, until: 2026-11-15, author: A, why: w",
         "{at}: no area has the pcode `Mopti`"),
        ("id: s, rule: any, area: any, until: 2026-11-15, author: A, why: w}\n"
         "- {id: s, rule: any, area: any, until: 2026-11-15, author: A, why: w",
         "{at}: another silence has the id `s`"),
    ]
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "told"), MISTAKES, ids=[f"{m[2]!r:.40}" for m in MISTAKES]
)
def test_a_mistake_is_told_where_it_is_in_both_languages(
    content: Path, file: str, old: str, new: str, told: str
) -> None:
    change(content, file, old, new)
    problems = problems_of(content)
    lines = [str(problem) for problem in problems]
    if told.startswith("{at}"):
        wrong = re.escape(file) + r":\d+:\d+"
        assert any(re.match(wrong + re.escape(told[4:]), line) for line in lines), lines
    else:
        assert any(line.startswith(file) and told in line for line in lines), lines
    assert len(lines) < 12
    for problem in problems:
        assert in_french(problem.why), problem.why
        assert problem.suggestion is None or in_french(problem.suggestion), problem.suggestion


def test_the_place_is_exact(content: Path) -> None:
    change(content, MARKETS, "at_least: 3", "atleast: 3")
    lines = (content / MARKETS).read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "atleast" in text)
    column = lines[line - 1].index("atleast") + 1
    assert f"{MARKETS}:{line}:{column}: unknown key `atleast`" in check(content).stdout


def test_the_issue_s_example_in_french(content: Path) -> None:
    change(content, MARKETS, "at_least: 3", "atleast: 3")
    result = check(content, "--language", "fr")
    assert "clé inconnue `atleast`; vouliez-vous dire `at_least` ?" in result.stdout
    assert result.stderr == "1 problème\n"


def test_every_problem_of_every_file_at_once(content: Path) -> None:
    change(content, MARKETS, "status: live", "status: lve")
    change(content, MARKETS, "km: 25", "km: far")
    change(content, HERDERS, "only_in: transhumance", "only_in: winter")
    change(content, SEASONS, "ML0507", "ML0599")
    change(content, AREAS, "k: 5", "k: 2")
    change(content, NEUTRAL, "merci", "ŋ")
    (content / "rules/alerts/broken.yaml").write_text("- [", encoding="utf-8")
    (content / "rules/alerts/notes.txt").write_text("", encoding="utf-8")
    (content / "rules/alerts/empty.yaml").write_text("# nothing\n", encoding="utf-8")
    (content / "rules/alerts/one.yaml").write_text("id: one\n", encoding="utf-8")
    files = [problem.file for problem in problems_of(content)]
    assert files == sorted(files)
    assert set(files) >= {
        MARKETS, HERDERS, AREAS, "rules/alerts/broken.yaml", "rules/alerts/notes.txt",
        "rules/alerts/empty.yaml", "rules/alerts/one.yaml",
    }  # fmt: skip
    assert files.count(MARKETS) == 2


def test_json_has_the_same_problems(content: Path) -> None:
    change(content, AREAS, "k: 5", "k: 4")
    result = check(content, "--json", "--language", "fr")
    (told,) = json.loads(result.stdout)
    assert (told["file"], told["text"], told["why"]) == (AREAS, "4", "doit être au moins 5")
    assert told["level"] == "problem"
    assert result.exit_code == 1


def test_good_content_is_told_so_and_nothing_on_standard_output(content: Path) -> None:
    result = check(content)
    assert (result.exit_code, result.stdout) == (0, ""), result.stdout
    assert "no problems" in result.stderr


def test_a_directory_that_is_not_there_is_a_wrong_use(tmp_path: Path) -> None:
    assert check(tmp_path / "absent").exit_code == 2


def test_an_empty_directory_has_only_problems(tmp_path: Path) -> None:
    assert {problem.file for problem in problems_of(tmp_path)} >= {CODEBOOK, SEASONS, AREAS}


@pytest.mark.parametrize(
    ("file", "raw"),
    [
        (MARKETS, b"\x00" * 1000),
        (MARKETS, b"- " * 400_000),
        (MARKETS, b"#" * 2_000_000),
        (SEASONS, b"a: &a [x]\nb: [*a, *a]"),
        (LISTS, b"a: &a [x]\nb: [*a, *a]"),
        (LISTS, b"lists: [1]"),
        (LISTS, b"lists: {raids: {a: b}}"),
        (SILENCES, b"{}"),
        (SILENCES, b"- - - -"),
        (WAIVERS, b"[[]]"),
        (WAIVERS, b"[" * 100_000),
        (WEEKLY, b"- {place: {}, day: []}"),
        (MARKETS, b"- when: {first: [], all_of: {}, anomaly: 3, per: {}, types: {a: b}}"),
        (MARKETS, b"- when:\n    all_of: [[], {}, x, {types: [[x]]}]"),
        (CODEBOOK, b"- not: a codebook"),
        (CODEBOOK, b"text"),
        (AREAS, b"[]"),
        ("rules/places/areas.csv", b"\xff\xfe\x00"),
        ("rules/places/places.csv", b'code,name\n"'),
        ("rules/places/aliases.csv", b"code,alias\n1\n,,,\n"),
        (ALERT, b"---\nstatus: reviewed\nreviewed_by: AD\n---\n{% for x in y %}"),
        (ALERT, b"---\nstatus: &a [*a, *a]\n---\nx"),
        (ALERT, b"{% for x in y %}"),
    ],
)
def test_hostile_files_are_problems_and_never_exceptions(
    content: Path, file: str, raw: bytes
) -> None:
    (content / file).write_bytes(raw)
    assert file in {problem.file for problem in problems_of(content)}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (MARKETS, "- id: a\n" * 6_000),
        (MARKETS, f"- when: {{{', '.join(f'typex{n}: 1' for n in range(9_000))}}}"),
        (MARKETS, f"- when: {{any_of: [{'{types: [x], atleast: 2}, ' * 2_000}]}}"),
        (MARKETS, f"- when: {{types: [{', '.join(f'type{n}' for n in range(19_000))}]}}"),
        (LISTS, f"lists: {{{', '.join(f'l{n}: [x{n}]' for n in range(6_000))}}}"),
        (SILENCES, "- {id: s, rule: x, area: y, until: 2026-11-15, author: A, why: w}\n" * 1_300),
        (WEEKLY, "- {place: 9, name: x, day: lundy, source: s}\n" * 2_000),
        ("rules/places/places.csv", "code,name,kind,area,lat,lon\n" + "a,b\n" * 900_000),
        ("rules/places/places.csv", "code,name,kind,area,lat,lon\n" + "a,b\n" * 3_000),
        ("rules/places/places.csv", "code,name,kind,area,lat,lon\n" + "," * 3_900_000),
    ],
    ids=lambda value: value[:20],
)
def test_what_a_hostile_file_costs_is_bounded(content: Path, file: str, text: str) -> None:
    """Counted, not timed: of each file few problems are told, each of them short."""
    (content / file).write_text(text, encoding="utf-8")
    problems = [problem for problem in problems_of(content) if problem.file == file]
    assert 1 <= len(problems) <= 2 * MOST_PROBLEMS + 1
    assert max(len(str(problem)) for problem in problems) < 1_000


def test_lists_do_not_multiply(content: Path) -> None:
    (content / LISTS).write_text(f"lists: {{a: [{'threat, ' * 19_000}]}}", encoding="utf-8")
    (content / MARKETS).write_text(f"- when: {{types: [{'a, ' * 19_000}]}}", encoding="utf-8")
    told = {problem.file: problem.why for problem in problems_of(content)}
    assert told[LISTS] == "must have at most 100 entries"


def test_a_hundred_megabytes_are_not_read(content: Path) -> None:
    for file in (MARKETS, "rules/places/places.csv"):
        with (content / file).open("wb") as sparse:
            sparse.truncate(100_000_000)
    told = {problem.file: problem.why for problem in problems_of(content)}
    assert told[MARKETS] == "the file is larger than 1 MB"
    assert told["rules/places/places.csv"] == "the file is larger than 4 MB"


def test_nothing_that_a_file_holds_reaches_the_terminal_raw(content: Path) -> None:
    (content / "rules/places/aliases.csv").write_text(
        "code,alias\n\x1b[31mred\x07,x\n", encoding="utf-8"
    )
    result = check(content)
    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.stdout.splitlines())


def test_what_is_below_a_misspelt_key_is_told_too(content: Path) -> None:
    threats = THREATS.replace("at_least", "atleast").replace("km: 9", "km: x")
    wrong = f"{{all_off: [{RAIDS}, {threats}]}}"
    change(content, MARKETS, WHEN, wrong)
    assert [problem.why for problem in problems_of(content)] == [
        "unknown key `all_off`",
        "unknown key `atleast`",
        "`x` is not a number",
    ]


def test_a_mistake_in_a_list_is_told_once_and_not_of_each_rule(content: Path) -> None:
    change(content, MARKETS, "[market_attack]", "raids")
    change(content, LISTS, "raids: [market_attack", "raids: [market_atack")
    change(content, LISTS, "quiet_for: 72h", "quiet_for: soon")
    assert {problem.file for problem in problems_of(content)} == {LISTS}


def test_no_market_day_is_known(content: Path) -> None:
    (content / WEEKLY).write_text("# none\n", encoding="utf-8")
    assert problems_of(content) == []
    change(content, MARKETS, "at_least: 3", "at_least: 3, market_day: true")
    (problem,) = problems_of(content)
    assert problem.why == "no market day is known, so this can never be met"
    assert (
        problem.in_french().why == "aucun jour de marché n'est connu : cela ne peut jamais arriver"
    )


@pytest.mark.parametrize("file", [LISTS, SILENCES, WEEKLY])
def test_files_that_may_be_absent_or_empty(content: Path, file: str) -> None:
    (content / file).write_text("# nothing\n", encoding="utf-8")
    assert problems_of(content) == []
    (content / file).unlink()
    assert problems_of(content) == []
    (content / file).symlink_to("nowhere.yaml")
    assert [problem.file for problem in problems_of(content)] == [file]


def test_a_list_s_name_stands_for_its_types_and_changes_the_hash(content: Path) -> None:
    def market_cluster() -> Rule:
        return next(rule for rule in load(content).rules if rule.id == "market-cluster")

    before = market_cluster().hash
    change(content, MARKETS, "[market_attack]", "[market_attack, raids]")
    types = ("market_attack", "banditry", "cattle_theft")
    assert market_cluster().counts()[0].types == types
    change(content, MARKETS, "[market_attack, raids]", "raids")
    assert market_cluster().counts()[0].types == types
    assert market_cluster().hash != before
    change(
        content, LISTS, "raids: [market_attack, banditry, cattle_theft]", "raids: [market_attack]"
    )
    assert market_cluster().hash == before


def test_a_rule_without_an_alert_has_that_of_the_defaults(content: Path) -> None:
    change(content, LISTS, "quiet_for: 72h", "quiet_for: 5d, one_per: area")
    alert = "  alert: {severity: severe, one_per: cluster, quiet_for: 72h}\n"
    change(content, MARKETS, alert, "")
    change(content, GRAVE, "status: live", "status: trial")
    rules = {rule.id: rule.alert for rule in load(content).rules}
    markets, herders = rules["market-cluster"], rules["herder-farmer"]
    assert (markets.severity, markets.one_per, markets.quiet_for) == ("moderate", "cercle", 120)
    assert (herders.one_per, herders.inhibited_by) == ("cercle", "market-cluster")


def test_the_design_s_sketch_of_an_anomaly_loads(content: Path) -> None:
    (content / "rules/alerts/unusual.yaml").write_text(
        "- id: unusual-week\n"
        "  when: {types: any, per: [area, type], anomaly: {window: 7d, baseline: 26w, gap: 2w, "
        "alerts_per_week: 1, at_least: 3}}\n",
        encoding="utf-8",
    )
    assert problems_of(content) == []


def test_rules_that_inhibit_each_other(content: Path) -> None:
    change(content, MARKETS, "quiet_for: 72h", "quiet_for: 72h, inhibited_by: herder-farmer")
    told = [problem.why for problem in problems_of(content)]
    assert told == [
        "`herder-farmer` and `market-cluster` inhibit each other",
        "`market-cluster` and `herder-farmer` inhibit each other",
    ]


def test_the_shipped_content_is_sound_and_its_hash_tells_changes(content: Path) -> None:
    assert check(PROJECT).exit_code == 0
    whole = load(PROJECT)
    assert {rule.id for rule in whole.rules} >= {"market-cluster", "herder-farmer", "grave-report"}
    assert str(whole.timezone) == "Africa/Bamako"
    first = load(content).hash
    assert load(content).hash == first
    change(content, NEUTRAL, " ", "  ")
    assert load(content).hash != first
