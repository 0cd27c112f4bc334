"""Coordinators at the terminal: their codes, what areas there are, and counts for others."""

import json
from pathlib import Path

from tests.support.content_dir import copy_of_content
from tests.support.process import environment, run


def code_file(folder: Path, name: str, code: str) -> str:
    path = folder / f"{name}.code"
    path.write_text(code + "\n")
    path.chmod(0o600)
    return str(path)


async def test_two_coordinators_make_an_area_coarser_and_the_log_says_who(tmp_path: Path) -> None:
    copy_of_content(tmp_path / "content")
    env = environment(tmp_path, content_dir=tmp_path / "content")
    await run("init", env=env)
    assert "Mali: in use" in (await run("areas", env=env)).stdout
    first = await run("coordinator", "add", "awa", env=env)
    awa = env | {"VIGIE_COORDINATOR_CODE_FILE": code_file(tmp_path, "awa", first.stdout.strip())}
    assert first.stdout.strip() not in first.stderr
    added = await run("coordinator", "add", "issa", "--as", "awa", env=awa)
    issa = env | {"VIGIE_COORDINATOR_CODE_FILE": code_file(tmp_path, "issa", added.stdout.strip())}
    wrong = await run("areas", "coarsen", "ML04", "--as", "issa", env=awa, status=1)
    assert "not the code of a coordinator issa" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    unasked = await run("areas", "coarsen", "ML04", "--as", "awa", env=env, status=1)
    assert "VIGIE_COORDINATOR_CODE_FILE" in unasked.stderr
    await run("areas", "coarsen", "ML99", "--as", "awa", env=awa, status=2)
    asked = await run("areas", "coarsen", "ml04", "--as", "awa", env=awa)
    assert "vigie coordinator approve 1" in asked.stderr
    alone = await run("coordinator", "approve", "1", "--as", "awa", env=awa, status=1)
    assert "a second coordinator approves it" in alone.stderr
    listed = json.loads((await run("coordinator", "list", "--json", env=env)).stdout)
    assert [person["name"] for person in listed["coordinators"]] == ["awa", "issa"]
    assert [act["subject"] for act in listed["waiting"]] == [{"area": "ML04"}]
    found = json.loads((await run("doctor", "--json", env=env, status=None)).stdout)
    (named,) = (each for each in found if each["name"] == "takes two")
    assert named["what"].startswith("awa asked on ")
    assert "coarsen" in named["what"]
    assert "ML04" in named["what"]
    await run("coordinator", "approve", "1", "--as", "issa", env=issa)
    log = (await run("audit", "--json", env=env)).stdout
    assert [(e["actor"], e["action"]) for e in json.loads(log)][-2:] == [
        ("awa", "asked for what takes two"),
        ("issa", "approved what takes two"),
    ]
    by_week = ("export", "--by", "type,week", "--format", "json")
    counts = await run(*by_week, "--as", "awa", env=awa)
    assert json.loads(counts.stdout) == {"rows": []}
    await run("export", "--by", "reporter", env=env, status=2)
