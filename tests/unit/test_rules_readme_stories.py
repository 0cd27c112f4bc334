"""Every rule that rules/README.md shows, run by the engine: what meets it, and what just does not.

The stories begin on Monday 2 December 2024 at Djenné, on its market day, within the transhumance.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from math import pi

import pytest

from service.content import Content, load
from service.domain.engine import Engine, Evidence
from service.domain.geo import EARTH_RADIUS_KM, Point
from tests.support.content_dir import PROJECT, copy_of_content

README = (PROJECT / "rules" / "README.md").read_text(encoding="utf-8")
RULES = [
    example
    for example in re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    if "\n  when:" in example
]
START = int(datetime(2024, 12, 2, 6, tzinfo=UTC).timestamp())
DJENNE, KM = Point(13.90608, -4.55332), 180 / (pi * EARTH_RADIUS_KM)
DAY, WEEK = 24, 168


@dataclass(frozen=True, slots=True)
class Told:
    """One report: how many hours after the start, of what, how many km north, and by whom."""

    hour: float
    type: str
    km: float = 0
    by: int = 1
    area: str = "ML050303"
    killed: int = 0
    injured: int = 0

    def evidence(self, number: int) -> Evidence:
        at = START + round(self.hour * 3600)
        return Evidence(
            id=number, type=self.type, place=f"{self.km}", area=self.area,
            point=Point(DJENNE.lat + self.km * KM, DJENNE.lon), reporter=self.by, at=at,
            known_at=at, killed=self.killed, injured=self.injured,
        )  # fmt: skip


def each(
    type_: str, *hours: float, km: float = 0, by: int = 0, area: str = "ML050303"
) -> list[Told]:
    """Reports of one type at those hours: by one person each, or all by that one."""
    return [Told(hour, type_, km, by or n, area) for n, hour in enumerate(hours, 1)]


THREAT, MOVE, RAID, CROPS = "threat", "displacement", "banditry", "crop_damage"
LAND, CLASH, CATTLE = "land_water_dispute", "herder_farmer_clash", "cattle_theft"
PEOPLE = "intercommunal_clash"

# The rule, what is reported, and what the engine decides.
STORIES: list[tuple[str, list[Told], list[str]]] = [
    ("market-cluster", each("market_attack", 0, 24, 71), ["raise severe"]),
    ("market-cluster", each("market_attack", 0, 24, 72), []),
    ("market-cluster", each("market_attack", 0, 9, 18, 27, 36, 45),
     ["raise severe", "escalate extreme"]),
    ("stolen-herds", [*each(CATTLE, 0, 99), Told(167, CATTLE, 39.99, 3)], ["raise moderate"]),
    ("stolen-herds", [*each(CATTLE, 0, 99), Told(167, CATTLE, 40.01, 3)], []),
    ("herds-at-the-fields", [*each(CROPS, 0), Told(95, "blocked_route", by=2)],
     ["raise moderate"]),
    ("herds-at-the-fields", each(CROPS, 70 * DAY, 70 * DAY + 9), []),  # 10 February: closed
    ("herds-at-the-fields", each(CROPS, *(70 * DAY + 9 * n for n in range(5))),
     ["raise moderate"]),
    ("families-moving", each(MOVE, 0, 9, 18), ["raise moderate"]),
    ("families-moving", [*each(MOVE, 0, 9), Told(18, MOVE, by=3, area="ML0506")], []),
    ("families-moving", each(MOVE, 0, 9, 18, 41, 42, 80, 90),
     ["raise moderate", "repeat moderate", "repeat moderate"]),
    ("herd-route-blocked", each("blocked_route", 0, 71), ["raise minor"]),
    ("herd-route-blocked", each("blocked_route", 0, 71, by=1), []),
    ("between-communities", each(PEOPLE, 0, 9), ["raise moderate"]),
    ("between-communities", each(PEOPLE, *range(0, 64, 8)),
     ["raise moderate", "escalate severe", "escalate extreme"]),
    ("between-communities", each(PEOPLE, 0, 72), []),
    ("many-signs", [*each(THREAT, 0, 9, 18), *each(RAID, 20, 47)], ["raise moderate"]),
    ("many-signs", [*each(THREAT, 0, 9, 18), *each(RAID, 20, 48)], []),
    ("threats-in-a-cercle", [*each(THREAT, 0, 1), *each(THREAT, 2, 9, km=80, by=3)],
     ["raise moderate"]),
    ("threats-in-a-cercle", [*each(THREAT, 0, 1), *each(THREAT, 2, 9, area="ML0506")], []),
    ("dispute-returns", each(LAND, 0, WEEK, 4 * WEEK), ["raise moderate"]),
    ("dispute-returns", [*each(LAND, 0, WEEK), Told(4 * WEEK, LAND, km=1, by=3)], []),
    ("five-killed", [Told(0, RAID, killed=3), Told(9, RAID, 9, 2, killed=2)], ["raise extreme"]),
    ("five-killed", [Told(0, RAID, killed=3), Told(1, RAID, 0, 2, killed=3)], []),  # one thing
    ("ten-injured", [Told(0, CLASH, injured=9), Told(9, PEOPLE, 0, 2, injured=1)],
     ["raise severe"]),
    ("ten-injured", [Told(0, CLASH, injured=9), Told(9, RAID, 0, 2, injured=1)], []),
    ("market-day-robbery", each(RAID, 0, 9), ["raise severe"]),
    ("market-day-robbery", each(RAID, DAY, DAY + 9), []),  # Tuesday
    ("market-day-robbery", each(RAID, 0, 9, km=5.1), []),
    ("friday-threats", each(THREAT, 4 * DAY, 4 * DAY + 9), ["raise minor"]),
    ("friday-threats", each(THREAT, 3 * DAY, 3 * DAY + 9), []),
    ("threats-and-flight", [*each(THREAT, 0, 9), Told(20, MOVE, 29.99, 3)], ["raise severe"]),
    ("threats-and-flight", [*each(THREAT, 0, 9), Told(20, MOVE, 30.01, 3)], []),
    ("threats-and-flight", each(THREAT, 0, 9, 18), []),
    ("grave-or-many", each(RAID, 0, 9, 18, 27), ["raise severe"]),
    ("grave-or-many", [Told(0, RAID, killed=3), Told(9, RAID, by=2)], ["raise severe"]),
    ("grave-or-many", [Told(0, RAID, killed=2), Told(9, RAID, by=2)], []),
    ("damage-then-clash", [*each(CROPS, 0, 9), Told(200, CLASH, 20, 3)], ["raise severe"]),
    ("damage-then-clash", [*each(CROPS, 0, 9), Told(249, CLASH, 20, 3)], []),
    ("damage-then-clash", [Told(0, CLASH, by=3), *each(CROPS, 1, 9)], []),
    ("unusual-week", [*each(THREAT, *range(0, 30 * WEEK, 5 * WEEK)),
     *each(THREAT, *(30 * WEEK + 9 * n for n in range(8)))], ["raise moderate"]),
    ("unusual-week", each(THREAT, *range(0, 40 * WEEK, WEEK)), []),
]  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """The README's rules in place of those that are shipped."""
    directory = copy_of_content(tmp_path_factory.mktemp("content"))
    for file in (directory / "rules/alerts").iterdir():
        file.unlink()
    (directory / "rules/waivers.yaml").unlink()
    (directory / "rules/alerts/readme.yaml").write_text("\n".join(RULES), encoding="utf-8")
    return load(directory)


@pytest.mark.parametrize(
    ("rule", "told", "decided"), STORIES, ids=[f"{rule} {said}" for rule, _, said in STORIES]
)
def test_what_meets_an_example_and_what_just_does_not(
    content: Content, rule: str, told: list[Told], decided: list[str]
) -> None:
    (example,) = (each for each in content.rules if each.id == rule)
    live = example.model_copy(update={"status": "live"})
    engine = Engine(
        [live], content.seasons, content.tree, content.timezone, markets=content.markets
    )
    said = [
        f"{decision.kind} {decision.severity}"
        for number, report in enumerate(told)
        for decision in engine.learn(report.evidence(number))
    ]
    assert said == decided


def test_every_example_has_a_story_of_each_kind(content: Content) -> None:
    ids = {rule.id for rule in content.rules}
    assert {rule for rule, _, decided in STORIES if decided} == ids
    assert {rule for rule, _, decided in STORIES if not decided} == ids
