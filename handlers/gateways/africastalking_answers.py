"""What Africa's Talking answers to a request to send: https://developers.africastalking.com/docs/sms

Pure; the tables say what every code means to dispatch and to the operator.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from service.gateway import Cost, Outcome, OutcomeState
from service.vault.number import PhoneNumber


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer means: to dispatch, as one word, and as advice to the operator.

    `is_fault`: it would have been the same for any recipient.
    """

    state: OutcomeState
    reason: str
    advice: str
    is_fault: bool = False


MEANINGS: Mapping[int, Meaning] = MappingProxyType(
    {
        100: Meaning("accepted", "processed", "Nothing to do."),
        101: Meaning("accepted", "sent", "Nothing to do."),
        102: Meaning("accepted", "queued", "Nothing to do."),
        401: Meaning(
            "final", "risk_hold", "Africa's Talking holds the text as a risk: ask its support why."
        ),
        402: Meaning(
            "retry",
            "invalid_sender_id",
            "VIGIE_AT_SENDER is not registered for this account and country: register or mend it.",
            is_fault=True,
        ),
        403: Meaning(
            "final", "invalid_number", "The number is not in use: ask the person to enrol again."
        ),
        404: Meaning(
            "final",
            "unsupported_number",
            "This kind of number takes no texts: ask the person to enrol from a mobile phone.",
        ),
        405: Meaning(
            "retry",
            "no_balance",
            "The account is out of credit: top it up, waiting texts then go.",
            is_fault=True,
        ),
        406: Meaning(
            "final",
            "blocked_by_recipient",
            "The person blocked texts from this sender: they can lift that with the operator.",
        ),
        407: Meaning(
            "final",
            "no_route",
            "Africa's Talking has no route to this network: ask its support, or use a SIM gateway.",
        ),
        409: Meaning("retry", "quiet_hours", "The network takes no texts at this hour."),
        500: Meaning(
            "retry",
            "gateway_error",
            "A fault at Africa's Talking: it is tried again.",
            is_fault=True,
        ),
        501: Meaning("retry", "network_error", "A fault at the network: it is tried again."),
        502: Meaning(
            "retry",
            "rejected_by_network",
            "The network refused the text: it is tried again; if it goes on, ask support.",
        ),
    }
)
"""Each recipient's `statusCode`."""

UNKNOWN_CODE = Meaning(
    "unknown",
    "unknown_code",
    "Africa's Talking answered with a new code: look it up, update Vigie.",
)

# What is said of a whole request, and so of every recipient in it.
NO_SENDER = MEANINGS[402]
NO_RECIPIENTS = Meaning(
    "final", "no_recipients", "Africa's Talking took none of the numbers: ask its support why."
)
BAD_CREDENTIALS = Meaning(
    "retry",
    "bad_credentials",
    "VIGIE_AT_USERNAME and VIGIE_AT_API_KEY do not match: correct them, waiting texts then go.",
    is_fault=True,
)
TOO_FAST = Meaning(
    "retry", "too_fast", "Texts come faster than the account allows: set VIGIE_GATEWAY_RATE.", True
)
REFUSED = Meaning(
    "retry",
    "refused",
    "The server refused the request: check VIGIE_AT_BASE_URL and the account.",
)
UNREACHABLE = Meaning(
    "retry", "unreachable", "No connection: check the network and VIGIE_AT_BASE_URL.", is_fault=True
)
UNSENDABLE = Meaning(
    "retry",
    "unsendable",
    "The request cannot be written: look for odd letters in the API key.",
)
LOST = Meaning(
    "unknown",
    "connection_lost",
    "The answer did not arrive: an alert is sent again, at most three times.",
    is_fault=True,
)
UNREADABLE = Meaning(
    "unknown",
    "unreadable_answer",
    "Not an answer of Africa's Talking: check VIGIE_AT_BASE_URL.",
    is_fault=True,
)
NOT_ANSWERED = Meaning(
    "unknown", "not_in_answer", "The answer left this recipient out: a receipt may still tell."
)

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        meaning.reason: meaning.advice
        for meaning in (
            *MEANINGS.values(),
            *(UNKNOWN_CODE, NO_RECIPIENTS, BAD_CREDENTIALS, TOO_FAST, REFUSED, UNREACHABLE),
            *(UNSENDABLE, LOST, UNREADABLE, NOT_ANSWERED),
        )
    }
)
"""What the operator should do, for each reason word that a delivery may be stored with."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back: HTTP status and body. Has no repr, because the body holds numbers."""

    status: int
    body: bytes


def read_answer(answer: Answer, recipients: Sequence[PhoneNumber]) -> list[Outcome]:
    """One outcome for each recipient, whatever the answer looks like."""
    said = _said(answer.body)
    if answer.status == 401:
        return all_of(recipients, BAD_CREDENTIALS)
    if said is None:
        return all_of(recipients, _without_a_word(answer.status))
    if not said["Recipients"]:
        sender = said.get("Message") == "InvalidSenderId"
        return all_of(recipients, NO_SENDER if sender else NO_RECIPIENTS)
    by_number = _by_number(said["Recipients"])
    return [_outcome(recipient, by_number.get(recipient)) for recipient in recipients]


def _said(body: bytes) -> dict[str, Any] | None:
    """`SMSMessageData` if it has a list of recipients. The content type is not to be trusted."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    said = document.get("SMSMessageData") if isinstance(document, dict) else None
    return said if isinstance(said, dict) and isinstance(said.get("Recipients"), list) else None


def _without_a_word(status: int) -> Meaning:
    if status < 300:
        return UNREADABLE
    if status == 429:
        return TOO_FAST
    return REFUSED if status < 500 else LOST


def all_of(recipients: Sequence[PhoneNumber], meaning: Meaning) -> list[Outcome]:
    return [
        Outcome(recipient, meaning.state, meaning.reason, is_fault=meaning.is_fault)
        for recipient in recipients
    ]


def _by_number(entries: Sequence[object]) -> dict[PhoneNumber, dict[str, Any]]:
    found: dict[PhoneNumber, dict[str, Any]] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("number"), str):
            number = PhoneNumber.parse(entry["number"])
            if number is not None:
                found.setdefault(number, entry)
    return found


def _outcome(recipient: PhoneNumber, entry: Mapping[str, Any] | None) -> Outcome:
    if entry is None:
        return Outcome(recipient, NOT_ANSWERED.state, NOT_ANSWERED.reason)
    code = str(entry.get("statusCode"))
    meaning = MEANINGS.get(int(code), UNKNOWN_CODE) if code.isdecimal() else UNKNOWN_CODE
    return Outcome(
        recipient=recipient,
        state=meaning.state,
        reason=meaning.reason,
        message_id=_clean(_MESSAGE_ID, entry.get("messageId")),
        cost=read_cost(entry.get("cost")),
        is_fault=meaning.is_fault,
    )


_MESSAGE_ID = re.compile(r"(?!None$)[\w.:-]{1,128}", re.ASCII)
_COST = re.compile(r"([A-Z]{3}) ([0-9]{1,9}(?:\.[0-9]{1,6})?)", re.ASCII)


def read_cost(wording: object) -> Cost | None:
    """`KES 0.8000`; None for what is no price, as the `0` of a text that was not taken."""
    found = _COST.fullmatch(wording) if isinstance(wording, str) else None
    return Cost(found[1], int(Decimal(found[2]) * 1_000_000)) if found else None


def _clean(shape: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and shape.fullmatch(value) else None
