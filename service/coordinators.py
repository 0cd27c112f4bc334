"""Coordinators: who one is, shown by a personal code; and acts that take two of them.

Only a hash of a code is kept, and it lies in the database, which may be taken: so codes are made
here, never chosen, and are too many to try against it (24^12, 55 bits, each try an Argon2id).
"""

import asyncio
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy.ext.asyncio import AsyncConnection

from service.audit import note
from service.clock import Clock, SystemClock
from service.store import AnyRow, Store
from service.store import coordinators as rows

# Letters that are not taken for one another or for a digit, read aloud or in handwriting.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LABEL = 4  # letters that say whose code it is, so that one hash is computed, not one a coordinator
_SECRET = 12
_GROUP = 4

NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
ADD = "add coordinator"
# Who acts, in the audit log, where it is no coordinator: nobody may pass for them.
NOT_PEOPLE = frozenset({"cli", "service"})
MOST_FAILURES = 5  # wrong codes in a row, before the next one has to wait
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
APPROVAL_LIFE = timedelta(days=30)
ALONE_WAITS = timedelta(days=14)

_SHAPE = re.compile(f"[{_LETTERS}]{{{_LABEL + _SECRET}}}")


# One at a time: a hundred guesses at once take a hundred turns, not 6 GiB.
_HASHING = ThreadPoolExecutor(1, "codes")


def _argon2id(salt: bytes) -> Argon2id:
    """64 MiB and three passes, more than OWASP asks for; one lane, since OpenSSL gives several
    lanes threads of one small pool, in which two hashes at once wait for each other for ever."""
    return Argon2id(salt=salt, length=32, iterations=3, lanes=1, memory_cost=64 * 1024)


# The hash of no code, of the same parameters: what a code that is nobody's is held against.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$" + "A" * 22 + "$" + "A" * 43


class Refused(Exception):
    """Something that a coordinator asked for is refused; the message says why and what to do."""


async def recognise(store: Store, code: str, clock: Clock | None = None) -> str | None:
    """Return the name of the coordinator whose code this is, or None.

    Every call computes one Argon2id, whoever's the code and however wrong. After five wrong codes
    in a row of one coordinator the next is refused for a minute, then two, up to an hour: none is
    looked at meanwhile, the right one neither. A try is counted before it is looked at, so that
    many at once are many tries.
    """
    clock = clock or SystemClock()
    given = "".join(letter for letter in code.upper() if letter not in " -\t\r\n")
    label, secret = given[:_LABEL], given[_LABEL:]
    async with store.write() as tx:
        row = await rows.by_label(tx, label) if _SHAPE.fullmatch(given) else None
        now = clock.now()
        if row is not None and row.refused_until is not None and row.refused_until > now:
            row = None
        if row is not None:
            failures = row.failures + 1
            until = _until(failures, now)
            await rows.change(tx, row.name, failures=failures, refused_until=until)
            if until is not None:
                await note(tx, now, "service", "refused codes for a while", row.name)
    right = await asyncio.get_running_loop().run_in_executor(
        _HASHING, _is_right, secret, _NOBODY if row is None else row.code_hash
    )
    if row is None or not right:
        return None
    async with store.write() as tx:
        await rows.change(tx, row.name, failures=0, refused_until=None)
    return str(row.name)


async def add(
    tx: AsyncConnection, now: datetime, name: str, by: str | None, *, by_shares: bool = False
) -> str | int:
    """Make a coordinator: their code, or the number under which it waits for a second coordinator.

    The first is made by whoever runs the machine and the second by the first. Every later one
    takes two: else one coordinator could make the second that every act of two asks for. Those who
    hold the shares of the root key make one too: so lost codes are not the end. Raises Refused.
    """
    known = await rows.ever(tx)
    if NAME.fullmatch(name) is None:
        raise Refused(
            "this cannot be a coordinator's name: 2 to 31 of a–z, 0–9 and -, a letter first. "
            "Take a short name that is used here alone"
        )
    if name in NOT_PEOPLE:
        raise Refused(f"the audit log says “{name}” of what no coordinator did: take another name")
    if name in known:
        raise Refused(f"there is or was a coordinator {name}: take another name")
    if by_shares:
        await note(tx, now, "cli", "added a coordinator", name, by_shares=True)
        return await _make(tx, now, name)
    if known and by is None:
        raise Refused("there are coordinators: one of them adds the next, with --as NAME")
    if len(known) > 1 and by is not None:
        return await ask(tx, now, by, ADD, {"name": name})
    await note(tx, now, by or "cli", "added a coordinator", name)
    return await _make(tx, now, name)


async def add_approved(tx: AsyncConnection, now: datetime, approved: AnyRow, by: str) -> str:
    """Make the coordinator whom two others agreed on; their code. Raises Refused."""
    name = str(approved.subject["name"])
    if name in await rows.ever(tx):
        raise Refused(f"there is or was a coordinator {name}: take another name")
    await note(tx, now, by, "added a coordinator", name, approval=approved.id)
    return await _make(tx, now, name)


async def remove(tx: AsyncConnection, now: datetime, name: str, by: str) -> None:
    """Shut a coordinator out, at once: a code that was lost or forced from somebody must not wait.

    Raises Refused.
    """
    there = {row.name for row in await rows.present(tx)}
    if name not in there:
        raise Refused(f"there is no coordinator {name}: see `vigie coordinator list`")
    if there == {name}:
        raise Refused(f"{name} is the only coordinator: add another first")
    await rows.change(tx, name, removed_at=now, code_hash="")
    await note(tx, now, by, "removed a coordinator", name)


async def ask(
    tx: AsyncConnection, now: datetime, name: str, act: str, subject: dict[str, Any]
) -> int:
    """Ask for an act that takes two; the number that a second coordinator approves."""
    number = await rows.ask(tx, act, subject, name, now, now + APPROVAL_LIFE)
    await note(tx, now, name, "asked for what takes two", act, approval=number)
    return number


async def approve(tx: AsyncConnection, now: datetime, approval_id: int, name: str) -> AnyRow:
    """Approve, as `name`, what another coordinator asked for; what it was. Raises Refused.

    Whoever asked may approve it in one case: nobody else is left to, it is to add a coordinator,
    and fourteen days have passed in which `vigie doctor` has named it.
    """
    waiting = await rows.asked(tx, approval_id)
    if waiting is None:
        raise Refused(f"nothing was asked for under {approval_id}: see `vigie coordinator list`")
    if waiting.asked_by == name and not (
        waiting.act == ADD and await rows.count(tx) == 1 and now >= waiting.asked_at + ALONE_WAITS
    ):
        raise Refused(f"you asked for {approval_id} yourself: a second coordinator approves it")
    if not await rows.approve(tx, approval_id, name, now):
        raise Refused(f"{approval_id} was approved already, or is too old: ask again")
    await note(tx, now, name, "approved what takes two", str(waiting.act), approval=approval_id)
    return waiting


def _until(failures: int, now: datetime) -> datetime | None:
    """When the next code is looked at, if this one is wrong too."""
    if failures < MOST_FAILURES:
        return None
    doublings = min(failures - MOST_FAILURES, 10)
    return now + min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


async def _make(tx: AsyncConnection, now: datetime, name: str) -> str:
    label, secret = _letters(_LABEL), _letters(_SECRET)
    while await rows.by_label(tx, label) is not None:
        label = _letters(_LABEL)
    hashed = await asyncio.get_running_loop().run_in_executor(_HASHING, _hash, secret)
    await rows.add(tx, name, label, hashed, now)
    given = label + secret
    return "-".join(given[start : start + _GROUP] for start in range(0, len(given), _GROUP))


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def _hash(secret: str) -> str:
    return _argon2id(secrets.token_bytes(16)).derive_phc_encoded(secret.encode())


def _is_right(secret: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(secret.encode("utf-8", "surrogatepass"), phc)
    except InvalidKey:
        return False
    return True
