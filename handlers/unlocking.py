"""Keys handed to a service that runs, over a socket that only this account can use.

The socket lies beside the key store, one for each process. What goes over it is a `Secrets` with
the keys of the process's role; the answer is `ok`, or what is wrong. No key touches the disk.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from handlers.app import PURPOSES, Service, keys_of, unlock
from handlers.settings import Role, Settings
from service import audit
from service.vault.keyfile import Secrets
from service.vault.keys import Keyring, KeysError

log = structlog.get_logger()

SUFFIX = ".socket"
SECONDS = 30.0
_LONGEST = 64 * 1024  # bytes
_OK = "ok"


@contextlib.asynccontextmanager
async def taking_keys(service: Service) -> AsyncIterator[None]:
    """Listen for keys, for unlocking and for rotation."""
    path = service.settings.keystore_file.with_name(f"{service.role}-{os.getpid()}{SUFFIX}")
    with contextlib.ExitStack() as held:
        at = held.enter_context(_short(path))
        listener = held.enter_context(socket.socket(socket.AF_UNIX))
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(at)
        finally:
            os.umask(before)
        held.callback(path.unlink, missing_ok=True)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _answer(service, reader, writer)

        server = await asyncio.start_unix_server(answer, sock=listener)
        async with server:
            yield


async def _answer(
    service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    said = "not for you"
    try:
        if _is_ours(writer):
            async with asyncio.timeout(SECONDS):
                said = await _take_up(service, await reader.read(_LONGEST))
        writer.write(said.encode())
        await writer.drain()
    except (OSError, TimeoutError):
        log.warning("nobody waited for the answer about the keys")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether whoever is at the other end runs as this account, or as root."""
    connection: socket.socket = writer.get_extra_info("socket")
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, account, _ = struct.unpack("3i", told)
    return account in (os.geteuid(), 0)


async def _take_up(service: Service, handed: bytes) -> str:
    try:
        keyring = keys_of(Secrets.model_validate_json(handed).keyring(), service.role)
        was_locked = service.vault.locked
        service.rekeying.take_up(keyring)
    except ValidationError:  # its message would quote the keys
        return "what was handed over are no keys"
    except KeysError as error:
        return str(error)
    log.info("unlocked" if was_locked else "keys taken up", versions=list(keyring.versions))
    if was_locked:
        service.reloader.ask()  # what was asked for while locked
    action = "unlocked" if was_locked else "took up keys"
    try:
        await audit.entered(
            service.store,
            service.clock.now(),
            "service",
            action,
            service.role,
            newest=max(keyring.versions),
        )
    except (SQLAlchemyError, OSError):  # the service has its keys whatever the database says
        log.exception("the audit log lacks that keys were taken up")
    return _OK


async def read_again(service: Service) -> None:
    """Take up the key file as it is now, where nobody need be asked to open it."""
    try:
        keyring = await asyncio.to_thread(unlock, service.settings)
        service.rekeying.take_up(keys_of(keyring, service.role))
    except KeysError as error:
        log.warning("the keys were not read again", why=str(error))


def running_roles(settings: Settings) -> list[tuple[Role, Path]]:
    """The processes that listen, by their role."""
    found = sorted(settings.keystore_file.parent.glob(f"*-*{SUFFIX}"))
    roles = [(cast("Role", path.name.partition("-")[0]), path) for path in found]
    return [(role, path) for role, path in roles if role in PURPOSES]


def hand_over(keyring: Keyring, role: Role, path: Path) -> str | None:
    """Give the process at this socket the keys of its role; what it said against it, if anything.

    Raises KeysError where these are another role's keys, ConnectionError where nobody listens.
    """
    secrets = Secrets.of(keys_of(keyring, role), role)
    with _short(path) as at, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(at)
        connection.sendall(secrets.model_dump_json(exclude_defaults=True).encode())
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while part := connection.recv(4096):
            said += part
    return None if said.decode() == _OK else said.decode()


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The same path in a few bytes: an address of a socket has 107, and folders may lie deep."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
