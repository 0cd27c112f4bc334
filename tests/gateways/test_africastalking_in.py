"""Raw callbacks as Africa's Talking sends them, and as nobody should: body in, outcome out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.gateways.africastalking import AfricasTalking, read_date
from handlers.gateways.edge import LIMIT
from handlers.gateways.forms import Refused, read_form
from service.gateway import (
    DeliveryStatus,
    Inbound,
    InboundOptOut,
    InboundReceipt,
    InboundSms,
)
from service.vault.number import PhoneNumber
from tests.support.gateway_edge import URLENCODED, Edge, running_edge

AWA = PhoneNumber("+22370000001")
SENT = datetime(2017, 5, 3, 6, 4, 45, tzinfo=UTC)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    gateway = AfricasTalking("vigie", "key")
    async with running_edge(gateway) as edge:
        yield edge
    await gateway.close()


def sms(
    text: str = "MA SOKOLO 3 5",
    sender: PhoneNumber | None = AWA,
    message_id: str | None = "b6a2",
    sent_at: datetime | None = SENT,
) -> InboundSms:
    return InboundSms("africastalking", message_id, sender, text, sent_at)


WHOLE = (
    b"linkId=28a92cdf-2d63-4ee3-93df-4233d3de0356&text=MA+SOKOLO+3+5&to=36000&id=b6a2"
    b"&date=2017-05-03T06%3A04%3A45Z&from=%2B22370000001&networkCode=61002"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (WHOLE, sms()),
        (WHOLE.replace(b"T06", b"+06").replace(b"45Z", b"45"), sms()),
        (WHOLE.replace(b"45Z", b"45%2B01:00"), sms(sent_at=SENT.replace(hour=5))),
        (WHOLE.replace(b"45Z", b"45.123Z"), sms(sent_at=SENT.replace(microsecond=123000))),
        (WHOLE.replace(b"2017-05-03T06%3A04%3A45Z", b"yesterday"), sms(sent_at=None)),
        (WHOLE.replace(b"2017-05-03T06%3A04%3A45Z", b"2017-02-30"), sms(sent_at=None)),
        (WHOLE.replace(b"date=", b"d="), sms(sent_at=None)),
        (WHOLE.replace(b"linkId=", b"l=").replace(b"to=", b"t="), sms()),
        (WHOLE.replace(b"&id=b6a2", b""), sms(message_id=None)),
        (WHOLE.replace(b"id=b6a2", b"id="), sms(message_id=None)),
        (WHOLE.replace(b"MA+SOKOLO+3+5", b""), sms("")),
        (WHOLE.replace(b"text=MA+SOKOLO+3+5", b"text"), sms("")),
        (WHOLE.replace(b"%2B223", b"+223"), sms()),
        (WHOLE.replace(b"%2B22370000001", b"70+00-00.01"), sms()),
        (WHOLE.replace(b"%2B22370000001", quote_plus("+٢٢٣٧٠٠٠٠٠٠١").encode()), sms()),
        (WHOLE.replace(b"%2B22370000001", b"ORANGE-ML"), sms(sender=None)),
        (WHOLE.replace(b"%2B22370000001", b"36000"), sms(sender=None)),
        (WHOLE.replace(b"%2B22370000001", b""), sms(sender=None)),
        (WHOLE.replace(b"%2B22370000001", b"%2B" + b"9" * 5000), sms(sender=None)),
        (WHOLE.replace(b"3+5", quote_plus("٣ ٥").encode()), sms("MA SOKOLO ٣ ٥")),
        (WHOLE.replace(b"SOKOLO", "SÉGOU".encode()), sms("MA SÉGOU 3 5")),
        (WHOLE.replace(b"SOKOLO", b"S%C3%89GOU"), sms("MA SÉGOU 3 5")),
        (WHOLE.replace(b"SOKOLO", b"S%C9GOU"), sms("MA SÉGOU 3 5")),
        (WHOLE.replace(b"SOKOLO", b"S\xc9GOU"), sms("MA SÉGOU 3 5")),
        (WHOLE.replace(b"SOKOLO", b"%81%FF"), sms("MA \N{REPLACEMENT CHARACTER}ÿ 3 5")),
        (WHOLE.replace(b"SOKOLO", b"100%"), sms("MA 100% 3 5")),
        (WHOLE.replace(b"SOKOLO", b"%ZZ%4"), sms("MA %ZZ%4 3 5")),
        (WHOLE.replace(b"SOKOLO", b"%00"), sms("MA \0 3 5")),
        (WHOLE.replace(b"SOKOLO", b"%0D%0A"), sms("MA \r\n 3 5")),
        (WHOLE.replace(b"SOKOLO", quote_plus("🐄ɛ").encode()), sms("MA 🐄ɛ 3 5")),
        (WHOLE + b"&text=RAS&from=%2B22370000002", sms()),
        (WHOLE + b"&&=&x", sms()),
    ],
    ids=lambda value: value[:120].decode("latin-1") if isinstance(value, bytes) else "",
)
async def test_texts_that_are_accepted(edge: Edge, body: bytes, message: Inbound) -> None:
    assert await edge.post("sms", body) == (200, "stored\n")
    assert edge.kept.messages == [message]


RECEIPT = b"id=ATXid_1&status=Success&phoneNumber=%2B22370000001&networkCode=61002&retryCount=0"


def receipt(
    status: DeliveryStatus = DeliveryStatus.SUCCESS, reason: str | None = None
) -> InboundReceipt:
    return InboundReceipt("africastalking", "ATXid_1", status, reason)


@pytest.mark.parametrize(
    ("status", "read"),
    [
        (b"Sent", DeliveryStatus.SENT),
        (b"Submitted", DeliveryStatus.SUBMITTED),
        (b"Buffered", DeliveryStatus.BUFFERED),
        (b"Rejected", DeliveryStatus.REJECTED),
        (b"Success", DeliveryStatus.SUCCESS),
        (b"Failed", DeliveryStatus.FAILED),
        (b"AbsentSubscriber", DeliveryStatus.ABSENT_SUBSCRIBER),
        (b"Expired", DeliveryStatus.EXPIRED),
        (b"DeliveredToTerminal", DeliveryStatus.UNKNOWN),
        (b"", DeliveryStatus.UNKNOWN),
        (b"%00%FF", DeliveryStatus.UNKNOWN),
        (b"x" * 10_000, DeliveryStatus.UNKNOWN),
    ],
    ids=lambda value: value[:20].decode() if isinstance(value, bytes) else "",
)
async def test_receipts_in_any_case(edge: Edge, status: bytes, read: DeliveryStatus) -> None:
    for spelt in (status, status.upper(), status.lower(), b"+" + status + b"+"):
        body = RECEIPT.replace(b"=Success", b"=" + spelt)
        assert await edge.post("receipt", body) == (200, "stored\n")
    assert edge.kept.messages == [receipt(read)] * 4


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("InsufficientCredit", "no_credit"),
        ("InvalidLinkId", "invalid_link"),
        ("UserIsInactive", "inactive"),
        ("UserInBlackList", "blocked_by_recipient"),
        ("UserAccountSuspended", "suspended"),
        ("NotNetworkSubcriber", "not_on_network"),
        ("NotNetworkSubscriber", "not_on_network"),
        ("UserNotSubscribedToProduct", "not_subscribed"),
        ("UserDoesNotExist", "no_such_number"),
        ("DeliveryFailure", "delivery_failed"),
        ("DoNotDisturbRejection", "quiet_hours"),
        ("+22370000001 is off", "other"),
        ("", None),
    ],
)
async def test_why_a_text_did_not_arrive(edge: Edge, failure: str, reason: str | None) -> None:
    body = urlencode({"id": "ATXid_1", "status": "Failed", "failureReason": failure}).encode()
    assert await edge.post("receipt", body) == (200, "stored\n")
    assert edge.kept.messages == [receipt(DeliveryStatus.FAILED, reason)]


@pytest.mark.parametrize(
    ("body", "sender"),
    [
        (b"senderId=VIGIE&phoneNumber=%2B22370000001", AWA),
        (b"phoneNumber=%2B22370000001", AWA),
        (b"senderId=VIGIE&phoneNumber=VIGIE", None),
        (b"senderId=VIGIE&phoneNumber=", None),
    ],
)
async def test_opt_outs(edge: Edge, body: bytes, sender: PhoneNumber | None) -> None:
    assert await edge.post("opt-out", body) == (200, "stored\n")
    assert edge.kept.messages == [InboundOptOut("africastalking", sender)]


def multipart(*fields: tuple[str, str], end: str = "--BOUND--\r\n") -> bytes:
    parts = [
        f'--BOUND\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    return ("".join(parts) + end).encode()


PARTS = [
    ("from", "+22370000001"),
    ("text", "MA SOKOLO 3 5"),
    ("id", "b6a2"),
    ("date", "2017-05-03T06:04:45Z"),
]
BOUND = "multipart/form-data; boundary=BOUND"


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (BOUND, multipart(*PARTS), sms()),
        ('Multipart/Form-Data;charset=utf-8; boundary="BOUND"', multipart(*PARTS), sms()),
        (BOUND, b"a preamble\r\n" + multipart(*PARTS) + b"an epilogue", sms()),
        (BOUND, multipart(*PARTS, ("text", "RAS")), sms()),
        (BOUND, multipart(*PARTS).replace(b"MA SOKOLO 3 5", b""), sms("")),
        (BOUND, multipart(*PARTS).replace(b"SOKOLO", b"S\xc9GOU"), sms("MA SÉGOU 3 5")),
        (BOUND, multipart(*PARTS).replace(b"SOKOLO", b"\r\n--BOU"), sms("MA \r\n--BOU 3 5")),
        (BOUND, multipart(*PARTS).replace(b'"text"', b"text"), sms()),
        (BOUND, multipart(*PARTS).replace(b'name="text"', b'filename="f"; name="text"'), sms()),
        (
            BOUND,
            multipart(*PARTS).replace(b'"text"\r\n', b'"text"\r\nContent-Type: text/plain\r\n'),
            sms(),
        ),
        ("application/x-www-form-urlencoded; charset=ISO-8859-1", WHOLE, sms()),
        (" APPLICATION/X-WWW-FORM-URLENCODED ; charset=nonsense", WHOLE, sms()),
    ],
)
async def test_other_ways_to_write_a_form(
    edge: Edge, content_type: str, body: bytes, message: Inbound
) -> None:
    assert await edge.post("sms", body, content_type) == (200, "stored\n")
    assert edge.kept.messages == [message]


CONTENT_TYPE = "the content type must be application/x-www-form-urlencoded or multipart/form-data\n"
CUT_SHORT = "the multipart body is cut short\n"


@pytest.mark.parametrize(
    ("kind", "content_type", "body", "answer"),
    [
        ("sms", URLENCODED, b"", "the field from is missing\n"),
        ("sms", URLENCODED, WHOLE.replace(b"from=", b"From="), "the field from is missing\n"),
        ("sms", URLENCODED, WHOLE.replace(b"text=", b"txt="), "the field text is missing\n"),
        ("sms", URLENCODED, b'{"from": "+22370000001"}', "the field from is missing\n"),
        ("receipt", URLENCODED, RECEIPT.replace(b"id=", b""), "the field id is missing\n"),
        ("receipt", URLENCODED, RECEIPT.replace(b"ATXid_1", b""), "the field id is empty\n"),
        ("receipt", URLENCODED, RECEIPT.replace(b"status=", b""), "the field status is missing\n"),
        ("opt-out", URLENCODED, b"senderId=VIGIE", "the field phoneNumber is missing\n"),
        ("sms", "application/json", b'{"from": "+22370000001"}', CONTENT_TYPE),
        ("sms", "text/plain", WHOLE, CONTENT_TYPE),
        ("sms", "application/x-www-form-urlencodedx", WHOLE, CONTENT_TYPE),
        ("sms", "é/é", WHOLE, CONTENT_TYPE),
        ("sms", None, WHOLE, CONTENT_TYPE),
        ("sms", "multipart/form-data", multipart(*PARTS), "multipart/form-data needs a boundary\n"),
        (
            "sms",
            "multipart/form-data; boundary=",
            multipart(*PARTS),
            "multipart/form-data needs a boundary\n",
        ),
        (
            "sms",
            "multipart/form-data; boundary=" + "x" * 71,
            multipart(*PARTS),
            "multipart/form-data needs a boundary\n",
        ),
        ("sms", "multipart/form-data; boundary=OTHER", multipart(*PARTS), CUT_SHORT),
        ("sms", BOUND, multipart(*PARTS, end=""), CUT_SHORT),
        ("sms", BOUND, multipart(*PARTS)[:-20], CUT_SHORT),
        ("sms", BOUND, multipart(*PARTS).replace(b"\r\n", b"\n"), CUT_SHORT),
        ("sms", BOUND, b"", CUT_SHORT),
        ("sms", BOUND, b"--BOUND--", "the field from is missing\n"),
        ("sms", BOUND, multipart(*PARTS[:1]), "the field text is missing\n"),
        ("sms", BOUND, multipart(*PARTS).replace(b"name=", b"n="), "the field from is missing\n"),
        ("sms", BOUND, WHOLE, CUT_SHORT),
    ],
)
async def test_what_is_refused_is_told_why_and_nothing_is_repeated(
    edge: Edge, kind: str, content_type: str | None, body: bytes, answer: str
) -> None:
    assert await edge.post(kind, body, content_type) == (400, answer)
    assert edge.kept.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"from=%2B22370000001&text=" + b"x" * 1_000_000,
        b"x" * 1_000_000,
        WHOLE + b"&" * (LIMIT + 1 - len(WHOLE)),
    ],
    ids=["1 MB of text", "1 MB of nothing", "one byte too many"],
)
async def test_too_large(edge: Edge, body: bytes) -> None:
    assert await edge.post("sms", body) == (413, "the body is larger than 65536 bytes\n")
    assert edge.kept.messages == []


async def test_the_largest_body(edge: Edge) -> None:
    assert await edge.post("sms", WHOLE + b"&" * (LIMIT - len(WHOLE))) == (200, "stored\n")
    assert edge.kept.messages == [sms()]


@given(st.text())
def test_no_date_raises(raw: str) -> None:
    date = read_date(raw)
    assert date is None or date.tzinfo is UTC


@pytest.mark.parametrize("raw", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_outside_the_calendar_is_none(raw: str) -> None:
    assert read_date(raw) is None


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_a_form_that_is_written_is_read(fields: dict[str, str]) -> None:
    body = urlencode(fields, errors="replace").encode()
    readable = {
        name.encode(errors="replace").decode(): value.encode(errors="replace").decode()
        for name, value in fields.items()
    }
    form = read_form(URLENCODED, body)
    assert not isinstance(form, Refused)
    assert {name: value for name, value in form.items() if name} == readable


pieces = st.sampled_from(
    (
        *(b"--BOUND", b"--", b"\r\n", b"\n", b'"', b"\xff", b" ", b"%", b"&", b"=", b";"),
        *(b"Content-Disposition: form-data; ", b"content-disposition: form-data;;;;"),
        *(b'name="from"', b'name="', b"name="),
    )
)


@given(
    st.sampled_from([BOUND, URLENCODED, "multipart/form-data; boundary=;"]) | st.text(),
    st.lists(pieces).map(b"".join) | st.binary(),
)
def test_no_body_raises(content_type: str, body: bytes) -> None:
    form = read_form(content_type, body)
    assert isinstance(form, Refused) or all(isinstance(value, str) for value in form.values())
