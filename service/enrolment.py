"""People come and go: invites, `INS`, STOP. Nobody but the person ever types a number."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service import pins
from service.audit import note
from service.clock import Clock
from service.domain.clearance import Clearance
from service.store import AnyRow, Store, inbox, languages, outbox, rekeying, withdrawals
from service.store import people as people_store
from service.store import pins as pin_store
from service.store.people import Role
from service.vault.keys import Purpose
from service.vault.vault import Vault

MOST_INVITES = 200_000  # that were ever made: further on no number is looked for
INVITE_LIFE = timedelta(days=14)
# Letters that are not taken for one another or for a digit, read aloud or in handwriting.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Slip:
    """What is printed for one invite. The number says nothing of who will use it."""

    number: int
    code: str
    pins: pins.Pair | None


async def slips(
    store: Store,
    vault: Vault,
    clock: Clock,
    role: Role,
    area: str,
    language: str,
    count: int,
    *,
    with_pins: bool = False,
    clearance: Clearance | None = None,
    function: str | None = None,
    actor: str = "cli",
) -> list[Slip]:
    """Make invites; of their codes and PINs only keyed hashes are stored.

    `actor` is who asked for them.
    """
    made = []
    async with store.write() as tx:
        for _ in range(count):
            code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
            row: dict[str, Any] = {"role": role, "area": area, "language": language}
            row |= {"code_index": vault.blind(Purpose.INVITE_CODE, code)}
            row |= {"expires_at": clock.now() + INVITE_LIFE}
            row |= {"clearance": clearance.stored() if clearance else None, "function": function}
            number = await people_store.add_invite(tx, row)
            pair = None
            if with_pins:
                pair, rows = pins.new_pair(vault)
                await pin_store.add(tx, [row | {"invite_id": number} for row in rows])
            made.append(Slip(number, code, pair))
        invited = "invited focal points" if role == "focal_point" else "invited responders"
        await note(tx, clock.now(), actor, invited, area, count=count, language=language)
    return made


async def invite(
    store: Store,
    vault: Vault,
    clock: Clock,
    role: Role,
    area: str,
    language: str,
    count: int,
    actor: str = "cli",
) -> list[str]:
    """Make invites without PINs; their codes alone."""
    made = await slips(store, vault, clock, role, area, language, count, actor=actor)
    return [slip.code for slip in made]


async def enrol(
    tx: AsyncConnection,
    vault: Vault,
    message: AnyRow,
    known: AnyRow | None,
    code: str,
    now: datetime,
) -> tuple[int, AnyRow] | None:
    """Enrol whoever sent this message, if the code is good: the person's id and the invite.

    The number is never opened: it goes from the message to the person in its seal.
    """
    if message.sender_index is None or message.sealed_sender is None:
        return None
    invited = await people_store.use_invite(tx, vault.blinds(Purpose.INVITE_CODE, code), now)
    if invited is None:
        return None
    if known is not None:
        await people_store.move(tx, known, invited.role, invited.area, invited.language, now)
        await _came_by(tx, vault, invited, known.id)
        return known.id, invited
    person_id = await people_store.add(
        tx,
        message.sender_index,
        invited.role,
        invited.area,
        invited.language,
        now,
        message.other_index,
    )
    context = message.dedupe.hex()
    sealed = await vault.enrol_sender(person_id, message.sealed_sender, context)
    await people_store.seal(tx, person_id, sealed)
    await _came_by(tx, vault, invited, person_id)
    return person_id, invited


async def _came_by(tx: AsyncConnection, vault: Vault, invited: AnyRow, person_id: int) -> None:
    """What came with the invite is now the person's; what stood against an earlier one is over."""
    await people_store.came_by(tx, person_id, number_indexes(vault, invited.id)[0])
    await people_store.clear(tx, person_id, invited.clearance)
    await people_store.appoint(tx, person_id, invited.function)
    await pin_store.hand_over(tx, invited.id, person_id)
    await pin_store.clear(tx, person_id)


def number_indexes(vault: Vault, number: int) -> list[bytes]:
    """What may stand for an invite's number in the row of who used it, the newest keys' first."""
    return vault.blinds(Purpose.INVITE_CODE, f"number\0{number}")


async def rewrap_numbers(store: Store, vault: Vault) -> None:
    """Blind by the newest keys the numbers of invites that earlier ones blinded.

    They count up from one, so that going through them finds which number each hash stands for.
    """
    async with store.read() as tx:
        older = await rekeying.invite_numbers_before(tx, vault.versions[0])
    for was, index in (await asyncio.to_thread(_again, vault, older)).items():
        async with store.write() as tx:
            await rekeying.move_invite_number(tx, was, index)


def _again(vault: Vault, older: set[bytes]) -> dict[bytes, bytes]:
    """The newest keys' hash of the same number, for each of these."""
    found: dict[bytes, bytes] = {}
    for number in range(1, MOST_INVITES + 1):
        if len(found) == len(older):
            break
        newest, *others = number_indexes(vault, number)
        found |= {was: newest for was in others if was in older}
    return found


async def forget(tx: AsyncConnection, vault: Vault, person: AnyRow, now: datetime) -> None:
    """STOP: shred the person's key first, then cut every tie; nothing is ever sent to them again.

    If what follows the shredding fails, it is tried again with the message that asked for it.
    """
    await vault.forget_person(person.id)
    await outbox.forget_person(tx, person.id)
    await pin_store.forget_person(tx, person.id)
    await withdrawals.forget_person(tx, person.id)
    indexes = (person.number_index, person.other_index)
    known = [index for index in indexes if index is not None]
    await inbox.forget_sender(tx, known)
    await languages.forget(tx, known)
    await people_store.remove(tx, person, now)


async def one_time_pins(
    tx: AsyncConnection, vault: Vault, number: int, count: int
) -> list[str] | None:
    """A new list of PINs that work once each, for whoever has the invite of that number.

    It takes the place of an earlier list. None where nobody has that invite, nor can use it.
    """
    unused = await people_store.unused_invite(tx, "focal_point", number)
    person = await people_store.by_invite(tx, "focal_point", number_indexes(vault, number))
    if unused is None and person is None:
        return None
    whose = {"invite_id": number} if person is None else {"person_id": person.id}
    await pin_store.forget_one_time(tx, **({"person_id": None, "invite_id": None} | whose))
    held = (
        await pin_store.of_invite(tx, number)
        if person is None
        else await pin_store.of_people(tx, [person.id])
    )
    digits, rows = pins.new_list(vault, count, held)
    await pin_store.add(tx, [row | whose for row in rows])
    return digits


async def revoke(
    tx: AsyncConnection,
    vault: Vault,
    role: Role,
    now: datetime,
    *,
    pseudonym: int | None = None,
    number: int | None = None,
) -> bool:
    """Forget a person whose phone is lost, and an invite that went astray; whether there was one.

    It is as if they had texted STOP from it. They enrol again by a new invite.
    """
    person, found = None, False
    if pseudonym is not None:
        person = (await people_store.by_id(tx, [pseudonym])).get(pseudonym)
    if number is not None:
        person = await people_store.by_invite(tx, role, number_indexes(vault, number))
        if await people_store.unused_invite(tx, role, number):
            await people_store.forget_invite(tx, number)
            found = True
    if person is not None and person.role == role:
        await forget(tx, vault, person, now)
        await pin_store.clear(tx, person.id)
        found = True
    return found
