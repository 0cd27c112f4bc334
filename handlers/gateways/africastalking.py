"""Africa's Talking, as its documents have it: https://developers.africastalking.com/docs/sms

Top to bottom: what comes in (texts, delivery receipts, opt-outs), then what goes out. The readers
are pure; the tables say what every status means here.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLCertVerificationError
from time import monotonic
from types import MappingProxyType

import requests
import urllib3.exceptions
from africastalking.SMS import SMSService

from handlers.gateways import africastalking_ussd
from handlers.gateways.africastalking_answers import (
    LOST,
    UNREACHABLE,
    UNSENDABLE,
    Answer,
    all_of,
    read_answer,
)
from handlers.gateways.africastalking_ussd import NumberOf
from handlers.gateways.forms import Form, Refused, required
from service.gateway import (
    DeliveryStatus,
    InboundOptOut,
    InboundReceipt,
    InboundSms,
    Outcome,
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
            return all_of(recipients, UNREACHABLE if _never_left(error) else LOST)
        except ValueError:
            return all_of(recipients, UNSENDABLE)
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
