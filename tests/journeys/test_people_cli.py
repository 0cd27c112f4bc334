"""What coordinators do about PINs, warnings and lost phones, on the command line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.content_dir import copy_of_content, hurry
from tests.support.process import TOKEN, Server, environment, run, until
from tests.support.wire import Wire

AWA, MOUSSA = "+22379000001", "+22379000002"
INVITE = ("focal-point", "invite", "--area", "ML040410")


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "data" / "vigie.sqlite")) as database:
        return database.execute(query).fetchall()


async def test_a_coordinator_sees_who_may_be_under_threat_and_revokes_a_lost_phone(
    tmp_path: Path,
) -> None:
    content = copy_of_content(tmp_path / "content")
    hurry(content)
    env = environment(tmp_path, content_dir=content) | {"VIGIE_GATEWAY_TOKEN": TOKEN}
    await run("init", env=env)
    printed = await run(*INVITE, "--count", "2", "--pin", env=env)
    slips = [line.split("\t") for line in printed.stdout.splitlines()]
    assert [number for number, *_ in slips] == ["1", "2"]
    assert "invites 1 to 2" in printed.stderr
    (_, code, pin, duress), (_, other_code, *_) = slips
    assert len({pin, duress}) == 2
    assert all(len(each) == 4 and each.isdecimal() for each in (pin, duress))
    once = (await run("focal-point", "pins", "--invite", "1", "--count", "3", env=env)).stdout
    assert len(set(once.split())) == 3
    await run("focal-point", "pins", "--invite", "9", env=env, status=1)

    async with Server(env) as server:
        wire = Wire(await server.start())

        async def text(sender: str, said: str) -> None:
            form = {"from": sender, "to": "36000", "text": said, "id": said}
            assert await wire.post("sms", form, gateway="simulator") == 200

        await text(AWA, f"INS {code}")
        await text(MOUSSA, f"INS {other_code}")
        await until(lambda: len(rows(tmp_path, "select 1 from person")) == 2)
        for digits in (pin, once.split()[0], duress):
            await text(AWA, f"MA ML040410 1 {digits}")
        await until(lambda: len(rows(tmp_path, "select 1 from report")) == 3)
        await wire.ask("/?lang=en")
        assert "may be under threat" in wire.heard[-1].decode()
        assert await server.stop() == 0
    assert "needs a coordinator" in server.log.read_text()
    assert rows(tmp_path, "select verified, status from report order by id") == [
        (1, "counted"),
        (1, "counted"),
        (0, "quarantined"),
    ]

    listed = json.loads((await run("focal-point", "list", "--json", env=env)).stdout)
    awa = next(each for each in listed if each["warning"])
    assert awa["warning"] == "may be under threat"
    assert (awa["pin"], awa["one_time_pins"]) == ("yes", 2)
    found = json.loads((await run("doctor", "--json", env=env, status=1)).stdout)
    what = [each["what"] for each in found if each["state"] == "bad"]
    assert [f"pseudonym {awa['pseudonym']}" in each for each in what] == [True]

    await run("focal-point", "clear", "--pseudonym", str(awa["pseudonym"]), env=env)
    await run("focal-point", "clear", "--pseudonym", str(awa["pseudonym"]), env=env, status=1)
    await run("focal-point", "revoke", env=env, status=2)
    await run("focal-point", "revoke", "--invite", "1", env=env)
    await run("focal-point", "revoke", "--invite", "1", env=env, status=1)
    (left,) = json.loads((await run("focal-point", "list", "--json", env=env)).stdout)
    assert left["pseudonym"] != awa["pseudonym"]
    acts = (await run("audit", env=env)).stdout
    for act in ("printed one-time PINs", "cleared a warning", "revoked a focal point"):
        assert act in acts
    assert not any(digits in acts for digits in (pin, duress, *once.split()))
