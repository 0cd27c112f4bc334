"""USSD from the key pad to the rules: one message for each session, the same way as every text."""

import asyncio
import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from service.content.phones import Ussd as Shows
from service.intake import Unavailable
from service.store import Store
from service.store.tables import inbox, menu_language, outbox, person, report, response, warning
from service.vault.keys import Keyring
from tests.support.network import Network, network, number

AREA, SOKOLO = "ML040410", "20745"
AWA, MOUSSA, STRANGER, RESPONDER = number(1), number(2), number(77), number(90)
REPORT = f"1*1*{SOKOLO}*3*3*3*5*1"
SAID = f"MA {SOKOLO} 3 MORT 5 BL"
END = "END Bonjour, merci pour votre message."


async def village(vigie: Network, *more: tuple[str, Any, str]) -> None:
    """Enrol two people, others, and where there are any, neighbours enough for alerts."""
    neighbours = (number(n) for n in range(50, 58 if more else 51))
    for phone in (AWA, MOUSSA, *neighbours):
        await vigie.enrol(phone, "focal_point", AREA)
    for phone, role, area in more:
        await vigie.enrol(phone, role, area)
    await vigie.settle()
    vigie.at.requests.clear()


async def press(vigie: Network, phone: str, answers: str, session: str = "ATUid_1") -> list[str]:
    """Go through a session key by key; every screen."""
    keys = answers.split("*")
    return [await vigie.dial(phone, "*".join(keys[:n]), session) for n in range(len(keys) + 1)]


async def reports(vigie: Network) -> list[tuple[Any, ...]]:
    found = await vigie.rows(report)
    return [(row.type, row.place, row.killed, row.injured, row.verified) for row in found]


async def ussd_rows(vigie: Network) -> list[Any]:
    return [row for row in await vigie.rows(inbox) if row.kind == "ussd"]


async def test_a_session_is_a_report_as_a_text_is(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        screens = await press(vigie, AWA, f"{REPORT}*1")
        await vigie.text(MOUSSA, SAID)
        await vigie.settle()
        assert all(screen.startswith("CON ") for screen in screens[:-1])
        assert screens[-1] == END
        by_menu, by_text = await reports(vigie)
        assert by_menu == by_text == ("market_attack", SOKOLO, 3, 5, True)
        (row,) = await ussd_rows(vigie)
        assert (row.state, row.hop, row.problem) == ("done", None, None)
        # The last screen was the answer: no text comes to the phone as well.
        assert vigie.sent_to(AWA) == []
        assert vigie.sent_to(MOUSSA) == ["Bonjour, merci pour votre message."]


async def test_three_sessions_alert_the_responders(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML04"))
        for n, phone in enumerate((AWA, MOUSSA, number(50))):
            assert (await press(vigie, phone, f"{REPORT}*1", f"ATUid_{n}"))[-1] == END
        vigie.clock.move(hours=7)
        await vigie.settle()
        assert "ALERTE 1" in vigie.sent_to(RESPONDER)[0]


async def test_it_is_on_disk_before_the_last_screen(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        await press(vigie, AWA, f"{REPORT}*1")
        with closing(sqlite3.connect(tmp_path / "data" / "vigie.sqlite")) as database:
            rows = database.execute("select count(*) from inbox where kind = 'ussd'").fetchall()
        assert rows == [(1,)]


async def test_whoever_dials_and_whatever_comes_of_it_sees_the_same(tmp_path: Path) -> None:
    """Not a byte of any screen tells who is enrolled, as what, where, or whether a PIN is good."""
    # Those by `3` come first: once there is an alert, its responders see its number.
    walks = ("3*17*1*1", "3*1*1*1", f"{REPORT}*1", "1*99*16*koro*2*1*0*00*2*1", "4*99*x*2*1",
             "1*1*1*2*2*4*31*9*4821", "2*4821", "4*3*1")  # fmt: skip
    async with network(tmp_path) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML0404"), (number(91), "responder", "ML"))
        for n, walk in enumerate(walks):
            seen = [
                await press(vigie, phone, walk, f"ATUid_{n}_{phone[-2:]}")
                for phone in (STRANGER, AWA, MOUSSA, RESPONDER, number(91), "36000", "", "Vigie")
            ]
            assert all(each == seen[0] for each in seen), walk
            await vigie.settle()


async def test_a_replayed_hop_is_answered_alike_and_counts_once(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        whole = f"{REPORT}*1"
        once = await press(vigie, AWA, whole)
        await vigie.settle()
        assert await press(vigie, AWA, whole) == once
        for keys in (whole, f"{whole}*1", f"1*1*{SOKOLO}"):
            await vigie.dial(AWA, keys)
        await vigie.hung_up(AWA, whole)
        vigie.clock.move(minutes=6)
        await vigie.settle()
        assert len(await reports(vigie)) == 1
        assert len(await ussd_rows(vigie)) == 1


async def test_hops_at_once_and_out_of_order_count_once(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        keys = f"{REPORT}*1".split("*")
        hops = ["*".join(keys[:n]) for n in range(len(keys) + 1)]
        await asyncio.gather(*(vigie.dial(AWA, hop) for hop in [*reversed(hops), *hops] * 2))
        vigie.clock.move(minutes=6)
        await vigie.settle()
        assert await reports(vigie) == [("market_attack", SOKOLO, 3, 5, True)]


async def test_two_sessions_at_once_from_one_phone_are_two(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        other = f"1*VB*{SOKOLO}*3*40*2*2*1*1"
        keys, others = f"{REPORT}*1".split("*"), other.split("*")
        for n in range(1, 10):
            await vigie.dial(AWA, "*".join(keys[:n]), "ATUid_a")
            await vigie.dial(AWA, "*".join(others[:n]), "ATUid_b")
        await vigie.settle()
        assert sorted(each[0] for each in await reports(vigie)) == ["cattle_theft", "market_attack"]


@pytest.mark.parametrize("told", [True, False], ids=["the end is told", "nothing comes any more"])
async def test_a_session_that_breaks_off_is_kept_as_far_as_it_came(
    tmp_path: Path, database_url: str, *, told: bool
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        await press(vigie, AWA, f"1*1*{SOKOLO}*3*7")
        await vigie.settle()
        assert await reports(vigie) == [], "it may still go on"
        if told:
            await vigie.hung_up(AWA, f"1*1*{SOKOLO}*3*7")
        else:
            vigie.clock.move(minutes=5)
        await vigie.settle()
        assert await reports(vigie) == [("market_attack", SOKOLO, None, None, True)]
        vigie.clock.move(minutes=6)
        await vigie.settle()
        assert len(await reports(vigie)) == 1


async def test_what_was_taken_back_is_not_kept(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        await press(vigie, AWA, f"1*1*{SOKOLO}*0", "ATUid_a")
        await press(vigie, AWA, f"1*1*{SOKOLO}*0*0*2*{SOKOLO}", "ATUid_b")
        await press(vigie, MOUSSA, f"1*1*{SOKOLO}*00*2*1", "ATUid_c")
        vigie.clock.move(minutes=6)
        await vigie.settle()
        found = sorted(each[0] for each in await reports(vigie))
        assert found == ["banditry", "nothing_to_report"]


async def test_what_another_process_stored_gives_way_too(tmp_path: Path) -> None:
    """Nothing that is kept in memory of a session is needed: here it is forgotten at each hop."""
    async with network(tmp_path) as vigie:
        await village(vigie)
        keys = f"1*1*{SOKOLO}*0*0*2*1*3*4*0*0*1".split("*")
        for n in range(1, len(keys) + 1):
            vigie.service.ussd._stored.clear()
            await vigie.dial(AWA, "*".join(keys[:n]))
        vigie.clock.move(minutes=6)
        await vigie.settle()
        assert [each[0] for each in await reports(vigie)] == ["banditry"]
        assert len(await ussd_rows(vigie)) == 1


async def test_who_was_slow_has_the_rest_counted_too_and_the_attack_once(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        await press(vigie, AWA, f"1*1*{SOKOLO}")
        vigie.clock.move(minutes=6)
        await vigie.settle()
        assert (await press(vigie, AWA, f"{REPORT}*1"))[-1] == END
        await vigie.settle()
        assert [each[2] for each in await reports(vigie)] == [None, 3]
        rows = await vigie.rows(report)
        assert len({row.incident_id for row in rows}) == 1


async def test_pins_prove_warn_and_show_nothing(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        pins = await vigie.enrol_with_pins(AWA, AREA)
        await vigie.settle()
        good, duress = pins.pin, pins.duress
        wrong = next(f"{n:04}" for n in range(1, 9) if f"{n:04}" not in (good, duress))
        screens = [
            await press(vigie, AWA, f"{REPORT}*{keys}", f"ATUid_{keys}_{n}")
            for n, keys in enumerate(("1", good, wrong, duress))
        ]
        await vigie.settle()
        assert all(each == screens[0] for each in screens)
        rows = await vigie.rows(report)
        assert [row.verified for row in rows] == [False, True, False, False]
        assert [row.status for row in rows][:2] == ["counted", "counted"]
        assert rows[3].status != "counted"
        assert [row.kind for row in await vigie.rows(warning)] == ["duress"]
        # In any order that is sent, too.
        assert (await press(vigie, AWA, f"4*2*{duress}", "ATUid_silence"))[-1] == END


async def test_all_is_well_silence_and_leaving(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        options = [each.order for each in vigie.service.ussd._menu.options("more")]
        silence, speak, leave = (
            options.index(each) + 1 for each in ("no_answers", "answers", "stop")
        )

        async def silent() -> bool:
            return next(row.silent for row in await vigie.rows(person) if row.id == 1)

        await press(vigie, AWA, "2*1", "ATUid_well")
        await press(vigie, AWA, f"4*{silence}*1", "ATUid_silence")
        await vigie.settle()
        assert [each[0] for each in await reports(vigie)] == ["nothing_to_report"]
        assert await silent()
        await press(vigie, AWA, f"4*{speak}*1", "ATUid_speak")
        await vigie.settle()
        assert not await silent()
        before = len(await vigie.rows(person))
        await press(vigie, AWA, f"4*{leave}*1", "ATUid_leave")
        await vigie.settle()
        assert len(await vigie.rows(person)) == before - 1
        assert vigie.sent_to(AWA) == []


async def test_what_was_sent_last_is_taken_back(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        options = [each.order for each in vigie.service.ussd._menu.options("more")]
        assert (await press(vigie, AWA, f"{REPORT}*1", "ATUid_a"))[-1] == END
        await vigie.settle()
        withdraw = f"4*{options.index('withdraw') + 1}*1"
        assert (await press(vigie, AWA, withdraw, "ATUid_b"))[-1] == END
        await vigie.settle()
        assert [row.status for row in await vigie.rows(report)] == ["retracted"]


async def test_a_responder_sees_what_waits_and_answers_it(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML04"), (number(91), "responder", "ML01"))
        for n, phone in enumerate((AWA, MOUSSA, number(50))):
            await press(vigie, phone, f"{REPORT}*1", f"ATUid_{n}")
        await vigie.settle()
        assert "En attente: 1" in await vigie.dial(RESPONDER, "3", "ATUid_r")
        for other in (number(91), AWA, STRANGER):
            assert "En attente" not in await vigie.dial(other, "3", "ATUid_o")
        assert (await press(vigie, RESPONDER, "3*1*1*1", "ATUid_r"))[-1] == END
        await vigie.settle()
        assert [(row.alert_id, row.kind) for row in await vigie.rows(response)] == [
            (1, "acknowledge")
        ]
        assert "En attente: 1" in await vigie.dial(RESPONDER, "3", "ATUid_r2"), "it is not over"
        assert (await press(vigie, RESPONDER, "3*1*4*1*1", "ATUid_r3"))[-1] == END
        await vigie.settle()
        assert "En attente" not in await vigie.dial(RESPONDER, "3", "ATUid_r4")
        assert [text for text in vigie.sent_to(RESPONDER) if "notée" in text] == []


async def test_open_alerts_can_be_left_out(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML04"))
        for n, phone in enumerate((AWA, MOUSSA, number(50))):
            await press(vigie, phone, f"{REPORT}*1", f"ATUid_{n}")
        await vigie.settle()
        content = vigie.service.content
        hidden = content.phones.model_copy(update={"ussd": Shows(open_alerts=False)})
        vigie.service.ussd.adopt(dataclasses.replace(content, phones=hidden))
        assert "En attente" not in await vigie.dial(RESPONDER, "3", "ATUid_r")
        vigie.service.ussd.adopt(content)
        assert "En attente: 1" in await vigie.dial(RESPONDER, "3", "ATUid_r")


async def test_an_alert_of_which_one_was_not_told_is_answered_alike_and_counts_for_nothing(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML04"), (number(91), "responder", "ML01"))
        for n, phone in enumerate((AWA, MOUSSA, number(50))):
            await press(vigie, phone, f"{REPORT}*1", f"ATUid_{n}")
        await vigie.settle()
        for n, phone in enumerate((number(91), AWA, STRANGER)):
            assert (await press(vigie, phone, "3*1*1*1", f"ATUid_x{n}"))[-1] == END
        await vigie.settle()
        assert await vigie.rows(response) == []


async def test_the_language_is_remembered_for_everyone_alike(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await village(vigie)
        await vigie.enrol(number(60), "focal_point", AREA, "en")
        await vigie.settle()
        for phone in (AWA, STRANGER, number(60)):
            assert "Signaler" in await vigie.dial(phone, "", "ATUid_a"), "whatever they enrolled in"
            assert "Report" in await vigie.dial(phone, "4*1*2", "ATUid_a")
            assert "Report" in await vigie.dial(phone, "", "ATUid_b")
        assert (await vigie.dial(AWA, "2*1", "ATUid_c")).startswith("END Hello")
        assert len(await vigie.rows(menu_language)) == 3
        # As any process knows that did not take the choice itself.
        vigie.service.ussd._chosen.clear()
        vigie.clock.move(minutes=2)
        assert "Report" in await vigie.dial(AWA, "", "ATUid_d")
        await vigie.dial(STRANGER, "4*1*1", "ATUid_e")
        assert "Signaler" in await vigie.dial(STRANGER, "", "ATUid_f")
        await vigie.text(AWA, "STOP")
        await vigie.settle()
        assert len(await vigie.rows(menu_language)) == 1


async def test_an_unknown_phone_is_answered_as_any_and_kept_no_longer(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        assert (await press(vigie, STRANGER, f"{REPORT}*1"))[-1] == END
        await vigie.settle()
        (row,) = await ussd_rows(vigie)
        assert (row.problem, row.sealed_sender) == ("unknown_sender", None)
        assert vigie.sent_to(STRANGER) == []
        assert await vigie.rows(report) == []
        assert all(row.inbox_id is None for row in await vigie.rows(outbox) if row.id > 100)


async def test_where_nothing_can_be_stored_it_says_so_and_the_next_key_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        accept = vigie.service.intake.accept

        async def full(_message: Any) -> None:
            raise Unavailable

        monkeypatch.setattr(vigie.service.intake, "accept", full)
        screens = await press(vigie, AWA, f"{REPORT}*1")
        assert screens[-1].startswith("CON Pas encore envoyé, réessayez. Attaque de marché")
        assert "\n1 Envoyer" in screens[-1]
        monkeypatch.setattr(vigie.service.intake, "accept", accept)
        assert await vigie.dial(AWA, f"{REPORT}*1*1") == END
        await vigie.settle()
        assert await reports(vigie) == [("market_attack", SOKOLO, 3, 5, True)]


async def test_a_database_that_does_not_answer_is_no_error_on_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie, (RESPONDER, "responder", "ML04"))

        def gone(_store: Store) -> None:
            raise OperationalError("select", None, Exception("gone"))

        monkeypatch.setattr(Store, "read", gone)
        vigie.clock.move(minutes=2)
        for answers in ("", "3", "3*17", "1*1"):
            assert (await vigie.dial(RESPONDER, answers, "ATUid_z")).startswith("CON ")
        monkeypatch.undo()


async def test_locked_it_shows_the_same_menu_and_loses_nothing(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        await village(vigie)
        vault = vigie.service.vault
        keys = vault._keyring
        before = await press(vigie, STRANGER, f"{REPORT}*1", "ATUid_before")
        await vigie.settle()
        vault._keyring = Keyring({})
        assert vault.locked
        assert await press(vigie, AWA, f"{REPORT}*1", "ATUid_a") == before
        await press(vigie, MOUSSA, f"1*1*{SOKOLO}*3", "ATUid_b")
        assert "Report" in await vigie.dial(AWA, "4*1*2", "ATUid_c")
        assert await reports(vigie) == []
        vault._keyring = keys
        await vigie.service.intake.open_locked(asyncio.Event())
        vigie.clock.move(minutes=6)
        await vigie.settle()
        found = sorted((each[0], each[2] or 0) for each in await reports(vigie))
        assert found == [("market_attack", 0), ("market_attack", 3)]
