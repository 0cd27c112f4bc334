"""What Africa's Talking answers, and what that means for each recipient."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.gateways.africastalking import ANSWER_LIMIT, AfricasTalking
from handlers.gateways.africastalking_answers import ADVICE, MEANINGS, Answer, read_answer
from service.gateway import Cost, Gateway, Outcome
from service.vault.number import PhoneNumber
from tests.support.fake_at import FakeAfricasTalking, Raw

AWA = PhoneNumber("+22370000001")
BOUBA = PhoneNumber("+22370000002")
TEXT = "Vigie alerte 17: attaques de marchés, Sokolo, hier soir. OK 17 pour répondre."


@pytest.fixture
async def at() -> AsyncIterator[FakeAfricasTalking]:
    async with FakeAfricasTalking() as server:
        yield server


@pytest.fixture
async def gateway(at: FakeAfricasTalking) -> AsyncIterator[AfricasTalking]:
    gateway = AfricasTalking(at.username, at.api_key, "VIGIE", at.base_url)
    yield gateway
    await gateway.close()


def states(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.state, outcome.reason) for outcome in outcomes]


async def test_one_request_carries_one_text_to_all(
    at: FakeAfricasTalking, gateway: Gateway
) -> None:
    outcomes = await gateway.send(TEXT, [AWA, BOUBA])
    assert at.requests == [
        {
            "username": "vigie",
            "to": "+22370000001,+22370000002",
            "message": TEXT,
            "bulkSMSMode": "1",
            "from": "VIGIE",
        }
    ]
    assert [outcome.recipient for outcome in outcomes] == [AWA, BOUBA]
    assert states(outcomes) == [("accepted", "sent")] * 2
    assert [outcome.message_id for outcome in outcomes] == ["ATXid_00000001", "ATXid_00000002"]
    assert [outcome.cost for outcome in outcomes] == [Cost("XOF", 15_000_000)] * 2


async def test_no_recipients_is_no_request(at: FakeAfricasTalking, gateway: Gateway) -> None:
    assert await gateway.send(TEXT, []) == []
    assert at.requests == []


async def test_without_a_sender_the_account_default_is_used(at: FakeAfricasTalking) -> None:
    gateway = AfricasTalking(at.username, at.api_key, base_url=at.base_url + "/")
    assert states(await gateway.send("é €", [AWA])) == [("accepted", "sent")]
    await gateway.close()
    assert "from" not in at.requests[0]


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (100, "accepted", "processed"),
        (101, "accepted", "sent"),
        (102, "accepted", "queued"),
        (401, "final", "risk_hold"),
        (402, "retry", "invalid_sender_id"),
        (403, "final", "invalid_number"),
        (404, "final", "unsupported_number"),
        (405, "retry", "no_balance"),
        (406, "final", "blocked_by_recipient"),
        (407, "final", "no_route"),
        (409, "retry", "quiet_hours"),
        (500, "retry", "gateway_error"),
        (501, "retry", "network_error"),
        (502, "retry", "rejected_by_network"),
        (999, "unknown", "unknown_code"),
    ],
)
async def test_each_recipient_has_a_code_of_their_own(
    at: FakeAfricasTalking, gateway: Gateway, code: int, state: str, reason: str
) -> None:
    at.codes = {AWA.reveal(): code}
    awa, bouba = await gateway.send(TEXT, [AWA, BOUBA])
    assert (awa.state, awa.reason) == (state, reason)
    assert (bouba.state, bouba.reason) == ("accepted", "sent")
    assert (awa.message_id is not None) == (state == "accepted")
    assert reason in ADVICE


def test_the_operator_is_told_what_to_do_for_every_code() -> None:
    assert all(meaning.advice.endswith(".") for meaning in MEANINGS.values())
    final = [meaning.reason for meaning in MEANINGS.values() if meaning.state == "final"]
    assert len(final) == len(set(final))


ONE = {"statusCode": 101, "number": "+22370000001", "messageId": "ATXid_1", "cost": "XOF 15"}


def said(recipients: object, message: object = "Sent") -> str:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}})


@pytest.mark.parametrize(
    ("raw", "state", "reason"),
    [
        (Raw(201, said([], "InvalidSenderId")), "retry", "invalid_sender_id"),
        (Raw(201, said([], "Sent to 0/1 Total Cost: 0")), "final", "no_recipients"),
        (
            Raw(401, "The supplied authentication is invalid", "text/plain"),
            "retry",
            "bad_credentials",
        ),
        (Raw(400, "Request is missing required form field 'to'", "text/plain"), "retry", "refused"),
        (Raw(404, "<html>Not here</html>", "text/html"), "retry", "refused"),
        (Raw(429, "Too many requests", "text/plain"), "retry", "too_fast"),
        (Raw(302, "", "text/html"), "retry", "refused"),
        (Raw(500, "Internal Server Error", "text/plain"), "unknown", "connection_lost"),
        (Raw(502, "<html>Bad gateway</html>", "text/html"), "unknown", "connection_lost"),
        (Raw(409, said([ONE | {"statusCode": 409}])), "retry", "quiet_hours"),
        (Raw(201, said([ONE]), "text/plain"), "accepted", "sent"),
        (Raw(201, said([ONE]), "text/html"), "accepted", "sent"),
        (Raw(201, said([ONE | {"statusCode": "101"}])), "accepted", "sent"),
        (Raw(201, said([ONE | {"number": "22370000001"}])), "accepted", "sent"),
        (Raw(201, said([ONE | {"statusCode": None}])), "unknown", "unknown_code"),
        (Raw(201, said([ONE | {"statusCode": [101]}])), "unknown", "unknown_code"),
        (Raw(201, said([ONE | {"statusCode": True}])), "unknown", "unknown_code"),
        (Raw(201, said([ONE | {"number": "+22370000009"}])), "unknown", "not_in_answer"),
        (Raw(201, said([ONE | {"number": 22370000001}])), "unknown", "not_in_answer"),
        (Raw(201, said([ONE | {"number": "Safaricom"}])), "unknown", "not_in_answer"),
        (Raw(201, said(["+22370000001"])), "unknown", "not_in_answer"),
        (Raw(201, said(None)), "unknown", "unreadable_answer"),
        (Raw(201, '{"SMSMessageData": []}'), "unknown", "unreadable_answer"),
        (Raw(201, "[]"), "unknown", "unreadable_answer"),
        (Raw(201, "{"), "unknown", "unreadable_answer"),
        (Raw(200, "", "text/plain"), "unknown", "unreadable_answer"),
        (Raw(200, "<html>captive portal</html>", "text/html"), "unknown", "unreadable_answer"),
        (Raw(201, "[" * 100_000), "unknown", "unreadable_answer"),
        (Raw(201, "9" * 100_000), "unknown", "unreadable_answer"),
        (Raw(201, said([ONE]) + " " * ANSWER_LIMIT), "unknown", "unreadable_answer"),
    ],
    ids=lambda value: f"{value.status} {value.body[:60]}" if isinstance(value, Raw) else value,
)
async def test_answers_of_every_kind(
    at: FakeAfricasTalking, gateway: Gateway, raw: Raw, state: str, reason: str
) -> None:
    at.raw = raw
    assert states(await gateway.send(TEXT, [AWA])) == [(state, reason)]
    assert reason in ADVICE


@pytest.mark.parametrize("value", ["None", "", 17, None, "<b>", "x" * 129, "+223 70 00 00 01"])
async def test_a_message_id_that_is_none_is_not_kept(
    at: FakeAfricasTalking, gateway: Gateway, value: object
) -> None:
    at.raw = Raw(201, said([ONE | {"messageId": value, "cost": value}]))
    assert await gateway.send(TEXT, [AWA]) == [Outcome(AWA, "accepted", "sent")]


async def test_a_recipient_that_the_answer_leaves_out_is_unknown(
    at: FakeAfricasTalking, gateway: Gateway
) -> None:
    at.left_out = {AWA.reveal()}
    assert states(await gateway.send(TEXT, [AWA, BOUBA])) == [
        ("unknown", "not_in_answer"),
        ("accepted", "sent"),
    ]


async def test_a_wrong_key_loses_nothing(at: FakeAfricasTalking) -> None:
    gateway = AfricasTalking(at.username, "atsk_wrong", base_url=at.base_url)
    assert states(await gateway.send(TEXT, [AWA])) == [("retry", "bad_credentials")]
    await gateway.close()
    assert at.requests == []


async def test_a_slow_answer_is_unknown_not_failed(at: FakeAfricasTalking) -> None:
    at.answering.clear()
    gateway = AfricasTalking(at.username, at.api_key, base_url=at.base_url, timeout=(5, 0.2))
    assert states(await gateway.send(TEXT, [AWA])) == [("unknown", "connection_lost")]
    await gateway.close()
    assert at.texts == [(AWA.reveal(), TEXT)]


async def test_a_connection_dropped_after_the_request_is_unknown(
    at: FakeAfricasTalking, gateway: Gateway
) -> None:
    at.drops = "after taking"
    assert states(await gateway.send(TEXT, [AWA])) == [("unknown", "connection_lost")]
    assert at.texts == [(AWA.reveal(), TEXT)]


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://nowhere.invalid", "unreachable"),
        ("nonsense", "unreachable"),
        ("ftp://127.0.0.1", "unreachable"),
        ("http://:80:80", "unreachable"),
    ],
)
async def test_a_request_that_never_left_may_go_again(base_url: str, reason: str) -> None:
    gateway = AfricasTalking("vigie", "key", base_url=base_url)
    assert states(await gateway.send(TEXT, [AWA])) == [("retry", reason)]
    await gateway.close()


async def test_a_closed_port_may_be_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        gateway = AfricasTalking("vigie", "key", base_url=base_url)
        assert states(await gateway.send(TEXT, [AWA])) == [("retry", "unreachable")]
        await gateway.close()


@pytest.mark.parametrize(("key", "text"), [("clé\n", TEXT), ("€", TEXT), ("key", "\ud800")])
async def test_what_cannot_be_written_is_not_lost(
    at: FakeAfricasTalking, key: str, text: str
) -> None:
    gateway = AfricasTalking("vigie", key, base_url=at.base_url)
    [outcome] = await gateway.send(text, [AWA])
    await gateway.close()
    assert outcome.state == "retry"
    assert at.requests == []


async def test_more_texts_than_connections_all_go(at: FakeAfricasTalking) -> None:
    gateway = AfricasTalking(at.username, at.api_key, base_url=at.base_url, at_once=2)
    sent = await asyncio.gather(*(gateway.send(f"texte {i}", [AWA, BOUBA]) for i in range(10)))
    await gateway.close()
    assert [states(outcomes) for outcomes in sent] == [[("accepted", "sent")] * 2] * 10
    assert len(at.texts) == 20


async def test_nothing_that_is_sent_or_answered_is_logged(
    at: FakeAfricasTalking, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for raw in (None, Raw(500, AWA.reveal()), Raw(201, f"{{{AWA.reveal()}"), Raw(401, "no")):
            at.raw = raw
            outcomes = await gateway.send(TEXT, [AWA])
            assert AWA.reveal() not in repr(outcomes)
        at.drops = "after taking"
        await gateway.send(TEXT, [AWA])
    logged = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert caplog.records, "urllib3 is expected to log at DEBUG: else this test sees nothing"
    assert "70000001" not in logged
    assert "marchés" not in logged


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
entry = st.fixed_dictionaries(
    {}, optional={"number": st.just("+22370000001") | junk, "statusCode": junk, "messageId": junk}
)


@given(st.integers(100, 599), st.lists(entry | junk) | junk, junk)
def test_any_answer_gives_every_recipient_an_outcome(
    status: int, recipients: object, message: object
) -> None:
    outcomes = read_answer(Answer(status, said(recipients, message).encode()), [AWA, BOUBA])
    assert [outcome.recipient for outcome in outcomes] == [AWA, BOUBA]
    assert all(outcome.reason in ADVICE for outcome in outcomes)


@given(st.binary(max_size=200))
def test_any_bytes_give_every_recipient_an_outcome(body: bytes) -> None:
    assert states(read_answer(Answer(201, body), [AWA])) == [("unknown", "unreadable_answer")]
