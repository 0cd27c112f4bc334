"""`vigie route`: who would be told, asked of a network that is there."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from handlers.cli import app
from tests.support.network import network, number
from tests.support.process import environment
from tests.support.routes import ROUTES, content_with_routes

SOKOLO, NIONO, SEGOU = "ML040410", "ML0404", "ML04"
RESPONDERS = (
    (NIONO, "mediator"),
    (SEGOU, "prefect"),
    (SOKOLO, "health_worker"),
    ("ML", "coordinator"),
    ("ML0506", "mediator"),
)
EVE = "2026-12-31T23:30"


async def run(*arguments: str, env: dict[str, str], status: int = 0) -> tuple[str, str]:
    """Run the command in a thread of this process: what it says, and what on standard error."""
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
    assert done.exit_code == status, done.output
    return done.stdout, " ".join(done.stderr.replace("│", " ").split())


async def test_who_would_be_told_when_and_why(tmp_path: Path) -> None:
    content = content_with_routes(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    async with network(tmp_path, content_dir=content) as vigie:
        for focal_point in range(1, 9):
            await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
        for nth, (area, function) in enumerate(RESPONDERS):
            options = ("--area", area, "--function", function)
            invited, _ = await run("responder", "invite", *options, env=env)
            await vigie.text(number(901 + nth), f"INS {invited.strip()}")
            await vigie.settle()
        listed = json.loads((await run("responder", "list", "--json", env=env))[0])
        is_a = {each["pseudonym"]: each["function"] for each in listed}
        assert sorted(is_a.values()) == sorted(function for _, function in RESPONDERS)

        async def route(*options: str) -> dict[str, Any]:
            found, _ = await run("route", "--place", "SOKOLO", *options, "--json", env=env)
            told: dict[str, Any] = json.loads(found)
            return told

        def whom(told: dict[str, Any]) -> list[tuple[str, list[str]]]:
            return [
                (step["at"][5:16], [is_a[each["pseudonym"]] for each in step["told"]])
                for step in told["steps"]
            ]

        # 38 nights after the first, it is the third one's turn; after midnight it still is.
        told = await route("--type", "CH", "--severity", "severe", "--at", EVE)
        assert (told["route"], told["area"], told["until"]) == (
            "at-night",
            SOKOLO,
            {"acknowledge": 1},
        )
        assert told["steps"][0]["on_duty"] == ["health_worker"]
        assert whom(told) == [
            ("12-31T23:30", ["health_worker"]),
            ("01-01T00:00", ["mediator", "prefect"]),
            ("01-01T01:00", ["coordinator"]),
        ]
        later = await route("--type", "CH", "--severity", "severe", "--at", "2027-01-01T02:00")
        assert later["steps"][0]["on_duty"] == ["health_worker"]

        moderate = await route("--type", "CH", "--severity", "moderate", "--at", EVE)
        assert moderate["steps"][0]["held_back"]
        assert whom(moderate) == [
            ("01-01T06:00", ["health_worker"]),
            ("01-01T06:20", ["mediator", "prefect"]),
            ("01-01T07:00", ["coordinator"]),
        ]
        extreme = await route("--type", "threat", "--severity", "extreme", "--at", EVE + "+01:00")
        assert whom(extreme)[0][0] == "12-31T22:30"
        assert len(whom(extreme)[0][1]) == 3

        said, _ = await run("route", "--type", "CH", "--place", SOKOLO, env=env)
        assert "the alert names Sokolo (ML040410)" in said
        assert not any(number(901 + nth)[4:] in said for nth in range(len(RESPONDERS)))


async def test_what_waits_for_a_digest_says_for_which(tmp_path: Path) -> None:
    digest = 'digest: {up_to: minor, zone: Africa/Bamako, at: ["07:00", "19:00"]}\nroutes:\n'
    content = content_with_routes(tmp_path / "content", ROUTES.replace("routes:\n", digest))
    env = environment(tmp_path, content_dir=content)
    async with network(tmp_path, content_dir=content) as vigie:
        await vigie.enrol(number(901), "responder", SOKOLO)
        await vigie.settle()
        asked = ("route", "--type", "CH", "--place", "SOKOLO", "--at", "2026-12-31T11:30")
        said, _ = await run(*asked, "--severity", "minor", env=env)
        assert "what is minor or less waits for a digest: 07:00 and 19:00, Africa/Bamako" in said
        assert "1. 2026-12-31 19:00, in the digest of 19:00: " in said
        found = json.loads((await run(*asked, "--severity", "minor", "--json", env=env))[0])
        assert found["leaves_at"][:16] == "2026-12-31T12:00"
        assert [each["digest"][:16] for each in found["steps"][:1]] == ["2026-12-31T19:00"]
        said, _ = await run(*asked, "--severity", "severe", env=env)
        assert "digest" not in said
        assert "1. 2026-12-31 11:30: " in said


async def test_what_cannot_be_asked_is_said_plainly(tmp_path: Path) -> None:
    content = content_with_routes(tmp_path / "content")
    env = environment(tmp_path, content_dir=content)
    await run("init", env=env)
    good = {"--type": "CH", "--place": "SOKOLO", "--at": EVE}
    for wrong, status, saying in (
        ({}, 1, "nobody would be told"),
        ({"--type": "nothing_to_report"}, 2, "no type is called"),
        ({"--type": "XX\x1b[31m"}, 2, "no type is called"),
        ({"--place": "Tombouctou-les-Bains"}, 2, "no place is called so"),
        ({"--place": "9" * 5_000}, 2, "no place is called so"),
        ({"--severity": "grave"}, 2, "grave"),
        ({"--at": "31/12/2026"}, 2, "write 2026-12-31T23:30"),
        ({"--at": "0001-01-01T00:00+14:00"}, 2, "too far away"),
        ({"--at": "9999-12-31T23:59"}, 2, "too far away"),
    ):
        options = [word for pair in (good | wrong).items() for word in pair]
        assert saying in (await run("route", *options, env=env, status=status))[1]
    invite = ("responder", "invite", "--area", NIONO, "--function", "mediater")
    assert "did you mean mediator?" in (await run(*invite, env=env, status=2))[1]
