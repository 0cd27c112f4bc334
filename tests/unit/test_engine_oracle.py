"""The engine against the definition: the same episodes, whatever the order of arrival.

The oracle is written from the definition alone: it looks at everything that is known at once, by
brute force, and shares no code with the engine but the distance.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.areas import COUNTRY, AreaTree
from service.domain.engine import Decision, Engine, Evidence
from service.domain.geo import Point, distance_km
from service.domain.rule import Rule
from service.domain.seasons import Seasons

HOUR = 3600
START = int(datetime(2024, 12, 28, tzinfo=UTC).timestamp())
TREE = AreaTree({"ML05": ("Mopti", COUNTRY), "ML06": ("Tombouctou", COUNTRY)})
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


def rule(
    id: str, types, n=2, people=1, km=15, hours=30, quiet=40, inhibited_by=None, **more
) -> Rule:
    spec = {
        "id": id,
        "title": {"en": id},
        "status": "live",
        "when": {
            "types": types,
            "at_least": n,
            "distinct_reporters": people,
            "within": {"km": km, "hours": hours},
        },
        "alert": {"severity": "minor", "quiet_for": f"{quiet}h", "inhibited_by": inhibited_by},
    }
    return Rule.model_validate(spec | more)


RULES = [
    rule("pair", ["a", "b"], people=2, inhibited_by="three"),
    rule("three", ["a"], n=3, km=25, hours=48, escalate=[{"at_least": 4, "severity": "severe"}]),
    rule("anything", "any", n=3, people=2, hours=20, quiet=10, inhibited_by="pair"),
    rule("season", ["b"], n=2, km=30, only_in="transhumance", outside={"at_least": 3}),
    rule("closed", ["c"], n=1, km=5, only_in="transhumance", status="trial", inhibited_by="pair"),
]
ORDER = ["three", "pair", "season", "anything", "closed"]


def counted(evidence: Iterable[Evidence]) -> list[Evidence]:
    last: dict[tuple, int] = {}
    kept = []
    for e in sorted(evidence, key=lambda e: (e.at, e.id)):
        whose = (e.reporter, e.type, e.place)
        if whose not in last or e.at - last[whose] >= 6 * HOUR:
            last[whose] = e.at
            kept.append(e)
    return kept


def season_is_open(e: Evidence) -> bool:
    day = datetime.fromtimestamp(e.at, UTC).date()
    return e.area == "ML05" and any(
        date(year, 12, 30) <= day <= date(year + 1, 1, 2) for year in (2023, 2024, 2025)
    )


def window(r: Rule, reports: list[Evidence], a: Evidence) -> list[Evidence]:
    within = r.when.within
    return [
        s
        for s in reports
        if (r.when.types == "any" or s.type in r.when.types)
        and a.at - within.hours * HOUR < s.at <= a.at
        and distance_km(s.point, a.point) <= within.km
    ]


def met(r: Rule, reports: list[Evidence], a: Evidence) -> bool:
    seen = window(r, reports, a)
    if a not in seen:
        return False
    needed = r.when.at_least
    if r.only_in and not season_is_open(a):
        if r.outside is None:
            return False
        needed = r.outside.at_least
    return len(seen) >= needed and len({s.reporter for s in seen}) >= r.when.distinct_reporters


def oracle(evidence: Iterable[Evidence]) -> dict[str, list[tuple]]:
    """Per rule: (opener, severity, anchors, evidence, suppressed by) of each episode."""
    reports = counted(evidence)
    by_rule: dict[str, list[dict]] = {}
    for id_ in ORDER:
        r = next(r for r in RULES if r.id == id_)
        episodes: list[dict] = []
        for a in reports:
            if not met(r, reports, a):
                continue
            for episode in episodes:
                near = any(distance_km(b.point, a.point) <= r.when.within.km for b in episode["in"])
                if near and a.at - episode["in"][0].at < r.alert.quiet_for * HOUR:
                    episode["in"].append(a)
                    break
            else:
                episodes.append({"in": [a], "by": None})
        inhibitor = next((i for i in RULES if i.id == r.alert.inhibited_by), None)
        for episode in episodes:
            opener = episode["in"][0]
            for other in by_rule.get(inhibitor.id, []) if inhibitor else []:
                raised = other["in"][0]
                if (
                    other["by"] is None
                    and 0 <= opener.at - raised.at < inhibitor.alert.quiet_for * HOUR
                    and any(
                        b.at <= opener.at and distance_km(b.point, opener.point) <= r.when.within.km
                        for b in other["in"]
                    )
                ):
                    episode["by"] = f"{inhibitor.id}:{raised.id}"
                    break
        by_rule[id_] = episodes
    return {r.id: [shape(r, reports, episode) for episode in by_rule[r.id]] for r in RULES}


def shape(r: Rule, reports: list[Evidence], episode: dict) -> tuple:
    windows = [window(r, reports, a) for a in episode["in"]]
    severity = r.alert.severity
    for step in r.escalate:
        if max(map(len, windows)) >= step.at_least:
            severity = step.severity
    ids = tuple(sorted({s.id for seen in windows for s in seen}))
    anchors = tuple(a.id for a in episode["in"])
    return anchors[0], severity, anchors, ids, episode["by"]


def episodes_of(engine: Engine) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {r.id: [] for r in RULES}
    for e in engine.episodes():
        found[e.rule].append((e.opener, e.severity, e.anchors, e.evidence, e.suppressed_by))
    return found


def engine() -> Engine:
    return Engine(RULES, SEASONS, TREE)


@st.composite
def reports(draw, id: int) -> Evidence:
    place = draw(st.integers(0, len(PLACES) - 1))
    at = START + draw(st.integers(0, 150)) * HOUR
    return Evidence(
        id=id,
        type=draw(st.sampled_from(TYPES)),
        place=f"p{place}",
        area="ML05" if place < 6 else "ML06",
        point=PLACES[place],
        reporter=draw(st.integers(1, 4)),
        at=at,
        known_at=at + draw(st.integers(0, 40)) * HOUR,
    )


def freshness(e: Evidence) -> tuple:
    return e.known_at, e.type, e.place, e.area, e.point, e.reporter, e.at


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


@given(knowledge())
@settings(max_examples=200, deadline=None)
def test_the_episodes_are_those_of_the_definition_in_every_order_of_arrival(known):
    final, messages = known
    judge = engine()
    for message in messages:
        tell(judge, message)
    assert episodes_of(judge) == oracle(final)


def known_after(messages: list[object]) -> list[Evidence]:
    """What a store would hold: of each id the last known, unless it was taken back."""
    known: dict[int, Evidence] = {}
    for message in messages:
        if isinstance(message, Evidence):
            known[message.id] = max(known.get(message.id, message), message, key=freshness)
    taken_back = {message[0] for message in messages if isinstance(message, Retraction)}
    return [e for e in known.values() if e.id not in taken_back]


@given(knowledge(), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_a_restart_changes_nothing_that_is_said_after_it(known, cut):
    _, messages = known
    retracted_before = {m[0] for m in messages[:cut] if isinstance(m, Retraction)}
    rest = [m for m in messages[cut:] if isinstance(m, Retraction) or m.id not in retracted_before]
    without = engine()
    said = [d for message in messages[:cut] for d in tell(without, message)]
    restarted = engine()
    restarted.restore(known_after(messages[:cut]), said)
    for message in rest:
        assert tell(restarted, message) == tell(without, message)
    assert restarted.episodes() == without.episodes()


@given(knowledge())
@settings(max_examples=200, deadline=None)
def test_what_is_said_hangs_together_whatever_the_order(known):
    _, messages = known
    judge = engine()
    state: dict[str, str] = {}
    for message in messages:
        for decision in tell(judge, message):
            before = state.get(decision.episode)
            assert (
                before
                in {
                    "raise": (None, "suppress"),
                    "suppress": (None,),
                    "escalate": ("raise", "escalate"),
                    "correct": ("raise", "escalate"),
                }[decision.kind]
            )
            state[decision.episode] = decision.kind
    telling = {name.split(":")[0] for name, kind in state.items() if kind != "correct"}
    assert {episode.rule for episode in judge.episodes()} <= telling


@given(st.lists(st.integers(0, 150), unique=True, max_size=30).map(sorted), st.data())
@settings(max_examples=200, deadline=None)
def test_in_order_of_time_each_episode_is_told_once_and_by_its_own_name(hours, data):
    judge = engine()
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
    gravest = {d.episode: d.severity for d in said}
    assert gravest == {f"{e.rule}:{e.opener}": e.severity for e in judge.episodes()}
