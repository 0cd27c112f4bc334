"""Boxes that anyone can seal with a public key, and only its private half opens.

HPKE (RFC 9180, base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305) seals a fresh key, the envelope;
that key seals the boxes of one burst (ChaCha20-Poly1305). An agreement on X25519 costs as much as a
hundred boxes, so that messages which share an fsync share an envelope too.
"""

import secrets
from itertools import count
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from service.vault.keys import KEY_BYTES, NONCE_BYTES

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"vigie\0envelope\0"
_TAG_BYTES = 16
ENVELOPE_BYTES = 1 + 32 + KEY_BYTES + _TAG_BYTES
"""Version, the ephemeral public key, and the sealed key with its tag."""


class VaultError(Exception):
    """The vault cannot do what was asked."""


class CannotOpen(VaultError):
    """This box was not sealed with these keys for this place, or it was altered."""


class Envelope:
    """Seals boxes for one public key, until it is let go: then this process can open none."""

    def __init__(self, public: X25519PublicKey, version: bytes) -> None:
        key = secrets.token_bytes(KEY_BYTES)
        self._head = version + _SUITE.encrypt(key, public, _INFO + version)
        self._cipher = ChaCha20Poly1305(key)
        self._nonces = count()  # a nonce must never come twice under one key, no more

    def seal(self, plain: bytes, block: int, binding: bytes) -> bytes:
        """A box of `plain`, padded to a multiple of `block` bytes, that opens by `binding` only."""
        nonce = next(self._nonces).to_bytes(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, _pad(plain, block), binding)


def open_envelope(private: X25519PrivateKey, head: bytes) -> ChaCha20Poly1305:
    """What opens the boxes that begin with `head`. Raises CannotOpen."""
    try:
        return ChaCha20Poly1305(_SUITE.decrypt(head[1:], private, _INFO + head[:1]))
    except (InvalidTag, ValueError):  # ValueError: the head of a box that was cut short
        _refuse()


def open_box(cipher: ChaCha20Poly1305, box: bytes, binding: bytes) -> bytes:
    """What was sealed in a box of the envelope that `cipher` is of. Raises CannotOpen."""
    padded = unlock(cipher, box[ENVELOPE_BYTES:], binding)
    return padded[: padded.rindex(b"\x80")]


def lock(cipher: ChaCha20Poly1305, plain: bytes, binding: bytes) -> bytes:
    """A random nonce and the sealed bytes."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, binding)


def unlock(cipher: ChaCha20Poly1305, sealed: bytes, binding: bytes) -> bytes:
    """What `lock` was given. Raises CannotOpen."""
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], binding)
    except (InvalidTag, ValueError):  # ValueError: a nonce cut short
        _refuse()


def _pad(plain: bytes, block: int) -> bytes:
    """ISO/IEC 7816-4 padding to a multiple of `block` bytes."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % block)


def _refuse() -> NoReturn:
    raise CannotOpen("this box was altered, or sealed for another place or by other keys") from None
