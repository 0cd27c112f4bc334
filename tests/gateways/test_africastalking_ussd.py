"""Raw USSD callbacks, as Africa's Talking documents them and as nobody should send them."""

from collections.abc import AsyncIterator
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.gateways.africastalking import AfricasTalking
from handlers.gateways.edge import LIMIT
from handlers.gateways.forms import read_form
from handlers.gateways.simulator import PHONES, Simulator
from service.gateway import UssdHop
from service.vault.number import PhoneNumber
from tests.support.gateway_edge import TOKEN, URLENCODED, Edge, running_edge

AWA = PhoneNumber("+22370000001")
WHOLE = (
    b"sessionId=ATUid_05a1&phoneNumber=%2B22370000001&networkCode=61002"
    b"&serviceCode=%2A384%2A36%23&text=1%2A1%2A20745"
)
ENDED = (
    b"date=2026-11-23+09%3A00%3A00&sessionId=ATUid_05a1&serviceCode=%2A384%2A36%23"
    b"&networkCode=61002&phoneNumber=%2B22370000001&status=Incomplete&cost=2.00"
    b"&durationInMillis=21000&hopsCount=3&input=1%2A1%2A20745&lastAppResponse=CON+Morts"
    b"&errorMessage=Session+timed+out"
)


def hop(
    answers: str = "1*1*20745", sender: PhoneNumber | None = AWA, session: str = "ATUid_05a1"
) -> UssdHop:
    return UssdHop("africastalking", session, sender, answers)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    gateway = AfricasTalking("vigie", "key")
    async with running_edge(gateway) as edge:
        yield edge
    await gateway.close()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (WHOLE, hop()),
        (WHOLE.replace(b"text=1%2A1%2A20745", b"text="), hop("")),
        (WHOLE.replace(b"text=1%2A1%2A20745", b"t="), hop("")),
        (WHOLE.replace(b"1%2A1%2A20745", b"1*1*20745"), hop()),
        (WHOLE.replace(b"1%2A1%2A20745", b"1*%E9%"), hop("1*é%")),
        (WHOLE.replace(b"1%2A1%2A20745", b"1*%C9%9B%00%F0%9F%90%83"), hop("1*ɛ\0🐃")),
        (WHOLE.replace(b"%2B22370000001", b"70000001"), hop()),
        (WHOLE.replace(b"%2B22370000001", b"36000"), hop(sender=None)),
        (WHOLE.replace(b"%2B22370000001", b""), hop(sender=None)),
        (WHOLE.replace(b"ATUid_05a1", b"+ATUid_05a1+"), hop()),
        (WHOLE + b"&text=2", hop()),
    ],
)
async def test_a_hop_is_read(edge: Edge, body: bytes, told: UssdHop) -> None:
    assert await edge.post("ussd", body) == (200, "CON menu")
    assert edge.kept.messages == [told]


async def test_the_last_screen_is_written_as_the_last(edge: Edge) -> None:
    body = WHOLE.replace(b"1%2A1%2A20745", b"last")
    assert await edge.post("ussd", body) == (200, "END menu")


@pytest.mark.parametrize("status", [b"Success", b"Incomplete", b"Failed", b"", b"%00", b"New"])
async def test_the_end_of_a_session_is_read_however_it_ended(edge: Edge, status: bytes) -> None:
    body = ENDED.replace(b"status=Incomplete", b"status=" + status)
    assert await edge.post("ussd-end", body) == (200, "stored\n")
    assert edge.kept.messages == [hop()]


async def test_an_end_without_input_says_nothing_and_is_no_error(edge: Edge) -> None:
    body = ENDED.replace(b"&input=1%2A1%2A20745", b"")
    assert await edge.post("ussd-end", body) == (200, "stored\n")
    assert edge.kept.messages == [hop("")]


@pytest.mark.parametrize("kind", ["ussd", "ussd-end"])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (WHOLE.replace(b"sessionId", b"session"), "the field sessionId is missing\n"),
        (WHOLE.replace(b"phoneNumber", b"from"), "the field phoneNumber is missing\n"),
        (WHOLE.replace(b"ATUid_05a1", b""), "the field sessionId is empty"),
        (WHOLE.replace(b"ATUid_05a1", b"x" * 201), "more than 200 characters\n"),
        (b"", "the field sessionId is missing\n"),
        (b"\xff\x00%zz&&==", "the field sessionId is missing\n"),
    ],
)
async def test_what_cannot_be_used_is_refused_without_repeating_it(
    edge: Edge, kind: str, body: bytes, why: str
) -> None:
    status, said = await edge.post(kind, body)
    assert status == 400
    assert why in said
    assert "370000001" not in said
    assert edge.kept.messages == []


@pytest.mark.parametrize("kind", ["ussd", "ussd-end"])
async def test_the_same_door_as_for_texts(edge: Edge, kind: str) -> None:
    assert (await edge.post(kind, WHOLE, token=TOKEN[:-1] + "x"))[0] == 404
    assert (await edge.post(kind, WHOLE + b"&x=" + b"x" * LIMIT))[0] == 413
    assert (await edge.post(kind, b"{}", content_type="application/json"))[0] == 400
    async with edge.client.get(edge.url(f"/gateways/{edge.name}/{TOKEN}/{kind}")) as answer:
        assert answer.status == 405
    assert edge.kept.messages == []


async def test_an_end_that_cannot_be_stored_is_asked_for_again(edge: Edge) -> None:
    edge.kept.available = False
    assert (await edge.post("ussd-end", ENDED))[0] == 503


async def test_the_simulator_takes_the_same_from_its_phones() -> None:
    async with running_edge(Simulator()) as edge:
        body = WHOLE.replace(b"%2B22370000001", PHONES[0].id.encode())
        assert await edge.post("ussd", body) == (200, "CON menu")
        (told,) = edge.kept.messages
        assert told == UssdHop("simulator", "ATUid_05a1", PHONES[0].number, "1*1*20745")


@given(st.dictionaries(st.sampled_from(["sessionId", "phoneNumber", "text", "input"]), st.text()))
def test_whatever_the_fields_hold_it_is_read_or_refused(fields: dict[str, str]) -> None:
    gateway = AfricasTalking("vigie", "key")
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    form = read_form(URLENCODED, body)
    assert isinstance(form, dict)
    for read in (gateway.read_ussd, gateway.read_ussd_end):
        told = read(form)
        if isinstance(told, UssdHop):
            assert told.session == fields["sessionId"].strip()
