"""PINs from the phone to the rules: verified, wrong, used twice, guessed at, and under duress."""

from datetime import timedelta
from pathlib import Path

import pytest

from service import enrolment, explain
from service.enrolment import Slip
from service.store.tables import alert, decision, inbox, outbox, person, pin, report, warning
from tests.support.network import Network, network, number

SOKOLO = "ML040410"
AWA, MOUSSA, FANTA = number(1), number(2), number(3)
NEUTRAL = "Bonjour, merci pour votre message."


async def slips(vigie: Network, count: int, *, with_pins: bool = True) -> list[Slip]:
    service = vigie.service
    return await enrolment.slips(
        service.store,
        service.vault,
        vigie.clock,
        "focal_point",
        SOKOLO,
        "fr",
        count,
        with_pins=with_pins,
    )


async def enrol(vigie: Network, *phones: str) -> list[Slip]:
    """Enrol these people with a PIN each, among neighbours without; the slips they were given."""
    given = await slips(vigie, len(phones))
    for phone, slip in zip(phones, given, strict=True):
        await vigie.text(phone, f"INS {slip.code}")
    for neighbour in range(50, 58):
        await vigie.enrol(number(neighbour), "focal_point", SOKOLO)
    await vigie.settle()
    return given


def pins_of(slip: Slip) -> tuple[str, str]:
    assert slip.pins is not None
    return slip.pins.pin, slip.pins.duress


def wrong_for(slip: Slip) -> str:
    return next(f"{n:04}" for n in range(1, 9) if f"{n:04}" not in pins_of(slip))


async def test_a_right_pin_verifies_and_is_no_number(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        (awa,) = await enrol(vigie, AWA)
        for text in ("MA SOKOLO 3 5", f"MA SOKOLO 3 5 {pins_of(awa)[0]}", "MA SOKOLO 3 5 0000"):
            await vigie.text(AWA, text)
        await vigie.text(number(50), "MA SOKOLO 3 5")  # has no PIN, and none is required
        await vigie.settle()
        rows = await vigie.rows(report)
        assert [row.verified for row in rows] == [False, True, False, True]
        assert {(row.killed, row.injured, row.status) for row in rows} == {(3, 5, "counted")}


async def test_nobody_s_texts_are_cut_who_has_no_pin(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        (awa,) = await enrol(vigie, AWA)
        await vigie.text(number(50), "VB SOKOLO 1200")
        await vigie.text(AWA, f"VB SOKOLO 1200 {pins_of(awa)[0]}")
        await vigie.settle()
        assert [row.livestock for row in await vigie.rows(report)] == [1200, 1200]


async def test_a_one_time_pin_works_once(tmp_path: Path, database_url: str) -> None:
    async with network(tmp_path, database_url) as vigie:
        (awa,) = await enrol(vigie, AWA)
        async with vigie.service.store.write() as tx:
            once = await enrolment.one_time_pins(tx, vigie.service.vault, awa.number, 3)
        assert once is not None
        for digits in (once[1], once[0], once[1]):
            await vigie.text(AWA, f"MA SOKOLO {digits}")
        await vigie.settle()
        await vigie.text(AWA, f"MA SOKOLO {once[0]}")  # the same again, of a later batch
        await vigie.text(AWA, f"MA SOKOLO {once[2]}", id_="the-same")
        await vigie.text(AWA, f"MA SOKOLO {once[2]}", id_="the-same")  # the gateway's own repeat
        await vigie.text(AWA, f"MA SOKOLO {pins_of(awa)[0]}")
        await vigie.settle()
        verified = [row.verified for row in await vigie.rows(report)]
        assert verified == [True, True, False, False, True, True]


async def test_a_list_that_is_used_up_verifies_nothing(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        (slip,) = await slips(vigie, 1, with_pins=False)
        async with vigie.service.store.write() as tx:
            once = await enrolment.one_time_pins(tx, vigie.service.vault, slip.number, 1)
        assert once is not None
        await vigie.text(AWA, f"INS {slip.code}")
        await vigie.text(AWA, f"MA SOKOLO {once[0]}")
        await vigie.text(AWA, "BR SOKOLO")
        await vigie.settle()
        assert [row.verified for row in await vigie.rows(report)] == [True, False]


async def test_a_new_list_takes_the_place_of_the_old(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        (awa,) = await enrol(vigie, AWA)
        vault = vigie.service.vault
        async with vigie.service.store.write() as tx:
            old = await enrolment.one_time_pins(tx, vault, awa.number, 20)
            new = await enrolment.one_time_pins(tx, vault, awa.number, 20)
            assert await enrolment.one_time_pins(tx, vault, 999, 1) is None
        assert old is not None
        assert new is not None
        gone = next(digits for digits in old if digits not in new)
        await vigie.text(AWA, f"MA SOKOLO {gone}")
        await vigie.text(AWA, f"MA SOKOLO {new[0]}")
        await vigie.settle()
        assert [row.verified for row in await vigie.rows(report)] == [False, True]


async def test_under_duress_the_phone_shows_nothing_and_the_report_counts_nowhere(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        awa, moussa, fanta = await enrol(vigie, AWA, MOUSSA, FANTA)
        before = len(vigie.at.texts)
        await vigie.text(AWA, f"MA SOKOLO 3 5 {pins_of(awa)[1]}")
        await vigie.text(MOUSSA, f"MA SOKOLO 3 5 {pins_of(moussa)[0]}")
        await vigie.text(FANTA, f"MA SOKOLO 3 5 {pins_of(fanta)[0]}")
        await vigie.settle()
        assert [text for _, text in vigie.at.texts[before:]] == [NEUTRAL] * 3
        assert await vigie.rows(decision) == []  # the third would have made a cluster
        forced, free, _ = await vigie.rows(report)
        assert (forced.status, forced.verified, forced.incident_id) == ("quarantined", False, None)
        assert free.status == "counted"
        (warned,) = await vigie.rows(warning)
        assert (warned.person_id, warned.kind) == (forced.reporter, "duress")
        done = [row for row in await vigie.rows(inbox) if row.sender_index is not None][-3:]
        assert {(row.state, row.problem, row.sealed_sender) for row in done} == {
            ("done", None, None)
        }
        replies = [row for row in await vigie.rows(outbox) if row.purpose == "neutral"]
        assert len({(row.language, row.state, row.attempts) for row in replies}) == 1

        await vigie.text(AWA, f"BR SOKOLO {pins_of(awa)[0]}")
        await vigie.settle()
        assert not (await vigie.rows(report))[-1].verified, "until a coordinator has spoken to her"


async def test_unverified_reports_never_alert_alone_and_explain_says_so(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        given = await enrol(vigie, AWA, MOUSSA, FANTA)
        for phone in (AWA, MOUSSA, FANTA):
            await vigie.text(phone, "MA SOKOLO 3 5")  # forged, or the PIN forgotten
        await vigie.text(AWA, f"EN SOKOLO 2 {wrong_for(given[0])}")  # grave, and alerts alone
        await vigie.settle()
        assert await vigie.rows(decision) == []
        async with vigie.service.store.read() as tx:
            told = await explain.rule(
                tx,
                vigie.service.content,
                "market-cluster",
                vigie.clock.now() - timedelta(days=1),
                vigie.clock.now(),
            )
        assert [check.name for check in told.near_misses[0].missed] == ["verified"]
        await vigie.text(MOUSSA, f"MA SOKOLO 3 5 {pins_of(given[1])[0]}")
        await vigie.settle()
        (made,) = await vigie.rows(decision)
        assert made.kind == "raise"
        assert ["verified", 1, 1, True] in made.checks
        assert len(made.evidence) == 3


@pytest.mark.parametrize("text", ["", "RAS ", "quoi de neuf ", "SILENCE "])
async def test_any_text_warns_by_the_duress_pin(tmp_path: Path, text: str) -> None:
    async with network(tmp_path) as vigie:
        (awa,) = await enrol(vigie, AWA)
        await vigie.text(AWA, f"{text}{pins_of(awa)[1]}")
        await vigie.settle()
        assert [row.kind for row in await vigie.rows(warning)] == ["duress"]


async def test_stop_under_duress_leaves_the_warning(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        (awa,) = await enrol(vigie, AWA)
        await vigie.text(AWA, f"STOP {pins_of(awa)[1]}")
        await vigie.settle()
        assert await vigie.rows(pin) == []
        assert [row.kind for row in await vigie.rows(warning)] == ["duress"]


async def test_who_guesses_at_pins_is_told_nothing_and_the_coordinator_is(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        (awa,) = await enrol(vigie, AWA)
        before = len(vigie.at.texts)
        for _ in range(4):
            await vigie.text(AWA, f"BR SOKOLO {wrong_for(awa)}")
        await vigie.text(AWA, f"MA SOKOLO {pins_of(awa)[0]}")
        await vigie.settle()
        assert (await vigie.rows(report))[-1].verified
        assert await vigie.rows(warning) == []
        for _ in range(2):
            await vigie.text(AWA, f"BR SOKOLO {wrong_for(awa)}")
        await vigie.text(AWA, f"VB SOKOLO {pins_of(awa)[0]}")
        await vigie.settle()
        assert not (await vigie.rows(report))[-1].verified
        assert [row.kind for row in await vigie.rows(warning)] == ["wrong_pins"]
        assert {text for _, text in vigie.at.texts[before:]} == {NEUTRAL}


@pytest.mark.parametrize(
    "garbage",
    [
        "4" * 3000,
        "0000 0000 0000",
        "４８２１",
        "-1",
        "4821\x00",
        "¹²³⁴",
        "１２３",
        "4821; drop",
        "١٢٣٤٥",
    ],
)
async def test_garbage_in_place_of_a_pin_stops_nothing(tmp_path: Path, garbage: str) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        await vigie.text(AWA, f"MA SOKOLO 3 5 {garbage}")
        await vigie.text(AWA, garbage)
        await vigie.text(number(800), garbage)
        await vigie.settle()
        assert {row.state for row in await vigie.rows(inbox)} == {"done"}
        assert not any(row.verified for row in await vigie.rows(report))
        assert vigie.sent_to(AWA)[1:] == [NEUTRAL] * 2


# --- lost phones


async def test_a_lost_phone_is_revoked_by_the_number_of_its_invite(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        (awa,) = await enrol(vigie, AWA)
        await vigie.text(AWA, f"MA SOKOLO 3 5 {pins_of(awa)[1]}")
        await vigie.work()  # the answer waits
        heard = len(vigie.sent_to(AWA))
        people = await vigie.rows(person)
        assert await revoke(vigie, number_=awa.number)
        assert not await revoke(vigie, number_=awa.number)
        await vigie.settle()
        assert len(vigie.sent_to(AWA)) == heard
        assert len(await vigie.rows(person)) == len(people) - 1
        assert await vigie.rows(pin) == await vigie.rows(warning) == []
        index = people[0].number_index
        assert not any(row.sender_index == index for row in await vigie.rows(inbox))

        await vigie.text(AWA, "MA SOKOLO 3 5")  # whoever has the phone now is a stranger
        await vigie.settle()
        assert len(await vigie.rows(report)) == 1
        (again,) = await slips(vigie, 1)
        await vigie.text(AWA, f"INS {again.code}")
        await vigie.text(AWA, f"MA SOKOLO 3 5 {pins_of(again)[0]}")
        await vigie.settle()
        first, second = await vigie.rows(report)
        assert first.reporter != second.reporter
        assert second.verified


async def test_a_responder_s_phone_is_revoked_by_pseudonym_and_hears_no_more(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA)
        await vigie.enrol(number(901), "responder", SOKOLO)
        await vigie.settle()
        (responder,) = [row for row in await vigie.rows(person) if row.role == "responder"]
        assert not await revoke(vigie, pseudonym=responder.id)  # it is no focal point
        assert await revoke(vigie, role="responder", pseudonym=responder.id)
        heard = len(vigie.sent_to(number(901)))
        for n in (50, 51, 52):
            await vigie.text(number(n), "MA SOKOLO 3 5")
        await vigie.settle()
        assert len(await vigie.rows(alert)) == 1
        assert len(vigie.sent_to(number(901))) == heard


async def test_a_code_that_went_astray_is_void(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        lost, kept = await slips(vigie, 2)
        assert await revoke(vigie, number_=lost.number)
        await vigie.text(AWA, f"INS {lost.code}")
        await vigie.text(MOUSSA, f"INS {kept.code}")
        await vigie.settle()
        assert len(await vigie.rows(person)) == 1
        assert {row.invite_id for row in await vigie.rows(pin)} == {None}


async def revoke(
    vigie: Network,
    *,
    role: str = "focal_point",
    pseudonym: int | None = None,
    number_: int | None = None,
) -> bool:
    async with vigie.service.store.write() as tx:
        return await enrolment.revoke(
            tx,
            vigie.service.vault,
            role,  # type: ignore[arg-type]
            vigie.clock.now(),
            pseudonym=pseudonym,
            number=number_,
        )
