"""The composition root: settings → store, vault, content, gateway, and the loops that run."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, get_args

import structlog

from handlers import asking
from handlers.gateways import africastalking, simulator
from handlers.gateways.edge import REASONS, HttpGateway
from handlers.settings import Role, Settings
from service import content as content_files
from service.audit import Witness
from service.checkins import CheckIns
from service.clock import Clock, SystemClock
from service.content import Content
from service.dispatch import Dispatcher
from service.domain.codebook import SEVERITIES
from service.domain.evidence import DECISION_KINDS
from service.domain.pins import WARNING_KINDS
from service.domain.reading import PROBLEM_KINDS
from service.flood import Flood
from service.gateway import DeliveryStatus, Gateway, OutcomeState
from service.intake import Intake
from service.lanes import Lane, Pace
from service.rekeying import PARTS, Rekeying
from service.reload import Reloader, log_waivers
from service.retention import Retention
from service.scanning import Scanner
from service.store import Store
from service.tasks import first_of
from service.telemetry import Metrics
from service.timers import Timers
from service.ussd import Ussd
from service.vault import keyfile
from service.vault.keys import Keyring, MissingKey, Purpose, WrongRole
from service.vault.keystore import Keystore
from service.vault.vault import Vault
from service.workflow import Workflow

log = structlog.get_logger()

# What each role may open; sealing needs none of these. Each enters what it does in the audit log,
# and so holds the key of its seals. The console never opens a number.
PURPOSES: dict[Role, frozenset[Purpose]] = {
    "intake": frozenset(
        {
            Purpose.INDEX,
            Purpose.MESSAGE_ID,
            Purpose.MESSAGE_TEXT,
            Purpose.LOCKED,
            Purpose.AUDIT,
        }
    ),
    "engine": frozenset(
        {Purpose.INVITE_CODE, Purpose.PIN_PEPPER, Purpose.DAYS, Purpose.PEOPLE, Purpose.AUDIT}
    ),
    # The index only to re-index under new keys what it alone can open.
    "sender": frozenset(
        {
            Purpose.MESSAGE_ID,
            Purpose.SENDERS,
            Purpose.PEOPLE,
            Purpose.INDEX,
            Purpose.VARIANTS,
            Purpose.AUDIT,
        }
    ),
    "console": frozenset({Purpose.INVITE_CODE, Purpose.AUDIT}),
    "all": frozenset(Purpose),
}


class NotReady(Exception):
    """Vigie cannot run as it is set up; the message says what to do."""


class WiredGateway(Gateway, HttpGateway, Protocol):
    """A gateway's both ends: what comes in through the edge, and what goes out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with: the store, the vault as far as the role opens it, the content.

    The content is that of the start: what runs on takes up new content by itself.
    """

    settings: Settings
    role: Role
    clock: Clock
    store: Store
    witness: Witness
    vault: Vault
    content: Content


@dataclass(frozen=True, slots=True)
class Service(Opened):
    """Everything that runs, wired."""

    metrics: Metrics
    gateways: Sequence[WiredGateway]
    intake: Intake
    ussd: Ussd
    workflow: Workflow
    dispatcher: Dispatcher
    timers: Timers
    reloader: Reloader
    rekeying: Rekeying

    @property
    def simulator(self) -> simulator.Simulator | None:
        """The simulated phones, where they are the gateway."""
        return next((g for g in self.gateways if isinstance(g, simulator.Simulator)), None)

    def runs(self, part: Role) -> bool:
        return self.role in ("all", part)


def unlock(settings: Settings, *, ask: bool = False) -> Keyring:
    """The keyring of the key file. Raises KeysError, which says what to do.

    With `ask`, a passphrase that is in no file is asked for, where there is a terminal.
    """
    if ask:
        return keyfile.unlock(settings.root_key, asking.passphrase(settings))
    phrase = keyfile.read_passphrase(settings.passphrase_file) if settings.passphrase_file else None
    return keyfile.unlock(settings.root_key, phrase)


def keys_of(keyring: Keyring, role: Role) -> Keyring:
    """What the role may open of these keys. Raises WrongRole where they are another role's."""
    if keyring.role not in (None, role):
        what = "everything in one process" if role == "all" else f"the role “{role}”"
        raise WrongRole(
            f"the key file holds the keys of the role “{keyring.role}” alone, which do not serve "
            f"{what}: start with --role {keyring.role}, or set VIGIE_KEY_FILE to another key file"
        )
    return keyring.only(PURPOSES[role])


def _locked_or(settings: Settings, role: Role) -> Keyring:
    """The role's keyring; an empty one where there is a key store, and nothing that opens it."""
    try:
        return keys_of(unlock(settings), role)
    except MissingKey as error:
        if not settings.keystore_file.exists():
            raise
        log.warning(
            "locked: what comes is sealed and waits for `vigie keys unlock`", why=str(error)
        )
        return Keyring({})


def tokens(settings: Settings) -> list[str]:
    """The live path tokens, from the environment or the file that `vigie init` made."""
    if settings.gateway_token:
        return settings.gateway_token.get_secret_value().split(",")
    try:
        return settings.token_file.read_text(encoding="ascii").split()
    except OSError:
        raise NotReady(
            f"there is no gateway token in {settings.token_file}: run `vigie init`, "
            "or set VIGIE_GATEWAY_TOKEN"
        ) from None


def gateways_of(settings: Settings) -> list[WiredGateway]:
    """The gateways of the settings, in order. Raises NotReady where they do not fit together."""
    if "simulator" not in settings.gateway:
        return [_africas_talking(settings, name) for name in settings.gateway]
    if len(settings.gateway) > 1:
        raise NotReady(
            "the simulator sends nothing: what it is given in another gateway's place would be "
            "lost. Take it out of VIGIE_GATEWAY, or leave it there alone"
        )
    if settings.at_username or settings.at_api_key:
        raise NotReady(
            "VIGIE_AT_… is set, but the gateway is the simulator, which sends nothing: set "
            "VIGIE_GATEWAY=africastalking, or unset VIGIE_AT_USERNAME and VIGIE_AT_API_KEY"
        )
    if settings.gateway_hmac_key:
        raise NotReady("VIGIE_GATEWAY_HMAC_KEY is set, but the simulator signs nothing: unset it")
    return [simulator.Simulator()]


def _africas_talking(settings: Settings, name: str) -> africastalking.AfricasTalking:
    """The account of that name: `africastalking2` has settings of its own."""
    prefix = "at2" if name.endswith("2") else "at"
    username, api_key, sender, base_url = (
        getattr(settings, f"{prefix}_{field}")
        for field in ("username", "api_key", "sender", "base_url")
    )
    if username is None or api_key is None:
        needed = f"VIGIE_{prefix.upper()}_USERNAME and VIGIE_{prefix.upper()}_API_KEY"
        raise NotReady(f"Africa's Talking needs {needed}")
    at_once, key = pace_of(settings, name).parallel, api_key.get_secret_value()
    return africastalking.AfricasTalking(
        username, key, sender, base_url, at_once=at_once, name=name
    )


def pace_of(settings: Settings, name: str) -> Pace:
    """How fast a gateway is given texts."""
    rates, counts = settings.gateway_rate, settings.gateway_parallel
    return Pace(rates.get(name, rates.get("")), counts.get(name, counts.get("", 4)))


def content_of(settings: Settings, directory: Path | None = None) -> Content:
    """The content, without drafts where a text may reach a real phone. Raises ContentError."""
    return content_files.load(directory or settings.content_dir, drafts=not settings.is_live)


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    role: Role,
    clock: Clock | None = None,
    *,
    may_be_locked: bool = False,
    keyring: Keyring | None = None,
) -> AsyncIterator[Opened]:
    """Open what `role` may open, and let go of it at the end.

    Where no `keyring` is given the key file's is taken. Where nothing opens that, and it
    `may_be_locked`, it only seals until it is given keys; else a passphrase is asked for. Raises
    KeysError or ContentError; each says what to do.
    """
    if may_be_locked:
        keyring = _locked_or(settings, role)
    else:
        keyring = keys_of(keyring or unlock(settings, ask=True), role)
    content = content_of(settings)
    witness = Witness.beside(settings.keystore_file, keyring)
    store = Store(settings.database, witness)
    vault = Vault(keyring, Keystore(settings.keystore_file))
    try:
        yield Opened(settings, role, clock or SystemClock(), store, witness, vault, content)
    finally:
        await store.close()
        vault.close()


@contextlib.asynccontextmanager
async def assembled(
    settings: Settings,
    role: Role = "all",
    clock: Clock | None = None,
    *,
    may_be_locked: bool = False,
) -> AsyncIterator[Service]:
    """Build the service. Nothing runs yet. Raises as `opened` does, and NotReady."""
    gateways = gateways_of(settings)
    async with opened(settings, role, clock, may_be_locked=may_be_locked) as base:
        log_waivers(base.content)
        try:
            yield wired(base, gateways)
        finally:
            for gateway in gateways:
                await gateway.close()


def wired(base: Opened, gateways: Sequence[WiredGateway]) -> Service:
    """The service around its gateways, in the order in which they are tried."""
    store, vault, content, clock = base.store, base.vault, base.content, base.clock
    metrics = Metrics(
        gateways=[gateway.name for gateway in gateways],
        kinds=("sms", "ussd", "receipt", "opt_out", "locked"),
        refusals=REASONS,
        types=(kind.id for kind in content.codebook.types),
        problems=PROBLEM_KINDS,
        decisions=DECISION_KINDS,
        severities=SEVERITIES,
        statuses=(*DeliveryStatus, *get_args(OutcomeState)),
        warnings=WARNING_KINDS,
    )
    flood = Flood()
    lanes = [Lane(gateway, clock, pace_of(base.settings, gateway.name)) for gateway in gateways]
    next_after = base.settings.gateway_next_after
    dispatcher = Dispatcher(store, vault, content, lanes, clock, metrics, flood, next_after)
    workflow = Workflow(store, vault, content, clock, metrics, dispatcher.wake, flood)
    scanner = Scanner(store, content, clock)
    retention = Retention(store, content)
    check_ins = CheckIns(store, content, clock, dispatcher.wake)
    intake = Intake(store, vault, clock, metrics, workflow.wake, flood)
    ussd = Ussd(store, vault, content, clock, intake)
    adopters = (
        workflow.adopt,
        dispatcher.adopt,
        scanner.adopt,
        retention.adopt,
        check_ins.adopt,
        ussd.adopt,
    )
    return Service(
        settings=base.settings,
        role=base.role,
        clock=clock,
        store=store,
        witness=base.witness,
        vault=vault,
        content=content,
        metrics=metrics,
        gateways=gateways,
        intake=intake,
        ussd=ussd,
        workflow=workflow,
        dispatcher=dispatcher,
        timers=Timers(store, vault, clock, metrics, scanner, retention, check_ins),
        reloader=Reloader(
            partial(content_of, base.settings), content, adopters, store, clock, base.role
        ),
        rekeying=Rekeying(
            store, vault, base.witness, [part for part in PARTS if base.role in ("all", part)]
        ),
    )


@contextlib.asynccontextmanager
async def running(
    service: Service, begin: asyncio.Event | None = None
) -> AsyncIterator[asyncio.Event]:
    """Run the role's loops; gives an event that is set when one of them has failed.

    Those that work off what was taken in wait for `begin`, if given: a long past is slow to call to
    mind, and who texts must not wait for it. At the end each finishes the batch that it has in
    hand.
    """
    await service.vault.prepare_days(service.clock.now().date())
    stopping, failed = asyncio.Event(), asyncio.Event()
    awaited = [service.rekeying.unlocked, *([begin] if begin else [])]
    ready = partial(_once, awaited)
    loops: dict[Role, Callable[[asyncio.Event], Coroutine[None, None, None]]] = {
        "intake": service.intake.run,
        "engine": ready(service.workflow.run),
        "sender": ready(service.dispatcher.run),
    }
    tasks = [
        asyncio.create_task(run(stopping), name=part)
        for part, run in loops.items()
        if service.runs(part)
    ]
    tasks.append(asyncio.create_task(service.reloader.run(stopping), name="reload"))
    tasks.append(asyncio.create_task(service.rekeying.run(stopping), name="rekeying"))
    for task in tasks:
        task.add_done_callback(lambda _: failed.set())
    if service.runs("intake"):
        let_in = ready(service.intake.open_locked)  # this one comes to an end
        tasks.append(asyncio.create_task(let_in(stopping), name="what came while locked"))
    if service.runs("engine"):
        await service.timers.start()
    try:
        yield failed
    finally:
        if service.runs("engine"):
            service.timers.stop()
        stopping.set()
        for task, result in zip(
            tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True
        ):
            if isinstance(result, BaseException):
                log.critical("a part failed", part=task.get_name(), exc_info=result)


def _once(
    awaited: Sequence[asyncio.Event], run: Callable[[asyncio.Event], Coroutine[None, None, None]]
) -> Callable[[asyncio.Event], Coroutine[None, None, None]]:
    """The same loop, begun when all of these events have come."""

    async def wait_and_run(stopping: asyncio.Event) -> None:
        for event in awaited:
            await first_of(event, stopping)
        if not stopping.is_set():
            await run(stopping)

    return wait_and_run


@contextlib.contextmanager
def alone(settings: Settings, role: Role) -> Iterator[None]:
    """Hold the data directory's lock: there is one engine and one sender, not two."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = ("engine", "sender") if role == "all" else (role,)
    with contextlib.ExitStack() as held:
        for part in parts:
            if part not in ("engine", "sender"):
                continue
            lock = held.enter_context((settings.data_dir / f"{part}.lock").open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotReady(
                    f"another vigie is running as {part} on {settings.data_dir}: stop it first"
                ) from None
        yield
