"""What a gateway is: the messages it brings in and the one call by which texts go out.

A number is in the clear in these objects only. They live from the edge to `intake.accept`, and
inside one `Gateway.send`; nothing keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from service.vault.number import PhoneNumber


class DeliveryStatus(StrEnum):
    """What a gateway says has become of a text."""

    SENT = "sent"
    SUBMITTED = "submitted"
    BUFFERED = "buffered"
    REJECTED = "rejected"
    SUCCESS = "success"
    FAILED = "failed"
    ABSENT_SUBSCRIBER = "absent_subscriber"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A text as the gateway handed it over.

    `message_id` is the gateway's own, None where it gives none. `sender` is None where the text
    came from something that cannot be answered: a short code or a name. `sent_at` is in UTC, None
    where the gateway gave no time that can be read.
    """

    gateway: str
    message_id: str | None
    sender: PhoneNumber | None
    text: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboundReceipt:
    """A delivery receipt: what became of a text that was sent. `reason` is a closed-list word."""

    gateway: str
    message_id: str
    status: DeliveryStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class InboundOptOut:
    """A person told the telephone company that they want no more texts: as good as STOP."""

    gateway: str
    sender: PhoneNumber | None


@dataclass(frozen=True, slots=True)
class UssdHop:
    """One hop of a USSD session, or its end: `answers` are all so far, with `*` between them."""

    gateway: str
    session: str
    sender: PhoneNumber | None
    answers: str


@dataclass(frozen=True, slots=True)
class InboundUssd:
    """What a USSD session came to, in the words that a text would have had.

    `hop` is how many answers it took, where the session may go on or break off: what comes of it
    later takes this one's place. None where it was sent, or the session is over.
    """

    gateway: str
    session: str
    sender: PhoneNumber | None
    text: str
    hop: int | None


Inbound = InboundSms | InboundUssd | InboundReceipt | InboundOptOut


class Cost(NamedTuple):
    """What a text cost: an ISO 4217 code, and millionths of that currency."""

    currency: str
    millionths: int


OutcomeState = Literal["accepted", "retry", "final", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gateway answered for one recipient.

    accepted: it will try to deliver. retry: not taken, may go later. final: will never go.
    unknown: it may or may not have been taken (a timeout after the request left).
    `reason` is a closed-list word. `is_fault`: it would be so for any recipient.
    """

    recipient: PhoneNumber
    state: OutcomeState
    reason: str
    message_id: str | None = None
    cost: Cost | None = None
    is_fault: bool = False


class Gateway(Protocol):
    """A way out to phones. One module in `handlers/gateways` for each."""

    @property
    def name(self) -> str: ...

    async def send(self, text: str, recipients: Sequence[PhoneNumber]) -> list[Outcome]:
        """Send one text to all recipients; an outcome for each. Never raises for a refusal."""
        ...

    async def close(self) -> None: ...
