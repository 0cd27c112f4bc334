"""Escalation: a simulated week of 50 alerts, restarts in the middle, and what answers do to it."""

import asyncio
import json
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app
from service import enrolment, health
from service.alerting import Alerting
from service.domain.codebook import Severity
from service.domain.evidence import Decision, DecisionKind
from service.domain.hours import Stretch
from service.picture import Picture
from service.store import people
from service.store.tables import alert, inbox, outbox, person, stage
from tests.support.network import Network, TestClock, network, number
from tests.support.process import environment
from tests.support.routes import ROUTES, content_with_routes

SOKOLO, NIONO, SEGOU = "ML040410", "ML0404", "ML04"
RESPONDERS = (
    (SOKOLO, "mediator"),
    (SOKOLO, "health_worker"),
    (NIONO, "mediator"),
    (SEGOU, "prefect"),
    (SEGOU, None),
    ("ML", "coordinator"),
)
TICK = timedelta(minutes=5)
NIGHT = Stretch.model_validate({"zone": "Africa/Bamako", "from": "21:00", "to": "06:00"})
ALL = [number(901 + nth) for nth in range(len(RESPONDERS))]


async def enrol(vigie: Network) -> None:
    """Eight focal points at Sokolo, so that it is in use, and responders all around."""
    for focal_point in range(1, 9):
        await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
    service = vigie.service
    for phone, (area, function) in zip(ALL, RESPONDERS, strict=True):
        made = await enrolment.slips(
            service.store, service.vault, vigie.clock, "responder", area, "fr", 1, function=function
        )
        await vigie.text(phone, f"INS {made[0].code}")
        await vigie.settle()


def decided(
    vigie: Network, episode: str, severity: Severity, kind: DecisionKind = "raise"
) -> Decision:
    rule = next(rule for rule in vigie.service.content.rules if rule.id == "market-cluster")
    at = int(vigie.clock.now().timestamp())
    return Decision(
        kind, rule.id, rule.hash, f"market-cluster:{episode}", "displacement", severity, (1,),
        (SOKOLO,), at, late=False, checks=(), suppressed_by=None, live=True,
    )  # fmt: skip


async def carry_out(vigie: Network, decision: Decision) -> None:
    """Let a rule have decided this; what leaves at once leaves, and phones get it."""
    service, now, content = vigie.service, vigie.clock.now(), vigie.service.reloader.current
    async with service.store.write() as tx:
        picture = await Picture.load(tx, content, now)
        await Alerting(content, service.metrics).carry_out(tx, picture, [decision], now)
    await vigie.work()


async def after(vigie: Network, **time: float) -> None:
    vigie.clock.move(**time)
    await vigie.work()


def alerted(vigie: Network) -> list[str]:
    """Which of the responders were told of an alert, as what: each as often as they were."""
    as_what = dict(zip(ALL, (f"{f or '-'} {a}" for a, f in RESPONDERS), strict=True))
    return sorted(as_what[to] for to, text in vigie.at.texts if re.match(r"ALERTE \d", text))


LOCAL = [f"health_worker {SOKOLO}", f"mediator {SOKOLO}"]  # the second and the first
WIDER = [f"mediator {NIONO}", f"prefect {SEGOU}", f"- {SEGOU}"]
LAST = ["coordinator ML"]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_with_routes(tmp_path / "content")


async def test_a_week_of_fifty_alerts_goes_step_by_step_whatever_restarts(
    tmp_path: Path, content: Path
) -> None:
    """The clock moves by ticks and the service is stopped and started every now and then.

    Each step comes at its due time or a tick later, however it came to be due then; nobody is told
    twice; nothing but extreme is told at night that may wait; all come to an end.
    """
    dice, clock = random.Random(20261123), TestClock()
    minutes = sorted(dice.sample(range(0, 6 * 24 * 60, 5), 50))
    starts = [clock.at + timedelta(minutes=each) for each in minutes]
    grave: list[Severity] = ["minor", "moderate", "severe", "severe", "extreme"]
    raised, ends = 0, clock.at + timedelta(days=8)
    planned: dict[tuple[int, int], datetime] = {}
    seen: dict[tuple[int, int], datetime] = {}
    restarts = 0
    while clock.at < ends:
        async with network(tmp_path, clock=clock, content_dir=content) as vigie:
            if not restarts:
                await enrol(vigie)
            restarts += 1
            until = min(ends, clock.at + timedelta(hours=dice.uniform(4, 20)))
            while clock.at < until:
                await _look(vigie, planned, seen)
                clock.at = min(_next(planned, seen, starts[raised:], clock.at, dice), until)
                while raised < len(starts) and starts[raised] <= clock.at:
                    await carry_out(vigie, decided(vigie, str(raised), dice.choice(grave)))
                    raised += 1
                await vigie.work()
                if raised and dice.random() < 0.05:
                    phone = dice.choice(ALL)
                    await vigie.text(phone, f"OK {dice.randint(max(1, raised - 3), raised)}")
                    await vigie.settle()
            await _look(vigie, planned, seen)
            if clock.at >= ends:
                await _check(vigie, planned, seen)
    assert restarts > 10


def _next(
    planned: dict[tuple[int, int], datetime],
    seen: dict[tuple[int, int], datetime],
    starts: list[datetime],
    now: datetime,
    dice: random.Random,
) -> datetime:
    """The next moment at which something may happen, up to a tick late; time between is nothing."""
    coming = [due for key, due in planned.items() if key not in seen and due > now]
    soonest = min([*coming, *starts[:1], now + timedelta(hours=6)])
    return soonest + dice.random() * TICK


async def _look(
    vigie: Network,
    planned: dict[tuple[int, int], datetime],
    seen: dict[tuple[int, int], datetime],
) -> None:
    """Note when each step was due, as long as it waited, and when it was carried out."""
    for row in await vigie.rows(stage):
        key = (row.alert_id, row.nth)
        if row.state == "waiting":
            planned[key] = row.due_at
        elif key not in seen:
            seen[key] = row.settled_at


async def _check(
    vigie: Network,
    planned: dict[tuple[int, int], datetime],
    seen: dict[tuple[int, int], datetime],
) -> None:
    rows, alerts = await vigie.rows(stage), {row.id: row for row in await vigie.rows(alert)}
    assert len(alerts) == 50
    assert Counter(row.state for row in rows)["waiting"] == 0
    told = [row for row in rows if row.state == "told"]
    assert len(told) > 60
    for row in rows:
        assert row.answers_of is None
        waited = planned.get((row.alert_id, row.nth))
        if row.state == "told" and waited is not None:
            assert waited <= row.settled_at <= waited + TICK, row
        if row.state == "told" and alerts[row.alert_id].severity in ("minor", "moderate"):
            assert NIGHT.began(row.settled_at) is None
    extreme = [row for row in rows if alerts[row.alert_id].severity == "extreme" and row.nth == 0]
    assert extreme
    for row in extreme:
        assert row.settled_at == alerts[row.alert_id].released_at
    assert any(NIGHT.began(row.settled_at) for row in extreme)
    texts = [row for row in await vigie.rows(outbox) if row.purpose == "alert"]
    assert max(Counter((row.alert_id, row.person_id) for row in texts).values()) == 1
    # What nobody answered came to the coordinators, after everybody else.
    stopped = {row.alert_id for row in rows if row.state == "stopped"}
    coordinator = max(row.id for row in await vigie.rows(person))
    unanswered = set(alerts) - stopped
    assert len(unanswered) > 10
    assert {row.alert_id for row in texts if row.person_id == coordinator} == unanswered


async def test_who_hears_first_and_who_next(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        await carry_out(vigie, decided(vigie, "1", "severe"))
        assert alerted(vigie) == LOCAL
        await after(vigie, minutes=19, seconds=59)
        assert alerted(vigie) == LOCAL
        await after(vigie, seconds=1)
        assert alerted(vigie) == sorted(LOCAL + WIDER)
        await after(vigie, minutes=40)
        assert alerted(vigie) == sorted(LOCAL + WIDER + LAST)
        await after(vigie, days=2)
        assert alerted(vigie) == sorted(LOCAL + WIDER + LAST)


async def test_an_answer_ends_it_and_two_are_asked_of_what_is_extreme(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await carry_out(vigie, decided(vigie, "1", "severe"))
        await carry_out(vigie, decided(vigie, "2", "extreme"))
        await vigie.text(ALL[0], "OK 1")
        await vigie.text(ALL[0], "OK 2")
        await vigie.settle()
        states = {row.alert_id: row.state for row in await vigie.rows(stage)}
        assert states == {1: "stopped", 2: "waiting"}
        await carry_out(vigie, decided(vigie, "3", "extreme"))
        for phone in ALL[:2]:
            await vigie.text(phone, "OK 3")
        await vigie.settle()
        await after(vigie, hours=3)
        told = [text.split("\n")[0] for text in vigie.sent_to(ALL[5])[1:]]
        assert [text for text in told if "ALERTE" in text] == ["ALERTE 2, gravité très élevée"]


async def test_a_correction_ends_it_and_goes_to_those_who_were_told_alone(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        decision = decided(vigie, "1", "severe")
        await carry_out(vigie, decision)
        await carry_out(vigie, replace(decision, kind="correct"))
        await after(vigie, days=1)
        assert alerted(vigie) == LOCAL
        corrected = [to for to, text in vigie.at.texts if "CORRECTION" in text]
        assert sorted(corrected) == sorted(ALL[:2])
        assert {row.state for row in await vigie.rows(stage)} == {"told", "stopped"}


async def test_what_becomes_graver_sets_out_anew_and_tells_nobody_twice(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        decision = decided(vigie, "1", "severe")
        await carry_out(vigie, decision)
        await carry_out(vigie, replace(decision, kind="escalate", severity="extreme"))
        assert alerted(vigie) == sorted(LOCAL + WIDER)
        updated = [to for to, text in vigie.at.texts if "MISE A JOUR" in text]
        assert sorted(updated) == sorted(ALL[:2])
        await after(vigie, minutes=15)
        assert alerted(vigie) == sorted(LOCAL + WIDER + LAST)
        rows = await vigie.rows(stage)
        assert [row.nth for row in rows] == list(range(5))
        routes = [row.step["route"] for row in rows]
        assert routes == ["others"] * 3 + ["extreme"] * 2


async def test_nobody_anew_is_no_reason_to_wait(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        for phone in ALL[:2]:
            await vigie.text(phone, "STOP")
        await vigie.settle()
        await carry_out(vigie, decided(vigie, "1", "severe"))
        assert alerted(vigie) == sorted(WIDER)
        await after(vigie, minutes=40)
        assert alerted(vigie) == sorted(WIDER + LAST)


async def test_when_all_of_a_step_cannot_the_next_hear_at_once(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await carry_out(vigie, decided(vigie, "1", "severe"))
        await vigie.text(ALL[0], "NON 1")
        await vigie.settle()
        assert alerted(vigie) == LOCAL
        await vigie.text(ALL[1], "non1")
        await vigie.settle()
        assert alerted(vigie) == sorted(LOCAL + WIDER)
        await vigie.text(ALL[1], "OK 1")  # the last word counts
        await vigie.settle()
        await after(vigie, days=1)
        assert alerted(vigie) == sorted(LOCAL + WIDER)


@pytest.mark.parametrize("leaving", ["PAUSE 3J", "STOP"])
async def test_who_pauses_or_leaves_holds_up_nobody(
    tmp_path: Path, content: Path, database_url: str, leaving: str
) -> None:
    """As if they had answered that they cannot: at once, and only where nobody else is awaited."""
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        for episode in ("1", "2"):
            await carry_out(vigie, decided(vigie, episode, "severe"))
        await vigie.text(ALL[0], "NON 1")
        await vigie.text(ALL[0], "OK 2")
        await vigie.settle()
        await vigie.text(ALL[1], leaving)
        await vigie.settle()
        assert alerted(vigie) == sorted(2 * LOCAL + WIDER)  # of alert 1; 2 is in somebody's hands
        await after(vigie, minutes=37)  # answers took their time
        assert len(alerted(vigie)) == len(2 * LOCAL + WIDER)
        await after(vigie, minutes=3)
        assert alerted(vigie) == sorted(2 * LOCAL + WIDER + LAST)


async def test_a_phone_that_turns_out_dead_holds_up_nobody(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    """Three texts in a row that fail say so: of the last alert nobody else was told."""
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        for episode in ("1", "2"):
            await carry_out(vigie, decided(vigie, episode, "severe"))
        await vigie.text(ALL[0], "NON 1")
        await vigie.text(ALL[0], "OK 2")
        await vigie.settle()
        sent = vigie.at.message_ids[ALL[1]]
        for id_ in sent[-2:]:
            await vigie.receipt(id_, "Failed", ALL[1])
        await vigie.work()
        await after(vigie, minutes=2)  # both are sent again
        assert not set(WIDER) & set(alerted(vigie))
        await vigie.receipt(sent[-1], "Failed", ALL[1])
        await vigie.work()
        told = alerted(vigie)
        assert [told.count(each) for each in WIDER] == [1, 1, 1]  # of alert 1 alone


async def test_a_late_pause_that_was_taken_back_moves_nothing_on(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await carry_out(vigie, decided(vigie, "1", "severe"))
        await vigie.text(ALL[0], "NON 1")
        paused = vigie.clock.now()
        vigie.clock.move(minutes=1)
        await vigie.text(ALL[1], "REPRISE")
        await vigie.settle()
        await vigie.text(ALL[1], "PAUSE 3J", sent_at=paused)
        await vigie.settle()
        assert alerted(vigie) == LOCAL


async def test_damaged_steps_keep_nobody_from_answering_pausing_or_leaving(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        for text in ("OK 1", "PAUSE 3J", "STOP"):
            number_ = len(await vigie.rows(alert)) + 1
            await carry_out(vigie, decided(vigie, str(number_), "severe"))
            async with vigie.service.store.write() as tx:
                damaged = stage.update().where(stage.c.state == "waiting")
                await tx.execute(damaged.values(step={"route": "?"}))
            await vigie.text(ALL[0], text)
            await vigie.text(ALL[0], "REPRISE")
            await vigie.settle()
            assert {row.state for row in await vigie.rows(stage)} == {"told", "failed"}
        assert {row.state for row in await vigie.rows(inbox)} == {"done"}


async def test_who_paused_is_passed_over_and_one_who_is_done_counts(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await vigie.text(ALL[0], "PAUSE 3J")
        await vigie.settle()
        await carry_out(vigie, decided(vigie, "1", "severe"))
        assert alerted(vigie) == LOCAL[:1]
        await carry_out(vigie, decided(vigie, "2", "extreme"))
        for phone, text in ((ALL[1], "FIN 2 2"), (ALL[2], "VA 2"), (ALL[1], "FIN 1 4")):
            await vigie.text(phone, text)
        await vigie.settle()
        assert {row.state for row in await vigie.rows(stage)} == {"told", "stopped"}
        vigie.clock.move(days=4)
        await carry_out(vigie, decided(vigie, "3", "severe"))
        assert alerted(vigie).count(LOCAL[1]) == 1  # the pause is over


async def test_a_phone_that_takes_no_texts_is_passed_over_until_it_answers(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        for nth in range(3):
            await carry_out(vigie, decided(vigie, str(nth), "severe"))
            await vigie.receipt(vigie.at.message_ids[ALL[0]][-1], "Failed", ALL[0])
            await vigie.work()
        await carry_out(vigie, decided(vigie, "3", "severe"))
        assert alerted(vigie) == sorted(3 * LOCAL + LOCAL[:1])
        vigie.clock.move(minutes=1)
        env = environment(tmp_path, content_dir=content)
        checked = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"], env=env)
        said = [each["what"] for each in json.loads(checked.stdout) if each["name"] == "responders"]
        assert said == [
            "texts to responders fail, who are passed over: pseudonyms 9",
            "responders were passed over in 1 alert(s) this week: 4",
        ]
        service = vigie.service
        assert await health.passed_over(service.store, service.content, vigie.clock.now()) == 1
        await vigie.text(ALL[0], "OK 1")
        await vigie.settle()
        assert await health.passed_over(service.store, service.content, vigie.clock.now()) == 0
        await carry_out(vigie, decided(vigie, "4", "severe"))
        # What had not arrived may have been tried again by now; the fourth never was for them.
        had = {text.split(",")[0] for to, text in vigie.at.texts if to == ALL[0]}
        assert "ALERTE 5" in had
        assert "ALERTE 4" not in had


async def test_a_new_file_counts_for_alerts_that_leave_afterwards(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await carry_out(vigie, decided(vigie, "1", "severe"))
        changed = ROUTES.replace("wait: 20m", "wait: 5m").replace(
            "wider, wait: 40m", "any, wait: 1m"
        )
        (content / "rules/escalation.yaml").write_text(changed, encoding="utf-8")
        assert await vigie.service.reloader.reload()
        await vigie.work()
        await carry_out(vigie, decided(vigie, "2", "severe"))
        await after(vigie, minutes=5)
        told = Counter(row.alert_id for row in await vigie.rows(outbox) if row.purpose == "alert")
        assert told == {1: len(LOCAL), 2: len(LOCAL + WIDER)}
        await after(vigie, minutes=15)
        told = Counter(row.alert_id for row in await vigie.rows(outbox) if row.purpose == "alert")
        assert told == {1: len(LOCAL + WIDER), 2: len(RESPONDERS)}
        (content / "rules/escalation.yaml").write_text("routes: []", encoding="utf-8")
        assert not await vigie.service.reloader.reload()


async def test_an_alert_whose_steps_are_damaged_does_not_hold_up_the_others(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        for episode in ("1", "2"):
            await carry_out(vigie, decided(vigie, episode, "severe"))
        async with vigie.service.store.write() as tx:
            damaged = stage.update().where(stage.c.alert_id == 1, stage.c.state == "waiting")
            await tx.execute(damaged.values(step={"route": "?"}))
        await after(vigie, minutes=20)
        states: dict[int, Any] = {}
        for row in await vigie.rows(stage):
            states.setdefault(row.alert_id, []).append(row.state)
        assert states == {1: ["told", "failed", "failed"], 2: ["told", "told", "waiting"]}


async def test_clearance_and_area_bind_each_step(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        rows = await vigie.rows(person)
        first, _, third = [row.id for row in rows if row.role == "responder"][:3]
        async with vigie.service.store.write() as tx:
            await people.clear(tx, first, {"without": ["displacement"]})
            await people.clear(tx, third, {"highest": "moderate"})
        await carry_out(vigie, decided(vigie, "1", "severe"))
        assert alerted(vigie) == LOCAL[:1]
        async with vigie.service.store.write() as tx:
            await people.clear(tx, third, {"types": ["displacement"]})
        await after(vigie, minutes=20)
        assert alerted(vigie) == sorted(LOCAL[:1] + WIDER)
