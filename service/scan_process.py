"""The scan in a process of its own: the question is JSON on standard input, the answer on output.

A scan takes seconds to minutes and would hold up every report that comes meanwhile. The process is
told places, points and days; it has no settings, no keys and no database.
"""

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from service.domain.geo import Point
from service.domain.scan import Case, Cluster, scan

_PROJECT = Path(__file__).resolve().parents[1]


class ScanFailed(Exception):
    """The process ended without an answer; the message is the last that it said."""


async def scan_apart(
    cases: Iterable[Case], last_day: int, *, max_km: float, max_days: int
) -> Cluster | None:
    """Do what `scan` does, in another process, which ends with this call however that ends.

    The day is the seed: the same cases on the same day give the same answer. Raises ScanFailed.
    """
    limits = {"max_km": max_km, "max_days": max_days}
    question = json.dumps({"cases": list(cases), "last_day": last_day, "limits": limits})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # modules come from the project, not from where the service happens to run
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(_PROJECT)},
    )
    try:
        answer, complaint = await process.communicate(question.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last_said = complaint.decode(errors="replace").strip().splitlines()[-1:]
        raise ScanFailed(*last_said)
    found = json.loads(answer)
    return _cluster(found) if found else None


def _answer(question: str) -> str:
    asked = json.loads(question)
    cases = [Case(place, Point(*point), day) for place, point, day in asked["cases"]]
    last_day = asked["last_day"]
    chance = Random(last_day)  # noqa: S311 - it deals dates and keeps no secret
    found = scan(cases, last_day, **asked["limits"], chance=chance)
    return json.dumps(asdict(found) if found else None)


def _cluster(found: dict[str, Any]) -> Cluster:
    return Cluster(**found | {"places": tuple(found["places"]), "centre": Point(*found["centre"])})


if __name__ == "__main__":
    sys.stdout.write(_answer(sys.stdin.read()))
