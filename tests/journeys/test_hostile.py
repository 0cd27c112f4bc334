"""The whole path against what means harm: garbage, poison, replays, forgeries, and a full disk."""

import asyncio
import random
import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from sqlalchemy import update

from service.store.tables import alert, delivery, inbox, report
from tests.support.content_dir import copy_of_content, hurry
from tests.support.fake_at import FakeAfricasTalking
from tests.support.network import TOKEN, Network, network, number
from tests.support.process import Server, environment, run, sending_to, until
from tests.support.wire import Wire

AWA, MOUSSA, FANTA = number(1), number(2), number(3)
SOKOLO = "ML040410"

HOSTILE = [
    b"",
    b"\x00",
    b"MA\x00SOKOLO\x003",
    b"\xff\xfe\xfd MA SOKOLO",
    b"\xed\xa0\x80\xed\xb0\x80",  # lone surrogates
    "MA SOKOLO ٣ ٥".encode(),  # Arabic-Indic digits: a report
    "‮OLOKOS AM‬ 3".encode(),
    "M\u200bA S\u200dO\ufeffK".encode(),
    ("e" + "\u0301" * 9000).encode(),
    "🔥".encode() * 9000,
    b"9" * 60_000,
    b"MA SOKOLO " + b"9 " * 20_000,
    b" \r\n\t*#,.;/" * 5000,
    b"MA " * 20_000,
    b"'; DROP TABLE inbox; --",
    b"%s%s%n {0} {text} ${jndi:ldap://x} {{ 7*7 }} {% for x in y %}",
    b"<script>alert(1)</script>",
    b'{"text": [[[[[[',
    b'=cmd|"/c calc"!A1',
    b"../../../etc/passwd",
    b"OK " + b"9" * 400,
    b"OK -1",
    b"INS " + b"A" * 5000,
    b"INS ABCDEFGH; INS ABCDEFGH",
    b"STOPSTOP STO P",
    b"MA SOKOLO -3 +5 1e9 0x10 1/0 nan",
    b"MA SOKOLO 99999999999999999999 morts il y a 99999999999 jours",
]


async def enrol(vigie: Network, *phones: str) -> None:
    for phone in phones:
        await vigie.enrol(phone, "focal_point", SOKOLO)
    await vigie.settle()


async def state_of(vigie: Network) -> list[tuple[str, str | None]]:
    return [(row.state, row.problem) for row in await vigie.rows(inbox)]


async def post_raw(vigie: Network, sender: str, text: bytes, name: str) -> int:
    """Post a text of any bytes, each of them percent-encoded."""
    body = f"from={quote_from_bytes(sender.encode())}&to=36000&id={name}&text="
    every = "".join(f"%{byte:02X}" for byte in text) if len(text) < 9000 else text.decode("latin-1")
    url = f"{vigie.url}/gateways/africastalking/{TOKEN}/sms"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    data = (body + every.replace("&", "%26")).encode("latin-1")
    async with vigie.http.post(url, data=data, headers=headers) as answer:
        return answer.status


async def test_no_text_stops_the_others(tmp_path: Path, database_url: str) -> None:
    chance = random.Random(3)
    texts = HOSTILE + [chance.randbytes(chance.randrange(200)) for _ in range(100)]
    senders = [number(n) for n in range(1, 11)]
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie, *senders)
        enrolled = len(vigie.at.texts)
        for n, text in enumerate(texts):
            assert await post_raw(vigie, senders[n % 10], text, f"hostile-{n}") == 200
            assert await post_raw(vigie, number(100 + n), text, f"strange-{n}") == 200
        await vigie.text(MOUSSA, "VB SOKOLO 77 bovins")
        await vigie.settle()
        assert {state for state, _ in await state_of(vigie)} == {"done"}
        assert [row.livestock for row in await vigie.rows(report)].count(77) == 1
        assert len({text for _, text in vigie.at.texts[enrolled:]}) == 1  # the neutral answer


@pytest.mark.parametrize(
    ("damage", "state", "problem"),
    [
        ({"sealed_text": b"\x00"}, "quarantined", "CannotOpen"),
        ({"sealed_text": b"\x01" + bytes(200)}, "quarantined", "CannotOpen"),
        ({"sealed_text": b""}, "quarantined", "CannotOpen"),
        ({"sealed_text": None}, "quarantined", "TypeError"),
        ({"text_day": None}, "quarantined", "AttributeError"),
        ({"kind": "mms"}, "quarantined", "KeyError"),
    ],
)
async def test_a_poison_row_in_the_middle_of_a_batch_is_set_aside_alone(
    damage: dict[str, object], state: str, problem: str, tmp_path: Path
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, MOUSSA, FANTA)
        done = len(await vigie.rows(inbox))
        waiting = await a_batch_that_waits(vigie)
        poison = waiting[len(waiting) // 2]
        async with vigie.service.store.write() as tx:
            await tx.execute(update(inbox).where(inbox.c.id == poison).values(damage))
        vigie.clock.move(hours=2)
        await vigie.settle()
        states = {row.id: (row.state, row.problem) for row in await vigie.rows(inbox)}
        assert states.pop(poison) == (state, problem)
        assert set(states.values()) == {("done", None)}
        assert len(await vigie.rows(report)) == len(states) - done
        assert b"vigie_messages_quarantined_total 1.0" in vigie.service.metrics.render()


async def a_batch_that_waits(vigie: Network) -> list[int]:
    """Messages of three people that all wait for later, as a flood's do; their ids in turn."""
    for _ in range(35):
        for sender in (AWA, MOUSSA, FANTA):
            await vigie.text(sender, "VB SOKOLO 3")
    await vigie.settle()
    rows = [row for row in await vigie.rows(inbox) if row.state == "waiting"]
    assert len(rows) > 10
    return [row.id for row in sorted(rows, key=lambda row: (row.due_at, row.id))]


async def test_a_text_whose_day_was_forgotten_is_expired_and_blocks_nothing(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        await enrol(vigie, AWA, MOUSSA, FANTA)
        waiting = await a_batch_that_waits(vigie)
        vigie.clock.move(days=1)
        await vigie.service.vault.forget_days(vigie.clock.now().date())
        await vigie.text(MOUSSA, "VB SOKOLO 77")
        await vigie.settle()
        states = {row.id: (row.state, row.problem) for row in await vigie.rows(inbox)}
        assert {states[each] for each in waiting} == {("done", "expired")}
        assert (await vigie.rows(report))[-1].livestock == 77


async def test_what_was_received_before_is_not_taken_again(
    tmp_path: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url) as vigie:
        await enrol(vigie, AWA)
        await vigie.enrol(number(901), "responder", "ML04")
        text = {"from": AWA, "to": "36000", "text": "EN SOKOLO", "id": "replayed"}
        text["date"] = f"{vigie.clock.now():%Y-%m-%d %H:%M:%S}"
        await asyncio.gather(*(vigie.post("sms", text) for _ in range(20)))
        await vigie.settle()
        message_id = vigie.at.message_ids[number(901)][-1]
        for status in ("Sent", "Success", "Sent", "Success"):
            await vigie.receipt(message_id, status, number(901))
            await vigie.settle()
        before = [await vigie.rows(table) for table in (report, alert, delivery)]
        for hours in (1, 24, 40):
            vigie.clock.move(hours=hours)
            await vigie.service.timers.forget()
            assert await vigie.post("sms", text) == 200
            await vigie.receipt(message_id, "Sent", number(901))
        await vigie.settle()
        assert [await vigie.rows(table) for table in (report, alert, delivery)] == before
        assert [row.status for row in before[2]].count("success") == 1


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        TOKEN[:-1],
        TOKEN + "x",
        TOKEN.upper(),
        TOKEN + "%00",
        "%2e%2e",
        "é" * 22,
        "x" * 6000,
    ],
)
async def test_a_forged_token_opens_nothing(token: str, tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        wire = Wire(vigie.url)
        for kind, form in (
            ("sms", {"from": AWA, "to": "36000", "text": "RAS", "id": "1"}),
            ("receipt", {"id": "1", "status": "Success"}),
            ("opt-out", {"senderId": "VIGIE", "phoneNumber": AWA}),
        ):
            path = quote_from_bytes(token.encode(), safe="%")
            assert await wire.post(kind, form, path) == 404
        assert len(set(wire.heard)) == 1
        assert await vigie.rows(inbox) == []


async def test_a_full_disk_is_answered_503_and_the_retry_is_taken(tmp_path: Path) -> None:
    """The kernel refuses every write to a file, the log's too, and then allows them again."""
    content = copy_of_content(tmp_path / "content")
    hurry(content)
    async with FakeAfricasTalking() as at:
        env = environment(tmp_path, content_dir=content, **sending_to(at))
        await run("init", env=env)
        invite = ("focal-point", "invite", "--area", SOKOLO, "--count", "1")
        (code,) = (await run(*invite, env=env)).stdout.split()
        async with Server(env) as server:
            wire = Wire(await server.start())
            assert await wire.text(AWA, f"INS {code}") == 200
            await until(lambda: at.texts)
            forms = [
                {"from": AWA, "to": "36000", "text": f"VB {SOKOLO} {n}", "id": f"full-{n}"}
                for n in range(1, 6)
            ]
            _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, most))
            refused = await asyncio.gather(*(wire.post("sms", form) for form in forms))
            assert set(refused) == {503}
            assert b"Retry-After: 5" in wire.heard[-1]
            assert await wire.ask("/healthz") == 200
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most, most))
            taken = await asyncio.gather(*(wire.post("sms", form) for form in forms))
            assert set(taken) == {200}
            database = tmp_path / "data" / "vigie.sqlite"
            await until(lambda: livestock(database) == [1, 2, 3, 4, 5])
            assert await server.stop() == 0


def livestock(database: Path) -> list[int]:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        rows = connection.execute("select livestock from report order by livestock").fetchall()
    return [count for (count,) in rows]
