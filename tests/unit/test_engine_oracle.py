"""The engine against the definition: the same episodes, whatever the order of arrival."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.areas import COUNTRY, AreaTree, Merge
from service.domain.engine import Decision, Engine, Evidence
from service.domain.geo import Point
from service.domain.markets import Market, MarketDays
from service.domain.rule import Rule
from service.domain.seasons import Seasons
from service.domain.silence import Silence
from tests.support.definition import Definition, Shape

HOUR = 3600
ZONE = timezone(timedelta(hours=-5))
START = int(datetime(2024, 12, 28, tzinfo=UTC).timestamp())
TREE = AreaTree(
    {
        "ML05": ("Mopti", COUNTRY),
        "ML0501": ("Bandiagara", "ML05"),
        "ML050101": ("Bandiagara", "ML0501"),
        "ML050102": ("Kendé", "ML0501"),
        "ML0502": ("Bankass", "ML05"),
        "ML050201": ("Baye", "ML0502"),
        "ML06": ("Tombouctou", COUNTRY),
    },
    [Merge("ML05M1", "Bandiagara et Kendé", ("ML050101", "ML050102"))],
)
SEASONS = Seasons.model_validate(
    {
        "transhumance": {
            "title": {"en": "Transhumance"},
            "zones": {"delta": {"areas": ["ML05"], "default": [{"from": "12-30", "to": "01-02"}]}},
        }
    }
)
TYPES = ("a", "b", "c")
PLACES = [Point(14.0, -4.0 + step * 0.11) for step in range(8)]  # about 12 km from one to the next
AREAS = ["ML050101"] * 2 + ["ML050102"] * 2 + ["ML050201", "ML0501", "ML06", "ML06"]
MARKETS = [("p1", PLACES[1], "monday"), ("p9", Point(14.03, -3.56), "tuesday")]


def count(types, n=2, people=1, km=15, hours=30, **more) -> dict:
    asked = {"types": types, "at_least": n, "distinct_reporters": people}
    within = more.pop("within", {"km": km})
    return asked | {"within": within | {"hours": hours}} | more


def rule(id: str, when: dict, quiet=40, inhibited_by=None, one_per="cluster", **more) -> Rule:
    alert = {"severity": "minor", "quiet_for": f"{quiet}h", "one_per": one_per}
    spec = {"id": id, "title": {"en": id}, "status": "live", "when": when}
    return Rule.model_validate(spec | {"alert": alert | {"inhibited_by": inhibited_by}} | more)


STEPS = [{"at_least": 4, "severity": "severe"}]
COUNTS = [
    rule("pair", count(["a", "b"], people=2), inhibited_by="three"),
    rule("three", count(["a"], n=3, km=25, hours=48), escalate=STEPS),
    rule("anything", count("any", n=3, people=2, hours=20), quiet=10, inhibited_by="pair"),
    rule("season", count(["b"], km=30), only_in="transhumance", outside={"at_least": 3}),
    rule(
        "closed",
        count(["c"], n=1, km=5),
        only_in="transhumance",
        status="trial",
        inhibited_by="pair",
    ),
]
FORMS = [
    rule("all", {"all_of": [count(["a"], hours=48), count(["b"], n=1, km=30)]}, inhibited_by="any"),
    rule(
        "any",
        {"any_of": [count(["a"], n=3), count(["b", "c"], people=2, within={"area": "commune"})]},
        escalate=STEPS,
    ),
    rule(
        "sequence",
        {
            "first": count(["a"], n=1, km=5, hours=10),
            "then": count(["a", "b"], people=2),
            "within": {"km": 20, "hours": 60},
        },
    ),
    rule(
        "unusual",
        {
            "types": ["a", "c"],
            "anomaly": {
                **{"window": "6h", "baseline": "48h", "gap": "6h"},
                **{"alerts_per_week": 40, "at_least": 2},
            },
        },
        only_in="transhumance",
        inhibited_by="all",
    ),
    rule("toll", count("any", n=1, hours=48, killed=5)),
    rule("hurt", count(["b"], n=2, within={"area": "region"}, injured=4), one_per="cercle"),
]
WHERE = [
    rule("commune", count("any", n=3, within={"area": "commune"}), one_per="commune"),
    rule("cercle", count(["a"], within={"area": "cercle"}), inhibited_by="commune"),
    rule("region", count(["b", "c"], n=3, km=40), one_per="region", escalate=STEPS),
    rule("place", count("any", within={"place": "same"}, hours=60), one_per="place", quiet=60),
    rule("market", count(["a", "b"], n=1, market_day=True), inhibited_by="place"),
    rule("days", count(["c"], n=1, weekdays=["sunday", "lundi"]), one_per="region", quiet=90),
]
SILENCES = [
    Silence.model_validate(each | {"author": "A. Coordinator", "why": "an exercise"})
    for each in (
        {"id": "one", "rule": "commune", "area": "ML0501", "until": START + 60 * HOUR},
        {
            **{"id": "two", "rule": "any", "area": "any"},
            **{"from": START + 90 * HOUR, "until": START + 110 * HOUR},
        },
    )
]


@dataclass(frozen=True)
class World:
    """Rules, and the silences that they are judged under."""

    rules: list[Rule]
    silences: list[Silence]

    def engine(self) -> Engine:
        markets = MarketDays(tuple(Market(*market) for market in MARKETS))
        return Engine(self.rules, SEASONS, TREE, ZONE, silences=self.silences, markets=markets)

    def definition(self) -> Definition:
        return Definition(self.rules, season_is_open, ZONE, self.silences, MARKETS)

    def episodes_of(self, engine: Engine) -> dict[str, list[Shape]]:
        found: dict[str, list[Shape]] = {r.id: [] for r in self.rules}
        for e in engine.episodes():
            found[e.rule].append((e.opener, e.severity, e.anchors, e.evidence, e.suppressed_by))
        return found


WORLDS = {
    "counts": World(COUNTS, []),
    "forms": World(FORMS, []),
    "where": World(WHERE, []),
    "silenced": World([*COUNTS[:2], *WHERE[:3]], SILENCES),
}
in_every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)


def season_is_open(e: Evidence) -> bool:
    day = datetime.fromtimestamp(e.at, ZONE).date()
    return e.area.startswith("ML05") and any(
        date(year, 12, 30) <= day <= date(year + 1, 1, 2) for year in (2023, 2024, 2025)
    )


@st.composite
def reports(draw, id: int) -> Evidence:
    place = draw(st.integers(0, len(PLACES) - 1))
    at = START + draw(st.integers(0, 150)) * HOUR
    return Evidence(
        id=id,
        type=draw(st.sampled_from(TYPES)),
        place=f"p{place}",
        area=AREAS[place],
        point=PLACES[place],
        reporter=draw(st.integers(1, 4)),
        at=at,
        known_at=at + draw(st.integers(0, 40)) * HOUR,
        killed=draw(st.integers(0, 3)),
        injured=draw(st.integers(0, 3)),
        verified=draw(st.integers(0, 2)) > 0,
    )


def freshness(e: Evidence) -> tuple:
    return (
        e.known_at,
        e.type,
        e.place,
        e.area,
        e.point,
        e.reporter,
        e.at,
        e.killed,
        e.injured,
        e.verified,
    )


class Retraction(tuple):
    """(id, known_at) of a report taken back."""


@st.composite
def knowledge(draw) -> tuple[list[Evidence], list[object]]:
    """What is known in the end, and the messages that tell it, in some order of arrival."""
    first = [draw(reports(id)) for id in range(1, draw(st.integers(1, 30)) + 1)]
    ids = st.sets(st.sampled_from([e.id for e in first]), max_size=6)
    corrected, retracted, repeated = draw(ids), draw(ids), draw(ids)
    final = {e.id: e for e in first}
    messages: list[object] = list(first)
    for id in sorted(corrected):
        later = draw(reports(id))
        messages.append(later)
        final[id] = max(final[id], later, key=freshness)
    messages += [final[id] for id in sorted(repeated)]
    messages += [Retraction((id, START)) for id in sorted(retracted)]
    return (
        [e for e in final.values() if e.id not in retracted],
        draw(st.permutations(messages)),
    )


def tell(engine: Engine, message: object) -> list[Decision]:
    if isinstance(message, Retraction):
        return engine.forget(*message)
    assert isinstance(message, Evidence)
    return engine.learn(message)


@in_every_world
@given(knowledge())
@settings(max_examples=40, deadline=None)
def test_the_episodes_are_those_of_the_definition_in_every_order_of_arrival(world, known):
    final, messages = known
    judge = world.engine()
    for message in messages:
        tell(judge, message)
    assert world.episodes_of(judge) == world.definition().episodes(final)


def known_after(messages: list[object]) -> list[Evidence]:
    """What a store would hold: of each id the last known, unless it was taken back."""
    known: dict[int, Evidence] = {}
    for message in messages:
        if isinstance(message, Evidence):
            known[message.id] = max(known.get(message.id, message), message, key=freshness)
    taken_back = {message[0] for message in messages if isinstance(message, Retraction)}
    return [e for e in known.values() if e.id not in taken_back]


@in_every_world
@given(knowledge(), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_restart_changes_nothing_that_is_said_after_it(world, known, cut):
    _, messages = known
    retracted_before = {m[0] for m in messages[:cut] if isinstance(m, Retraction)}
    rest = [m for m in messages[cut:] if isinstance(m, Retraction) or m.id not in retracted_before]
    without = world.engine()
    said = [d for message in messages[:cut] for d in tell(without, message)]
    restarted = world.engine()
    restarted.restore(known_after(messages[:cut]), said)
    for message in rest:
        assert tell(restarted, message) == tell(without, message)
    assert restarted.episodes() == without.episodes()


@in_every_world
@given(knowledge(), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_other_rules_judge_as_if_they_had_been_there_from_the_start(world, known, cut):
    final, messages = known
    retracted_before = {m[0] for m in messages[:cut] if isinstance(m, Retraction)}
    rest = [m for m in messages[cut:] if isinstance(m, Retraction) or m.id not in retracted_before]
    judge = WORLDS["counts"].engine()
    said = [d for message in messages[:cut] for d in tell(judge, message)]
    swapped = judge.with_rules(world.rules, said, silences=world.silences)
    fresh = world.engine()
    fresh.restore(known_after(messages[:cut]), said)
    for message in rest:
        assert tell(swapped, message) == tell(fresh, message)
    assert world.episodes_of(swapped) == world.definition().episodes(final)


@in_every_world
@given(knowledge())
@settings(max_examples=40, deadline=None)
def test_what_is_said_hangs_together_whatever_the_order(world, known):
    _, messages = known
    judge = world.engine()
    state: dict[str, str] = {}
    for message in messages:
        for decision in tell(judge, message):
            before = state.get(decision.episode)
            assert (
                before
                in {
                    "raise": (None, "suppress"),
                    "suppress": (None,),
                    "escalate": ("raise", "escalate", "repeat"),
                    "repeat": ("raise", "escalate", "repeat"),
                    "correct": ("raise", "escalate", "repeat"),
                }[decision.kind]
            )
            state[decision.episode] = decision.kind
    telling = {name.split(":")[0] for name, kind in state.items() if kind != "correct"}
    assert {episode.rule for episode in judge.episodes()} <= telling


@in_every_world
@given(st.lists(st.integers(0, 150), unique=True, max_size=30).map(sorted), st.data())
@settings(max_examples=40, deadline=None)
def test_in_order_of_time_each_episode_is_told_once_and_by_its_own_name(world, hours, data):
    judge = world.engine()
    said = []
    for id, hour in enumerate(hours):
        at = START + hour * HOUR
        said += judge.learn(replace(data.draw(reports(id)), at=at, known_at=at))
    told = [(d.kind, d.episode, d.suppressed_by) for d in said if d.kind != "escalate"]
    by_name = sorted(
        (
            "suppress" if e.suppressed_by else "raise",
            f"{e.rule}:{e.opener}",
            e.suppressed_by,
        )
        for e in judge.episodes()
    )
    assert sorted(told) == by_name
    gravest = {d.episode: d.severity for d in said if d.kind != "suppress"}
    assert gravest == {
        f"{e.rule}:{e.opener}": e.severity for e in judge.episodes() if not e.suppressed_by
    }
