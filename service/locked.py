"""A message as bytes, for the time in which nothing but sealing it is possible."""

import json
from dataclasses import fields
from datetime import datetime

from service.gateway import (
    DeliveryStatus,
    Inbound,
    InboundOptOut,
    InboundReceipt,
    InboundSms,
    InboundUssd,
)
from service.vault.number import PhoneNumber

_KINDS: dict[str, type[Inbound]] = {
    "sms": InboundSms,
    "ussd": InboundUssd,
    "receipt": InboundReceipt,
    "opt_out": InboundOptOut,
}


def pack(message: Inbound) -> bytes:
    """The whole message, its number in the clear: to be sealed at once, and let go of."""
    (kind,) = (name for name, type_ in _KINDS.items() if isinstance(message, type_))
    told = {field.name: _told(getattr(message, field.name)) for field in fields(message)}
    return json.dumps({"kind": kind, **told}).encode()


def unpack(packed: bytes) -> Inbound:
    """The message that `pack` was given."""
    told = json.loads(packed)
    if told.get("sender") is not None:
        told["sender"] = PhoneNumber(told["sender"])
    if told.get("sent_at") is not None:
        told["sent_at"] = datetime.fromisoformat(told["sent_at"])
    if told.get("status") is not None:
        told["status"] = DeliveryStatus(told["status"])
    return _KINDS[told.pop("kind")](**told)


def _told(value: object) -> object:
    if isinstance(value, PhoneNumber):
        return value.reveal()
    return value.isoformat() if isinstance(value, datetime) else value
