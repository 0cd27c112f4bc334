"""Rules change while the service runs: all of them or none, and nothing is told again for it."""

import asyncio
import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.store.tables import alert, decision, report
from tests.support.content_dir import copy_of_content
from tests.support.network import Network, network, number
from tests.support.process import Server, environment, run

SOKOLO, NIONO = "ML040410", "ML0404"
AWA, MOUSSA, FANTA, OUMAR = number(1), number(2), number(3), number(4)
RESPONDER = number(901)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return copy_of_content(tmp_path / "content")


def change(content: Path, old: str, new: str, rule: str = "market-cluster") -> None:
    file = content / f"rules/alerts/{rule}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


async def enrol(vigie: Network) -> None:
    for person in range(1, 9):
        await vigie.enrol(number(person), "focal_point", SOKOLO)
    await vigie.enrol(RESPONDER, "responder", NIONO)
    await vigie.settle()


async def attack(vigie: Network, *senders: str) -> None:
    for sender in senders:
        await vigie.text(sender, "MA SOKOLO 3 5")
        vigie.clock.move(hours=1)
    await vigie.settle()


def alerts_sent(vigie: Network) -> list[str]:
    """What the responder was sent after the welcome."""
    return vigie.sent_to(RESPONDER)[1:]


async def test_a_changed_rule_judges_from_the_next_report_on(
    tmp_path: Path, content: Path, database_url: str
) -> None:
    async with network(tmp_path, database_url, content_dir=content) as vigie:
        await enrol(vigie)
        await attack(vigie, AWA, MOUSSA)
        change(content, "at_least: 3", "at_least: 2")
        with capture_logs() as logs:
            assert await vigie.service.reloader.reload()
        changed = [log for log in logs if log["event"] == "a rule changed"]
        assert [(log["rule"], log["was"], log["now"]) for log in changed] == [
            ("market-cluster", "live", "live")
        ]
        await vigie.settle()
        assert await vigie.rows(alert) == []  # what was there before raises nothing by itself
        await attack(vigie, FANTA)
        (raised,) = await vigie.rows(alert)
        (made,) = await vigie.rows(decision)
        assert made.rule_hash == changed[0]["hash"]
        assert len(await vigie.rows(report)) == 3
        assert len(alerts_sent(vigie)) == 1
        assert str(raised.id) in alerts_sent(vigie)[0]


async def test_content_with_a_problem_is_refused_whole_and_the_old_rules_stay(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        change(content, "at_least: 3", "at_least: 2")  # valid by itself
        change(content, "status: live", "status: lve", "herder-farmer")
        (content / "rules/alerts/more.yaml").write_text("- {id: [", encoding="utf-8")
        with capture_logs() as logs:
            assert not await vigie.service.reloader.reload()
        (refused,) = [log for log in logs if "refused" in log["event"]]
        assert refused["problems"] == 2
        assert "vigie check" in refused["event"]
        await attack(vigie, AWA, MOUSSA)
        assert await vigie.rows(alert) == []
        await attack(vigie, FANTA)
        assert len(await vigie.rows(alert)) == 1


async def test_a_directory_that_is_gone_is_refused(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        (content / "rules").rename(content / "elsewhere")
        assert not await vigie.service.reloader.reload()
        await attack(vigie, AWA, MOUSSA, FANTA)
        assert len(await vigie.rows(alert)) == 1


async def test_what_was_told_is_not_told_again(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await attack(vigie, AWA, MOUSSA, FANTA)
        assert len(alerts_sent(vigie)) == 1
        for old, new in (("at_least: 3", "at_least: 2"), ("km: 25", "km: 20")):
            change(content, old, new)
            assert await vigie.service.reloader.reload()
            await attack(vigie, OUMAR)
        assert len(await vigie.rows(alert)) == 1
        assert len(alerts_sent(vigie)) == 1
        change(content, "{at_least: 6, severity", "{at_least: 7, severity")
        assert await vigie.service.reloader.reload()
        await attack(vigie, number(5), number(6), number(7))
        (raised,) = await vigie.rows(alert)
        assert raised.severity == "extreme"
        assert len(alerts_sent(vigie)) == 2


async def test_a_rule_on_trial_decides_and_sends_nothing_and_then_goes_live(
    tmp_path: Path, content: Path
) -> None:
    change(content, "status: live", "status: trial")
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        before = len(vigie.at.texts)
        await attack(vigie, AWA, MOUSSA, FANTA)
        (made,) = await vigie.rows(decision)
        assert (made.kind, made.live) == ("raise", False)
        assert await vigie.rows(alert) == []
        neutral = [to for to, _ in vigie.at.texts[before:]]
        assert sorted(neutral) == sorted([AWA, MOUSSA, FANTA])

        change(content, "status: trial", "status: live")
        assert await vigie.service.reloader.reload()
        vigie.clock.move(hours=1)
        await vigie.settle()
        assert await vigie.rows(alert) == []  # its trial is history
        await attack(vigie, OUMAR)
        assert len(await vigie.rows(alert)) == 1  # the cluster goes on: that is news
        assert len(alerts_sent(vigie)) == 1


async def test_a_rule_that_is_retired_says_nothing_more(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await attack(vigie, AWA, MOUSSA)
        change(content, "status: live", "status: retired")
        assert await vigie.service.reloader.reload()
        await attack(vigie, FANTA, OUMAR)
        assert await vigie.rows(decision) == []


async def test_texts_are_taken_up_too(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        neutral = content / "templates_sms/fr/neutral.txt"
        head = neutral.read_text(encoding="utf-8").rpartition("---")[0]
        neutral.write_text(f"{head}---\nBien recu, merci.\n", encoding="utf-8")
        assert await vigie.service.reloader.reload()
        await vigie.text(AWA, "MA SOKOLO 3 5")
        await vigie.settle()
        assert vigie.sent_to(AWA)[-1] == "Bien recu, merci."


async def test_an_unchanged_directory_changes_nothing(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        with capture_logs() as logs:
            assert await vigie.service.reloader.reload()
        assert [log["event"] for log in logs] == ["reloaded: nothing has changed"]


class AtTerminal(Server):
    """A server that is started at a terminal."""

    def __init__(self, env: dict[str, str], terminal: int) -> None:
        super().__init__(env)
        self._terminal = terminal

    def _popen(self, *command: str | Path, **others: Any) -> subprocess.Popen[bytes]:
        return super()._popen(*command, **{"stdin": self._terminal, **others})


async def said(server: Server, words: bytes, times: int = 1) -> None:
    """Wait until the log has these words so many times."""
    async with asyncio.timeout(60):
        while True:
            if server.log.read_bytes().count(words) >= times:
                return
            await asyncio.sleep(0.01)


async def test_sighup_reloads_and_the_service_goes_on(tmp_path: Path, content: Path) -> None:
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    async with Server(env) as server:
        await server.start()
        change(content, "at_least: 3", "at_least: 4")
        os.kill(server.pid, signal.SIGHUP)
        await said(server, b"a rule changed")
        change(content, "at_least: 4", "atleast: 4")
        os.kill(server.pid, signal.SIGHUP)
        await said(server, b"reload refused")
        change(content, "atleast: 4", "at_least: 5")
        os.kill(server.pid, signal.SIGHUP)
        await said(server, b"a rule changed", times=2)
        assert await server.stop() == 0


async def test_when_its_terminal_is_closed_it_stops(tmp_path: Path, content: Path) -> None:
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    ours, theirs = pty.openpty()
    async with AtTerminal(env, theirs) as server:
        await server.start()
        os.close(theirs)
        os.close(ours)
        assert await server.stop(signal.SIGHUP) == 0
        assert b"stopping" in server.log.read_bytes()
