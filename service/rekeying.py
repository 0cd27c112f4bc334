"""Keys are taken up while the service runs: when it is unlocked, and when they are rotated.

Each part of the service notes in the keystore which versions it holds. Only what all parts can open
is sealed with; then each part moves what it alone can: the sender people's numbers, which it opens
to seal and to index them anew, and the keys that wrap theirs; the engine those of days and PINs.
What nobody can move, because only a hash of it is kept, is known by both versions until it expires.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service import enrolment, pins
from service.audit import Witness
from service.clock import Clock
from service.domain.retention import MESSAGE_HOURS
from service.store import Store
from service.store import rekeying as rekeying_store
from service.store.rekeying import Left
from service.tasks import first_of
from service.vault.keys import Keyring, KeysError
from service.vault.keystore import Holder, Keystore
from service.vault.vault import CannotOpen, Shredded, Vault

log = structlog.get_logger()

INBOX_LIFE = timedelta(hours=MESSAGE_HOURS)
BATCH = 50
BUSY_SECONDS, IDLE_SECONDS = 1.0, 600.0
FAULT_SECONDS = 5.0
# The parts that seal or open what is stored. Each notes the versions that it works with.
PARTS = ("intake", "engine", "sender")


class Rekeying:
    """Holds the keys of one process, and moves what they may."""

    def __init__(self, store: Store, vault: Vault, witness: Witness, parts: Sequence[str]) -> None:
        """`parts` of PARTS are what this process does."""
        self._store = store
        self._vault = vault
        self._witness = witness
        self._parts = parts
        self._changed = asyncio.Event()
        self.unlocked = asyncio.Event()
        if not vault.locked:
            self._hold()
            self.unlocked.set()

    def take_up(self, keyring: Keyring) -> None:
        """Work with these keys from now on. Raises KeysError where the keystore is not theirs."""
        self._vault.take_up(keyring)
        self._witness.take_up(keyring)
        self._hold()
        self.unlocked.set()
        self._changed.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Move what hangs on earlier versions, until told to stop."""
        await first_of(self.unlocked, stopping)
        while not stopping.is_set():
            self._changed.clear()
            seconds = IDLE_SECONDS
            try:
                self._settle()
                await self.move()
                if len(self._vault.versions) > 1:
                    seconds = BUSY_SECONDS
            except (SQLAlchemyError, OSError, KeysError):
                log.exception("moving to newer keys failed; trying again")
                seconds = FAULT_SECONDS
            await first_of(self._changed, stopping, seconds=seconds)

    async def move(self) -> None:
        """Move what this process may to the version that seals; forget what no version needs."""
        seals, oldest = self._vault.versions[0], min(self._vault.versions)
        if "sender" in self._parts:
            await self._vault.rewrap_people()
            await self._move_people(seals)
        if "engine" in self._parts:
            await self._vault.rewrap_days()
            await pins.rewrap(self._store, self._vault)
            await enrolment.rewrap_numbers(self._store, self._vault)
            async with self._store.write() as tx:
                await rekeying_store.drop_before(tx, oldest)

    async def _move_people(self, version: int) -> None:
        last = moved = 0
        while True:
            async with self._store.read() as tx:
                rows = await rekeying_store.people_before(tx, version, last, BATCH)
            if not rows:
                break
            for row in rows:
                try:
                    box, indexes = self._vault.reseal_person(row.id, row.sealed_number)
                except (Shredded, CannotOpen):
                    continue  # who has just left, or was just enrolled: they come up again
                async with self._store.write() as tx:
                    await rekeying_store.move_person(tx, row, box, indexes)
                moved += 1
            last = rows[-1].id
        if moved:
            log.info("people moved to newer keys", people=moved)

    def _settle(self) -> None:
        """Seal with what all parts can open by now."""
        before = self._vault.versions
        self._vault.settle()
        if self._vault.versions != before:
            log.info("keys", version=self._vault.versions[0])
        self._hold()

    def _hold(self) -> None:
        for part in self._parts:
            self._vault.hold(part)
        self._vault.settle()  # this process may have been the last to hold a new version
        for part in self._parts:
            self._vault.hold(part)


@dataclass(frozen=True, slots=True)
class Standing:
    """What still hangs on versions before `newest`; `holders` are the parts of the service."""

    newest: int
    oldest: int
    left: dict[str, Left]
    holders: list[Holder]

    @property
    def behind(self) -> list[Holder]:
        """The parts that do not seal with the newest version yet."""
        return [holder for holder in self.holders if holder.seals < self.newest]

    @property
    def in_the_way(self) -> bool:
        """Whether an earlier version is needed."""
        return bool(self.behind) or any(left.count for left in self.left.values())


async def standing(
    store: Store, keystore: Keystore, versions: Sequence[int], clock: Clock
) -> Standing:
    """What hangs on the earlier of these versions of the keys."""
    newest, now = max(versions), clock.now()
    async with store.read() as tx:
        left = await rekeying_store.left_before(tx, newest, now, now - INBOX_LIFE)
    left = {name: Left(each.count, _until(name, each.until)) for name, each in left.items()}
    left["people's keys"] = Left(len(keystore.people_before(newest)), None)
    left["days' keys"] = Left(len(keystore.days_before(newest)), None)
    return Standing(newest, min(versions), left, keystore.holders())


def _until(name: str, latest: datetime | None) -> datetime | None:
    if latest is None or name not in ("messages", "receipts"):
        return latest
    return latest + INBOX_LIFE
