"""`vigie backtest`: the walk-through, the public formats, the service's own history, and misuse."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from handlers.cli import app
from handlers.settings import Settings
from service.backtest import EventsError
from service.backtest.history import history
from service.store import Store, migrate, reports
from tests.support.backtests import shipped
from tests.support.content_dir import PROJECT

BACKTESTS = PROJECT / "rules" / "backtests"
UCDP = BACKTESTS / "ucdp_nigeria_1990_2019.csv"
CASES = PROJECT / "tests" / "cases"
README = (BACKTESTS / "README.md").read_text(encoding="utf-8")
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def backtest(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["backtest", *map(str, options)])


def found(*options: str | Path) -> dict[str, Any]:
    result = backtest(*options, "--json")
    assert result.exit_code in (0, 1), result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.fixture
def herders(tmp_path: Path) -> Path:
    """A folder with the walk-through's rule."""
    examples = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (example,) = (each for each in examples if each.startswith("- id: herders-and-farmers"))
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / "herders.yaml").write_text(example, encoding="utf-8")
    return folder


def changed(folder: Path, old: str, new: str) -> Path:
    other = folder.with_name("after")
    other.mkdir()
    rule = (folder / "herders.yaml").read_text(encoding="utf-8")
    assert old in rule
    (other / "herders.yaml").write_text(rule.replace(old, new), encoding="utf-8")
    return other


# --- the walk-through


def test_the_walk_through_prints_what_the_readme_shows(herders: Path) -> None:
    after = changed(herders, "hours: 72", "hours: 96")
    result = backtest("--events", UCDP, "--rules", herders, "--compare", after)
    assert result.exit_code == 0, result.output
    (shown,) = re.findall(r"^```\n(Outcome .*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in filter(None, shown.splitlines()):
        assert line in result.stdout.splitlines()
    assert "recognised" not in result.stderr
    assert "read as UCDP GED by ucdp.yaml, which its columns fit" in result.stdout
    assert result.stdout.splitlines()[-1] == ("Data: UCDP GED, CC BY 4.0; Sundberg & Melander 2013")


def test_a_change_is_told_alert_by_alert(herders: Path) -> None:
    after = changed(herders, "at_least: 4", "at_least: 5")
    told = found("--events", UCDP, "--rules", herders, "--compare", after)
    (one,), (other,) = told["rules"], told["changed"]
    change = told["difference"]
    assert one["alerts"] == change["kept"] + len(change["lost"])
    assert other["alerts"] < one["alerts"]
    assert {alert["rule"] for alert in change["lost"]} == {"herders-and-farmers"}
    assert all(set(each) == {"rule", "date", "place", "area", "right"} for each in change["lost"])
    back = found("--events", UCDP, "--rules", after, "--compare", herders)["difference"]
    assert (back["gained"], back["lost"]) == (change["lost"], change["gained"])


def test_a_rule_compared_with_itself_changes_nothing(herders: Path) -> None:
    told = found("--events", UCDP, "--rules", herders, "--compare", herders)
    assert told["rules"] == told["changed"]
    assert told["difference"] | {"kept": 0} == {
        "judged_by": "ten-killed", "kept": 0, "gained": [], "lost": [],
    }  # fmt: skip


def test_the_shipped_rules_on_the_shipped_events() -> None:
    told = found("--events", UCDP)
    assert (told["rows"], told["used"], told["bad_rows"]) == (4603, 4180, [])
    assert told["rows"] == told["used"] + sum(told["left_out"].values())
    assert any("season transhumance" in note for note in told["notes"])
    assert any("reported by 2 of the 7" in note for note in told["notes"])
    rules = {rule["id"]: rule for rule in told["rules"]}
    grave = rules["grave-report"]
    assert grave["alerts"] > 1000
    for score in grave["scores"].values():
        low, high = score["precision"]["interval"]
        assert low <= score["precision"]["share"] <= high
    assert grave["fewest_senders"]["enrolled"] >= 5


def test_reports_may_come_later_by_chance_and_the_same_seed_repeats_it(herders: Path) -> None:
    at_once = found("--events", UCDP, "--rules", herders)
    late = found("--events", UCDP, "--rules", herders, "--delay", "3d", "--delay-spread", "24h")
    again = found("--events", UCDP, "--rules", herders, "--delay", "3d", "--delay-spread", "24h")
    other = found("--events", UCDP, "--rules", herders, "--delay", "3d", "--delay-spread", "24h",
                  "--seed", "2")  # fmt: skip
    assert late == again
    assert len({json.dumps(told["rules"]) for told in (at_once, late, other)}) == 3


def test_a_sweep_is_a_line_and_a_dot_for_each_value(herders: Path, tmp_path: Path) -> None:
    picture = tmp_path / "herders.svg"
    result = backtest(
        "--events", UCDP, "--rules", herders, "--json",
        "--sweep", "herders-and-farmers.at_least=1..6", "--plot", picture,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    sweep = json.loads(result.stdout)["sweep"]
    assert [each["value"] for each in sweep["values"]] == [1, 2, 3, 4, 5, 6]
    assert "problem" in sweep["values"][0]
    assert sweep["values"][3]["alerts"] == json.loads(result.stdout)["rules"][0]["alerts"]
    root = ElementTree.parse(picture).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f".//{space}circle")) == 2 * 5
    said = " ".join(element.text or "" for element in root.iter(f"{space}text"))
    assert "Fawcett & Provost 1999" in said
    assert "UCDP GED, CC BY 4.0; Sundberg & Melander 2013" in said
    for axis in ("false alarms a week", "mean lead, days", "foreseen, % of outcomes"):
        assert axis in said


def test_a_sweep_in_text(herders: Path) -> None:
    result = backtest("--events", UCDP, "--rules", herders, "--sweep",
                      "herders-and-farmers.at_least=1..4")  # fmt: skip
    assert "when.at_least, against 10 or more killed within 50 km" in result.stdout
    assert re.search(r"^1 +not tried: when", result.stdout, re.MULTILINE)
    assert re.search(r"^4 +107 ", result.stdout, re.MULTILINE)


# --- other files


def test_bad_rows_are_listed_and_end_with_1() -> None:
    result = backtest("--events", CASES / "acled_new.csv")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "line 7: '2023-13-05' is no day of the calendar",
        "line 8: the event 'MLI9001' is in line 2 already",
        "2 of 7 rows could not be read",
    ]
    assert "read as ACLED by acled.yaml" in result.stdout
    told = found("--events", CASES / "acled_new.csv")
    assert [row["line"] for row in told["bad_rows"]] == [7, 8]


def test_a_mapping_may_be_named(tmp_path: Path) -> None:
    mapping = tmp_path / "old.yaml"
    written = (BACKTESTS / "acled.yaml").read_text(encoding="utf-8")
    mapping.write_text(written.replace("dates: {", "dates: {slashes: day_first, ", 1), "utf-8")
    result = backtest("--events", CASES / "acled_old.csv", "--mapping", mapping)
    assert result.exit_code == 0, result.output
    assert "by old.yaml, as you said" in result.stdout
    assert backtest("--events", CASES / "acled_old.csv").exit_code == 1


def test_nothing_of_a_file_reaches_the_terminal_raw(tmp_path: Path) -> None:
    file = tmp_path / "red.csv"
    file.write_text(
        "event_type,latitude,longitude,fatalities,event_date,location,country\n"
        "Battles,14,-4,0,2020-01-01,x,\x1b[31mred\n"
        "Strange\x1b[2J,14,-4,0,2020-01-02,x,\x07\n"
        "Battles,14,-4,0,\x1b[31m,x,y\n",
        encoding="utf-8",
    )
    result = backtest("--events", file)
    for line in (result.stdout + result.stderr).splitlines():
        assert line.isprintable(), line


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "empty"),
        (b"\x00" * 1000, "this is no text"),
        (b"one,two\n1,2\n", "no mapping knows these columns: one, two"),
        (b"PK\x03\x04garbage", "damaged"),
        (b"event_type,latitude,longitude,fatalities\n", "no column for `date`"),
    ],
)
def test_a_file_that_cannot_be_used_ends_with_1_and_one_line(
    tmp_path: Path, raw: bytes, told: str
) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(raw)
    result = backtest("--events", file)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert told in line


def test_problems_in_the_rules_are_told_as_check_tells_them(herders: Path) -> None:
    after = changed(herders, "hours: 72", "hour: 72")
    result = backtest("--events", UCDP, "--rules", herders, "--compare", after)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "rules/alerts/herders.yaml:4:" in result.stderr
    assert "did you mean `hours`?" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--events", "absent.csv"),
        ("--rules", "absent"),
        ("--mapping", "absent.yaml"),
        ("--delay", "1 day"),
        ("--delay-spread", "-1h"),
        ("--plot", "out.svg"),
        ("--sweep", "nonsense"),
        ("--sweep", "absent-rule.at_least=1..2"),
    ],
)
def test_wrong_use_ends_with_2(options: tuple[str, ...]) -> None:
    events = () if "--events" in options else ("--events", CASES / "acled_old.csv")
    assert backtest(*events, *options).exit_code == 2


# --- the service's own history


def report_row(number: int, hours_ago: int, **others: object) -> dict[str, object]:
    at = NOW - timedelta(hours=hours_ago)
    return {
        "id": number, "inbox_id": number, "reporter": number % 3, "type": "market_attack",
        "place": f"place-{number % 2}", "area": "ML0403", "lat": 14.7, "lon": -6.1,
        "occurred_at": at, "received_at": at, "killed": 4, "injured": 0, "confidence": 1.0,
        "status": "counted",
    } | others  # fmt: skip


async def filled(url: str, rows: list[dict[str, object]]) -> Store:
    store = Store(url)
    await migrate.upgrade(store)
    async with store.write() as tx:
        await reports.add(tx, [], rows)
    return store


async def test_history_is_what_was_received_when_it_was(database_url: str) -> None:
    rows = [
        report_row(1, 50),
        report_row(2, 49, received_at=NOW - timedelta(hours=2)),
        report_row(3, 48, killed=6),
        report_row(4, 47, status="retracted"),
        report_row(5, 46, area="ML9999"),
        report_row(6, 45, type="nothing_to_report", lat=None, lon=None),
    ]
    store = await filled(database_url, rows)
    try:
        data = await history(store, shipped().tree, shipped().gazetteer)
    finally:
        await store.close()
    assert [event.line for event in data.events] == [1, 2, 3]
    assert data.left_out == {"in an area that is no more": 1}
    assert [data.evidence(n).reporter for n in data.by_receipt] == [1, 0, 2]
    # Two tell of one place, type and day: the higher number of deaths counts, once.
    assert [(event.killed, event.toll) for event in data.events] == [(4, 4), (4, 4), (6, 2)]


async def test_no_history_says_what_to_do(sqlite_url: str) -> None:
    store = await filled(sqlite_url, [])
    try:
        with pytest.raises(EventsError, match="--events"):
            await history(store, shipped().tree, shipped().gazetteer)
    finally:
        await store.close()


def test_the_command_replays_the_service_s_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    rows = [report_row(number, 60 - number) for number in range(1, 7)]

    async def fill() -> None:
        await (await filled(Settings().database, rows)).close()

    asyncio.run(fill())
    told = found("--events", "history")
    assert (told["used"], told["reports"], told["attribution"]) == (6, 6, "")
    rules = {rule["id"]: rule for rule in told["rules"]}
    assert rules["market-cluster"]["alerts"] == 1
    assert found() == told
