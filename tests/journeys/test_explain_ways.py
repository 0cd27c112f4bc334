"""`vigie explain` says who was asked of an alert, step by step, and what became of each step.

The routes are those of tests/support/routes.py; people are named by function alone.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app
from service import enrolment
from service.store.tables import stage
from tests.support.deciding import decide, decided
from tests.support.network import Network, network, number
from tests.support.process import environment
from tests.support.routes import content_with_routes

SOKOLO, NIONO, SEGOU = "ML040410", "ML0404", "ML04"
AWA, BOUBA, PREFECT, CHIEF = (number(901 + nth) for nth in range(4))
RESPONDERS = (
    (AWA, SOKOLO, "mediator"),
    (BOUBA, SOKOLO, "health_worker"),
    (PREFECT, SEGOU, "prefect"),
    (CHIEF, "ML", "coordinator"),
)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_with_routes(tmp_path / "content")


async def enrol(vigie: Network) -> None:
    service = vigie.service
    for focal_point in range(1, 9):
        await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
    for phone, area, function in RESPONDERS:
        (slip,) = await enrolment.slips(
            service.store, service.vault, vigie.clock, "responder", area, "fr", 1,
            function=function,
        )  # fmt: skip
        await vigie.text(phone, f"INS {slip.code}")
        await vigie.settle()


async def explained(folder: Path, content: Path, *more: str) -> str:
    env = environment(folder, content_dir=content)
    asked = ["explain", "1", *more]
    result = await asyncio.to_thread(CliRunner().invoke, app, asked, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


async def answers(vigie: Network, *said: tuple[str, str]) -> None:
    for phone, text in said:
        await vigie.text(phone, text)
        await vigie.settle()


async def test_each_step_says_whom_it_asked_when_and_what_became_of_it(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await answers(vigie, (BOUBA, "PAUSE 3J"))
        vigie.clock.at = vigie.clock.at.replace(hour=10, minute=0, second=0)
        await decide(vigie, decided("raise", "severe"))
        said = await explained(tmp_path, content)
        for line in (
            "Who was asked, and when",
            "By the route others of rules/escalation.yaml.",
            "The first that fits; it is for every alert.",
            "Nobody further is asked once it is acknowledged by 1; or taken back.",
            "1. Mon 23 Nov 2026 10:00  all but the coordinators, serving the area itself or one in"
            " it: told 1 (Mediator 1)",
            "passed over, since they paused or texts do not reach them: 1 (Health worker 1)",
            "2. Mon 23 Nov 2026 10:20  all but the coordinators, serving an area that holds it:"
            " not yet",
            "3. Mon 23 Nov 2026 11:00  Coordination, wherever they serve: not yet",
        ):
            assert line in said, (line, said)
        vigie.clock.move(minutes=5)
        await answers(vigie, (AWA, "NON 1"))
        said = await explained(tmp_path, content)
        assert "told 1 (Prefect 1) (due Mon 23 Nov 2026 10:20, but there was nobody" in said, said
        await answers(vigie, (PREFECT, "OK 1"))
        french = await explained(tmp_path, content, "--language", "fr")
        for line in (
            "Qui a été prévenu, et quand",
            "Par la route others de rules/escalation.yaml.",
            "dite à 1 (Médiateur 1)",
            "passés, car en pause ou sans SMS qui les atteigne : 1 (Agent de santé 1)",
            "Coordination, où que ce soit : inutile, on avait répondu (lun. 23 nov. 2026 10:0",
        ):
            assert line in french, (line, french)
        for phone in (AWA, BOUBA, PREFECT, CHIEF):
            assert phone[-8:] not in said + french


async def test_an_alert_that_became_graver_went_two_ways(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        raised = decided("raise", "severe")
        await decide(vigie, raised)
        await decide(vigie, replace(raised, kind="escalate", severity="extreme"))
        told: Any = json.loads(await explained(tmp_path, content, "--json"))
        first, then = told["ways"]
        assert (first["route"], first["fits"], first["until"]) == ("others", {}, {"acknowledge": 1})
        assert (then["route"], then["until"]) == ("extreme", {"acknowledge": 2})
        assert then["fits"] == {"severities": ["extreme"]}
        assert [each["state"] for each in first["steps"]] == ["told", "stopped", "stopped"]
        assert [each["stopped_by"] for each in first["steps"]] == [None, "graver", "graver"]
        assert first["steps"][0]["told"] == {"health_worker": 1, "mediator": 1}
        assert [each["told"] for each in then["steps"]] == [{"prefect": 1}, {}]
        assert [each["nth"] for each in then["steps"]] == [4, 5]
        said = await explained(tmp_path, content)
        assert "it is for: severity extreme." in said
        assert "not needed, the alert became graver and set out anew" in said


async def test_a_route_that_is_gone_and_steps_that_are_damaged(
    tmp_path: Path, content: Path
) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        await decide(vigie, decided("raise", "severe"))
        await decide(vigie, decided("correct", "severe"))
        vigie.clock.move(hours=1)
        await vigie.settle()
        file = content / "rules/escalation.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("id: others", "id: new"))
        said = await explained(tmp_path, content)
        assert "The route is no longer in the file" in said
        assert "not needed, the alert was taken back" in said
        async with vigie.service.store.write() as tx:
            await tx.execute(stage.update().values(step={"route": "?"}))
        assert "No step of it is known." in await explained(tmp_path, content)


async def test_who_is_on_duty_is_named_as_of_then(tmp_path: Path, content: Path) -> None:
    async with network(tmp_path, content_dir=content) as vigie:
        await enrol(vigie)
        vigie.clock.at = vigie.clock.at.replace(hour=22, minute=0)
        await decide(vigie, decided("raise", "severe"))
        said = await explained(tmp_path, content)
        assert "it is for: severity severe, what leaves in the hours `night`." in said
        assert "22:00  on duty by the rota nights: Prefect: told 1 (Prefect 1)" in said
