"""Every key is rotated while texts come in: nothing is lost, counted twice, or opened by the old.

Three days pass in between, which the test lets pass by moving back what is stored.
"""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.vault import keyfile
from service.vault.keys import Keyring, KeysError, Purpose
from service.vault.keystore import Keystore
from service.vault.number import PhoneNumber
from service.vault.vault import Vault, VaultError
from tests.support.content_dir import copy_of_content
from tests.support.fake_at import FakeAfricasTalking
from tests.support.process import Server, environment, run, sending_to, until
from tests.support.wire import Wire

FOCAL_POINTS = [f"+223746813{n}" for n in range(50, 62)]
NEWCOMER = "+22374681370"
RESPONDER = "+22374681371"
EVERYBODY = [*FOCAL_POINTS, NEWCOMER, RESPONDER]


class Network:
    """The service and its phones: each text has an id of its own, and some are sent twice."""

    def __init__(self, folder: Path, env: dict[str, str], wire: Wire, at: FakeAfricasTalking):
        self.folder, self.env, self.wire, self.at = folder, env, wire, at
        self.sent: dict[str, dict[str, str]] = {}
        self.flowing = True
        self.first = 0  # the earliest message that a gateway would still repeat

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "data" / "vigie.sqlite")) as database:
            return database.execute(query).fetchall()

    async def text(self, number: str, text: str) -> None:
        """Send until it is taken, as a gateway does."""
        id_ = f"ATXid_{len(self.sent)}"
        form = self.sent[id_] = {"from": number, "to": "36000", "text": text, "id": id_}
        await self.again(form)

    async def again(self, form: dict[str, str]) -> None:
        while (status := await self.wire.post("sms", form)) != 200:
            assert status == 503
            await asyncio.sleep(0.1)

    async def enrol(self, group: str, *numbers: str) -> None:
        area = "ML040410" if group == "focal-point" else "ML04"
        invite = (group, "invite", "--area", area, "--count", str(len(numbers)))
        codes = (await run(*invite, env=self.env)).stdout.split()
        before = len(self.rows("select 1 from person"))
        for number, code in zip(numbers, codes, strict=True):
            await self.text(number, f"INS {code}")
        await until(lambda: len(self.rows("select 1 from person")) == before + len(numbers))

    async def flow(self) -> None:
        """Reports of all kinds, two a second; each message once more, later."""
        count = 0
        while self.flowing:
            number = FOCAL_POINTS[count % len(FOCAL_POINTS)]
            await self.text(number, f"EN SOKOLO {count % 7} {count % 5}")
            if len(self.sent) - self.first > 20:
                await self.again(self.sent[f"ATXid_{len(self.sent) - 20}"])
            count += 1
            await asyncio.sleep(0.5)

    async def settled(self) -> None:
        await until(lambda: not self.rows("select 1 from inbox where state = 'waiting'"))

    async def status(self) -> dict[str, Any]:
        return dict(json.loads((await run("keys", "status", "--json", env=self.env)).stdout))

    def three_days_pass(self) -> None:
        """What was received by now is from three days ago; invites have expired."""
        with closing(sqlite3.connect(self.folder / "data" / "vigie.sqlite")) as database:
            old = "datetime({0}, '-73 hours') || '.000000'"
            database.execute(f"update inbox set received_at = {old.format('received_at')}")
            database.execute(f"update delivery set at = {old.format('at')}")
            database.execute(f"update invite set expires_at = {old.format('expires_at')}")
            database.commit()
        self.first = len(self.sent)


async def test_all_keys_are_rotated_while_texts_come_in(tmp_path: Path) -> None:
    async with FakeAfricasTalking() as at:
        env = environment(
            tmp_path, content_dir=copy_of_content(tmp_path / "content"), **sending_to(at)
        )
        await run("init", env=env)
        root = tmp_path / "data-keys" / "root.key"
        old = keyfile.read_root(root)
        async with Server(env) as server:
            network = Network(tmp_path, env, Wire(await server.start()), at)
            await network.enrol("focal-point", *FOCAL_POINTS)
            await network.enrol("responder", RESPONDER)
            flow = asyncio.create_task(network.flow())
            early = (await run("focal-point", "invite", "--area", "ML0404", env=env)).stdout.strip()

            done = await run("keys", "rotate", env=env)
            assert "all: took the keys" in done.stderr
            done = await run("keys", "rotate", env=env, status=1)
            assert "under way" in done.stderr
            await until(
                lambda: moved(network.rows("select number_index, sealed_number from person"))
            )
            await network.text(NEWCOMER, f"INS {early}")  # made under the old keys
            await until(lambda: len(network.rows("select 1 from person")) == len(EVERYBODY))
            left = (await network.status())["left"]
            assert left["people"]["count"] == left["days' keys"]["count"] == 0
            assert left["messages"]["count"] > 0
            done = await run("keys", "retire", env=env, status=1)
            assert "still needed" in done.stderr
            assert "messages hang on an earlier version, until 20" in done.stderr

            network.three_days_pass()
            done = await run("keys", "retire", env=env)
            assert "all: took the keys" in done.stderr
            for number in [*FOCAL_POINTS[:3], NEWCOMER]:
                await network.text(number, "MA SOKOLO 3 5")
            await until(lambda: network.rows("select 1 from alert where type = 'market_attack'"))
            ((id_,),) = network.rows("select id from alert where type = 'market_attack'")
            ends = f"OK {id_}"
            await until(
                lambda: any(to == RESPONDER and text.endswith(ends) for to, text in at.texts)
            )
            network.flowing = False
            await flow
            await network.settled()
            await until(
                lambda: not network.rows("select 1 from person where other_index is not null")
            )
            assert await server.stop() == 0

        assert "Traceback" not in server.log.read_text()
        nothing_lost_or_counted_twice(network)
        assert set(keyfile.read_root(root)) == {2}
        opens_nothing(tmp_path, old, network)


def moved(people: list[Any]) -> bool:
    return all(index[:1] == sealed[:1] == b"\x02" for index, sealed in people)


def nothing_lost_or_counted_twice(network: Network) -> None:
    stored = network.rows("select count(*) from inbox where kind = 'sms'")[0][0]
    # Each text once, and everybody was known each time: nobody became a stranger to the service.
    assert stored == len(network.sent)
    assert network.rows("select problem, count(*) from inbox where problem is not null") == [
        (None, 0)
    ]
    reports = sum(form["text"][:2] in ("EN", "MA") for form in network.sent.values())
    assert len(network.rows("select 1 from report")) == reports
    assert len(network.rows("select distinct reporter from report")) == len(FOCAL_POINTS) + 1


def opens_nothing(folder: Path, old: dict[int, bytes], network: Network) -> None:
    """Whoever has the old root, and all that is on the disk now."""
    keystore = Keystore(shutil.copy(folder / "data-keys" / "keystore.sqlite", folder / "stolen"))
    keyring = Keyring.of_roots(old)
    Vault(keyring, keystore)  # publishes anew what was withdrawn: a thief may
    vault = Vault(keyring, keystore)
    people = network.rows("select id, sealed_number, number_index, other_index from person")
    texts = network.rows(
        "select sealed_text, text_day, dedupe, sealed_sender, sender_index from inbox"
    )
    assert len(people) == len(EVERYBODY)
    hashes = {vault.index(PhoneNumber(number)) for number in EVERYBODY}
    hashes |= {
        vault.blind(Purpose.MESSAGE_ID, f"sms\0africastalking\0{id_}") for id_ in network.sent
    }
    after = [row for row in texts if row[2][:1] == b"\x02"]
    assert after
    assert not hashes & {row[n] for row in people for n in (2, 3)}
    assert not hashes & {row[n] for row in after for n in (2, 4)}
    for id_, sealed, *_ in people:
        with pytest.raises((VaultError, KeysError)):
            vault.open_person(id_, sealed)
    for sealed, day, dedupe, sender, _ in texts:
        with pytest.raises((VaultError, KeysError)):
            vault.open_text(sealed, date.fromisoformat(day), dedupe.hex())
        if sender is not None and dedupe[:1] == b"\x02":
            with pytest.raises((VaultError, KeysError)):
                vault.open_sender(sender, dedupe.hex())
    keystore.close()
