"""`vigie trace-leak`: from the texts that reached phones to whose copy it was, by the command."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from service.store.tables import audit, person
from tests.journeys.test_clearance import carry_out, decided
from tests.support.network import Network, network, number
from tests.support.process import environment, run

SOKOLO, NIONO = "ML040410", "ML0404"
RESPONDERS = range(901, 913)
ALERTS = 6


async def campaign(vigie: Network) -> dict[int, list[str]]:
    """Twelve responders and six alerts: the texts that each was sent, by pseudonym."""
    for focal_point in range(1, 9):
        await vigie.enrol(number(focal_point), "focal_point", SOKOLO)
    for responder in RESPONDERS:
        await vigie.enrol(number(responder), "responder", NIONO, "en" if responder == 912 else "fr")
    await vigie.settle()
    pseudonyms = [row.id for row in await vigie.rows(person) if row.role == "responder"]
    for alert in range(ALERTS):
        raised = decided(vigie, "raise", f"market-cluster:{alert}", "cattle_theft", "severe")
        await carry_out(vigie, raised)
    phones = zip(pseudonyms, RESPONDERS, strict=True)
    return {
        pseudonym: [text for text in vigie.sent_to(number(phone)) if text.startswith("ALERT")]
        for pseudonym, phone in phones
    }


async def traced(folder: Path, leak: str, *options: str, status: int = 0) -> dict[str, Any]:
    """What the command finds, as a coordinator runs it."""
    file = folder / "leak.txt"
    file.write_text(leak, encoding="utf-8")
    settings = environment(folder) | {"VIGIE_COORDINATOR_CODE_FILE": str(folder / "code")}
    done = await run(
        "trace-leak", str(file), "--as", "mariam", "--json", *options, env=settings, status=status
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_whose_copy_it_was_is_found_from_what_reached_the_phones(tmp_path: Path) -> None:
    async with network(tmp_path) as vigie:
        copies = await campaign(vigie)
        assert all(len(texts) == ALERTS for texts in copies.values())
        made = await run("coordinator", "add", "mariam", env=environment(tmp_path))
        code = tmp_path / "code"
        code.write_text(made.stdout, encoding="ascii")
        code.chmod(0o600)
        first, *others = copies
        english = others[-1]

        # Four texts, passed on without accents and capitals; the last one by its last line alone.
        *whole, cut = copies[first][:4]
        leak = "\n\n".join([*whole, cut.split("\n")[-1]]).lower().replace("é", "e")
        found = await traced(tmp_path, leak)
        assert found["together"] == {
            "verdict": "one",
            "told": 11,  # those who were written to in French
            "bits": 19.0,
            "fits": [{"pseudonym": first, "bits": 19.0}],
            "by_chance": 10 / 2**19,
            "pair": None,
            "more": 0,
        }
        found = await traced(tmp_path, copies[english][0])
        assert (found["together"]["told"], found["together"]["fits"][0]["pseudonym"]) == (
            1,
            english,
        )

        # One text of each of two people.
        mixed = "\n\n".join(
            (copies[first] if n % 2 else copies[others[0]])[n] for n in range(ALERTS)
        )
        found = await traced(tmp_path, mixed)
        assert found["together"]["verdict"] in ("mixed", "pair")
        assert found["together"]["fits"] == []
        assert {text["verdict"] for text in found["texts"]} <= {"some"}
        if found["together"]["pair"]:
            assert found["together"]["pair"] == sorted((first, others[0]))

        found = await traced(tmp_path, "ALERTE 99, rien", status=1)
        assert found["together"]["verdict"] == "nothing"

        # Nobody but a coordinator, and no act without its entry.
        wrong = environment(tmp_path) | {"VIGIE_COORDINATOR_CODE_FILE": str(code)}
        refused = await run(
            "trace-leak", str(tmp_path / "leak.txt"), "--as", "issa", env=wrong, status=1
        )
        assert "not the code of a coordinator issa" in refused.stderr
        assert refused.stdout == ""
        async with vigie.service.store.read() as tx:
            entries = (
                await tx.execute(select(audit).where(audit.c.action == "traced a leak"))
            ).all()
        assert [entry.actor for entry in entries] == ["mariam"] * 4
