"""Digests: when they come, what waits for them, and what never does."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.domain.codebook import SEVERITIES, Severity
from service.domain.escalation import Course, Facts, Outcome, advance, foreseen, plan, route_of
from service.domain.hours import GATHERING, Digest
from service.domain.responses import Kind
from tests.unit.test_escalation import LAST, NIONO, SOKOLO, TREE, person, policy

MORNING_AND_EVENING = {"up_to": "minor", "zone": "Africa/Bamako", "at": ["07:00", "19:00"]}
QUIET = {"hours": "night", "up_to": "minor"}
LADDER = {
    "id": "ladder",
    "severities": SEVERITIES,
    "steps": [{"serving": "local", "wait": "12h"}, LAST],
}
PEOPLE = (person(1, SOKOLO), person(2, NIONO), person(3, "ML", "coordinator"))
MINOR = Facts(NIONO, "threat", "minor")


def at(clock: str, day: int = 23) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{clock}Z")


def set_out(
    moment: datetime, facts: Facts = MINOR, digest: Mapping[str, Any] = MORNING_AND_EVENING
) -> Course:
    rules = policy(LADDER, digest=digest, quiet=QUIET)
    return Course(plan(rules, route_of(rules, TREE, facts, moment), facts, moment))


def go(
    course: Course,
    now: datetime,
    answers: Mapping[int, Kind] | None = None,
    people: Any = PEOPLE,
    facts: Facts = MINOR,
    **others: Any,
) -> tuple[list[Outcome], Course]:
    return advance(TREE, facts, course, answers or {}, people, now, **others)


def test_what_is_minor_waits_for_the_next_digest_and_so_does_its_next_step() -> None:
    outcomes, course = go(set_out(at("12:00")), at("12:00"))
    assert outcomes == []
    assert course.waiting[0].due_at == at("19:00")
    assert go(course, at("18:59:59")) == ([], course)
    outcomes, course = go(course, at("19:00:01"))
    assert outcomes == [Outcome(0, "told", (1, 2))]
    # Twelve hours later is a second too late for the digest of the morning, which gathers still.
    assert course.waiting[0].due_at == at("07:00:01", 24)
    assert go(course, at("07:00:02", 24))[0] == [Outcome(1, "told", (3,))]


@pytest.mark.parametrize("severity", SEVERITIES[1:])
def test_what_is_graver_waits_for_none(severity: Severity) -> None:
    facts = MINOR._replace(severity=severity)
    outcomes, _ = go(set_out(at("12:00"), facts), at("12:00"), facts=facts)
    assert outcomes == [Outcome(0, "told", (1, 2))]


def test_moderate_waits_where_that_is_said_and_what_threatens_life_never_can() -> None:
    facts = MINOR._replace(severity="moderate")
    digest = MORNING_AND_EVENING | {"up_to": "moderate"}
    assert go(set_out(at("12:00"), facts, digest), at("12:00"), facts=facts)[0] == []
    for severity in ("severe", "extreme"):
        with pytest.raises(ValidationError):
            Digest.model_validate(MORNING_AND_EVENING | {"up_to": severity})


def test_a_digest_that_should_have_come_comes_as_soon_as_it_can() -> None:
    """The service was down from before the digest until after it."""
    for moment in ("18:50", "18:59:59"):
        outcomes, _ = go(set_out(at(moment)), at("20:15"))
        assert outcomes == [Outcome(0, "told", (1, 2))]
    outcomes, course = go(set_out(at("18:50")), at("23:15"))
    assert outcomes == []  # by night it waits for the morning, and there for the digest
    assert course.waiting[0].due_at == at("06:00", 24)
    outcomes, course = go(course, at("06:00", 24))
    assert outcomes == []
    assert course.waiting[0].due_at == at("07:00", 24)


def test_a_step_that_tells_nobody_leaves_its_place_to_the_next() -> None:
    alone = (person(3, "ML", "coordinator"),)
    _, course = go(set_out(at("12:00")), at("12:00"), people=alone)
    outcomes, _ = go(course, at("19:00:40"), people=alone)
    assert outcomes == [Outcome(0, "nobody"), Outcome(1, "told", (3,))]
    outcomes, _ = go(course, at("20:40"), people=alone)  # late, but it is still its digest
    assert outcomes == [Outcome(0, "nobody"), Outcome(1, "told", (3,))]


def test_where_nobody_told_can_act_the_next_are_told_with_the_next_digest() -> None:
    _, course = go(set_out(at("12:00")), at("12:00"))
    _, course = go(course, at("19:00"))
    _, course = go(course, at("06:30", 24), {1: "cannot"})
    answers: dict[int, Kind] = {1: "cannot", 2: "cannot"}
    three_hours = course.waiting[0].due_at + timedelta(hours=3)
    _, course = go(course, at("06:30", 24), answers)
    assert course.waiting[0].due_at == at("07:00", 24) < three_hours
    assert go(course, at("07:00", 24), answers)[0] == [Outcome(1, "told", (3,))]


def test_what_is_taken_back_or_answered_is_in_no_digest() -> None:
    _, course = go(set_out(at("12:00")), at("12:00"))
    stopped = [Outcome(0, "stopped"), Outcome(1, "stopped")]
    assert go(course, at("19:00"), is_over=True)[0] == stopped
    assert go(course, at("19:00"), {2: "acknowledge"})[0] == stopped


def test_a_policy_whose_digests_are_all_in_quiet_hours_is_none() -> None:
    with pytest.raises(ValidationError, match="never leaves"):
        policy(LADDER, digest=MORNING_AND_EVENING | {"at": ["07:00", "22:00"]}, quiet=QUIET)
    # Read from a row that was written before: as if there were no digest.
    (due, _) = set_out(at("12:00")).waiting
    night = Digest.model_validate(MORNING_AND_EVENING | {"at": ["22:00"]})
    stage = due.stage.model_copy(update={"digest": night})
    assert stage.begins(at("12:00"), at("12:00")) == at("12:00")
    assert stage.begins(at("21:30"), at("21:30")) == at("06:00", 24)


def test_a_stage_is_kept_whole_in_its_row() -> None:
    for due in set_out(at("12:00")).waiting:
        assert type(due.stage).model_validate(due.stage.stored()) == due.stage


def test_what_falls_due_while_a_digest_gathers_leaves_with_it() -> None:
    digest = Digest.model_validate(MORNING_AND_EVENING)
    for moment in ("19:00", "19:00:01", "19:01:59.999"):
        assert digest.leaves(at(moment)) == at("19:02")
        assert digest.gathering(at(moment)) == at("19:00")
    for moment in ("18:59:59", "19:02", "20:00"):
        assert digest.leaves(at(moment)) == at(moment)
        assert digest.gathering(at(moment)) is None


def test_route_says_in_which_digest_a_step_is_told() -> None:
    found = list(foreseen(TREE, MINOR, set_out(at("12:00")).waiting, PEOPLE))
    assert [each.at for each in found] == [at("19:00"), at("07:00", 24)]
    assert [each.digest and f"{each.digest:%H:%M}" for each in found] == ["19:00", "07:00"]
    assert not any(each.held_back for each in found)
    severe = MINOR._replace(severity="severe")
    assert {each.digest for each in foreseen(TREE, severe, set_out(at("12:00"), severe).waiting,
                                             PEOPLE)} == {None}  # fmt: skip


TIMES = st.lists(st.integers(0, 24 * 60 - 1), min_size=1, max_size=12, unique=True).map(sorted)
ZONES = st.sampled_from(["Africa/Bamako", "Europe/Paris", "America/St_Johns", "Pacific/Kiritimati"])
MOMENTS = st.integers(0, 2 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(TIMES, ZONES, MOMENTS)
def test_digests_come_in_order_by_the_clocks_of_their_zone_and_gather_what_is_due(
    minutes: list[int], zone: str, moment: datetime
) -> None:
    clocks = [f"{each // 60:02}:{each % 60:02}" for each in minutes]
    digest = Digest.model_validate({"up_to": "minor", "zone": zone, "at": clocks})
    coming = digest.coming(moment)
    first, second = next(coming), next(coming)
    assert moment - GATHERING < first <= moment + timedelta(days=1, hours=1)
    # The hour that a change of clocks skips has its digests when it would have been.
    assert first <= second or zone == "Europe/Paris" or zone == "America/St_Johns"
    leaves = digest.leaves(moment)
    assert moment <= leaves <= moment + GATHERING
    assert (leaves == moment) == (digest.gathering(moment) is None)


@given(TIMES, MOMENTS)
def test_no_digest_holds_anything_back_for_more_than_a_day_and_a_night(
    minutes: list[int], moment: datetime
) -> None:
    """Whatever its times, and whatever of them falls into quiet hours: it comes to an end."""
    clocks = [f"{each // 60:02}:{each % 60:02}" for each in minutes]
    digest = Digest.model_validate(MORNING_AND_EVENING | {"at": clocks})
    (due, _) = set_out(at("12:00")).waiting
    stage = due.stage.model_copy(update={"digest": digest})
    due_at = begins = moment
    for _ in range(4):
        begins = stage.begins(due_at, begins)
        if begins == due_at:
            break
        due_at = begins
    assert begins == due_at
    assert begins - moment <= timedelta(hours=24 + 9)


@given(
    TIMES,
    MOMENTS,
    st.lists(st.integers(1, 5 * 3600), min_size=60, max_size=60),
    st.sampled_from(SEVERITIES),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_ticks_what_is_minor_is_told_at_the_first_after_its_digest(
    minutes: list[int], moment: datetime, ticks: list[int], severity: Severity
) -> None:
    """Nobody is told of it otherwise; and what is graver is told as if there were no digests."""
    clocks = [f"{each // 60:02}:{each % 60:02}" for each in minutes]
    digest = Digest.model_validate(MORNING_AND_EVENING | {"at": clocks})
    facts = MINOR._replace(severity=severity)
    with_digest = policy(LADDER, digest=MORNING_AND_EVENING | {"at": clocks})
    without = Course(plan(policy(LADDER), policy(LADDER).routes[0], facts, moment))
    course = Course(plan(with_digest, with_digest.routes[0], facts, moment))
    before, now = moment, moment
    for tick in ticks:
        outcomes, course = advance(TREE, facts, course, {}, PEOPLE, now)
        if severity == "minor":
            for _ in (each for each in outcomes if each.state == "told"):
                # One came since the last tick, or gathered at it still.
                assert next(digest.coming(before)) <= now
        else:
            expected, without = advance(TREE, facts, without, {}, PEOPLE, now)
            assert outcomes == expected
        before, now = now, now + timedelta(seconds=tick)
    for hours in range(0, 72, 6):
        _, course = advance(TREE, facts, course, {}, PEOPLE, now + timedelta(hours=hours))
    assert not course.waiting
