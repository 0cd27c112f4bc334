"""Routes: pure decisions on who hears of an alert, in which order and when."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.areas import AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import SEVERITIES, Severity
from service.domain.escalation import (
    Absence,
    Course,
    Due,
    Facts,
    Outcome,
    Responder,
    Stage,
    advance,
    called,
    foreseen,
    is_told,
    plan,
    route_of,
)
from service.domain.hours import Stretch
from service.domain.responses import Kind
from service.domain.routes import EscalationPolicy, Until

SEGOU, NIONO, SOKOLO, MACINA = "ML04", "ML0404", "ML040410", "ML0403"
TREE = AreaTree(
    {
        SEGOU: ("Ségou", "ML"),
        NIONO: ("Niono", SEGOU),
        SOKOLO: ("Sokolo", NIONO),
        MACINA: ("Macina", SEGOU),
    }
)
NIGHT = {"zone": "Africa/Bamako", "from": "21:00", "to": "06:00"}
FUNCTIONS = ("prefect", "mediator", "health_worker", "coordinator")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
SEVERE = Facts(NIONO, "threat", "severe")


def policy(*routes: Mapping[str, Any], **others: Any) -> EscalationPolicy:
    rest = {"id": "rest", "steps": [{"serving": "any", "wait": "2h"}, LAST]}
    titles = {each: {"fr": each, "en": each} for each in FUNCTIONS}
    written = {"functions": titles, "hours": {"night": NIGHT}, "routes": [*routes, rest]}
    return EscalationPolicy.model_validate(written | others)


LAST = {"functions": ["coordinator"]}
LADDER = policy(
    {
        "id": "ladder",
        "steps": [{"serving": "local", "wait": "20m"}, {"serving": "any", "wait": "40m"}, LAST],
        "severities": ["severe"],
    }
)


def person(
    id_: int,
    area: str = NIONO,
    function: str | None = None,
    absent: Absence | None = None,
    **clearance: Any,
) -> Responder:
    return Responder(id_, area, function, Clearance(**clearance), absent)


EVERYBODY = (
    person(1, SOKOLO),
    person(2, NIONO, "mediator"),
    person(3, SEGOU, "prefect"),
    person(4, "ML", "coordinator"),
    person(5, MACINA),
    person(6, NIONO, highest="moderate"),
    person(7, NIONO, types=("banditry",)),
)


def begun(policy: EscalationPolicy = LADDER, facts: Facts = SEVERE, at: datetime = NOON) -> Course:
    return Course(plan(policy, route_of(policy, TREE, facts, at), facts, at))


def go(
    course: Course,
    minutes: float = 0,
    answers: Mapping[int, Kind] | None = None,
    people: tuple[Responder, ...] = EVERYBODY,
    **others: Any,
) -> tuple[list[Outcome], Course]:
    now = NOON + timedelta(minutes=minutes)
    return advance(TREE, others.pop("facts", SEVERE), course, answers or {}, people, now, **others)


def test_the_local_ones_hear_first_then_those_around_then_the_coordinators() -> None:
    first, course = go(begun())
    assert first == [Outcome(0, "told", (1, 2))]
    assert go(course, 19.9) == ([], course)
    second, course = go(course, 20)
    assert second == [Outcome(1, "told", (3,))]
    assert course.waiting[0].due_at == NOON + timedelta(minutes=60)
    assert go(course, 60)[0] == [Outcome(2, "told", (4,))]
    assert go(course, 60)[1].waiting == ()


def test_who_is_told_late_has_as_long_to_answer() -> None:
    _, course = go(begun())
    outcomes, course = go(course, 500)
    assert [each.nth for each in outcomes] == [1]
    assert course.waiting[0].due_at == NOON + timedelta(minutes=540)


@pytest.mark.parametrize(
    ("until", "answers", "ends"),
    [
        ({"acknowledge": 1}, ["acknowledge"], True),
        ({"acknowledge": 1}, ["cannot"], False),
        ({"acknowledge": 2}, ["acknowledge"], False),
        ({"acknowledge": 2}, ["acknowledge", "cannot"], False),
        ({"acknowledge": 2}, ["acknowledge", "done"], True),
        ({"on_the_way": 1}, ["acknowledge", "acknowledge"], False),
        ({"on_the_way": 1}, ["on_the_way"], True),
        ({"acknowledge": 3, "done": 1}, ["done"], True),
        ({"acknowledge": 3, "done": 1}, [], False),
    ],
)
def test_it_ends_when_enough_people_answered_enough(
    until: dict[str, int], answers: list[Kind], ends: bool
) -> None:
    assert Until(**until).is_met(answers) == ends


def test_what_is_answered_or_over_tells_nobody_further() -> None:
    _, course = go(begun())
    stopped = [Outcome(1, "stopped"), Outcome(2, "stopped")]
    assert go(course, 20, {2: "acknowledge"}) == (stopped, Course((), course.told, course.latest))
    assert go(course, 20, is_over=True)[0] == stopped
    assert go(begun(), is_over=True)[0] == [Outcome(0, "stopped"), *stopped]


def test_when_all_of_a_step_cannot_the_next_is_told_at_once() -> None:
    _, course = go(begun())
    assert go(course, 1, {1: "cannot"})[0] == []
    outcomes, course = go(course, 1, {1: "cannot", 2: "cannot"})
    assert outcomes == [Outcome(1, "told", (3,))]
    assert course.waiting[0].due_at == NOON + timedelta(minutes=41)
    # One who left cannot either, nor one who was told and then asked for a pause.
    assert go(course, 2, people=tuple(p for p in EVERYBODY if p.id != 3))[0][0].nth == 2
    paused = tuple(person(3, SEGOU, absent="paused") if p.id == 3 else p for p in EVERYBODY)
    assert go(course, 2, people=paused)[0][0].nth == 2


def test_a_step_that_tells_nobody_anew_is_passed_at_once() -> None:
    people = (person(3, SEGOU), person(4, "ML", "coordinator"))
    outcomes, course = go(begun(), people=people)
    assert outcomes == [Outcome(0, "nobody"), Outcome(1, "told", (3,))]
    outcomes, _ = go(course, 40, people=people)
    assert outcomes == [Outcome(2, "told", (4,))]


def test_who_is_absent_is_passed_over_and_told_of_it() -> None:
    people = (person(1, absent="unreachable"), person(2, absent="paused"), person(3, SEGOU))
    outcomes, _ = go(begun(), people=people)
    assert outcomes == [Outcome(0, "nobody", (), (1, 2)), Outcome(1, "told", (3,), (1, 2))]


def test_the_first_route_that_fits_is_taken() -> None:
    steps = [{"serving": "any", "wait": "1h"}, LAST]
    routes = policy(
        {"id": "area", "areas": [MACINA], "steps": steps},
        {"id": "type", "types": ["banditry"], "steps": steps},
        {"id": "night", "hours": "night", "steps": steps},
        {"id": "grave", "severities": ["extreme"], "steps": steps},
    )

    def name(facts: Facts, at: datetime = NOON) -> str:
        return route_of(routes, TREE, facts, at).id

    assert name(SEVERE) == "rest"
    assert name(SEVERE._replace(area=MACINA)) == "area"
    assert name(SEVERE._replace(area=SEGOU)) == "rest"  # Macina lies in it, not it in Macina
    assert name(SEVERE._replace(type="banditry"), NEW_YEAR) == "type"
    assert name(SEVERE, NEW_YEAR) == "night"
    assert name(SEVERE._replace(severity="extreme")) == "grave"


def test_a_night_is_one_turn_over_new_year_too() -> None:
    rota = {
        "hours": "night", "since": "2026-11-23",
        "turns": [["prefect"], ["mediator"], ["health_worker"]],
    }  # fmt: skip
    duty = policy(rotas={"nights": rota}).duty("nights")
    eve = [datetime(2026, 12, 31, hour, 30, tzinfo=UTC) for hour in (21, 23)]
    morning = [datetime(2027, 1, 1, hour, 30, tzinfo=UTC) for hour in (0, 5)]
    nights = (date(2026, 12, 31) - date(2026, 11, 23)).days
    assert nights % 3 == 2
    assert {duty.on(at) for at in (*eve, *morning)} == {("health_worker",)}
    assert duty.on(datetime(2027, 1, 1, 6, 0, tzinfo=UTC)) == ()
    assert duty.on(datetime(2027, 1, 1, 21, 0, tzinfo=UTC)) == ("prefect",)
    assert duty.on(datetime(2026, 11, 22, 22, 0, tzinfo=UTC)) == ("health_worker",)


def test_a_rota_tells_whose_turn_it_is_when_the_step_comes() -> None:
    rota = {"hours": "night", "since": "2026-11-23", "turns": [["mediator"], ["prefect"]]}
    steps = [{"rota": "nights", "wait": "15m"}, LAST]
    nights = policy({"id": "nights", "steps": steps, "types": ["threat"]}, rotas={"nights": rota})
    at = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    route = route_of(nights, TREE, SEVERE, at)
    stage = plan(nights, route, SEVERE, at)[0].stage
    for days, expected in ((0, [2]), (1, [3]), (2, [2])):
        there = called(TREE, SEVERE, stage, EVERYBODY, at + timedelta(days=days))
        assert [each.id for each in there] == expected
    assert called(TREE, SEVERE, stage, EVERYBODY, at + timedelta(hours=12)) == []


def test_quiet_hours_put_a_step_off_to_their_end() -> None:
    quiet = policy(quiet={"hours": "night", "up_to": "moderate"})
    facts = SEVERE._replace(severity="moderate")
    at = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)
    steps = list(foreseen(TREE, facts, begun(quiet, facts, at).waiting, EVERYBODY))
    assert [(each.at, each.held_back) for each in steps] == [
        (at, False), (datetime(2027, 1, 1, 6, 0, tzinfo=UTC), True)
    ]  # fmt: skip
    at = datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
    for severity, waits in zip(SEVERITIES, (True, True, False, False), strict=True):
        some = facts._replace(severity=severity)
        first = next(foreseen(TREE, some, begun(quiet, some, at).waiting, EVERYBODY))
        assert first.held_back == waits
        assert (first.at == at) != waits


moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(moments, times, times, st.sampled_from(["Africa/Bamako", "Europe/Berlin", "Asia/Kathmandu"]))
def test_a_stretch_ends_within_a_day_and_outside_of_itself(
    at: datetime, begins: time, ends: time, zone: str
) -> None:
    if begins == ends:
        return
    stretch = Stretch(zone=zone, to=ends, **{"from": begins})  # type: ignore[arg-type]
    end = stretch.ends(at)
    assert stretch.began(end) is None
    assert at <= end <= at + timedelta(hours=49)
    assert (end == at) == (stretch.began(at) is None)
    if zone == "Africa/Bamako" and end != at:
        assert end.astimezone(ZoneInfo(zone)).time() == ends
        assert end - at <= timedelta(days=1)


# --- whatever the policy, the people and their answers

functions = st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=3, unique=True)
whom = st.fixed_dictionaries({}, optional={"functions": functions}) | st.just({"rota": "nights"})
serving = st.sampled_from(["local", "wider", "any"])
waits = st.sampled_from(["1m", "20m", "3h", "2d"])
steps = st.lists(
    st.builds(lambda who, where, w: who | {"serving": where, "wait": w}, whom, serving, waits),
    max_size=4,
)  # fmt: skip
untils = st.fixed_dictionaries(
    {"acknowledge": st.integers(1, 3)}, optional={"done": st.integers(1, 2)}
)
stretches = st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: {"zone": "Africa/Bamako", "from": f"{pair[0]:%H:%M}", "to": f"{pair[1]:%H:%M}"}
)  # fmt: skip
policies = st.builds(
    lambda some, until, stretch, up_to, turns: policy(
        {"id": "any", "types": ["threat"], "until": until, "steps": [*some, LAST]},
        hours={"night": stretch},
        rotas={"nights": {"hours": "night", "since": "2026-11-23", "turns": turns}},
        quiet={"hours": "night", "up_to": up_to},
    ),
    steps,
    untils,
    stretches,
    st.sampled_from(SEVERITIES[:3]),
    st.lists(functions, min_size=1, max_size=4),
)
clearances = st.sampled_from(
    [Clearance(), Clearance(lowest="severe"), Clearance(highest="moderate"),
     Clearance(types=("banditry",)), Clearance(without=("threat",))]
)  # fmt: skip
crowds = st.lists(
    st.tuples(
        st.sampled_from(["ML", SEGOU, NIONO, SOKOLO, MACINA, "gone"]),
        st.none() | st.sampled_from(FUNCTIONS),
        clearances,
        st.sampled_from([None, None, None, "paused", "unreachable"]),
    ),
    max_size=12,
).map(lambda rows: tuple(Responder(n, *row) for n, row in enumerate(rows, start=1)))
facts_ = st.builds(
    Facts, st.sampled_from([SEGOU, NIONO, SOKOLO]), st.just("threat"), st.sampled_from(SEVERITIES)
)
replies = st.lists(
    st.dictionaries(
        st.integers(1, 12), st.sampled_from(["acknowledge", "on_the_way", "cannot", "done"])
    ),
    min_size=4,
    max_size=4,
)


@given(
    policies,
    crowds,
    facts_,
    moments,
    replies,
    st.lists(st.integers(0, 4000), min_size=20, max_size=20),
)
def test_a_route_narrows_orders_and_ends_and_never_adds_anybody(
    policy: EscalationPolicy,
    people: tuple[Responder, ...],
    facts: Facts,
    at: datetime,
    answers: list[Mapping[int, Kind]],
    pauses: list[int],
) -> None:
    """Whatever the moments at which it is looked at and whatever is answered meanwhile."""
    route = route_of(policy, TREE, facts, at)
    course, now = Course(plan(policy, route, facts, at)), at
    stages = len(course.waiting)
    may = {
        p.id
        for p in people
        if is_told(TREE, facts.area, p.area, p.clearance, facts.type, facts.severity)
    }
    absent = {p.id for p in people if p.absent}
    had: list[int] = []
    done: list[Outcome] = []
    for turn, pause in enumerate(pauses):
        given_ = {} if turn >= len(answers) else answers[turn]
        before = course
        outcomes, course = advance(TREE, facts, course, given_, people, now)
        done += outcomes
        for outcome in outcomes:
            assert set(outcome.told) <= may - absent
            assert set(outcome.absent) <= may & absent
            had += outcome.told
            quiet = policy.quiet_for(facts.severity)
            assert outcome.state == "stopped" or quiet is None or quiet.began(now) is None
        dues = [each.due_at for each in course.waiting]
        assert dues == sorted(dues)
        if before.waiting and facts.severity == "extreme" and before.waiting[0].due_at <= now:
            assert outcomes, "nothing holds back what is extreme"
        again, same = advance(TREE, facts, course, given_, people, now)
        assert not again, "looking twice does nothing twice"
        assert same == course
        now += timedelta(minutes=pause)
        if course.waiting and turn > len(answers):
            now = max(now, course.waiting[0].due_at)
    assert len(had) == len(set(had)), "nobody is told twice"
    assert course.waiting == ()
    assert [each.nth for each in done] == list(range(stages))


@given(policies, crowds, facts_, moments)
def test_unanswered_it_ends_at_the_coordinators(
    policy: EscalationPolicy, people: tuple[Responder, ...], facts: Facts, at: datetime
) -> None:
    route = route_of(policy, TREE, facts, at)
    steps = list(foreseen(TREE, facts, plan(policy, route, facts, at), people))
    assert len(steps) == len(route.steps)
    told = {id_ for step in steps for id_ in step.outcome.told}
    coordinators = {
        p.id
        for p in people
        if p.function == "coordinator"
        and p.absent is None
        and is_told(TREE, facts.area, p.area, p.clearance, facts.type, facts.severity)
    }
    assert coordinators <= told
    moments = [step.at for step in steps]
    assert moments == sorted(moments)


@given(policies, facts_, moments)
def test_a_stage_is_the_same_after_it_was_stored(
    policy: EscalationPolicy, facts: Facts, at: datetime
) -> None:
    for due in plan(policy, route_of(policy, TREE, facts, at), facts, at):
        assert Stage.model_validate(due.stage.stored()) == due.stage
        assert due == Due(due.nth, due.due_at, due.stage)


def test_severities_that_could_wait_never_hold_extreme() -> None:
    extreme: Severity = "extreme"
    quiet = policy(quiet={"hours": "night", "up_to": "severe"})
    assert quiet.quiet_for(extreme) is None
    assert quiet.quiet_for("severe") is not None
