"""What cannot be delivered is said to the coordinators by text: once, and to who may know of it."""

from pathlib import Path

from sqlalchemy import text

from service import enrolment, health
from service.store import people
from service.store.tables import outbox, person
from tests.support.deciding import decide, decided
from tests.support.fake_at import Raw
from tests.support.network import Network, network, number

SEGOU, MOPTI = "ML04", "ML05"
AWA, BOUBA, CHIEF, DEPUTY, FAR = (number(900 + nth) for nth in range(5))
NO_NUMBER, QUIET = 403, 409
SAID = "Alerte {}: intervenants non joints: {} sur {}"


async def enrol(vigie: Network, *coordinators: str) -> None:
    """Awa and Bouba act in Ségou; the coordinators are told by texts of their own."""
    for phone in (AWA, BOUBA):
        await vigie.enrol(phone, "responder", SEGOU)
    for phone in coordinators:
        area = MOPTI if phone == FAR else "ML"
        await invite(vigie, phone, area)
    await vigie.settle()


async def invite(vigie: Network, phone: str, area: str) -> None:
    service = vigie.service
    (slip,) = await enrolment.slips(
        service.store, service.vault, vigie.clock, "responder", area, "fr", 1,
        function="coordinator",
    )  # fmt: skip
    await vigie.text(phone, f"INS {slip.code}")


async def later(vigie: Network, hours: int) -> None:
    """Let the hours pass one by one: what is tried again is tried again."""
    for _ in range(hours):
        vigie.clock.move(hours=1)
        await vigie.settle()


def heard(vigie: Network, phone: str) -> list[str]:
    """What was said to this phone of texts that were given up, and taken by the gateway."""
    texts = [text for to, text in vigie.at.taken if to == phone]
    return [text.split(", envoi")[0] for text in texts if "non joints" in text]


async def states(vigie: Network) -> set[str]:
    """What became of the texts that say so."""
    return {row.state for row in await vigie.rows(outbox) if row.purpose == "given_up"}


async def test_after_three_days_the_coordinator_hears_of_it_once(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie, CHIEF)
        vigie.at.codes = {AWA: QUIET}
        await decide(vigie, decided("raise", "severe"))
        await later(vigie, 71)
        assert heard(vigie, CHIEF) == []
        await later(vigie, 3)
        assert heard(vigie, CHIEF) == [SAID.format(1, 1, 3)]
        (text,) = [text for to, text in vigie.at.taken if to == CHIEF and "non joints" in text]
        assert text.endswith("Prévenez-les autrement; vigie doctor en dit plus.")
        assert heard(vigie, BOUBA) == []
        assert (await health.look(vigie.service.store, vigie.clock.now())).undelivered == 1


async def test_what_is_given_up_together_is_said_in_one_text_a_day(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF)
        vigie.at.codes = {AWA: NO_NUMBER, BOUBA: NO_NUMBER}
        await decide(vigie, decided("raise", "severe"), decided("raise", "severe", "a-rule:2"))
        assert sorted(heard(vigie, CHIEF)) == [SAID.format(1, 2, 2), SAID.format(2, 2, 2)]
        await decide(vigie, decided("escalate", "extreme"))
        assert len(heard(vigie, CHIEF)) == 2
        await later(vigie, 24)
        vigie.at.codes = {AWA: NO_NUMBER}
        await decide(vigie, decided("correct", "extreme", "a-rule:2"))
        assert len(heard(vigie, CHIEF)) == 2  # they never had what was taken back
        await vigie.service.timers.forget()


async def test_only_coordinators_who_may_read_the_alert_and_can_be_told_hear_of_it(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF, DEPUTY, FAR)
        chief, deputy = [row.id for row in await vigie.rows(person)][2:4]
        async with vigie.service.store.write() as tx:
            await people.clear(tx, deputy, {"without": ["displacement"]})
        vigie.at.codes = {AWA: NO_NUMBER}
        await decide(vigie, decided("raise", "severe"))
        assert [heard(vigie, phone) for phone in (CHIEF, DEPUTY, FAR)] == [
            [SAID.format(1, 1, 2)], [], [],
        ]  # fmt: skip
        await vigie.text(CHIEF, "PAUSE 1J")
        await vigie.settle()
        async with vigie.service.store.write() as tx:
            await people.clear(tx, deputy, None)
        await decide(vigie, decided("raise", "severe", "a-rule:2"))
        assert len(heard(vigie, CHIEF)) == 1
        assert heard(vigie, DEPUTY) == [SAID.format(2, 1, 2)]
        # Queued, and no longer cleared when it would leave.
        vigie.at.codes |= {DEPUTY: QUIET}
        await decide(vigie, decided("raise", "severe", "a-rule:3"))
        async with vigie.service.store.write() as tx:
            await people.clear(tx, deputy, {"highest": "moderate"})
        vigie.at.codes = {}
        await later(vigie, 2)
        assert len(heard(vigie, DEPUTY)) == 1
        assert chief not in {r.person_id for r in await vigie.rows(outbox) if r.alert_id == 3}


async def test_a_coordinator_who_missed_it_themself_is_not_told_so_and_nobody_of_that(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF, DEPUTY)
        vigie.at.codes = {AWA: QUIET, BOUBA: QUIET, CHIEF: NO_NUMBER}
        await decide(vigie, decided("raise", "severe"))
        await later(vigie, 2)  # it has come to the coordinators
        told = [row for row in await vigie.rows(outbox) if row.purpose == "given_up"]
        assert [row.person_id for row in told] == [4]
        assert heard(vigie, DEPUTY) == [SAID.format(1, 1, 4)]
        vigie.at.codes = {AWA: NO_NUMBER, BOUBA: QUIET, CHIEF: NO_NUMBER, DEPUTY: NO_NUMBER}
        await decide(vigie, decided("raise", "severe", "a-rule:2"))
        await later(vigie, 100)
        told = [row for row in await vigie.rows(outbox) if row.purpose == "given_up"]
        assert {row.state for row in told} == {"sent", "failed"}
        assert len(told) <= 8  # two alerts, two coordinators, two days: and nothing about these


async def test_what_arrived_after_all_is_not_said(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF)
        await decide(vigie, decided("raise", "severe"))
        await later(vigie, 2)
        vigie.at.raw = Raw(503, "busy", "text/plain")
        sent = vigie.at.message_ids[AWA][-1]
        vigie.clock.move(hours=72)
        await vigie.receipt(sent, "Failed", AWA)  # too late to send it again
        await vigie.settle()
        assert await states(vigie) == {"waiting"}
        await vigie.receipt(sent, "Success", AWA)
        await vigie.settle()
        vigie.at.raw = None
        await later(vigie, 3)
        assert await states(vigie) == {"dropped"}
        assert heard(vigie, CHIEF) == []


async def test_a_receipt_that_comes_too_late_to_send_again_is_said(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF)
        await decide(vigie, decided("raise", "severe"))
        sent = vigie.at.message_ids[AWA][-1]
        await later(vigie, 2)
        vigie.clock.move(hours=71)
        for status in ("Failed", "Rejected"):
            await vigie.receipt(sent, status, AWA)
        await vigie.settle()
        assert heard(vigie, CHIEF) == [SAID.format(1, 1, 3)]


async def test_an_answer_that_is_given_up_is_nothing_to_say(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF)
        await decide(vigie, decided("raise", "severe"))
        vigie.at.codes = {AWA: NO_NUMBER}
        await vigie.text(AWA, "OK 1")
        await later(vigie, 10)
        assert "failed" in {row.state for row in await vigie.rows(outbox)}
        assert await states(vigie) == set()


async def test_a_text_that_cannot_be_written_is_said_and_keeps_no_other(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, CHIEF)
        await damage_all_that_is_raised(vigie)
        await decide(vigie, decided("raise", "severe", "a-rule:1"))
        assert heard(vigie, CHIEF) == [SAID.format(1, 2, 2)]
        await mend(vigie)
        await decide(vigie, decided("raise", "severe", "a-rule:2"))
        assert [text[:8] for to, text in vigie.at.taken if to == AWA][-1:] == ["ALERTE 2"]


async def damage_all_that_is_raised(vigie: Network) -> None:
    """Let alerts say a part of the day that no text has words for."""
    async with vigie.service.store.write() as tx:
        await tx.execute(
            text(
                "create trigger damaged after insert on alert"
                " begin update alert set day_part = 'dusk' where id = new.id; end"
            )
        )


async def mend(vigie: Network) -> None:
    async with vigie.service.store.write() as tx:
        await tx.execute(text("drop trigger damaged"))
