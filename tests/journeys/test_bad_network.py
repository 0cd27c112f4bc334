"""Whatever the network does, it ends as on a good one: each report once, each last word kept."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from service.store.tables import alert, report, response
from tests.support.bad_network import BadNetwork
from tests.support.network import START, Network, network, number

SOKOLO, NIONO = "ML040410", "ML0404"
FOCAL_POINTS = [number(each) for each in range(1, 9)]
RESPONDERS = [number(901), number(902)]
STEPS = 25
SEEDS = (1, 2)


@dataclass(frozen=True)
class End:
    """What is left of a story: nobody's numbers, ids or moments."""

    reports: Counter[tuple[int, str, str, int | None, str]]
    standing: frozenset[str]


def story(chance: Random) -> list[tuple[int, str, str]]:
    """(step, sender, text): reports by eight people, some of which are taken back or corrected."""
    said = []
    for sender in FOCAL_POINTS:
        step = chance.randrange(3)
        while step < STEPS:
            place, killed = chance.choice(("SOKOLO", "DOGOFRY", "NIONO")), chance.randrange(1, 9)
            code = chance.choice(("MA", "MA", "BR", "VB", "AV", "DC"))
            said.append((step, sender, f"{code} {place} {killed}"))
            after = chance.random()
            if after < 0.25:
                said.append((step + 1, sender, "ANN"))
            elif after < 0.5:
                said.append((step + 1, sender, f"COR MA {place} {killed + 1}"))
            step += chance.randrange(3, 12)
    return said


async def played(folder: Path, seed: int, *, kind: bool) -> End:
    """The end of the story of this seed on a bad network, or on a kind one."""
    said = story(Random(seed))
    async with network(folder) as vigie:
        for phone in FOCAL_POINTS:
            await vigie.enrol(phone, "focal_point", SOKOLO)
        for phone in RESPONDERS:
            await vigie.enrol(phone, "responder", NIONO)
        await vigie.settle()
        vigie.clock.at = START + timedelta(minutes=10)  # answers to the enrolments took their time
        carried = BadNetwork(vigie, Random(seed), kind)
        answered: set[tuple[str, str]] = set()
        for step in range(STEPS + 30):
            for _, sender, text in [each for each in said if each[0] == step]:
                carried.send(sender, text)
            await carried.step()
            answer(vigie, carried, answered)
        await carried.calm()
        while answer(vigie, carried, answered):
            await carried.calm()
        return await end(vigie)


def answer(vigie: Network, carried: BadNetwork, answered: set[tuple[str, str]]) -> int:
    """Who reads an alert for the first time answers it; how many did."""
    before = len(answered)
    for phone in RESPONDERS:
        for text in vigie.sent_to(phone):
            if text.startswith("ALERTE") and (phone, text) not in answered:
                answered.add((phone, text))
                carried.send(phone, f"OK {text.split()[1].strip(',')}")
    return len(answered) - before


async def end(vigie: Network) -> End:
    reports = Counter(
        (row.reporter, row.type, row.place, row.killed, row.status)
        for row in await vigie.rows(report)
    )
    alerts = await vigie.rows(alert)
    # By rule, of those that no other inhibits: how many alerts tell of what, and what another made
    # needless, does depend on what was known when.
    rules = {each.id for each in vigie.service.content.rules if not each.alert.inhibited_by}
    standing = frozenset(row.rule for row in alerts if row.state != "corrected") & rules
    responses = await vigie.rows(response)
    given = Counter(row.alert_id for row in responses)
    # Each answer is down once, and nobody missed an alert that stands. One that was taken back
    # before it could be told is told to nobody.
    assert len({(row.alert_id, row.person_id) for row in responses}) == len(responses)
    assert {given[row.id] for row in alerts if row.state != "corrected"} == {len(RESPONDERS)}
    return End(reports, standing)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    return good, bad


@pytest.mark.parametrize("seed", SEEDS)
async def test_it_ends_as_on_a_good_network(folders: tuple[Path, Path], seed: int) -> None:
    good = await played(folders[0], seed, kind=True)
    bad = await played(folders[1], seed, kind=False)
    assert good.reports.total() > 15
    assert {row[4] for row in good.reports} == {"counted", "retracted"}
    assert good.standing
    assert bad.reports == good.reports, f"seed {seed}"
    assert bad.standing == good.standing, f"seed {seed}"
