"""Sealing what a reporter sent, and forgetting it.

Sealing needs public keys only. What each process can open follows from its keyring: the private key
for numbers (Purpose.SENDERS) is for dispatch, the one for texts (Purpose.DAYS) is for the workflow.
A box is one byte, the key version, and then its envelope and what that sealed (`envelopes`) or, for
a person's number, ChaCha20-Poly1305 over such a box.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from service.vault.envelopes import (
    ENVELOPE_BYTES,
    CannotOpen,
    Envelope,
    VaultError,
    lock,
    open_box,
    open_envelope,
    unlock,
)
from service.vault.keys import KEY_BYTES, Keyring, KeysError, Purpose
from service.vault.keystore import DayKey, Holder, Keystore
from service.vault.number import PhoneNumber

__all__ = ["CannotOpen", "Sealing", "Shredded", "Vault", "VaultError"]

# Whoever receives seals for these, and only the role that holds the private half opens.
_SEALED = (Purpose.SENDERS, Purpose.DAYS, Purpose.LOCKED)
_BLINDED = (Purpose.MESSAGE_ID, Purpose.MESSAGE_TEXT, Purpose.INVITE_CODE, Purpose.VARIANTS)
_NUMBER_BLOCK = 24  # every E.164 number fits one block, so that all boxes are of one size
_LOCKED_BLOCK = 512  # a whole message: what it was, from whom, when
_TEXT_BLOCK = 160  # a text's length tells texts apart; its number of segments hardly does
_PRIVATE_KEYS = 4  # remembered: the senders', and those of the days whose texts still come up
_CIPHERS = 64  # remembered: boxes of one envelope lie close together in the inbox


class Shredded(VaultError):
    """The key of this box was deleted, so nobody can open it any more."""


class Sealing:
    """Seals one burst, whose boxes for one key share an envelope; to be let go of with the burst.

    Only as long as it exists can the process that sealed with it open what it sealed.
    """

    def __init__(
        self,
        version: bytes,
        publics: Mapping[Purpose, X25519PublicKey],
        day_public: Callable[[date], X25519PublicKey],
    ) -> None:
        self._version = version
        self._publics = publics
        self._day_public = day_public
        self._envelopes: dict[date | Purpose, Envelope] = {}

    def seal_sender(self, number: PhoneNumber, context: str) -> bytes:
        """Seal a number so that only a holder of Purpose.SENDERS opens it, for the same context."""
        binding = _binding(self._version, "number", context)
        envelope = self._envelope(Purpose.SENDERS)
        return envelope.seal(number.reveal().encode(), _NUMBER_BLOCK, binding)

    def seal_text(self, text: str, day: date, context: str) -> bytes:
        """Seal a text under the key of `day` (UTC), made if it is missing, for the same context."""
        binding = _binding(self._version, "text", f"{day.isoformat()}/{context}")
        return self._envelope(day).seal(_bytes(text), _TEXT_BLOCK, binding)

    def seal_locked(self, message: bytes, context: str) -> bytes:
        """Seal a whole message so that only a holder of Purpose.LOCKED opens it."""
        binding = _binding(self._version, "locked", context)
        return self._envelope(Purpose.LOCKED).seal(message, _LOCKED_BLOCK, binding)

    def _envelope(self, key: date | Purpose) -> Envelope:
        if key not in self._envelopes:
            public = self._day_public(key) if isinstance(key, date) else self._publics[key]
            self._envelopes[key] = Envelope(public, self._version)
        return self._envelopes[key]


class Vault:
    """Seals, opens, blinds and shreds. Nothing that it raises or prints holds plaintext."""

    def __init__(self, keyring: Keyring, keystore: Keystore) -> None:
        """A keyring without keys makes a locked vault: it seals, and does nothing else."""
        self._keystore = keystore
        self._day_publics: dict[date, X25519PublicKey] = {}
        # Only what is made of a key is remembered, since making it is slow. The key itself is asked
        # for every time: once it is deleted, nothing leads to what was made of it.
        self._private = lru_cache(_PRIVATE_KEYS)(X25519PrivateKey.from_private_bytes)
        self._day_private = lru_cache(_PRIVATE_KEYS)(self._unwrap_day)
        self._cipher = lru_cache(_CIPHERS)(open_envelope)
        self.take_up(keyring)

    def close(self) -> None:
        """Release the keystore's file."""
        self._keystore.close()

    def take_up(self, keyring: Keyring) -> None:
        """Work with these keys from now on. Raises KeysError where the keystore is not theirs."""
        _publish(keyring, self._keystore)
        self._keyring = keyring
        self.settle()
        for cache in (self._private, self._day_private, self._cipher):
            cache.cache_clear()

    @property
    def locked(self) -> bool:
        """Whether it holds no key at all."""
        return not self._keyring

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of the keys that are held, the one that seals first."""
        return self._versions

    def settle(self) -> None:
        """Seal with the newest version that every part of the service can open.

        Parts take up a new version one after the other, and each notes it in the keystore.
        """
        ready = self._keystore.published(_SEALED)
        if self._keyring:
            ready = [version for version in ready if version in self._keyring.versions]
        if not ready:
            raise KeysError(
                "the keystore has no public keys for these: run `vigie init` first; after a "
                "rotation, `vigie keys export` anew for this role"
            )
        most = min((holder.newest for holder in self._keystore.holders()), default=ready[0])
        seals = next((version for version in ready if version <= most), ready[-1])
        self._seals = bytes([seals])
        others = (version for version in self._keyring.versions if version != seals)
        self._versions = (seals, *others)
        self._publics = {p: _public(self._keystore, p, seals) for p in _SEALED}

    def hold(self, part: str) -> None:
        """Note that this part of the service works with the keys held here."""
        held = self._keyring.versions
        holder = Holder(part, min(held), max(held), self._seals[0])
        if holder not in self._keystore.holders():  # a write waits for the disk
            self._keystore.hold(holder)

    def index(self, number: PhoneNumber) -> bytes:
        """The blind index of a number, the same for the same number: see `indexes`."""
        return self.indexes(number)[0]

    def indexes(self, number: PhoneNumber) -> list[bytes]:
        """A number's blind index under each version held, the one that seals first.

        Each is the version's byte, and 32 of HMAC-SHA256.
        """
        return self._blinded(Purpose.INDEX, number.reveal().encode())

    def blind(self, purpose: str, value: str | bytes) -> bytes:
        """What stands for a value where it is compared only: see `blinds`."""
        return self.blinds(purpose, value)[0]

    def blinds(
        self, purpose: str, value: str | bytes, sender: PhoneNumber | None = None
    ) -> list[bytes]:
        """What stands for a value under each version held, the one that seals first: 33 bytes each.

        `purpose` is Purpose.MESSAGE_ID, MESSAGE_TEXT, INVITE_CODE or VARIANTS; the same value
        differs by it, and by the sender where one is given.
        """
        if purpose not in _BLINDED:
            raise ValueError(f"nothing is blinded for “{purpose}”")
        before = f"{sender.reveal()}\0".encode() if sender else b""
        return self._blinded(Purpose(purpose), before + _bytes(value))

    def _blinded(self, purpose: Purpose, value: bytes) -> list[bytes]:
        return [
            bytes([version]) + hmac.digest(self._keyring.key(purpose, version), value, "sha256")
            for version in self._versions
        ]

    def sealing(self) -> Sealing:
        """What seals the messages of one burst."""
        return Sealing(self._seals, self._publics, self._day_public)

    def seal_sender(self, number: PhoneNumber, context: str) -> bytes:
        """As `Sealing.seal_sender`, in an envelope of its own."""
        return self.sealing().seal_sender(number, context)

    def seal_text(self, text: str, day: date, context: str) -> bytes:
        """As `Sealing.seal_text`, in an envelope of its own."""
        return self.sealing().seal_text(text, day, context)

    def open_sender(self, box: bytes, context: str) -> PhoneNumber:
        """The number in a box of seal_sender. Raises CannotOpen."""
        private = self._private(self._key_of(Purpose.SENDERS, box))
        return PhoneNumber(self._open(private, box, "number", context).decode())

    def open_text(self, box: bytes, day: date, context: str) -> str:
        """The text in a box of seal_text. Raises Shredded once the day is forgotten, CannotOpen."""
        wrapped = self._keystore.day_wrapped(day)
        if wrapped is None:
            raise Shredded("the key of that day was deleted")
        private = self._day_private(day, wrapped)
        text = self._open(private, box, "text", f"{day.isoformat()}/{context}")
        return text.decode("utf-8", "surrogatepass")

    def open_locked(self, box: bytes, context: str) -> bytes:
        """The message in a box of seal_locked. Raises CannotOpen."""
        private = self._private(self._key_of(Purpose.LOCKED, box))
        return self._open(private, box, "locked", context)

    async def enrol_sender(self, person_id: int, box: bytes, context: str) -> bytes:
        """Seal a sealed number under a new data key of this person, without opening it.

        `context` is what `seal_sender` was given. Their earlier boxes are shredded.
        """
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = self._wrap_person(person_id, key)
        await asyncio.to_thread(self._keystore.keep_person, person_id, wrapped)
        return self._lock(key, _bytes(context) + b"\0" + box, "person", person_id, box[:1])

    def open_person(self, person_id: int, box: bytes) -> PhoneNumber:
        """The number of an enrolled person. Raises Shredded once they are forgotten, CannotOpen."""
        _, context, sealed = self._open_enrolled(person_id, box)
        return self.open_sender(sealed, context)

    def reseal_person(self, person_id: int, box: bytes) -> tuple[bytes, list[bytes]]:
        """The same person's number in a box of the version that seals, and its `indexes`.

        Their data key stays, so that a crash between keystore and database loses nobody. Raises as
        `open_person` does.
        """
        key, context, sealed = self._open_enrolled(person_id, box)
        number = self.open_sender(sealed, context)
        fresh = _bytes(context) + b"\0" + self.seal_sender(number, context)
        return self._lock(key, fresh, "person", person_id, self._seals), self.indexes(number)

    def new_pin_key(self) -> bytes:
        """A new key for one person's PINs, wrapped: it is kept beside them."""
        return self._wrap_pin_key(secrets.token_bytes(KEY_BYTES))

    def pin_hash(self, wrapped: bytes, digits: str) -> bytes:
        """What stands for a PIN under its person's key, HMAC-SHA256. Raises CannotOpen."""
        return hmac.digest(self._unwrap_pin_key(wrapped), digits.encode(), "sha256")

    def rewrap_pin_key(self, wrapped: bytes) -> bytes:
        """The same key, wrapped by the version that seals. Raises CannotOpen."""
        return self._wrap_pin_key(self._unwrap_pin_key(wrapped))

    async def rewrap_people(self) -> None:
        """Wrap every person's data key anew that an earlier version wraps."""
        for person, wrapped in self._keystore.people_before(self._seals[0]):
            fresh = self._wrap_person(person, self._unwrap_person(person, wrapped))
            await asyncio.to_thread(self._keystore.rewrap_person, person, wrapped, fresh)

    async def rewrap_days(self) -> None:
        """Wrap every day's private key anew that an earlier version wraps."""
        for day, wrapped in self._keystore.days_before(self._seals[0]):
            fresh = self._wrap_day(day, self._unwrap_day(day, wrapped))
            await asyncio.to_thread(self._keystore.rewrap_day, day, wrapped, fresh)

    def has_person(self, person_id: int) -> bool:
        """Whether the keystore has this person's data key, wrapped by these keys."""
        wrapped = self._keystore.person(person_id)
        if Purpose.PEOPLE not in self._keyring:
            return wrapped is not None
        try:
            return wrapped is not None and bool(self._unwrap_person(person_id, wrapped))
        except CannotOpen:
            return False

    async def forget_person(self, person_id: int) -> None:
        """Delete a person's data key: no copy of their number can be opened any more."""
        await asyncio.to_thread(self._keystore.forget_person, person_id)

    async def prepare_days(self, today: date) -> None:
        """Make the keys of today and tomorrow, so that no message waits for one."""
        for day in (today, today + timedelta(days=1)):
            await asyncio.to_thread(self._day_public, day)

    async def forget_days(self, before: date) -> None:
        """Delete the keys of all days before that one: their texts cannot be opened any more."""
        await asyncio.to_thread(self._keystore.forget_days_before, before)
        self._day_publics = {d: key for d, key in self._day_publics.items() if d >= before}
        self._day_private.cache_clear()
        self._cipher.cache_clear()

    def _day_public(self, day: date) -> X25519PublicKey:
        public = self._day_publics.get(day)
        if public is None:
            raw = self._keystore.day_public(day)
            if raw is None:
                raw = self._keystore.keep_day(day, lambda: self._new_day_key(day))
            public = self._day_publics[day] = X25519PublicKey.from_public_bytes(raw)
        return public

    def _new_day_key(self, day: date) -> DayKey:
        private = X25519PrivateKey.generate()
        return DayKey(private.public_key().public_bytes_raw(), self._wrap_day(day, private))

    def _wrap_day(self, day: date, private: X25519PrivateKey) -> bytes:
        # Wrapped by sealing, not by a secret: what only receives can make the key of a new day.
        binding = _binding(self._seals, "day key", day.isoformat())
        envelope = Envelope(self._publics[Purpose.DAYS], self._seals)
        return envelope.seal(private.private_bytes_raw(), KEY_BYTES + 1, binding)

    def _unwrap_day(self, day: date, wrapped: bytes) -> X25519PrivateKey:
        holder = self._private(self._key_of(Purpose.DAYS, wrapped))
        raw = self._open(holder, wrapped, "day key", day.isoformat())
        return X25519PrivateKey.from_private_bytes(raw)

    def _wrap_person(self, person: int, key: bytes) -> bytes:
        wrapping = self._keyring.key(Purpose.PEOPLE, self._seals[0])
        return self._lock(wrapping, key, "data key", person, self._seals)

    def _unwrap_person(self, person: int, wrapped: bytes) -> bytes:
        return self._unlock(self._key_of(Purpose.PEOPLE, wrapped), wrapped, "data key", person)

    def _wrap_pin_key(self, key: bytes) -> bytes:
        pepper = self._keyring.key(Purpose.PIN_PEPPER, self._seals[0])
        return self._lock(pepper, key, "pin key", 0, self._seals)

    def _unwrap_pin_key(self, wrapped: bytes) -> bytes:
        return self._unlock(self._key_of(Purpose.PIN_PEPPER, wrapped), wrapped, "pin key", 0)

    def _open_enrolled(self, person: int, box: bytes) -> tuple[bytes, str, bytes]:
        """An enrolled person's data key, and the context and sealed number that it locks."""
        wrapped = self._keystore.person(person)
        if wrapped is None:
            raise Shredded("the key of that person was deleted")
        key = self._unwrap_person(person, wrapped)
        context, _, sealed = self._unlock(key, box, "person", person).partition(b"\0")
        return key, context.decode(), sealed

    def _key_of(self, purpose: Purpose, box: bytes) -> bytes:
        """The key that a box was sealed with. Raises CannotOpen, and KeyNotHeld for another role's.

        A box begins with the version of its key.
        """
        version = box[0] if box else 0
        if purpose in self._keyring and version not in self._keyring.versions:
            raise CannotOpen("this box was sealed with another version of the keys")
        return self._keyring.key(purpose, version)

    def _open(self, private: X25519PrivateKey, box: bytes, kind: str, context: str) -> bytes:
        cipher = self._cipher(private, box[:ENVELOPE_BYTES])
        return open_box(cipher, box, _binding(box[:1], kind, context))

    def _lock(self, key: bytes, plain: bytes, kind: str, row: int, version: bytes) -> bytes:
        binding = _binding(version, kind, str(row))
        return version + lock(ChaCha20Poly1305(key), plain, binding)

    def _unlock(self, key: bytes, box: bytes, kind: str, row: int) -> bytes:
        binding = _binding(box[:1], kind, str(row))
        return unlock(ChaCha20Poly1305(key), box[1:], binding)


def _publish(keyring: Keyring, keystore: Keystore) -> None:
    """Publish the public keys of the private ones held, where it was not done before."""
    for version in keyring.versions:
        for purpose in _SEALED:
            if purpose not in keyring:
                continue
            private = X25519PrivateKey.from_private_bytes(keyring.key(purpose, version))
            derived = private.public_key().public_bytes_raw()
            stored = keystore.public_key(purpose, version)
            if stored is None:
                keystore.publish(purpose, version, derived)
            elif stored != derived:
                raise KeysError(
                    "the keystore was made with another key file: put back the key file that "
                    "belongs beside it, or move the keystore away and lose what it can open"
                )


def _public(keystore: Keystore, purpose: Purpose, version: int) -> X25519PublicKey:
    stored = keystore.public_key(purpose, version)
    assert stored is not None, "a version that seals has all its public keys"
    return X25519PublicKey.from_public_bytes(stored)


def _binding(version: bytes, kind: str, context: str) -> bytes:
    """What a box is bound to: opening it as anything else fails. The fields cannot run together."""
    return b"\0".join((b"vigie", version, kind.encode(), context.encode()))


def _bytes(value: str | bytes) -> bytes:
    # A gateway's text may hold lone surrogates; they must survive the round trip.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
