"""`vigie drill` and `vigie feedback`, as a coordinator runs them."""

import json
from pathlib import Path

from tests.support.process import environment, run

NIONO = "ML0404"


async def test_a_coordinator_begins_and_ends_an_exercise_and_it_is_entered(tmp_path: Path) -> None:
    env = environment(tmp_path)
    await run("init", env=env)
    made = await run("coordinator", "add", "awa", env=env)
    code = tmp_path / "code"
    code.touch(mode=0o600)
    code.write_text(made.stdout, encoding="utf-8")
    awa = env | {"VIGIE_COORDINATOR_CODE_FILE": str(code)}

    begun = await run("drill", "start", "--area", "ml0404", "--hours", "2", "--as", "awa", env=awa)
    assert begun.stdout == ""
    listed = json.loads((await run("drill", "list", "--json", env=env)).stdout)
    assert [(row["area"], row["name"]) for row in listed] == [(NIONO, "Niono")]
    await run("drill", "stop", "--area", NIONO, "--as", "awa", env=awa)
    again = await run("drill", "stop", "--area", NIONO, "--as", "awa", env=awa, status=1)
    assert "vigie drill list" in again.stderr
    unknown = await run("drill", "start", "--area", "ML99", "--as", "awa", env=awa, status=1)
    assert "Traceback" not in unknown.stderr
    told = await run("feedback", "--area", NIONO, "--as", "awa", env=awa, status=1)
    assert "vigie areas" in told.stderr
    entries = (await run("audit", env=env)).stdout
    assert entries.count("began a drill") == entries.count("ended a drill") == 1
    assert "told an area" not in entries
