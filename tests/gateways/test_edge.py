"""What every gateway's URLs do alike: tokens, methods, and answers that keep their word."""

import gzip
import logging

import pytest
from aiohttp import web

from handlers.gateways.africastalking import AfricasTalking
from tests.support.gateway_edge import TOKEN, running_edge

BODY = b"from=%2B22370000001&text=MA+SOKOLO+3+5&id=b6a2"
OLD = "an-old-token-of-22-let"


@pytest.fixture
async def gateway() -> AfricasTalking:
    return AfricasTalking("vigie", "key")


@pytest.mark.parametrize("token", [TOKEN, OLD])
async def test_two_tokens_are_live_at_once(gateway: AfricasTalking, token: str) -> None:
    async with running_edge(gateway, [TOKEN, OLD]) as edge:
        assert await edge.post("sms", BODY, token=token) == (200, "stored\n")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        "/gateways/africastalking/wrong/sms",
        "/gateways/africastalking/{token}x/sms",
        "/gateways/africastalking/{shorter}/sms",
        "/gateways/africastalking/{upper}/receipt",
        "/gateways/africastalking/%00/opt-out",
        "/gateways/africastalking/%FF%ED%A0%80/sms",
        "/gateways/africastalking/%C3%A9/sms",
        "/gateways/africastalking/{token}/ussd-start",
        "/gateways/africastalking/{token}/",
        "/gateways/africastalking//sms",
        "/gateways/simulator/{token}/sms",
    ],
)
async def test_a_wrong_token_is_like_any_unknown_path(
    gateway: AfricasTalking, path: str, method: str
) -> None:
    path = path.format(token=TOKEN, shorter=TOKEN[:-1], upper=TOKEN.upper())
    async with running_edge(gateway) as edge:
        seen = []
        for url in (edge.url("/no/such/path"), edge.url("/") + path[1:]):
            async with edge.client.request(method, url, data=BODY) as answer:
                headers = {k: v for k, v in answer.headers.items() if k != "Date"}
                seen.append((answer.status, headers, await answer.read()))
        assert seen[0][0] == 404
        assert seen[0] == seen[1]
        assert edge.kept.messages == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("kind", ["sms", "receipt", "opt-out"])
async def test_only_post(gateway: AfricasTalking, method: str, kind: str) -> None:
    async with running_edge(gateway) as edge:
        url = edge.url(f"/gateways/africastalking/{TOKEN}/{kind}")
        async with edge.client.request(method, url, params={"from": "x", "text": "y"}) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert edge.kept.messages == []


async def test_what_cannot_be_stored_is_to_be_sent_again(gateway: AfricasTalking) -> None:
    async with running_edge(gateway) as edge:
        edge.kept.available = False
        url = edge.url(f"/gateways/africastalking/{TOKEN}/sms")
        form = {"from": "+22370000001", "text": "RAS"}
        async with edge.client.post(url, data=form) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert await answer.text() == "cannot store now, send again\n"
        edge.kept.available = True
        assert await edge.post("sms", BODY) == (200, "stored\n")


async def test_200_comes_after_the_message_is_kept(gateway: AfricasTalking) -> None:
    async with running_edge(gateway) as edge:
        edge.kept.fault = RuntimeError("the disk is gone")
        status, body = await edge.post("sms", BODY)
        assert status == 500
        assert "70000001" not in body


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(BODY), 200),
        ("gzip", gzip.compress(b"text=" + b"x" * 10_000_000), 413),
        ("gzip", b"this is no gzip", 400),
        ("identity", BODY, 200),
    ],
    ids=["compressed", "a bomb", "garbage", "plain"],
)
async def test_compressed_bodies(
    gateway: AfricasTalking, encoding: str, body: bytes, status: int
) -> None:
    async with running_edge(gateway) as edge:
        url = edge.url(f"/gateways/africastalking/{TOKEN}/sms")
        headers = {
            "Content-Encoding": encoding,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with edge.client.post(url, data=body, headers=headers) as answer:
            assert answer.status == status
        assert len(edge.kept.messages) == (status == 200)


async def test_a_chunked_body_is_measured_too(gateway: AfricasTalking) -> None:
    async def chunks() -> object:
        for _ in range(20):
            yield b"x" * 8192

    async with running_edge(gateway) as edge:
        url = edge.url(f"/gateways/africastalking/{TOKEN}/sms")
        async with edge.client.post(url, data=chunks()) as answer:
            assert answer.status == 413


async def test_refusals_are_counted_by_word(gateway: AfricasTalking) -> None:
    async with running_edge(gateway) as edge:
        await edge.post("sms", BODY, token="wrong")
        await edge.post("sms", b"")
        await edge.post("sms", b"x" * 100_000)
        await edge.post("sms", BODY)
        async with edge.client.get(edge.url(f"/gateways/africastalking/{TOKEN}/sms")):
            pass
        edge.kept.available = False
        await edge.post("sms", BODY)
        page = edge.metrics.render().decode()
    for word in ("token", "unreadable", "too_large", "method", "unavailable"):
        counted = f'messages_refused_total{{gateway="africastalking",reason="{word}"}} 1.0'
        assert counted in page, word


async def test_nothing_that_was_sent_is_logged_or_answered(
    gateway: AfricasTalking, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []
    with caplog.at_level(logging.DEBUG):
        async with running_edge(gateway, app=web.Application()) as edge:
            for kind in ("sms", "receipt", "opt-out"):
                for body in (BODY, BODY[5:], BODY.replace(b"from", b"phoneNumber"), BODY * 2000):
                    for content_type in ("application/x-www-form-urlencoded", "a/b", "multipart/x"):
                        answers.append(await edge.post(kind, body, content_type))
    seen = "".join(text for _, text in answers) + caplog.text
    assert "70000001" not in seen
    assert "SOKOLO" not in seen
