"""How the corpus of realistic texts in tests/cases/ is read: `python -m tests.support.corpus`.

A text is read `right` as what its sender meant; or `asked` back with the right place as one of two;
or `unread`: a problem, so that nothing is filed; or `partly`: filed with the right type and place
but wrong numbers; or `wrong`: filed as something else, with nobody to notice.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from service.domain import grammar
from service.domain.codebook import COUNTS
from service.domain.gazetteer import Place
from service.domain.reading import Doubt, Draft, Problem, Reading, Several
from tests.support.rules_content import codebook, gazetteer

CASES = Path(__file__).parents[1] / "cases"
SENT_ON = date(2026, 11, 25)  # a Wednesday
VERDICTS = ("right", "asked", "unread", "partly", "wrong")


class Read(NamedTuple):
    """One text of the corpus, and what became of it."""

    text: str
    noise: str
    language: str
    verdict: str


def read_all() -> list[Read]:
    """Every text of the corpus, read."""
    return [
        Read(case["text"], case["noise"], file.stem.removeprefix("corpus_"), verdict(case))
        for file in sorted(CASES.glob("corpus_*.yaml"))
        for case in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]


def verdict(case: Mapping[str, Any]) -> str:
    """What became of one text: the worst that became of any report in it."""
    reading = grammar.read(case["text"], codebook(), gazetteer(), case.get("home"), SENT_ON)
    reports = _reports(reading)
    meant = case["reports"]
    if not reports:
        return "unread" if meant else "right"
    if len(reports) != len(meant):
        filed = [each for each in reports if isinstance(each, Draft)]
        return "wrong" if any(not _is_meant(each, meant) for each in filed) else "partly"
    each = [_verdict(report, wanted) for report, wanted in zip(reports, meant, strict=True)]
    return max(each, key=VERDICTS.index)


def _reports(reading: Reading) -> list[Draft | Doubt | Problem]:
    if isinstance(reading, Several):
        return list(reading.reports)
    return [reading] if isinstance(reading, Draft | Doubt) else []


def _verdict(report: Draft | Doubt | Problem, meant: Mapping[str, Any]) -> str:
    if isinstance(report, Problem):
        return "unread"
    if isinstance(report, Doubt):
        among = meant.get("place") in [_told(each) for each in report.candidates]
        right = among and report.draft.type == meant["type"]
        return "asked" if right else "unread"
    if not _is_meant(report, [meant]):
        return "wrong"
    numbers = {count: getattr(report, count) for count in COUNTS} | {
        "days_ago": report.days_ago or None
    }
    wanted = {name: meant.get(name) for name in numbers}
    return "right" if numbers == wanted else "partly"


def _is_meant(draft: Draft, meant: list[Mapping[str, Any]]) -> bool:
    """Whether one of these reports has this type and place."""
    said = (draft.type, _told(draft.place))
    return said in [(each["type"], each.get("place")) for each in meant]


def _told(place: Place | None) -> str | None:
    return f"{place.name}/{place.cercle}" if place else None


def table(read: list[Read]) -> list[str]:
    """Lines that say, for each kind of noise, what became of its texts."""
    by_noise: dict[str, Counter[str]] = defaultdict(Counter)
    for each in read:
        by_noise[each.noise][each.verdict] += 1
        by_noise["all"][each.verdict] += 1
    lines = [f"{'noise':<18}{'texts':>6}" + "".join(f"{each:>8}" for each in VERDICTS)]
    for noise, counts in by_noise.items():
        total = counts.total()
        shares = "".join(f"{counts[each] / total:>8.0%}" for each in VERDICTS)
        lines.append(f"{noise:<18}{total:>6}{shares}")
    return lines


if __name__ == "__main__":
    everything = read_all()
    for each in everything:
        if each.verdict != "right":
            print(f"{each.verdict:<8}{each.noise:<18}{each.text}")
    print("\n".join(table(everything)))
