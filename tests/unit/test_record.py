"""What became of each rule's alerts, counted from the alerts themselves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.cli.record import told
from service.backtest.intervals import wilson
from service.content import Content, load
from service.domain.hours import Digest
from service.record import lines
from tests.support.content_dir import content_of_three_rules

TOLD = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return load(content_of_three_rules(Path(tmp_path_factory.mktemp("record"))))


def alert(
    minutes: float | None = None, outcome: str | None = None, severity: str = "severe"
) -> Any:
    """An alert that was acknowledged after so many minutes, and how it ended."""
    heard = None if minutes is None else TOLD + timedelta(minutes=minutes)
    row: dict[str, Any] = {"rule": "market-cluster", "type": "market_attack", "area": "ML040410"}
    row |= {"severity": severity, "released_at": TOLD, "acknowledged_at": heard, "outcome": outcome}
    return SimpleNamespace(**row)


def test_a_rule_without_alerts_has_a_line(content: Content) -> None:
    found = {line.rule: line for line in lines([], content)}
    assert set(found) == {"market-cluster", "herder-farmer", "grave-report"}
    line = found["market-cluster"]
    assert (line.alerts, line.minutes, line.false_alarms, line.interval) == (0, None, None, None)
    assert told(line) == "market-cluster: 0 alerts"


def test_in_time_is_within_the_wait_of_the_first_step(content: Content) -> None:
    """20 minutes for a severe alert, 15 for an extreme one, as shipped."""
    graver = [alert(15, severity="extreme"), alert(16, severity="extreme")]
    rows = [alert(20), alert(20.1), alert(), *graver]
    (line,) = (each for each in lines(rows, content) if each.alerts)
    assert (line.alerts, line.acknowledged, line.timed, line.in_time) == (5, 4, 5, 2)
    assert line.minutes == 18.0


def test_time_runs_from_the_digest_that_told_of_an_alert(content: Content) -> None:
    """It was released at nine and told at seven in the evening, and there are three hours to it."""
    digest = Digest.model_validate(
        {"up_to": "minor", "zone": "Africa/Bamako", "at": ["07:00", "19:00"]}
    )
    policy = content.escalation.model_copy(update={"digest": digest})
    rows = [alert(60 * hours, severity="minor") for hours in (10, 11, 13, 13.1)]
    (line,) = (each for each in lines(rows, replace(content, escalation=policy)) if each.alerts)
    assert (line.timed, line.in_time, line.minutes) == (4, 3, 120.0)


def test_false_alarms_are_a_share_of_what_responders_agreed_on(content: Content) -> None:
    ended = ["false_alarm", "prevented", "prevented", "too_late", "disputed", None]
    rows = [alert(5, each) for each in ended]
    (line,) = (each for each in lines(rows, content) if each.alerts)
    assert line.outcomes == {"disputed": 1, "false_alarm": 1, "prevented": 2, "too_late": 1}
    assert (line.judged, line.false_alarms) == (4, 0.25)
    assert line.interval == wilson(1, 4)
    assert told(line) == (
        "market-cluster: 6 alerts; 6 acknowledged, 6 of 6 in time; median 5 min; prevented 2, "
        "too_late 1, false_alarm 1, disputed 1; false alarms 25% (5% to 70%)"
    )


def test_a_rule_that_is_no_more_keeps_its_record(content: Content) -> None:
    gone = alert(1)
    gone.rule = "was-here"
    assert [each.rule for each in lines([gone], content) if each.alerts] == ["was-here"]
