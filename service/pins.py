"""PINs: made for an invite, checked at each text, and never told apart by how long that takes.

A PIN's hash is an HMAC under the person's own key, wrapped by one that the database does not hold.
Each text is hashed once and compared with as many slots, whoever sent it and whatever it holds:
those that a person does not have are filled with chance.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.pins import (
    DIGITS,
    MOST_ONE_TIME,
    SLOTS,
    Kind,
    Outcome,
    WarningKind,
    matching,
    wrong_so_far,
)
from service.store import AnyRow, Store
from service.store import pins as pin_store
from service.vault.vault import CannotOpen, Vault

log = structlog.get_logger()

_HASH_BYTES = 32


@dataclass(slots=True)
class _Held:
    """One person's PINs, and what stands against them. `ids` and `kinds` are of `slots`."""

    key: bytes
    slots: list[bytes] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    wrong: int = 0
    warned: bool = False


class Desk:
    """Checks the PINs of one batch, so that a text knows what those before it used up."""

    def __init__(
        self,
        vault: Vault,
        most_wrong: int,
        warned: Callable[[WarningKind], None],
        equal: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        """`most_wrong` PINs stand against a person before nothing of theirs is verified any more.

        `warned` is called for each warning that is opened.
        """
        self._vault = vault
        self._most_wrong = most_wrong
        self._on_warning = warned
        self._equal = equal
        self._nobody = vault.new_pin_key()
        self._chance = [secrets.token_bytes(_HASH_BYTES) for _ in range(SLOTS)]
        self._held: dict[int, _Held] = {}
        self._used: list[int] = []
        self._changed: set[int] = set()
        self._warnings: list[tuple[int, WarningKind]] = []

    async def take_up(self, tx: AsyncConnection, people: Iterable[AnyRow]) -> None:
        """Know these people's PINs, as they are stored now."""
        wrong = {person.id: person.wrong_pins for person in people}
        for person_id in wrong:
            self._held.pop(person_id, None)
            self._changed.discard(person_id)
        for row in await pin_store.of_people(tx, list(wrong)):
            held = self._held.setdefault(row.person_id, _Held(row.key, wrong=wrong[row.person_id]))
            held.slots.append(secrets.token_bytes(_HASH_BYTES) if row.used else row.hash)
            held.ids.append(row.id)
            held.kinds.append(row.kind)
        for row in await pin_store.warnings(tx, list(self._held)):
            self._held[row.person_id].warned = True

    def has_pins(self, person: AnyRow | None) -> bool:
        """Whether this person has been given any PIN, though it may be used up."""
        return person is not None and person.id in self._held

    def is_warned(self, person: AnyRow) -> bool:
        """Whether a warning about this person is open."""
        return person.id in self._held and self._held[person.id].warned

    def check(self, person: AnyRow | None, digits: str) -> Outcome:
        """What a text's digits prove; for everybody, with the same work. "" are none."""
        held = self._held.get(person.id) if person is not None else None
        known = held or _Held(self._nobody)
        given = self._hashed(known.key, digits)
        slots = [*known.slots, *self._chance[len(known.slots) :]]
        found = matching(given, slots, self._equal)
        if held is None or person is None or not digits:
            return "none"
        kind = held.kinds[found] if found is not None and found < len(held.kinds) else None
        return self._settle(person.id, held, found, kind)

    def _hashed(self, key: bytes, digits: str) -> bytes:
        try:
            return self._vault.pin_hash(key, digits)
        except CannotOpen:  # of keys that were retired: it proves nothing any more
            return self._vault.pin_hash(self._nobody, digits)

    def _settle(self, person_id: int, held: _Held, found: int | None, kind: Kind | None) -> Outcome:
        outcome: Outcome = "wrong" if kind is None else "duress" if kind == "duress" else "right"
        if kind == "one_time" and found is not None:
            self._used.append(held.ids[found])
            held.slots[found] = secrets.token_bytes(_HASH_BYTES)
        held.wrong = wrong_so_far(held.wrong, outcome)
        self._changed.add(person_id)
        if outcome == "duress":
            self._warn(person_id, held, "duress")
        elif held.wrong >= self._most_wrong:
            self._warn(person_id, held, "wrong_pins")
        return outcome

    def _warn(self, person_id: int, held: _Held, kind: WarningKind) -> None:
        if kind == "duress" or not held.warned:
            self._warnings.append((person_id, kind))
        held.warned = True

    async def write(self, tx: AsyncConnection, now: datetime) -> None:
        """Keep what was used up, what came wrong, and what is to be warned of."""
        if self._used:
            await pin_store.use(tx, self._used)
        for person_id in sorted(self._changed):
            await pin_store.keep_wrong(tx, person_id, self._held[person_id].wrong)
        for person_id, kind in self._warnings:
            await pin_store.warn(tx, person_id, kind, now.date())
            log.warning("a focal point needs a coordinator: see `vigie focal-point list`")
            self._on_warning(kind)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is printed for one person: the PIN, and the one that looks alike and warns."""

    pin: str
    duress: str


def new_pair(vault: Vault) -> tuple[Pair, list[dict[str, Any]]]:
    """A new PIN and duress PIN, and the rows that keep them, without whose they are."""
    key = vault.new_pin_key()
    (pin, normal), (duress, forced) = _different(vault, key, 2, ())
    return Pair(pin, duress), [_row("normal", key, normal), _row("duress", key, forced)]


def new_list(
    vault: Vault, count: int, beside: Sequence[AnyRow]
) -> tuple[list[str], list[dict[str, Any]]]:
    """One-time PINs, and the rows that keep them, beside the PINs that the person has."""
    if count > MOST_ONE_TIME:
        raise ValueError(f"a list has {MOST_ONE_TIME} PINs at most")
    key = beside[0].key if beside else vault.new_pin_key()
    made = _different(vault, key, count, [row.hash for row in beside])
    return [digits for digits, _ in made], [_row("one_time", key, hash_) for _, hash_ in made]


async def rewrap(store: Store, vault: Vault) -> None:
    """Wrap by the newest keys what earlier ones wrap."""
    async with store.read() as tx:
        older = [key for key in await pin_store.keys(tx) if key[0] != vault.versions[0]]
    for key in older:
        async with store.write() as tx:
            await pin_store.rewrap(tx, key, vault.rewrap_pin_key(key))


def _row(kind: Kind, key: bytes, hash_: bytes) -> dict[str, Any]:
    return {"kind": kind, "key": key, "hash": hash_, "used": False}


def _different(
    vault: Vault, key: bytes, count: int, taken: Iterable[bytes]
) -> list[tuple[str, bytes]]:
    """So many PINs with their hashes, none like another and none that is taken."""
    avoid = set(taken)
    found: list[tuple[str, bytes]] = []
    while len(found) < count:
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        hash_ = vault.pin_hash(key, digits)
        if hash_ not in avoid:
            avoid.add(hash_)
            found.append((digits, hash_))
    return found
