"""What a backtest found: as JSON has it, and as people read it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from service.backtest import Alert, Dataset, Outcome, Score
from service.backtest.compare import Difference
from service.backtest.findings import Findings, RuleFindings
from service.backtest.score import Judge, Share
from service.backtest.sweep import Sweep
from service.content import Content

SHOWN = 20
BASELINE = "wherever there was an incident last month"

_VERDICT = {True: "right", False: "false", None: "too late to judge"}


# --- what was found, for programs


def head(data: Dataset, how: str, content: Content) -> dict[str, Any]:
    """What was replayed, and what was not."""
    return {
        "events": how,
        "attribution": data.attribution,
        "rows": data.rows,
        "used": len(data.events),
        "reports": data.reports,
        "reported": len(set(data.event_of)),
        "from": _day(data.first),
        "to": _day(data.last),
        "weeks": round(data.weeks, 1),
        "left_out": dict(data.left_out.most_common()),
        "without_a_type": dict(data.unmapped.most_common()),
        "bad_rows": [{"line": row.line, "why": row.why} for row in data.bad],
        "notes": list(_notes(data, content)),
    }


def judged(data: Dataset, findings: Findings, rules: Sequence[RuleFindings]) -> dict[str, Any]:
    return {
        "outcomes": [
            {
                "id": id_,
                "what": str(judge.outcome),
                "onsets": len(judge.onsets),
                "baseline": _score(findings.baselines[id_]),
            }
            for id_, judge in findings.judges.items()
        ],
        "rules": [_rule(data, each) for each in rules],
    }


def difference(found: Difference, judge: Judge) -> dict[str, Any]:
    """Alerts by name; whether each was right is by the first outcome."""
    return {
        "judged_by": judge.outcome.id,
        "kept": found.kept,
        "gained": [_alert(alert, judge) for alert in found.gained],
        "lost": [_alert(alert, judge) for alert in found.lost],
    }


def sweep(
    swept: Sweep, outcome: Outcome, tried: Iterable[tuple[float, Score | str]], baseline: Score
) -> dict[str, Any]:
    return {
        "rule": swept.rule,
        "number": ".".join(swept.path),
        "outcome": str(outcome),
        "values": [
            {"value": value, "problem": score}
            if isinstance(score, str)
            else {"value": value} | _score(score)
            for value, score in tried
        ],
        "baseline": _score(baseline),
    }


def _rule(data: Dataset, found: RuleFindings) -> dict[str, Any]:
    fewest = found.senders
    return {
        "id": found.rule.id,
        "status": found.rule.status,
        "alerts": len(found.alerts),
        "alerts_a_week": round(len(found.alerts) / data.weeks, 3),
        "others": found.others,
        "fewest_senders": fewest
        and {
            "enrolled": fewest.enrolled,
            "needed": fewest.needed,
            "area": data.tree.name(fewest.area),
            "date": _day(fewest.alert.sent_at),
        },
        "scores": {id_: _score(score) for id_, score in found.scores.items()},
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "alerts": score.alerts,
        "alerts_a_week": round(score.a_week, 3),
        "false_a_week": round(score.false_a_week, 3),
        "precision": _share(score.precision),
        "recall": _share(score.recall),
        "lead_days": score.lead,
        "lead_interval": score.lead_interval,
        "mean_lead_days": round(score.mean_lead, 3),
    }


def _share(share: Share) -> dict[str, Any]:
    interval = share.interval
    return {
        "count": share.count,
        "of": share.of,
        "share": round(share.count / share.of, 4) if share.of else None,
        "interval": interval and [round(each, 4) for each in interval],
    }


def _alert(alert: Alert, judge: Judge) -> dict[str, Any]:
    spot = alert.event.spot
    return {
        "rule": alert.rule,
        "date": _day(alert.sent_at),
        "place": spot.name,
        "area": spot.area,
        "right": judge.is_right(alert.sent_at, spot.point),
    }


def _notes(data: Dataset, content: Content) -> Iterator[str]:
    yield from data.notes
    seasons = {rule.only_in for rule in content.rules if rule.only_in}
    areas = {event.spot.area for event in data.events}
    for season in sorted(seasons):
        if not any(content.seasons.zone(season, data.tree.path(area)) for area in areas):
            yield f"no place here is in a zone of the season {season}: it is never open"


# --- for people


def text(found: dict[str, Any]) -> str:
    """What was found, in lines of text."""
    lines = list(_head(found))
    for outcome in found["outcomes"]:
        lines += ["", f"Outcome {outcome['id']}: {outcome['what']}; it began "
                  f"{outcome['onsets']:,} times", ""]  # fmt: skip
        lines += _table(_RULE_COLUMNS, _rule_rows(found, outcome))
    if "difference" in found:
        lines += ["", *_difference(found["difference"])]
    if "sweep" in found:
        lines += ["", *_sweep(found["sweep"])]
    lines += ["", *_READING]
    if found["attribution"]:
        lines.append(f"Data: {found['attribution']}")
    return "\n".join(map(clean, lines))


def bad_rows(data: Dataset) -> list[str]:
    """Rows that could not be read, for standard error; `--json` has them all."""
    lines = [f"line {row.line}: {row.why}" for row in data.bad[:SHOWN]]
    if more := data.bad[SHOWN:]:
        lines.append(f"and {len(more):,} more, to line {more[-1].line}; --json lists every one")
    if data.bad:
        lines.append(f"{len(data.bad):,} of {data.rows:,} rows could not be read")
    return [clean(line) for line in lines]


def clean(line: str) -> str:
    """Return a line that cannot move the cursor, whatever a file had in it."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


def _head(found: dict[str, Any]) -> Iterator[str]:
    yield f"Events      {found['events']}"
    yield (
        f"            {found['used']:,} events of {found['rows']:,} rows, {found['from']} to "
        f"{found['to']} ({found['weeks']:,.0f} weeks); {found['reports']:,} reports tell of "
        f"{found['reported']:,} of them"
    )
    yield from _counted("Left out    ", found["left_out"])
    yield from _counted("No type     ", found["without_a_type"])
    if found["bad_rows"]:
        yield f"Bad rows    {len(found['bad_rows']):,}, listed on standard error"
    for note in found["notes"]:
        yield f"Note        {note}"


def _counted(label: str, counts: dict[str, int]) -> Iterator[str]:
    if not counts:
        return
    total = sum(counts.values())
    first = [f"{count:,} {what}" for what, count in Counter(counts).most_common(6)]
    more = f"; and {len(counts) - 6} more kinds" if len(counts) > 6 else ""
    yield f"{label}{total:,}: {'; '.join(first)}{more}"


_RULE_COLUMNS = ("rule", "status", "alerts", "a week", "right", "foreseen", "lead, days", "hidden")


def _rule_rows(found: dict[str, Any], outcome: dict[str, Any]) -> Iterator[list[str]]:
    """Each rule, with what it is changed to under it, and the baseline."""
    changed = {rule["id"]: rule for rule in found.get("changed", ())}
    for rule in found["rules"]:
        yield _rule_row(rule["id"], rule, outcome)
        if rule["id"] in changed:
            yield _rule_row("  changed", changed.pop(rule["id"]), outcome)
    for name, rule in changed.items():
        yield _rule_row(f"{name} (new)", rule, outcome)
    yield [f"({BASELINE})", "", *_figures(outcome["baseline"]), ""]


def _rule_row(name: str, rule: dict[str, Any], outcome: dict[str, Any]) -> list[str]:
    fewest = rule["fewest_senders"]
    hidden = f"{fewest['needed']} of {fewest['enrolled']}" if fewest else "-"
    return [name, rule["status"], *_figures(rule["scores"][outcome["id"]]), hidden]


def _figures(score: dict[str, Any]) -> list[str]:
    lead, interval = score["lead_days"], score["lead_interval"]
    between = f" ({interval[0]:.0f}-{interval[1]:.0f})" if interval else ""
    return [
        f"{score['alerts']:,}",
        f"{score['alerts_a_week']:.2f}",
        _percent(score["precision"]),
        _percent(score["recall"]),
        "-" if lead is None else f"{lead:.1f}{between}",
    ]


def _percent(share: dict[str, Any]) -> str:
    if not share["of"]:
        return "-"
    low, high = (100 * each for each in share["interval"])
    return f"{100 * share['share']:.0f}% ({low:.0f}-{high:.0f})"


def _difference(found: dict[str, Any]) -> Iterator[str]:
    gained, lost = found["gained"], found["lost"]
    yield (
        f"The change keeps {found['kept']:,} alerts, gains {len(gained):,} and loses {len(lost):,} "
        f"(right or false by {found['judged_by']})"
    )
    for sign, alerts in (("+", gained), ("-", lost)):
        for alert in alerts:
            yield (
                f"{sign} {alert['date']}  {alert['rule']}  {alert['place']} ({alert['area']})  "
                f"{_VERDICT[alert['right']]}"
            )


def _sweep(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['rule']}, {found['number']}, against {found['outcome']}"
    yield ""
    columns = (found["number"].rpartition(".")[2], *_RULE_COLUMNS[2:7], "false a week")
    rows = []
    for each in found["values"]:
        if "problem" in each:
            rows.append([f"{each['value']:g}", f"not tried: {each['problem']}"])
        else:
            rows.append([f"{each['value']:g}", *_figures(each), f"{each['false_a_week']:.2f}"])
    baseline = found["baseline"]
    rows.append([f"({BASELINE})", *_figures(baseline), f"{baseline['false_a_week']:.2f}"])
    yield from _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    every = [list(columns), *map(list, rows)]
    whole = [row for row in every if len(row) == len(columns)]
    widths = [max(len(row[index]) for row in whole) for index in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        if len(row) == len(columns)
        else "  ".join(row)
        for row in every
    ]


_READING = (
    "right: of the alerts that can be judged, those that the outcome followed. foreseen: of the "
    "outcome's onsets, those with a right alert before them.",
    "lead: median from the first such alert to the onset. hidden: how many people must have "
    "reported, of how many enrolled in the area named; the alert with the fewest.",
    "In brackets 95% intervals (Wilson; order statistics). A rule is of use where it does better "
    "than the last line.",
)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
