"""`vigie check`: each mistake a coordinator makes, as it is told to them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from handlers.cli import app
from service.content import load
from service.content.french import in_french
from tests.support.content_dir import PROJECT, copy_of_content, problems_of

MARKETS = "rules/alerts/market-cluster.yaml"
HERDERS = "rules/alerts/herder-farmer.yaml"
GRAVE = "rules/alerts/grave-report.yaml"
SEASONS = "rules/seasons.yaml"
AREAS = "rules/areas.yaml"
CODEBOOK = "rules/codebook.yaml"
ALERT = "templates_sms/fr/alert.txt"
NEUTRAL = "templates_sms/fr/neutral.txt"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return copy_of_content(tmp_path)


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
    (GRAVE, "[kidnapping,", "[crop_damage,", "{at}: one report of `crop_damage` may not alert "
     "alone; ask for at_least: 2, or take it out of the list"),
    (GRAVE, "[kidnapping, armed_groups_clash, attack_on_state]", "any", "{at}: any: one report of "
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
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "told"), MISTAKES, ids=[f"{m[2]!r:.40}" for m in MISTAKES]
)
def test_a_mistake_is_told_where_it_is_in_both_languages(
    content: Path, file: str, old: str, new: str, told: str
) -> None:
    change(content, file, old, new)
    result = check(content)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    if told.startswith("{at}"):
        wrong = re.escape(file) + r":\d+:\d+"
        assert any(re.match(wrong + re.escape(told[4:]), line) for line in lines), result.stdout
    else:
        assert any(line.startswith(file) and told in line for line in lines), result.stdout
    assert len(lines) < 12
    for problem in problems_of(content):
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
    assert result.stderr.splitlines()[-1] in ("1 problème", "2 problèmes")


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
    assert result.exit_code == 1


def test_good_content_is_told_so_and_nothing_on_standard_output(content: Path) -> None:
    result = check(content)
    assert (result.exit_code, result.stdout) == (0, "")
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
        (CODEBOOK, b"- not: a codebook"),
        (CODEBOOK, b"text"),
        (AREAS, b"[]"),
        ("rules/places/areas.csv", b"\xff\xfe\x00"),
        ("rules/places/places.csv", b'code,name\n"'),
        ("rules/places/aliases.csv", b"code,alias\n1\n,,,\n"),
        (ALERT, b"{% for x in y %}"),
    ],
)
def test_hostile_files_are_problems_and_never_exceptions(
    content: Path, file: str, raw: bytes
) -> None:
    (content / file).write_bytes(raw)
    assert file in {problem.file for problem in problems_of(content)}


def test_nothing_that_a_file_holds_reaches_the_terminal_raw(content: Path) -> None:
    (content / "rules/places/aliases.csv").write_text(
        "code,alias\n\x1b[31mred\x07,x\n", encoding="utf-8"
    )
    result = check(content)
    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.stdout.splitlines())


def test_rules_that_inhibit_each_other(content: Path) -> None:
    change(content, MARKETS, "quiet_for: 72h", "quiet_for: 72h, inhibited_by: herder-farmer")
    told = [problem.why for problem in problems_of(content)]
    assert told == [
        "`herder-farmer` and `market-cluster` inhibit each other",
        "`market-cluster` and `herder-farmer` inhibit each other",
    ]


def test_the_shipped_content_is_sound_and_its_hash_tells_changes(content: Path) -> None:
    whole = load(PROJECT)
    assert {rule.id for rule in whole.rules} >= {"market-cluster", "herder-farmer", "grave-report"}
    assert str(whole.timezone) == "Africa/Bamako"
    first = load(content).hash
    assert load(content).hash == first
    change(content, NEUTRAL, " ", "  ")
    assert load(content).hash != first
