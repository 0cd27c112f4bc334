"""Which messages are too old or too new to be taken for what they say.

A message is known again for as long as the inbox remembers it. One that was sent longer ago than
that may be new, or may be a copy of one that was received and forgotten: nobody can tell, so it is
set aside for a person to decide.
"""

from datetime import datetime, timedelta
from typing import Literal

from service.domain.retention import MESSAGE_HOURS

# How far ahead of ours a gateway's clock may be, a zone mistaken by some hours included. A message
# that claims to be from the future would be fresh for that much longer than it is remembered.
AHEAD = timedelta(hours=6)
OLDEST = timedelta(hours=MESSAGE_HOURS) - AHEAD

Misdated = Literal["too_old", "too_new"]
MISDATED: tuple[Misdated, ...] = ("too_old", "too_new")


def misdated(sent_at: datetime | None, received_at: datetime) -> Misdated | None:
    """Whether a message's own date keeps it from being counted; one without a date is taken."""
    if sent_at is None:
        return None
    if received_at - sent_at > OLDEST:
        return "too_old"
    return "too_new" if sent_at - received_at > AHEAD else None
