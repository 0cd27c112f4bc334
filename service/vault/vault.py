"""Sealing what a reporter sent, and forgetting it.

Sealing needs public keys only. What each process can open follows from its keyring: the private key
for numbers (Purpose.SENDERS) is for dispatch, the one for texts (Purpose.DAYS) is for the workflow.
A box is one byte, the key version, and then HPKE ciphertext (RFC 9180, base mode, X25519,
HKDF-SHA256, ChaCha20-Poly1305) or, for a person's number, ChaCha20-Poly1305 over such a box.
"""

# ruff: noqa: N818 - an exception's name says what happened

import asyncio
import hmac
import secrets
from datetime import date, timedelta
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from service.vault.keys import KEY_BYTES, NONCE_BYTES, Keyring, KeysError, Purpose
from service.vault.keystore import DayKey, Keystore
from service.vault.number import PhoneNumber

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_BLINDED = (Purpose.MESSAGE_ID, Purpose.MESSAGE_TEXT, Purpose.INVITE_CODE)
_NUMBER_BLOCK = 24  # every E.164 number fits one block, so that all boxes are of one size
_TEXT_BLOCK = 160  # a text's length tells texts apart; its number of segments hardly does


class VaultError(Exception):
    """The vault cannot do what was asked."""


class CannotOpen(VaultError):
    """This box was not sealed with these keys for this place, or it was altered."""


class Shredded(VaultError):
    """The key of this box was deleted, so nobody can open it any more."""


class Vault:
    """Seals, opens, blinds and shreds. Nothing that it raises or prints holds plaintext."""

    def __init__(self, keyring: Keyring, keystore: Keystore) -> None:
        self._keyring = keyring
        self._keystore = keystore
        self._version = bytes([keyring.version])
        self._senders = _public_key(keyring, keystore, Purpose.SENDERS)
        self._days = _public_key(keyring, keystore, Purpose.DAYS)
        self._day_publics: dict[date, X25519PublicKey] = {}

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

    def seal_sender(self, number: PhoneNumber, context: str) -> bytes:
        """Seal a number so that only a holder of Purpose.SENDERS opens it, for the same context."""
        return self._seal(self._senders, number.reveal().encode(), _NUMBER_BLOCK, "number", context)

    def open_sender(self, box: bytes, context: str) -> PhoneNumber:
        """The number in a box of seal_sender. Raises CannotOpen."""
        private = X25519PrivateKey.from_private_bytes(self._keyring[Purpose.SENDERS])
        return PhoneNumber(self._open(private, box, "number", context).decode())

    def seal_text(self, text: str, day: date) -> bytes:
        """Seal a message's text under the key of `day` (UTC), which is made if it is missing."""
        public = self._day_publics.get(day) or self._day_public(day)
        return self._seal(public, _bytes(text), _TEXT_BLOCK, "text", day.isoformat())

    def open_text(self, box: bytes, day: date) -> str:
        """The text in a box of seal_text. Raises Shredded once the day is forgotten, CannotOpen."""
        wrapped = self._keystore.day_wrapped(day)
        if wrapped is None:
            raise Shredded("the key of that day was deleted")
        holder = X25519PrivateKey.from_private_bytes(self._keyring[Purpose.DAYS])
        private = self._open(holder, wrapped, "day key", day.isoformat())
        text = self._open(
            X25519PrivateKey.from_private_bytes(private), box, "text", day.isoformat()
        )
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
        self._day_publics = {d: key for d, key in self._day_publics.items() if d >= before}
        await asyncio.to_thread(self._keystore.forget_days_before, before)

    def _day_public(self, day: date) -> X25519PublicKey:
        raw = self._keystore.day_public(day)
        if raw is None:
            raw = self._keystore.keep_day(day, lambda: self._new_day_key(day))
        public = self._day_publics[day] = X25519PublicKey.from_public_bytes(raw)
        return public

    def _new_day_key(self, day: date) -> DayKey:
        # Wrapped by sealing, not by a secret: what only receives can make the key of a new day.
        private = X25519PrivateKey.generate()
        raw = private.private_bytes_raw()
        wrapped = self._seal(self._days, raw, KEY_BYTES + 1, "day key", day.isoformat())
        return DayKey(private.public_key().public_bytes_raw(), wrapped)

    def _seal(
        self, public: X25519PublicKey, plain: bytes, block: int, kind: str, context: str
    ) -> bytes:
        info = _binding(self._version, kind, context)
        return self._version + _SUITE.encrypt(_pad(plain, block), public, info)

    def _open(self, private: X25519PrivateKey, box: bytes, kind: str, context: str) -> bytes:
        self._check_version(box)
        try:
            return _unpad(_SUITE.decrypt(box[1:], private, _binding(self._version, kind, context)))
        except InvalidTag:
            _refuse()

    def _lock(self, key: bytes, plain: bytes, kind: str, row: int) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        aad = _binding(self._version, kind, str(row))
        return self._version + nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, aad)

    def _unlock(self, key: bytes, box: bytes, kind: str, row: int) -> bytes:
        self._check_version(box)
        aad = _binding(self._version, kind, str(row))
        nonce, sealed = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
        try:
            return ChaCha20Poly1305(key).decrypt(nonce, sealed, aad)
        except (InvalidTag, ValueError):  # ValueError: a nonce cut short
            _refuse()

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


def _pad(plain: bytes, block: int) -> bytes:
    """ISO/IEC 7816-4 padding to a multiple of `block` bytes."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % block)


def _unpad(padded: bytes) -> bytes:
    return padded[: padded.rindex(b"\x80")]


def _refuse() -> NoReturn:
    raise CannotOpen("this box was altered, or sealed for another place or by other keys") from None
