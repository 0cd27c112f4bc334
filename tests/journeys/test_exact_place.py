"""`place: exact`: the alert names the area, and its place only when a coordinator allows it.

A herd route blocked (`PB`) at Sokolo is public in the codebook. The rule asks for two people, the
release for three who reported that very place.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.content import Content, load
from service.domain.clearance import Clearance
from service.domain.codebook import Codebook
from service.exact_place import NotAllowed, allow
from service.store import alerts, people
from service.store.tables import alert, audit, person, report
from tests.support.content_dir import copy_of_content, problems_of
from tests.support.network import Network, network, number

SOKOLO, NIONO = "ML040410", "ML0404"
COMMITTEE, CLEARED_NO_MORE = number(901), number(902)
PROJECT = Path(__file__).resolve().parents[2]
RULE = """\
- id: herd-route-blocked
  title: {fr: Passage du bétail bloqué, en: Herd route blocked}
  status: live
  when: {types: [blocked_route], at_least: 2, distinct_reporters: 2, within: {km: 40, hours: 72}}
  alert: {severity: severe, place: exact}
"""
WAIVER = """\
- rule: herd-route-blocked
  hash: {hash}
  exposes: [exact-place]
  author: Coordination, Mopti
  date: 2026-11-23
  why: {{fr: Les troupeaux attendent., en: The herds are waiting.}}
"""


def content_with_the_rule(folder: Path) -> Path:
    """The shipped content with that rule, and whoever answers for it."""
    content = copy_of_content(folder)
    for table in ("places", "aliases"):
        name = f"rules/places/{table}.csv"
        (content / name).write_bytes((PROJECT / name).read_bytes())
    (content / "rules/alerts/routes.yaml").write_text(RULE, encoding="utf-8")
    (problem,) = problems_of(content)
    told = re.search(r"hash: (\w+)", str(problem))
    assert told is not None, problem
    with (content / "rules/waivers.yaml").open("a", encoding="utf-8") as waivers:
        waivers.write("\n" + WAIVER.format(hash=told[1]))
    return content


@asynccontextmanager
async def blocked(
    folder: Path, *texts: tuple[int, str], database_url: str | None = None
) -> AsyncIterator[Network]:
    """A service with that rule, eight people at Sokolo, two responders, and these reports."""
    content = content_with_the_rule(folder / "content")
    async with network(folder, database_url, content_dir=content) as vigie:
        for focal_point in range(1, 9):
            await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
        await vigie.enrol(COMMITTEE, "responder", NIONO)
        await vigie.enrol(CLEARED_NO_MORE, "responder", NIONO)
        await vigie.settle()
        for sender, text in texts:
            await vigie.text(number(sender), text)
        await vigie.settle()
        yield vigie


async def release(vigie: Network, content: Content | None = None, alert_: int = 1) -> str:
    """A coordinator allows it."""
    service, now = vigie.service, vigie.clock.now()
    async with service.store.write() as tx:
        place = await allow(tx, content or service.content, alert_, "mariam", now)
    await vigie.settle()
    return place


THREE = ((1, "PB SOKOLO"), (2, "PB SOKOLO"), (3, "PB SOKOLO"))


async def test_the_place_is_told_when_a_coordinator_allows_it_and_not_before(
    tmp_path: Path, database_url: str
) -> None:
    async with blocked(tmp_path, *THREE, database_url=database_url) as vigie:
        told = vigie.sent_to(COMMITTEE)[1:]
        assert "ALERTE 1, gravité élevée" in told[0]
        assert all("Sokolo (" not in text for text in told)
        (row,) = await vigie.rows(alert)
        assert (row.place_asked, row.place) == (True, None)
        async with vigie.service.store.read() as tx:
            assert [waiting.id for waiting in await alerts.place_asked(tx)] == [1]
        async with vigie.service.store.write() as tx:
            (gone,) = (r.id for r in (await vigie.rows(person))[-1:])
            await people.clear(tx, gone, Clearance(without=("blocked_route",)).stored())
        before = len(vigie.sent_to(CLEARED_NO_MORE))

        place = await release(vigie)

        (row,) = await vigie.rows(alert)
        assert row.place == place
        said = vigie.sent_to(COMMITTEE)[-1]
        assert said.startswith("LIEU DE L'ALERTE 1: ")
        assert re.search(r"(exactement|plus précisément) Sokolo \(", said)
        assert len(vigie.sent_to(CLEARED_NO_MORE)) == before, "is cleared for it no more"
        async with vigie.service.store.read() as tx:
            assert await alerts.place_asked(tx) == []
        async with vigie.service.store.read() as tx:
            (entry,) = (
                await tx.execute(select(audit).where(audit.c.action == "told an exact place"))
            ).all()
        assert (entry.actor, entry.subject) == ("mariam", "alert 1")
        with pytest.raises(NotAllowed, match="already"):
            await release(vigie)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (THREE[:2], "3 different people must have reported the very place"),
        ((*THREE[:2], (2, "PB SOKOLO 1")), "3 different people"),
        ((*THREE[:2], (3, "PB DIABALY")), "3 different people"),
    ],
)
async def test_too_few_people_at_the_place_are_not_enough(
    tmp_path: Path, texts: tuple[tuple[int, str], ...], why: str
) -> None:
    async with blocked(tmp_path, *texts) as vigie:
        sent = len(vigie.at.texts)
        with pytest.raises(NotAllowed, match=why):
            await release(vigie)
        (row,) = await vigie.rows(alert)
        assert row.place is None
        assert len(vigie.at.texts) == sent


async def test_it_is_looked_at_when_it_is_allowed(tmp_path: Path) -> None:
    """A type that is public no more, reports that were taken back, an alert that was corrected."""
    async with blocked(tmp_path, *THREE) as vigie:
        content = vigie.service.content
        said = content.codebook.model_dump()
        for type_ in said["types"]:
            type_["public"] = False
        closed = Codebook.model_validate(said)
        with pytest.raises(NotAllowed, match="not public"):
            await release(vigie, content=content_with(content, codebook=closed))
        with pytest.raises(NotAllowed, match="there is no alert 9"):
            await release(vigie, alert_=9)
        with pytest.raises(NotAllowed, match="does not ask"):
            await release(vigie, content=content_with(content, rules=()))
        async with vigie.service.store.write() as tx:
            await tx.execute(report.update().where(report.c.id == 3).values(status="retracted"))
        with pytest.raises(NotAllowed, match="3 different people"):
            await release(vigie)
        async with vigie.service.store.write() as tx:
            await tx.execute(report.update().values(status="counted"))
            await alerts.change(tx, 1, state="corrected")
        with pytest.raises(NotAllowed, match="was corrected"):
            await release(vigie)
        assert not any("LIEU DE" in text for _, text in vigie.at.texts)


async def test_an_alert_of_another_rule_never_tells_its_place(tmp_path: Path) -> None:
    attacks = tuple((sender, "MA SOKOLO 3") for sender in (1, 2, 3))
    async with blocked(tmp_path, *attacks) as vigie:
        (row,) = await vigie.rows(alert)
        assert not row.place_asked
        with pytest.raises(NotAllowed, match="does not ask for the exact place"):
            await release(vigie)


def content_with(content: Content, **changed: Any) -> Content:
    """The content as it is, with some of it changed."""
    fields = {name: getattr(content, name) for name in content.__slots__}
    return type(content)(**fields | changed)


def test_the_rule_with_its_waiver_is_sound(tmp_path: Path) -> None:
    rules = load(content_with_the_rule(tmp_path)).rules
    assert any(rule.alert.place == "exact" for rule in rules)
