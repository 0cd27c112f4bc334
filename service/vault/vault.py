"""Sealing what a reporter sent, and forgetting it.

Sealing needs public keys only. What each process can open follows from its keyring: the private key
for numbers (Purpose.SENDERS) is for dispatch, the one for texts (Purpose.DAYS) is for the workflow.
A box is one byte, the key version, and then its envelope and what that sealed (`envelopes`) or, for
a person's number, ChaCha20-Poly1305 over such a box.
"""

# ruff: noqa: N818 - an exception's name says what happened

import asyncio
import hmac
import secrets
from collections.abc import Callable
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
from service.vault.keystore import DayKey, Keystore
from service.vault.number import PhoneNumber

__all__ = ["CannotOpen", "Sealing", "Shredded", "Vault", "VaultError"]

_BLINDED = (Purpose.MESSAGE_ID, Purpose.MESSAGE_TEXT, Purpose.INVITE_CODE)
_NUMBER_BLOCK = 24  # every E.164 number fits one block, so that all boxes are of one size
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
        senders: X25519PublicKey,
        day_public: Callable[[date], X25519PublicKey],
    ) -> None:
        self._version = version
        self._senders = senders
        self._day_public = day_public
        self._envelopes: dict[date | None, Envelope] = {}

    def seal_sender(self, number: PhoneNumber, context: str) -> bytes:
        """Seal a number so that only a holder of Purpose.SENDERS opens it, for the same context."""
        binding = _binding(self._version, "number", context)
        return self._envelope(None).seal(number.reveal().encode(), _NUMBER_BLOCK, binding)

    def seal_text(self, text: str, day: date, context: str) -> bytes:
        """Seal a text under the key of `day` (UTC), made if it is missing, for the same context."""
        binding = _binding(self._version, "text", f"{day.isoformat()}/{context}")
        return self._envelope(day).seal(_bytes(text), _TEXT_BLOCK, binding)

    def _envelope(self, day: date | None) -> Envelope:
        if day not in self._envelopes:
            public = self._senders if day is None else self._day_public(day)
            self._envelopes[day] = Envelope(public, self._version)
        return self._envelopes[day]


class Vault:
    """Seals, opens, blinds and shreds. Nothing that it raises or prints holds plaintext."""

    def __init__(self, keyring: Keyring, keystore: Keystore) -> None:
        self._keyring = keyring
        self._keystore = keystore
        self._version = bytes([keyring.version])
        self._senders = _public_key(keyring, keystore, Purpose.SENDERS)
        self._days = _public_key(keyring, keystore, Purpose.DAYS)
        self._day_publics: dict[date, X25519PublicKey] = {}
        # Only what is made of a key is remembered, since making it is slow. The key itself is asked
        # for every time: once it is deleted, nothing leads to what was made of it.
        self._private = lru_cache(_PRIVATE_KEYS)(X25519PrivateKey.from_private_bytes)
        self._day_private = lru_cache(_PRIVATE_KEYS)(self._unwrap_day)
        self._cipher = lru_cache(_CIPHERS)(open_envelope)

    def close(self) -> None:
        """Release the keystore's file."""
        self._keystore.close()

    def index(self, number: PhoneNumber) -> bytes:
        """The blind index of a number: 32 bytes, the same for the same number, HMAC-SHA256."""
        return hmac.digest(self._keyring[Purpose.INDEX], number.reveal().encode(), "sha256")

    def blind(self, purpose: str, value: str | bytes) -> bytes:
        """32 bytes that stand for a value where it is compared only.

        `purpose` is Purpose.MESSAGE_ID, MESSAGE_TEXT or INVITE_CODE; the same value differs by it.
        """
        if purpose not in _BLINDED:
            raise ValueError(f"nothing is blinded for “{purpose}”")
        return hmac.digest(self._keyring[Purpose(purpose)], _bytes(value), "sha256")

    def sealing(self) -> Sealing:
        """What seals the messages of one burst."""
        return Sealing(self._version, self._senders, self._day_public)

    def seal_sender(self, number: PhoneNumber, context: str) -> bytes:
        """As `Sealing.seal_sender`, in an envelope of its own."""
        return self.sealing().seal_sender(number, context)

    def seal_text(self, text: str, day: date, context: str) -> bytes:
        """As `Sealing.seal_text`, in an envelope of its own."""
        return self.sealing().seal_text(text, day, context)

    def open_sender(self, box: bytes, context: str) -> PhoneNumber:
        """The number in a box of seal_sender. Raises CannotOpen."""
        private = self._private(self._keyring[Purpose.SENDERS])
        return PhoneNumber(self._open(private, box, "number", context).decode())

    def open_text(self, box: bytes, day: date, context: str) -> str:
        """The text in a box of seal_text. Raises Shredded once the day is forgotten, CannotOpen."""
        wrapped = self._keystore.day_wrapped(day)
        if wrapped is None:
            raise Shredded("the key of that day was deleted")
        private = self._day_private(day, wrapped)
        text = self._open(private, box, "text", f"{day.isoformat()}/{context}")
        return text.decode("utf-8", "surrogatepass")

    async def enrol_sender(self, person_id: int, box: bytes, context: str) -> bytes:
        """Seal a sealed number under a new data key of this person, without opening it.

        `context` is what `seal_sender` was given. Their earlier boxes are shredded.
        """
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = self._lock(self._keyring[Purpose.PEOPLE], key, "data key", person_id)
        await asyncio.to_thread(self._keystore.keep_person, person_id, wrapped)
        return self._lock(key, _bytes(context) + b"\0" + box, "person", person_id)

    def open_person(self, person_id: int, box: bytes) -> PhoneNumber:
        """The number of an enrolled person. Raises Shredded once they are forgotten, CannotOpen."""
        wrapped = self._keystore.person(person_id)
        if wrapped is None:
            raise Shredded("the key of that person was deleted")
        key = self._unlock(self._keyring[Purpose.PEOPLE], wrapped, "data key", person_id)
        context, _, sealed = self._unlock(key, box, "person", person_id).partition(b"\0")
        return self.open_sender(sealed, context.decode())

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
        # Wrapped by sealing, not by a secret: what only receives can make the key of a new day.
        private = X25519PrivateKey.generate()
        binding = _binding(self._version, "day key", day.isoformat())
        envelope = Envelope(self._days, self._version)
        wrapped = envelope.seal(private.private_bytes_raw(), KEY_BYTES + 1, binding)
        return DayKey(private.public_key().public_bytes_raw(), wrapped)

    def _unwrap_day(self, day: date, wrapped: bytes) -> X25519PrivateKey:
        holder = self._private(self._keyring[Purpose.DAYS])
        raw = self._open(holder, wrapped, "day key", day.isoformat())
        return X25519PrivateKey.from_private_bytes(raw)

    def _open(self, private: X25519PrivateKey, box: bytes, kind: str, context: str) -> bytes:
        self._check_version(box)
        cipher = self._cipher(private, box[:ENVELOPE_BYTES])
        return open_box(cipher, box, _binding(self._version, kind, context))

    def _lock(self, key: bytes, plain: bytes, kind: str, row: int) -> bytes:
        binding = _binding(self._version, kind, str(row))
        return self._version + lock(ChaCha20Poly1305(key), plain, binding)

    def _unlock(self, key: bytes, box: bytes, kind: str, row: int) -> bytes:
        self._check_version(box)
        binding = _binding(self._version, kind, str(row))
        return unlock(ChaCha20Poly1305(key), box[1:], binding)

    def _check_version(self, box: bytes) -> None:
        if box[:1] != self._version:
            raise CannotOpen("this box was sealed with another version of the keys")


def _public_key(keyring: Keyring, keystore: Keystore, purpose: Purpose) -> X25519PublicKey:
    """The public key that seals for `purpose`; published by a process that can derive it."""
    stored = keystore.public_key(purpose, keyring.version)
    if purpose in keyring:
        private = X25519PrivateKey.from_private_bytes(keyring[purpose])
        derived = private.public_key().public_bytes_raw()
        if stored is None:
            keystore.publish(purpose, keyring.version, derived)
        elif stored != derived:
            raise KeysError(
                "the keystore was made with another key file: put back the key file that belongs "
                "beside it, or move the keystore away and lose what it can open"
            )
        stored = derived
    if stored is None:
        raise KeysError("the keystore has no public keys yet: run `vigie init` first")
    return X25519PublicKey.from_public_bytes(stored)


def _binding(version: bytes, kind: str, context: str) -> bytes:
    """What a box is bound to: opening it as anything else fails. The fields cannot run together."""
    return b"\0".join((b"vigie", version, kind.encode(), context.encode()))


def _bytes(value: str | bytes) -> bytes:
    # A gateway's text may hold lone surrogates; they must survive the round trip.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
