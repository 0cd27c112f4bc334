"""Serves a role over HTTP: gateways' callbacks, pages, health and metrics."""

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from functools import partial

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from sqlalchemy.exc import SQLAlchemyError

from handlers.answers import Runner
from handlers.app import NotReady, Service, alone, assembled, running, tokens
from handlers.console import area_pages, pages
from handlers.console.headers import security_headers
from handlers.gateways import simulator
from handlers.gateways.door import Door
from handlers.gateways.edge import gateway_routes
from handlers.network import Network
from handlers.presence import announced
from handlers.settings import Role, Settings
from handlers.unlocking import read_again, taking_keys
from service import audit, health
from service.areas import Shown
from service.areas import shown as areas_shown
from service.store import migrate
from service.telemetry import log_request

log = structlog.get_logger()

# The service manager's own limit (deploy/vigie.service) is longer than this.
GRACE_SECONDS = 10.0

LOCKED = (
    "locked: messages are taken in, sealed, and wait; hand over the passphrase with "
    "`vigie keys unlock`\n"
)


def application(service: Service, live_tokens: list[str]) -> web.Application:
    """The web application of the service's role."""
    app = web.Application(middlewares=[_logged, security_headers])
    app.add_routes(_watching(service))
    if service.runs("intake"):
        door = door_of(service.settings, live_tokens)
        for gateway in service.gateways:
            routes = gateway_routes(gateway, door, service.intake, service.ussd, service.metrics)
            app.add_routes(routes)
    if service.runs("console"):

        async def status() -> pages.HomeStatus:
            content, now = service.reloader.current, service.clock.now()
            found = await health.look(service.store, now)
            return pages.HomeStatus(
                gateways=[gateway.name for gateway in service.gateways],
                ready=found.ready,
                alerts=found.alerts,
                simulator=service.simulator is not None,
                locked=service.vault.locked,
                warnings=found.warnings,
                undelivered=found.undelivered,
                passed_over=await health.passed_over(service.store, content, now),
            )

        async def areas() -> list[Shown]:
            try:
                async with service.store.read() as tx:
                    return await areas_shown(tx, service.reloader.current, service.clock.now())
            except (SQLAlchemyError, OSError):
                raise web.HTTPServiceUnavailable(text="the database does not answer\n") from None

        app.add_routes(pages.routes(status))
        app.add_routes(area_pages.routes(areas, lambda: service.reloader.current.areas.k))
    if (phones := service.simulator) is not None:
        app.add_routes(simulator.page_routes(phones, live_tokens[0]))
        app.on_shutdown.append(lambda _: phones.close())
    return app


def door_of(settings: Settings, live_tokens: list[str]) -> Door:
    """Who may call the gateway's URLs."""
    network = Network(settings.gateway_allow, settings.trusted_proxies)
    key = settings.gateway_hmac_key
    return Door(live_tokens, network, key.get_secret_value() if key else None)


def _watching(service: Service) -> list[web.RouteDef]:
    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        found = await health.look(service.store, service.clock.now())
        if not found.ready:
            return web.Response(text="the database does not answer\n", status=503)
        if service.vault.locked:
            return web.Response(text=LOCKED, status=503)
        return web.Response(text="ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=service.metrics.render(), content_type="text/plain")

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


_CLIENT_LEFT = 499  # as nginx has it: nothing failed, whoever asked is gone


@web.middleware
async def _logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    started = time.monotonic()
    status = 500
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as answer:
        status = answer.status
        raise
    except asyncio.CancelledError:
        status = _CLIENT_LEFT
        raise
    else:
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else None
        log_request(request.method, route, status, time.monotonic() - started)


@contextlib.asynccontextmanager
async def listening(service: Service, live_tokens: list[str]) -> AsyncIterator[str]:
    """Listen at the settings' host and port; gives the address. Requests under way are finished."""
    runner = Runner(
        application(service, live_tokens), access_log=None, shutdown_timeout=GRACE_SECONDS
    )
    await runner.setup()
    try:
        await _listen(runner, service.settings)
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _listen(runner: Runner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise NotReady(
            f"cannot listen at {settings.host} port {settings.port} ({why}): stop what does, "
            "or choose another address with --host and --port"
        ) from None


async def serve(settings: Settings, role: Role = "all") -> bool:
    """Serve until SIGTERM or SIGINT; whether it ended well. SIGHUP reloads content and keys."""
    asked, early = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    loop.add_signal_handler(signal.SIGHUP, early.set)
    at_terminal = _at_terminal()
    with alone(settings, role), announced(settings):
        async with assembled(settings, role, may_be_locked=True) as service:
            live_tokens = tokens(settings)
            hung_up = partial(_hung_up, service, live_tokens, asked, at_terminal)
            loop.add_signal_handler(signal.SIGHUP, hung_up)
            if early.is_set():
                hung_up()
            await migrate.upgrade(service.store)
            listens = asyncio.Event()
            async with (
                running(service, listens) as failed,
                taking_keys(service),
                listening(service, live_tokens) as address,
            ):
                listens.set()
                _settle_memory()
                await _enter(service, "started")
                names = [gateway.name for gateway in service.gateways]
                log.info("serving", at=address, role=role, gateway=", ".join(names))
                waits = [asyncio.ensure_future(event.wait()) for event in (asked, failed)]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                log.info("stopping: finishing what is in hand")
            with contextlib.suppress(SQLAlchemyError, OSError):  # stopping because it is gone
                await _enter(service, "stopped")
            return not failed.is_set() or asked.is_set()


async def _enter(service: Service, action: str) -> None:
    if service.vault.locked:
        return  # an entry needs a seal; that it was unlocked will be entered
    content = audit.fingerprint(service.reloader.current.hash)
    now, role = service.clock.now(), service.role
    await audit.entered(service.store, now, "service", action, role=role, content=content)


def _settle_memory() -> None:
    """Stop the search for garbage from going through what stays until the end, at every burst."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


_reading_keys: set[asyncio.Task[None]] = set()


def _hung_up(
    service: Service, live_tokens: list[str], asked: asyncio.Event, at_terminal: bool
) -> None:
    """SIGHUP: reload; or stop, where the terminal that this was started at is gone."""
    if at_terminal and not _at_terminal():
        asked.set()
        return
    if not service.vault.locked:  # else once it is unlocked: a change is entered under its keys
        service.reloader.ask()
    try:
        live_tokens[:] = tokens(service.settings)
    except NotReady as error:
        log.warning("the tokens were not read again", why=str(error))
    reading = asyncio.ensure_future(read_again(service))
    _reading_keys.add(reading)  # a task that nobody holds may be collected before it is done
    reading.add_done_callback(_reading_keys.discard)


def _at_terminal() -> bool:
    return os.isatty(0)
