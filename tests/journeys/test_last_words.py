"""Each responder's last word wins, whatever a bad network loses, repeats, holds up and reorders.

Responders answer each alert two or three times, every time otherwise. The gateway dates each text
as it leaves the phone, by a clock that is not quite Vigie's. Time is the test's own, and so many
steps of it.
"""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from service.domain.responses import Kind, Response, state
from service.store import responses
from service.store.tables import alert, person, response
from tests.support.bad_network import BadNetwork
from tests.support.deciding import decide, decided
from tests.support.network import Network, network, number

PEOPLE = [number(900 + nth) for nth in range(4)]
WORDS: dict[str, Kind] = {
    "OK {}": "acknowledge",
    "VA {}": "on_the_way",
    "NON {}": "cannot",
    "FIN {} 2": "done",
}
ALERTS, SAYING, CARRYING = 3, 14, 5
CORRECTED = 3

Said = dict[tuple[str, int], list[Kind]]


@pytest.mark.parametrize(("seed", "skew"), [(2, 0), (7, 0), (3, -45), (4, 45), (5, -100)])
async def test_each_responders_last_word_wins(tmp_path: Path, seed: int, skew: int) -> None:
    async with network(tmp_path) as vigie:
        for phone in PEOPLE:
            await vigie.enrol(phone, "responder", "ML04")
        await vigie.settle()
        chance = Random(seed)
        carried = BadNetwork(vigie, chance, skew=timedelta(seconds=skew))
        said: Said = {}
        for step in range(SAYING):
            if step % 3 == 0 and step // 3 < ALERTS:
                await decide(vigie, decided("raise", "severe", f"a-rule:{step // 3 + 1}"))
            if step == SAYING - 2:
                await decide(vigie, decided("correct", "severe", f"a-rule:{CORRECTED}"))
            speak(vigie, carried, said, chance)
            await carried.step()
        for _ in range(CARRYING):
            await carried.step()
        carried.kind = True  # what is still under way arrives
        for _ in range(2):
            await carried.step()
        await vigie.settle()
        await check(vigie, said)


def speak(vigie: Network, carried: BadNetwork, said: Said, chance: Random) -> None:
    """Who has read an alert answers it: some at once, others otherwise than before."""
    for phone in PEOPLE:
        read = {text.split()[1].strip(",") for text in vigie.sent_to(phone) if "ALERTE" in text}
        for number_ in sorted(int(each) for each in read if each.isdigit()):
            words = said.setdefault((phone, number_), [])
            if len(words) < 3 and chance.random() < (0.6 if not words else 0.3):
                others = [each for each in WORDS if not words or WORDS[each] != words[-1]]
                text = chance.choice(others)
                carried.send(phone, text.format(number_))
                words.append(WORDS[text])
                vigie.clock.move(seconds=chance.choice((1, 2, 10, 40)))


async def check(vigie: Network, said: Said) -> None:
    ids = {phone: row.id for phone, row in zip(PEOPLE, await vigie.rows(person), strict=True)}
    expected: dict[int, dict[int, Kind]] = {}
    for (phone, number_), words in said.items():
        if words:
            expected.setdefault(number_, {})[ids[phone]] = words[-1]
    assert sum(len(words) > 1 for words in said.values()) >= 6
    async with vigie.service.store.read() as tx:
        last = await responses.last_of(tx, [1, 2, 3])
    assert last == expected
    given = Counter((row.person_id, row.alert_id) for row in await vigie.rows(response))
    assert given == Counter({(ids[p], n): len(words) for (p, n), words in said.items() if words})
    for row in await vigie.rows(alert):
        words = [
            Response(0, who, kind, None, row.released_at)
            for who, kind in expected.get(row.id, {}).items()
        ]
        assert row.state == state(words, corrected=row.id == CORRECTED)
        assert row.acknowledged_at is None or row.acknowledged_at >= row.released_at
