"""Africa's Talking's USSD, as its documents have it: https://developers.africastalking.com/docs/ussd

Pure: what comes in (each hop, the end of a session), and what a screen is written as.
"""

from collections.abc import Callable

from handlers.gateways.forms import Form, Refused, required
from service.gateway import UssdHop
from service.ussd import Screen
from service.vault.number import PhoneNumber

MOST_LETTERS = 200  # of a session's id

NumberOf = Callable[[str], PhoneNumber | None]

# ---- In: sessionId, phoneNumber, networkCode, serviceCode, text -----------------------------


def read_hop(
    form: Form, gateway: str, number_of: NumberOf = PhoneNumber.parse
) -> UssdHop | Refused:
    """One hop. `text` is empty at first, then holds all answers so far, with `*` between them."""
    return _read(form, "text", gateway, number_of)


# ---- In: sessionId, phoneNumber, status, durationInMillis, hopsCount, input, … --------------


def read_end(
    form: Form, gateway: str, number_of: NumberOf = PhoneNumber.parse
) -> UssdHop | Refused:
    """The end of a session. How it ended does not matter: `input` says what it came to."""
    return _read(form, "input", gateway, number_of)


def _read(form: Form, answers: str, gateway: str, number_of: NumberOf) -> UssdHop | Refused:
    if refused := required(form, "sessionId", "phoneNumber"):
        return refused
    session = form["sessionId"].strip()
    if not 0 < len(session) <= MOST_LETTERS:
        return Refused(f"the field sessionId is empty, or has more than {MOST_LETTERS} characters")
    return UssdHop(gateway, session, number_of(form["phoneNumber"]), form.get(answers, ""))


# ---- Out ------------------------------------------------------------------------------------


def written(screen: Screen) -> str:
    """The answer to a hop: `CON ` where it goes on, `END ` where it does not."""
    return f"{'END' if screen.last else 'CON'} {screen.shown}"
