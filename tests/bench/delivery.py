"""How fast an alert is queued for a thousand responders, and sent to a gateway on loopback.

The baseline is the gateway's SDK as it comes, in a pool of as many threads, a call for each
recipient: each gets words of their own, so nobody could send faster who does not know which are
alike.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from africastalking.SMS import SMSService

from handlers.app import Service, assembled
from handlers.settings import Settings
from service.alerting import Alerting
from service.picture import Picture
from service.store import deliveries, migrate, people
from service.store.tables import outbox
from service.vault import keyfile
from service.vault.number import PhoneNumber
from tests.bench import serving
from tests.bench.row import Row
from tests.bench.village import API_KEY, GATEWAY, TOKEN
from tests.support.deciding import RULE, decided
from tests.support.network import number

RECIPIENTS, SENDERS, ALERTS = 1000, 4, 3
QUEUE_TARGET = 1.0  # seconds
TEXT = "ALERTE {}, gravité élevée\nFait signalé: Attaque de marché\nNiono, lun. 23 nov., matin"


async def measure(folder: Path) -> list[Row]:
    """Raise alerts that each go to everybody, one after the other; the median of each figure."""
    async with serving.gateway(folder) as server:
        url = f"http://127.0.0.1:{server.port}"
        settings = _settings(folder, url)
        keyfile.create(settings.root_key)
        async with assembled(settings) as service:
            await migrate.upgrade(service.store)
            await _enrol(service)
            queued, sent, bare = [], [], []
            for nth in range(ALERTS):
                queued.append(await _queue(service, nth))
                sent.append(await _send(service))
                bare.append(_bare(url, nth))
            wordings, tries = await _count(service)
    queue, rate, beside = (sorted(each)[ALERTS // 2] for each in (queued, sent, bare))
    assert tries == RECIPIENTS * ALERTS, "not everything was sent"
    return [
        Row(
            f"an alert decided and queued for {RECIPIENTS:,} responders",
            f"{queue * 1000:.0f} ms",
            "",
            f"{QUEUE_TARGET:.0f} s",
            queue < QUEUE_TARGET,
        ),
        Row(
            f"… sent to a gateway on loopback, recorded; about {wordings:.0f} wordings an alert",
            f"{RECIPIENTS / rate:.0f} texts/s",
            f"the SDK alone, {SENDERS} threads, a call each: {RECIPIENTS / beside:.0f} texts/s",
        ),
    ]


def _settings(folder: Path, url: str) -> Settings:
    settings = Settings(
        data_dir=folder / "data",
        gateway=(GATEWAY,),
        gateway_token=TOKEN,
        gateway_parallel={"": SENDERS},
        at_username="vigie",
        at_api_key=API_KEY,
        at_base_url=url,
    )
    settings.data_dir.mkdir()
    return settings


async def _enrol(service: Service) -> None:
    vault, now = service.vault, service.clock.now()
    async with service.store.write() as tx:
        for nth in range(RECIPIENTS):
            phone = PhoneNumber(number(nth))
            id_ = await people.add(tx, vault.index(phone), "responder", "ML0404", "fr", now)
            box = vault.seal_sender(phone, "bench")
            await people.seal(tx, id_, await vault.enrol_sender(id_, box, "bench"))


async def _queue(service: Service, nth: int) -> float:
    """Carry one decision out, as the workflow does in the transaction of its batch."""
    now = service.clock.now()
    rule = next(rule for rule in service.content.rules if rule.id == RULE)
    decision = replace(decided("raise", "severe", f"a-rule:{nth}"), rule_hash=rule.hash)
    alerting = Alerting(service.content, service.metrics)
    async with service.store.read() as tx:
        picture = await Picture.load(tx, service.content, now)
    started = perf_counter()
    async with service.store.write() as tx:
        await alerting.carry_out(tx, picture, [decision], now)
    return perf_counter() - started


async def _send(service: Service) -> float:
    started = perf_counter()
    while await service.dispatcher.drain():
        pass
    return perf_counter() - started


def _bare(url: str, alert: int) -> float:
    sdk = SMSService("vigie", API_KEY)
    sdk._baseUrl = f"{url}/version1"
    text = TEXT.format(alert)
    started = perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        numbers = [[number(nth)] for nth in range(RECIPIENTS)]
        answers: Sequence[object] = list(pool.map(lambda to: sdk.send(text, to), numbers))
    assert len(answers) == RECIPIENTS
    return perf_counter() - started


async def _count(service: Service) -> tuple[float, int]:
    """The wordings of an alert on average, as slots allow, and how many texts were taken."""
    slots = service.content.texts.slots("alert", "fr")
    wordings = 1
    for slot in slots:
        wordings *= slot.size
    async with service.store.read() as tx:
        rows = (await tx.execute(outbox.select())).all()
        tries = await deliveries.tries(tx, [row.id for row in rows])
    taken = sum(each[-1].status == "accepted" for each in tries.values())
    return float(wordings), taken
