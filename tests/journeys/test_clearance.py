"""Nobody outside their area or clearance gets a text of an alert: not the first, not a later one.

Real decisions, the real outbox, and what reached the gateway; clearances change in between.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from service.alerting import Alerting
from service.domain.areas import COUNTRY
from service.domain.clearance import Clearance
from service.domain.codebook import SEVERITIES, Severity
from service.domain.evidence import Decision, DecisionKind
from service.picture import Picture
from service.store import people
from service.store.tables import alert, audit, person
from tests.support.network import Network, network, number
from tests.support.process import environment, run

SOKOLO, NIONO, SEGOU, MOPTI = "ML040410", "ML0404", "ML04", "ML0506"
TYPES = ("displacement", "cattle_theft", "village_attack")


@dataclass
class Responder:
    """A phone, and what whoever has it may read."""

    id: int
    phone: str
    area: str
    clearance: Clearance


async def enrolled(vigie: Network, phone: str, area: str, **clearance: Any) -> Responder:
    """Somebody who enrolled with this clearance."""
    await vigie.enrol(phone, "responder", area)
    await vigie.settle()
    newest = (await vigie.rows(person))[-1].id
    responder = Responder(newest, phone, area, Clearance())
    await clear(vigie, responder, Clearance(**clearance))
    return responder


async def clear(vigie: Network, responder: Responder, clearance: Clearance) -> None:
    async with vigie.service.store.write() as tx:
        await people.clear(tx, responder.id, clearance.stored())
    responder.clearance = clearance


def decided(
    vigie: Network, kind: DecisionKind, episode: str, type_: str, severity: Severity
) -> Decision:
    rule = next(rule for rule in vigie.service.content.rules if rule.id == "market-cluster")
    at = int(vigie.clock.now().timestamp())
    return Decision(
        kind, rule.id, rule.hash, episode, type_, severity, (1,), (SOKOLO,), at,
        late=False, checks=(), suppressed_by=None, live=True,
    )  # fmt: skip


async def carry_out(vigie: Network, decision: Decision) -> None:
    service, now = vigie.service, vigie.clock.now()
    async with service.store.write() as tx:
        picture = await Picture.load(tx, service.content, now)
        await Alerting(service.content, service.metrics).carry_out(tx, picture, [decision], now)
    await vigie.settle()
    vigie.clock.move(hours=7)  # past the end of the window, so that whatever waits leaves
    await vigie.settle()


def alerts_among(texts: list[str]) -> Iterator[tuple[int, str]]:
    """The number of the alert that each text is about, and the text; other texts left out."""
    for text in texts:
        if found := re.search(r"ALERTE (\d+)", text):
            yield int(found[1]), text


SAID = {"faible": "minor", "moyenne": "moderate", "élevée": "severe", "très élevée": "extreme"}


def severity_in(text: str) -> Severity | None:
    said = re.search(r"gravité (?:maintenant |désormais )?(.+)$", text, re.MULTILINE)
    return SAID[said[1].strip()] if said else None  # type: ignore[return-value]


async def test_whatever_happens_nobody_reads_what_they_are_not_cleared_for(
    tmp_path: Path, database_url: str
) -> None:
    dice = random.Random(20261123)
    async with network(tmp_path, database_url) as vigie:
        for focal_point in range(1, 9):
            await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
        responders = [
            await enrolled(vigie, number(901), NIONO),
            await enrolled(vigie, number(902), NIONO, lowest="severe"),
            await enrolled(vigie, number(903), NIONO, highest="moderate"),
            await enrolled(vigie, number(904), SEGOU, types=("cattle_theft",)),
            await enrolled(vigie, number(905), NIONO, without=("village_attack",)),
            await enrolled(vigie, number(906), MOPTI),
            await enrolled(vigie, number(907), SEGOU, lowest="severe", types=("displacement",)),
        ]
        tree, episodes, said = vigie.service.content.tree, dict[str, tuple[str, Severity]](), []
        for step in range(40):
            sent = {each.phone: len(vigie.sent_to(each.phone)) for each in responders}
            match dice.choice(("raise", "raise", "escalate", "repeat", "correct", "clear")):
                case "raise":
                    episode, type_ = f"market-cluster:{step}", dice.choice(TYPES)
                    episodes[episode] = type_, dice.choice(SEVERITIES[:3])
                    await carry_out(vigie, decided(vigie, "raise", episode, *episodes[episode]))
                case "clear":
                    changed = dice.choice(responders)
                    await clear(vigie, changed, Clearance(lowest=dice.choice(SEVERITIES)))
                case kind if episodes:
                    episode = dice.choice(list(episodes))
                    type_, severity = episodes[episode]
                    if kind == "escalate":
                        severity = SEVERITIES[min(SEVERITIES.index(severity) + 1, 3)]
                        episodes[episode] = type_, severity
                    await carry_out(vigie, decided(vigie, kind, episode, type_, severity))  # type: ignore[arg-type]
            alerts = {row.id: row for row in await vigie.rows(alert)}
            for each in responders:
                new = vigie.sent_to(each.phone)[sent[each.phone] :]
                for about, text in alerts_among(new):
                    row, severity_said = alerts[about], severity_in(text)
                    said.append(text.split(" ALERTE")[0].split("\n")[0][:10])
                    assert row.area == COUNTRY or tree.on_same_branch(row.area, each.area), text
                    assert each.clearance.covers_type(row.type), text
                    if severity_said is not None:
                        assert each.clearance.covers(row.type, severity_said), text
        assert not [*alerts_among(vigie.sent_to(number(906)))]
    assert {"CORRECTION", "MISE A JOU"} <= set(said)
    assert len(said) >= 40


async def test_what_becomes_graver_reaches_those_who_are_cleared_for_no_less(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as vigie:
        for focal_point in range(1, 9):
            await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
        everyone = await enrolled(vigie, number(901), NIONO)
        grave = await enrolled(vigie, number(902), NIONO, lowest="severe")
        small = await enrolled(vigie, number(903), NIONO, highest="moderate")
        raised = decided(vigie, "raise", "market-cluster:1", "cattle_theft", "moderate")
        await carry_out(vigie, raised)
        await carry_out(vigie, replace(raised, kind="escalate", severity="severe"))
        await carry_out(vigie, replace(raised, kind="correct", severity="severe"))

        def heard(who: Responder) -> list[str]:
            return [text.split("\n")[0] for _, text in alerts_among(vigie.sent_to(who.phone))]

        first, graver, over = heard(everyone)
        assert first == "ALERTE 1, gravité moyenne"
        assert re.fullmatch(r"MISE A JOUR ALERTE 1: gravité \w+ élevée", graver)
        assert over == "CORRECTION ALERTE 1"
        assert heard(grave) == ["ALERTE 1, gravité élevée", "CORRECTION ALERTE 1"]
        # Was told while it was moderate, and must not go on believing it.
        assert heard(small) == ["ALERTE 1, gravité moyenne", "CORRECTION ALERTE 1"]


async def test_a_text_that_still_waits_is_dropped_when_the_clearance_goes(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        for focal_point in range(1, 9):
            await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
        stays = await enrolled(vigie, number(901), NIONO)
        loses = await enrolled(vigie, number(902), NIONO)
        moves = await enrolled(vigie, number(903), NIONO)
        key, vigie.at.api_key = vigie.at.api_key, "the gateway refuses us for a while"
        raised = decided(vigie, "raise", "market-cluster:1", "cattle_theft", "severe")
        service, now = vigie.service, vigie.clock.now()
        async with service.store.write() as tx:
            picture = await Picture.load(tx, service.content, now)
            await Alerting(service.content, service.metrics).carry_out(tx, picture, [raised], now)
        await vigie.settle()
        await clear(vigie, loses, Clearance(without=("cattle_theft",)))
        await vigie.enrol(moves.phone, "responder", MOPTI)
        await vigie.settle()
        vigie.at.api_key = key
        vigie.clock.move(hours=1)
        await vigie.settle()
        for who, told in ((stays, 1), (loses, 0), (moves, 0)):
            assert len([*alerts_among(vigie.sent_to(who.phone))]) == told


async def test_a_coordinator_says_and_changes_what_a_responder_is_told_of(tmp_path: Path) -> None:
    env = environment(tmp_path)

    async def listed(*who: str) -> dict[str, object]:
        done = await run("responder", "list", *who, "--json", env=env)
        (only,) = json.loads(done.stdout)
        assert isinstance(only, dict)
        return only

    async with network(tmp_path) as vigie:
        limits = ["--from", "moderate", "--without", "violence_women_girls"]
        invited = await run("responder", "invite", "--area", NIONO, *limits, env=env)
        await vigie.text(number(901), f"INS {invited.stdout.strip()}")
        await vigie.settle()
        there = await listed()
        assert there["cleared"] == "moderate to extreme, any type, without violence_women_girls"

        made = await run("coordinator", "add", "mariam", env=env)
        code = tmp_path / "code"
        code.write_text(made.stdout, encoding="ascii")
        code.chmod(0o600)
        env["VIGIE_COORDINATOR_CODE_FILE"] = str(code)
        who = ["responder", "clear", "--pseudonym", str(there["pseudonym"])]
        types = ["--type", "cattle_theft", "--type", "banditry", "--without", "none"]
        await run(*who, *types, "--area", SEGOU, "--as", "mariam", env=env)
        there = await listed("--as", "mariam")
        assert there["cleared"] == "moderate to extreme, cattle_theft banditry"
        assert there["area"] == SEGOU

        for options, status, saying in (
            ([], 2, "say what changes"),
            (["--type", "cattle_thieves"], 2, "did you mean cattle_theft?"),
            (["--up-to", "minor"], 1, "nothing is from moderate up to minor"),
            (["--area", "ML99"], 2, "no area has the pcode ML99"),
        ):
            refused = await run(*who, *options, "--as", "mariam", env=env, status=status)
            assert saying in " ".join(refused.stderr.replace("│", " ").split())
        other = ["responder", "clear", "--pseudonym", "99", "--from", "minor"]
        refused = await run(*other, "--as", "mariam", env=env, status=1)
        assert "no responder has the pseudonym 99" in refused.stderr
        await run(*who, "--from", "minor", "--as", "issa", env=env, status=1)
        assert await listed("--as", "mariam") == there
        async with vigie.service.store.read() as tx:
            entries = (
                await tx.execute(select(audit).where(audit.c.action == "cleared a responder"))
            ).all()
        assert [(e.actor, e.subject) for e in entries] == [
            ("mariam", f"responder {there['pseudonym']}")
        ]
