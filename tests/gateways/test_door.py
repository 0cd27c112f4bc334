"""Who may call a gateway's URLs: by address, whatever headers say, and by signature."""

import hmac
import random
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from handlers.gateways.africastalking import AfricasTalking
from handlers.gateways.door import Door
from handlers.network import Network, read_ranges
from tests.support.gateway_edge import TOKEN, URLENCODED, Edge, running_edge

PROXIES = read_ranges("10.0.0.0/8, 127.0.0.1, fd00::/8")
GATEWAY, STRANGER = "192.0.2.7", "203.0.113.9"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = "a-key-of-signatures-0123"
BODY = b"from=%2B22370000001&to=36000&text=MA+SOKOLO+3+5&id=b6a2"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Nobody but our own proxies is believed.
        (STRANGER, [GATEWAY], STRANGER),
        (STRANGER, ["10.1.1.1, " + GATEWAY], STRANGER),
        (STRANGER, [], STRANGER),
        # From the right: the first address that is no proxy of ours.
        ("127.0.0.1", [GATEWAY], GATEWAY),
        ("10.1.1.1", [f"{GATEWAY}, 10.2.2.2"], GATEWAY),
        ("10.1.1.1", [f"{GATEWAY}, {STRANGER}"], STRANGER),
        ("10.1.1.1", [f"{GATEWAY}, {STRANGER}, 10.2.2.2"], STRANGER),
        ("10.1.1.1", [f"127.0.0.1, {STRANGER}"], STRANGER),
        # Several headers are one list, in the order in which they came.
        ("10.1.1.1", [GATEWAY, STRANGER], STRANGER),
        ("10.1.1.1", [GATEWAY, "10.2.2.2"], GATEWAY),
        # The proxy itself calls, or all are proxies.
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        # Other spellings of an address.
        ("::ffff:10.1.1.1", [f"::ffff:{GATEWAY}"], GATEWAY),
        ("fd00::1", ["2001:DB8::7"], "2001:db8::7"),
        # What cannot be read tells nobody: what stands further left is never asked.
        ("127.0.0.1", [""], None),
        ("127.0.0.1", [f"{GATEWAY},"], None),
        ("127.0.0.1", [f"{GATEWAY}, unknown"], None),
        ("127.0.0.1", [f"{GATEWAY}:4711"], None),
        ("127.0.0.1", [f"[{GATEWAY}]"], None),
        ("127.0.0.1", [f'"{GATEWAY}"'], None),
        ("127.0.0.1", [f"{GATEWAY}; 10.1.1.1"], None),
        ("127.0.0.1", ["192.0.2.007"], None),
        ("127.0.0.1", ["3221225991"], None),
        ("127.0.0.1", ["192.0.2.7/32"], None),
        ("127.0.0.1", ["١٩٢.0.2.7"], None),
        ("", [GATEWAY], None),
        (None, [GATEWAY], None),
    ],
)
def test_who_calls(peer: str | None, forwarded: list[str], client: str | None) -> None:
    expected = ip_address(client) if client else None
    assert Network(proxies=PROXIES).client(peer, forwarded) == expected


def test_without_proxies_no_header_is_believed() -> None:
    assert str(Network().client("127.0.0.1", [GATEWAY])) == "127.0.0.1"


@pytest.mark.parametrize("written", ["10.0.0.1/8", "10.0.0.0/33", "example.org", "10.0.0", "x, "])
def test_ranges_that_cannot_be_read_are_said(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_ranges(written)


async def call(edge: Edge, headers: dict[str, str], body: bytes = BODY, kind: str = "sms") -> int:
    url = edge.url(f"/gateways/africastalking/{TOKEN}/{kind}")
    given = {"Content-Type": URLENCODED, **headers}
    async with edge.client.post(url, data=body, headers=given) as answer:
        if answer.status == 404:
            assert await answer.text() == "404: Not Found"
        return answer.status


@pytest.mark.parametrize("kind", ["sms", "receipt", "opt-out"])
@pytest.mark.parametrize("forwarded", [None, GATEWAY, f"{GATEWAY}, {STRANGER}", "", "x"])
async def test_an_address_that_may_not_call_finds_nothing(kind: str, forwarded: str | None) -> None:
    """The peer, 127.0.0.1, is neither allowed nor a proxy of ours: no header helps it."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded, "Forwarded": "for=x"}
    door = Door([TOKEN], Network(read_ranges(GATEWAY)))
    async with running_edge(AfricasTalking("vigie", "key"), door=door) as edge:
        assert await call(edge, headers, kind=kind) == 404
        assert edge.kept.messages == []
        page = edge.metrics.render().decode()
    assert 'messages_refused_total{gateway="africastalking",reason="address"} 1.0' in page


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-For": GATEWAY}, 200),
        ({"X-Forwarded-For": f"{STRANGER}, {GATEWAY}"}, 200),
        ({"X-Forwarded-For": f"{GATEWAY}, {STRANGER}"}, 404),
        ({"X-Forwarded-For": f"{GATEWAY}, nobody"}, 404),
        ({"X-Real-IP": GATEWAY}, 404),
        ({"Forwarded": f"for={GATEWAY}"}, 404),
        ({"X-Forwarded-For": STRANGER, "Forwarded": f"for={GATEWAY}"}, 404),
        ({}, 404),
    ],
)
async def test_behind_a_proxy_of_ours_its_word_counts(headers: dict[str, str], status: int) -> None:
    door = Door([TOKEN], Network(read_ranges(GATEWAY), read_ranges("127.0.0.1")))
    async with running_edge(AfricasTalking("vigie", "key"), door=door) as edge:
        assert await call(edge, headers) == status


def signed(
    body: bytes = BODY, seconds: int = 0, key: str = KEY, moment: str | None = None
) -> dict[str, str]:
    moment = moment if moment is not None else str(int(NOW.timestamp()) + seconds)
    made = hmac.new(key.encode(), body + moment.encode(), "sha256").hexdigest()
    return {"X-Timestamp": moment, "X-Signature": made}


def one_bit(headers: dict[str, str]) -> dict[str, str]:
    last = headers["X-Signature"][-1]
    return headers | {"X-Signature": headers["X-Signature"][:-1] + ("0" if last != "0" else "1")}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (signed(), 200),
        (signed(seconds=299), 200),
        (signed(seconds=-299), 200),
        ({k: v.upper() for k, v in signed().items()}, 200),
        ({}, 404),
        (signed(seconds=301), 404),
        (signed(seconds=-301), 404),
        (signed(seconds=-3 * 86400), 404),
        (signed(key="another-key-of-signatures"), 404),
        (signed(key=""), 404),
        (signed(BODY + b"0"), 404),
        (signed(BODY.replace(b"3+5", b"9+9")), 404),
        (signed(b""), 404),
        (one_bit(signed()), 404),
        ({"X-Signature": signed()["X-Signature"]}, 404),
        ({"X-Timestamp": signed()["X-Timestamp"]}, 404),
        (signed() | {"X-Signature": ""}, 404),
        (signed() | {"X-Signature": "é"}, 404),
        (signed() | {"X-Timestamp": str(int(NOW.timestamp()) + 1)}, 404),
        (signed(moment=""), 404),
        (signed(moment="-1"), 404),
        (signed(moment="1e9"), 404),
        (signed(moment="9" * 400), 404),
        (signed(moment=f"{NOW.timestamp():.1f}"), 404),
        # A digit moved from the body's end to the moment: what is signed is the same bytes.
        (signed(BODY[:-1]) | {"X-Timestamp": "2" + signed()["X-Timestamp"]}, 404),
    ],
)
async def test_only_what_the_gateway_signed_just_now_is_taken(
    headers: dict[str, str], status: int
) -> None:
    door = Door([TOKEN], hmac_key=KEY, now=lambda: NOW)
    async with running_edge(AfricasTalking("vigie", "key"), door=door) as edge:
        assert await call(edge, headers) == status
        assert len(edge.kept.messages) == (status == 200)
        page = edge.metrics.render().decode()
    refused = 'messages_refused_total{gateway="africastalking",reason="signature"} '
    assert f"{refused}{'0' if status == 200 else '1'}.0" in page


async def test_no_changed_body_keeps_its_signature() -> None:
    chance = random.Random(5)
    door = Door([TOKEN], hmac_key=KEY, now=lambda: NOW)
    async with running_edge(AfricasTalking("vigie", "key"), door=door) as edge:
        for _ in range(200):
            changed = bytearray(BODY)
            changed[chance.randrange(len(BODY))] ^= 1 << chance.randrange(7)
            assert await call(edge, signed(), bytes(changed)) == 404
        assert edge.kept.messages == []
