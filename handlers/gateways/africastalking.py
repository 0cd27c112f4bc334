"""Africa's Talking, as its documents have it: https://developers.africastalking.com/docs/sms

Top to bottom: what comes in (texts, delivery receipts, opt-outs), then what goes out. The readers
are pure; the tables say what every status and code means here and to the operator.
"""

import asyncio
import json
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLCertVerificationError
from time import monotonic
from types import MappingProxyType
from typing import Any

import requests
import urllib3.exceptions
from africastalking.SMS import SMSService

from handlers.gateways import africastalking_ussd
from handlers.gateways.africastalking_ussd import NumberOf
from handlers.gateways.forms import Form, Refused, required
from service.gateway import (
    Cost,
    DeliveryStatus,
    InboundOptOut,
    InboundReceipt,
    InboundSms,
    Outcome,
    OutcomeState,
    UssdHop,
)
from service.vault.number import PhoneNumber

NAME = "africastalking"

# ---- In: date, from, id, linkId?, text, to, networkCode? ------------------------------------


def read_sms(
    form: Form, gateway: str = NAME, number_of: NumberOf = PhoneNumber.parse
) -> InboundSms | Refused:
    """A text. Only what a report cannot do without is required: who sent it, and its words."""
    if refused := required(form, "from", "text"):
        return refused
    return InboundSms(
        gateway=gateway,
        message_id=form.get("id") or None,
        sender=number_of(form["from"]),
        text=form["text"],
        sent_at=read_date(form.get("date", "")),
    )


def read_date(raw: str) -> datetime | None:
    """`2017-05-03T06:04:45Z` and `2017-05-03 06:04:45`, both UTC; None if it is no date."""
    try:
        date = datetime.fromisoformat(raw.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# ---- In: id, status, phoneNumber, networkCode, failureReason?, retryCount? ------------------

STATUSES: Mapping[str, DeliveryStatus] = MappingProxyType(
    {status.replace("_", ""): status for status in DeliveryStatus}
)

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "insufficientcredit": "no_credit",
        "invalidlinkid": "invalid_link",
        "userisinactive": "inactive",
        "userinblacklist": "blocked_by_recipient",
        "useraccountsuspended": "suspended",
        "notnetworksubscriber": "not_on_network",
        "notnetworksubcriber": "not_on_network",  # as the documents spell it
        "usernotsubscribedtoproduct": "not_subscribed",
        "userdoesnotexist": "no_such_number",
        "deliveryfailure": "delivery_failed",
        "donotdisturbrejection": "quiet_hours",
    }
)


def read_receipt(form: Form, gateway: str = NAME) -> InboundReceipt | Refused:
    """A delivery receipt. A status that nobody documented is `unknown`, not an error."""
    if refused := required(form, "id", "status"):
        return refused
    if not form["id"]:
        return Refused("the field id is empty")
    failure = _word(form.get("failureReason", ""))
    return InboundReceipt(
        gateway=gateway,
        message_id=form["id"],
        status=STATUSES.get(_word(form["status"]), DeliveryStatus.UNKNOWN),
        reason=FAILURES.get(failure, "other") if failure else None,
    )


def _word(raw: str) -> str:
    return raw.strip().lower()


# ---- In: senderId, phoneNumber --------------------------------------------------------------


def read_opt_out(
    form: Form, gateway: str = NAME, number_of: NumberOf = PhoneNumber.parse
) -> InboundOptOut | Refused:
    """Someone left at the telephone company. From which sender id does not matter: they leave."""
    if refused := required(form, "phoneNumber"):
        return refused
    return InboundOptOut(gateway=gateway, sender=number_of(form["phoneNumber"]))


# ---- Out: what the answer means -------------------------------------------------------------


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
        return _all(recipients, BAD_CREDENTIALS)
    if said is None:
        return _all(recipients, _without_a_word(answer.status))
    if not said["Recipients"]:
        sender = said.get("Message") == "InvalidSenderId"
        return _all(recipients, NO_SENDER if sender else NO_RECIPIENTS)
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


def _all(recipients: Sequence[PhoneNumber], meaning: Meaning) -> list[Outcome]:
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


# ---- Out: sending ---------------------------------------------------------------------------

ANSWER_LIMIT = 4 * 1024 * 1024
# A connection that rested longer is not used again: the server may close it as the request leaves,
# and then nobody knows what became of the text.
RESTED_SECONDS = 10.0


class _Connections(threading.local):
    """Each thread's own connections, kept open from one request to the next."""

    def __init__(self) -> None:
        self._session: requests.Session | None = None
        self._used_at = 0.0

    def session(self) -> requests.Session:
        now = monotonic()
        if self._session is not None and now - self._used_at > RESTED_SECONDS:
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = requests.Session()
            self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._used_at = now
        return self._session


class _Service(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's SMS service, with an address of one's own and an answer that can be told apart.

    The SDK drops the HTTP status (a bad key and a server fault become the same exception, whose
    text is the whole answer) and follows redirects with the API key in a header. `_make_request`
    is the one place where it meets HTTP.
    """

    def __init__(
        self, username: str, api_key: str, base_url: str | None, timeout: tuple[float, float]
    ) -> None:
        super().__init__(username, api_key)
        if base_url is not None:
            self._baseUrl = base_url.rstrip("/") + "/version1"
        self._timeout = timeout
        self._connections = _Connections()

    def _make_request(
        self,
        url: str,
        method: str,
        headers: dict[str, str],
        data: Mapping[str, object],
        **_: object,
    ) -> Answer:
        with self._connections.session().request(
            method,
            url,
            headers=headers,
            data=data,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(64 * 1024):
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    return Answer(response.status_code, b"")
            return Answer(response.status_code, bytes(body))


class AfricasTalking:
    """Sends through Africa's Talking. `timeout` is (to connect, between bytes), in seconds."""

    write_ussd = staticmethod(africastalking_ussd.written)

    def __init__(
        self,
        username: str,
        api_key: str,
        sender: str | None = None,
        base_url: str | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        at_once: int = 4,
        name: str = NAME,
    ) -> None:
        """`base_url`: another server that speaks the same API; `at_once`: requests in flight.

        `name` tells two accounts apart.
        """
        self.name = name
        self._service = _Service(username, api_key, base_url, timeout)
        self._sender = sender
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=NAME)

    def read_sms(self, form: Form) -> InboundSms | Refused:
        return read_sms(form, self.name)

    def read_receipt(self, form: Form) -> InboundReceipt | Refused:
        return read_receipt(form, self.name)

    def read_opt_out(self, form: Form) -> InboundOptOut | Refused:
        return read_opt_out(form, self.name)

    def read_ussd(self, form: Form) -> UssdHop | Refused:
        return africastalking_ussd.read_hop(form, self.name)

    def read_ussd_end(self, form: Form) -> UssdHop | Refused:
        return africastalking_ussd.read_end(form, self.name)

    async def send(self, text: str, recipients: Sequence[PhoneNumber]) -> list[Outcome]:
        """One request for all recipients. Never raises for a refusal."""
        if not recipients:
            return []
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._send, text, recipients)

    def _send(self, text: str, recipients: Sequence[PhoneNumber]) -> list[Outcome]:
        numbers = [recipient.reveal() for recipient in recipients]
        try:
            answer = self._service.send(text, numbers, sender_id=self._sender)
        except requests.RequestException as error:
            return _all(recipients, UNREACHABLE if _never_left(error) else LOST)
        except ValueError:
            return _all(recipients, UNSENDABLE)
        return read_answer(answer, recipients)

    async def close(self) -> None:
        """Waits for the requests in flight; each is bounded by the timeout."""
        await asyncio.to_thread(self._pool.shutdown)


def _never_left(error: requests.RequestException) -> bool:
    """Whether the request certainly did not reach the server, so that sending again is safe."""
    if isinstance(error, (requests.ConnectTimeout, ValueError)):  # ValueError: the URL is none
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, urllib3.exceptions.SSLError):
        return bool(cause.args) and isinstance(cause.args[0], SSLCertVerificationError)
    return isinstance(cause, urllib3.exceptions.NewConnectionError)
