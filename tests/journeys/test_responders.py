"""What responders answer, through HTTP as a gateway would call: their last word counts.

Sokolo is a commune of the cercle of Niono (ML0404), in the région of Ségou (ML04); Mopti (ML0506)
is elsewhere.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

from service.domain.responses import last_words
from service.store import responses
from service.store.tables import alert, inbox, outbox, person, report, response
from tests.support.network import Network, network, number

SOKOLO, NIONO, SEGOU, MOPTI = "ML040410", "ML0404", "ML04", "ML0506"
AWA, MOUSSA, OUMAR = number(1), number(2), number(3)
PEACE_COMMITTEE, MEDIATOR, MAYOR_OF_MOPTI = number(901), number(902), number(903)
NEUTRAL = "Bonjour, merci pour votre message."
UNKNOWN = "Nous ne trouvons pas cette alerte"
HELP = "OK 17: vous avez lu"


@asynccontextmanager
async def alerted(
    folder: Path, database_url: str | None = None, *others: str
) -> AsyncIterator[Network]:
    """A network in which alert 1 was raised at Sokolo, and responders were told of it."""
    async with network(folder, database_url) as vigie:
        for person_number in range(1, 9):
            await vigie.enrol(number(person_number), "focal_point", SOKOLO)
        for phone in (PEACE_COMMITTEE, *others):
            await vigie.enrol(phone, "responder", NIONO)
        await vigie.enrol(MEDIATOR, "responder", SEGOU)
        await vigie.enrol(MAYOR_OF_MOPTI, "responder", MOPTI)
        await vigie.settle()
        await attack(vigie)
        yield vigie


async def attack(vigie: Network, place: str = "SOKOLO", code: str = "MA") -> None:
    """Three people tell of one, which is enough to raise an alert."""
    for sender in (AWA, MOUSSA, OUMAR):
        await vigie.text(sender, f"{code} {place} 3 5")
    await vigie.settle()
    vigie.clock.move(minutes=10)


async def answer(vigie: Network, phone: str, text: str, **sent: Any) -> str:
    """What comes back to this phone for a text."""
    before = len(vigie.sent_to(phone))
    await vigie.text(phone, text, **sent)
    await vigie.settle()
    (reply,) = vigie.sent_to(phone)[before:]
    return reply


async def standing(vigie: Network, number_: int = 1) -> tuple[str, str | None]:
    """An alert's state and how it ended."""
    rows = {row.id: row for row in await vigie.rows(alert)}
    return rows[number_].state, rows[number_].outcome


async def test_an_alert_goes_from_open_to_done(tmp_path: Path, database_url: str) -> None:
    async with alerted(tmp_path, database_url) as vigie:
        told_at = (await vigie.rows(alert))[0].released_at
        assert await standing(vigie) == ("open", None)
        said = await answer(vigie, PEACE_COMMITTEE, "ok1")
        assert said == "Alerte 1, noté: vous l'avez lue. Merci."
        assert await standing(vigie) == ("acknowledged", None)
        first = (await vigie.rows(alert))[0].acknowledged_at
        assert first > told_at
        said = await answer(vigie, MEDIATOR, "VA n° 1")
        assert said == "Alerte 1, noté: vous y allez. Merci."
        assert await standing(vigie) == ("on_the_way", None)
        said = await answer(vigie, MEDIATOR, "FIN 1 2")
        assert said == "Alerte 1, noté: c'est fini, contenu. Merci."
        assert await standing(vigie) == ("done", "contained")
        assert (await vigie.rows(alert))[0].acknowledged_at == first
        assert [row.kind for row in await vigie.rows(response)] == [
            "acknowledge", "on_the_way", "done",
        ]  # fmt: skip


async def test_who_cannot_leaves_the_alert_open_for_others(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        await answer(vigie, PEACE_COMMITTEE, "OK 1")
        said = await answer(vigie, PEACE_COMMITTEE, "NON 1")
        assert said == "Alerte 1, noté: vous ne pouvez pas. Merci."
        assert await standing(vigie) == ("open", None)
        assert len(await vigie.rows(response)) == 2  # both are kept


async def test_who_ends_without_an_outcome_is_asked_for_it(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        assert "Et comment ?" in await answer(vigie, PEACE_COMMITTEE, "FIN 1")
        assert await standing(vigie) == ("done", None)
        await answer(vigie, PEACE_COMMITTEE, "FIN 1 fausse alerte")
        assert await standing(vigie) == ("done", "false_alarm")
        await answer(vigie, MEDIATOR, "FIN 1 3")
        assert await standing(vigie) == ("done", "disputed")


async def test_a_digit_alone_is_how_the_only_open_alert_ended(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        await answer(vigie, PEACE_COMMITTEE, "FIN 4")
        assert await standing(vigie) == ("done", "nothing_found")


async def test_the_last_word_that_was_sent_counts_in_whatever_order_they_come(
    tmp_path: Path, database_url: str
) -> None:
    """Reordered in each way there is, and one of them twice."""
    texts = ["OK 1", "NON 1", "VA 1"]
    committee = {number(910 + n): order for n, order in enumerate(permutations(range(3)))}
    async with alerted(tmp_path, database_url, *committee) as vigie:
        start = vigie.clock.now().replace(microsecond=0)
        vigie.clock.move(minutes=10)
        for phone, order in committee.items():
            for nth in (*order, order[0]):
                sent_at, id_ = start + timedelta(minutes=nth), f"{phone[-3:]}-{nth}"
                await vigie.text(phone, texts[nth], sent_at=sent_at, id_=id_)
        await vigie.settle()
        given = await vigie.rows(response)
        assert len(given) == 3 * len(committee)
        async with vigie.service.store.read() as tx:
            words = last_words((await responses.of_alerts(tx, [1]))[1])
        assert [word.kind for word in words.values()] == ["on_the_way"] * len(committee)
        assert await standing(vigie) == ("on_the_way", None)
        (raised,) = await vigie.rows(alert)
        assert raised.acknowledged_at == start


async def test_a_time_that_cannot_be_believed_is_the_time_of_receipt(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        now = vigie.clock.now()
        await vigie.text(PEACE_COMMITTEE, "VA 1", sent_at=now + timedelta(hours=5))
        await vigie.text(PEACE_COMMITTEE, "NON 1", sent_at=now - timedelta(days=2))
        await vigie.settle()
        assert {row.at for row in await vigie.rows(response)} == {now}
        assert await standing(vigie) == ("open", None)  # both came now: the later read counts


async def test_an_alert_that_one_was_not_told_of_is_as_one_that_there_is_not(
    tmp_path: Path, database_url: str
) -> None:
    async with alerted(tmp_path, database_url) as vigie:
        before = len(await vigie.rows(response))
        for word in ("OK", "VA", "NON", "FIN", "INFO"):
            replies = {
                await answer(vigie, MAYOR_OF_MOPTI, f"{word} {nth}")
                for nth in ("1", "999", "0", "71")
            }
            assert len(replies) == 1
            assert UNKNOWN in replies.pop()
        assert UNKNOWN in await answer(vigie, MAYOR_OF_MOPTI, "OK")
        assert UNKNOWN in await answer(vigie, MAYOR_OF_MOPTI, "FIN 1 2")
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "OK 71")
        assert len(await vigie.rows(response)) == before
        assert await standing(vigie) == ("open", None)


async def test_without_a_number_the_only_alert_that_can_be_meant_is(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        early = vigie.clock.now()
        vigie.clock.move(minutes=5)
        await attack(vigie, "DIABALY", "AV")
        assert len(await vigie.rows(alert)) == 2
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "OK")
        # What was written before the second alert left cannot be about it.
        await vigie.text(PEACE_COMMITTEE, "OK", sent_at=early)
        await vigie.settle()
        assert [row.alert_id for row in await vigie.rows(response)] == [1]
        # Of two, the one that is not answered yet.
        assert "Alerte 2" in await answer(vigie, PEACE_COMMITTEE, "OK")
        # Both are answered and open: which is on its way?
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "VA")
        await answer(vigie, PEACE_COMMITTEE, "FIN 1 1")
        assert "Alerte 2, noté: vous y allez" in await answer(vigie, PEACE_COMMITTEE, "VA")


async def test_an_old_alert_needs_its_number(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        vigie.clock.move(hours=73)
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "OK")
        assert "Alerte 1" in await answer(vigie, PEACE_COMMITTEE, "OK 1")


async def test_info_tells_the_alert_again_and_how_it_stands(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        (had,) = [text for text in vigie.sent_to(PEACE_COMMITTEE) if "ALERTE 1" in text]
        told = await answer(vigie, PEACE_COMMITTEE, "INFO 1")
        assert told.startswith("INFO ALERTE 1: ouverte, gravité élevée")
        # Every line that tells what happened is one of the alert's own, in this copy's own words.
        assert told.split("\n")[1:3] == had.split("\n")[1:3]
        await answer(vigie, MEDIATOR, "VA 1")
        assert "quelqu'un y va" in await answer(vigie, PEACE_COMMITTEE, "info")


async def test_a_corrected_alert_stays_so_whatever_is_answered(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        async with vigie.service.store.write() as tx:
            await tx.execute(alert.update().values(state="corrected"))
        await answer(vigie, PEACE_COMMITTEE, "VA 1")
        assert await standing(vigie) == ("corrected", None)
        assert "retirée" in await answer(vigie, PEACE_COMMITTEE, "INFO 1")


async def test_who_pauses_is_passed_over_and_hears_of_what_they_had_later(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        said = await answer(vigie, PEACE_COMMITTEE, "PAUSE 1J")
        assert said.startswith("C'est noté: aucune alerte jusqu'au mar. 24 nov., ")
        heard = len(vigie.sent_to(PEACE_COMMITTEE))
        await attack(vigie, "DIABALY", "AV")
        for sender in (number(4), number(5), number(6)):
            await vigie.text(sender, "MA SOKOLO 1")  # more of the same: it is graver now
        await vigie.settle()
        assert len(vigie.sent_to(PEACE_COMMITTEE)) == heard
        assert any("ALERTE 2" in text for text in vigie.sent_to(MEDIATOR))
        assert any("MISE A JOUR ALERTE 1" in text for text in vigie.sent_to(MEDIATOR))
        vigie.clock.move(hours=24)
        await vigie.settle()
        (later,) = vigie.sent_to(PEACE_COMMITTEE)[heard:]
        assert later.startswith("MISE A JOUR ALERTE 1")
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "OK 2")


async def test_who_resumes_is_told_again_at_once(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        await answer(vigie, PEACE_COMMITTEE, "PAUSE 2 semaines")
        assert "de nouveau" in await answer(vigie, PEACE_COMMITTEE, "REPRISE")
        await attack(vigie, "DIABALY", "AV")
        assert any("ALERTE 2" in text for text in vigie.sent_to(PEACE_COMMITTEE))


async def test_a_pause_that_comes_after_it_was_taken_back_counts_for_nothing(
    tmp_path: Path,
) -> None:
    async with alerted(tmp_path) as vigie:
        paused = vigie.clock.now()
        vigie.clock.move(minutes=3)
        await vigie.text(PEACE_COMMITTEE, "REPRISE")
        await vigie.settle()
        await vigie.text(PEACE_COMMITTEE, "PAUSE 3J", sent_at=paused)
        await vigie.settle()
        (row,) = [row for row in await vigie.rows(person) if row.area == NIONO]
        assert row.paused_until is None


async def test_a_grave_alert_with_everybody_paused_is_told_nobody_and_stays_open(
    tmp_path: Path,
) -> None:
    async with alerted(tmp_path) as vigie:
        for phone in (PEACE_COMMITTEE, MEDIATOR):
            await answer(vigie, phone, "PAUSE 3J")
        before = len(vigie.at.texts)
        await attack(vigie, "DIABALY", "AV")
        raised = (await vigie.rows(alert))[-1]
        assert (raised.severity, raised.state) == ("severe", "open")
        assert not any("ALERTE" in text for _, text in vigie.at.texts[before:])


async def test_a_responder_chooses_a_language(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        assert await answer(vigie, MEDIATOR, "langue anglais") == (
            "Noted: our texts now come in English."
        )
        assert "you have read it" in await answer(vigie, MEDIATOR, "OK 1")
        assert HELP in await answer(vigie, PEACE_COMMITTEE, "LANGUE XX")


async def test_a_focal_point_chooses_a_language_and_the_answer_is_as_neutral_as_any(
    tmp_path: Path,
) -> None:
    async with alerted(tmp_path) as vigie:
        assert await answer(vigie, AWA, "LANGUE EN") == "Hello, thank you for your message."
        assert await answer(vigie, AWA, "MA SOKOLO") == "Hello, thank you for your message."
        assert await answer(vigie, AWA, "LANGUE XX") == "Hello, thank you for your message."
        assert await answer(vigie, number(700), "LANGUE EN") == NEUTRAL


async def test_a_focal_points_text_is_never_a_responders_command(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        before = await vigie.rows(person)
        reports = len(await vigie.rows(report))
        for text in ("OK 1", "OK", "FIN 1 2", "PAUSE 3J", "INFO 1", "AIDE", "NON", "REPRISE"):
            assert await answer(vigie, AWA, text) == NEUTRAL
        assert await vigie.rows(response) == []
        assert await vigie.rows(person) == before
        assert len(await vigie.rows(report)) == reports
        assert await standing(vigie) == ("open", None)


async def test_a_responders_report_is_a_report_and_a_command_is_none(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        reports = len(await vigie.rows(report))
        assert await answer(vigie, PEACE_COMMITTEE, "BR SOKOLO 1") == NEUTRAL
        assert await answer(vigie, PEACE_COMMITTEE, "OK MA SOKOLO 3 5") == NEUTRAL
        assert len(await vigie.rows(report)) == reports + 2
        assert await vigie.rows(response) == []
        await answer(vigie, PEACE_COMMITTEE, "OK 1 calme")
        assert len(await vigie.rows(report)) == reports + 2
        assert len(await vigie.rows(response)) == 1


async def test_what_leaves_a_doubt_changes_nothing_and_is_asked_back(tmp_path: Path) -> None:
    doubtful = [
        "OK 1 1 2",
        "OK 1 2",
        "PAUSE",
        "OK " + "9" * 40,
        "quoi ?",
        "OK " * 500 + "17",
    ]
    async with alerted(tmp_path) as vigie:
        for text in doubtful:
            assert HELP in await answer(vigie, PEACE_COMMITTEE, text)
        assert await vigie.rows(response) == []
        assert await standing(vigie) == ("open", None)


async def test_an_answer_that_is_delivered_twice_or_forged_for_another_changes_nothing_more(
    tmp_path: Path,
) -> None:
    async with alerted(tmp_path) as vigie:
        for _ in range(3):
            await vigie.text(PEACE_COMMITTEE, "OK 1", id_="the-same")
        await vigie.settle()
        assert len(await vigie.rows(response)) == 1
        # A stranger, and a sender id that is no number, answer for nobody.
        await vigie.text(number(950), "FIN 1 5")
        await vigie.text("VIGIE", "FIN 1 5")
        await vigie.settle()
        assert await standing(vigie) == ("acknowledged", None)
        problems = [row.problem for row in await vigie.rows(inbox)][-2:]
        assert problems == ["unknown_sender", "sender_not_a_number"]


async def test_who_leaves_answers_no_more_and_is_told_nothing_more(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        await answer(vigie, PEACE_COMMITTEE, "OK 1")
        await vigie.text(PEACE_COMMITTEE, "STOP")
        await vigie.settle()
        assert await answer(vigie, PEACE_COMMITTEE, "FIN 1 5") == NEUTRAL
        assert await standing(vigie) == ("acknowledged", None)


async def test_an_alert_that_did_not_reach_them_yet_is_none_of_theirs(tmp_path: Path) -> None:
    async with alerted(tmp_path) as vigie:
        async with vigie.service.store.write() as tx:
            await tx.execute(outbox.update().where(outbox.c.alert_id == 1).values(state="failed"))
            await tx.execute(outbox.metadata.tables["delivery"].delete())
        assert UNKNOWN in await answer(vigie, PEACE_COMMITTEE, "OK 1")
