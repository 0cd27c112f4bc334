"""People come and go: invites, `INS`, STOP. Nobody but the person ever types a number."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.audit import note
from service.clock import Clock
from service.store import AnyRow, Store, inbox, outbox
from service.store import people as people_store
from service.store.people import Role
from service.vault.keys import Purpose
from service.vault.vault import Vault

INVITE_LIFE = timedelta(days=14)
# Letters that are not taken for one another or for a digit, read aloud or in handwriting.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH = 8


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
    """Make single-use codes; only their keyed hashes are stored. `actor` is who asked for them."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(count)]
    expires_at = clock.now() + INVITE_LIFE
    common = {"role": role, "area": area, "language": language, "expires_at": expires_at}
    rows = [{"code_index": vault.blind(Purpose.INVITE_CODE, code), **common} for code in codes]
    async with store.write() as tx:
        await people_store.add_invites(tx, rows)
        invited = "invited focal points" if role == "focal_point" else "invited responders"
        await note(tx, clock.now(), actor, invited, area, count=count, language=language)
    return codes


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
    return person_id, invited


async def forget(tx: AsyncConnection, vault: Vault, person: AnyRow, now: datetime) -> None:
    """STOP: shred the person's key first, then cut every tie; nothing is ever sent to them again.

    If what follows the shredding fails, it is tried again with the message that asked for it.
    """
    await vault.forget_person(person.id)
    await outbox.forget_person(tx, person.id)
    indexes = (person.number_index, person.other_index)
    await inbox.forget_sender(tx, [index for index in indexes if index is not None])
    await people_store.remove(tx, person, now)
