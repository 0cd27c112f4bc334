"""What responders answer to an alert, and how far the alert has come by it.

Answers are kept as they came, also where a person says now this and now that: their last word
counts. Texts overtake one another, so that it is the last by the time at which it was sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

Kind = Literal["acknowledge", "on_the_way", "cannot", "done"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# In the order of the digits that responders text, from 1.
Outcome = Literal["prevented", "contained", "too_late", "nothing_found", "false_alarm"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DISPUTED: Final = "disputed"

# How far the clock of a gateway, which dates what phones send, may be off ours.
OFF: Final = timedelta(minutes=2)

# From the first to the last. `corrected` comes over an alert whatever was answered.
State = Literal["open", "acknowledged", "on_the_way", "done", "corrected"]
STATES: tuple[State, ...] = get_args(State)
ENDED: frozenset[State] = frozenset(("done", "corrected"))

# How far an alert comes by what one person said last. Who cannot act has read it, and yet it is as
# open as before: somebody else must.
REACHES: dict[Kind, State] = {
    "cannot": "open",
    "acknowledge": "acknowledged",
    "on_the_way": "on_the_way",
    "done": "done",
}


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of one person. `id` counts up in the order in which answers were read."""

    id: int
    person: int
    kind: Kind
    outcome: Outcome | None
    at: datetime


def said_at(sent_at: datetime | None, received_at: datetime, told_at: datetime) -> datetime:
    """When an answer was given: when it was sent, if that can be believed, else when it came.

    Nobody answers an alert before it was told, nor later than the answer was there: but for the
    clock that dated it, which may be somewhat slow or fast. It is kept as that clock has it, since
    the order of what one person says is its order, and not the order in which texts arrive.
    """
    if sent_at is not None and told_at - OFF <= sent_at <= received_at + OFF:
        return sent_at
    return received_at


def heard_at(at: datetime, received_at: datetime, told_at: datetime) -> datetime:
    """When an answer given `at` was given by Vigie's own clock, as near as that is known."""
    return max(told_at, min(at, received_at))


def last_words(responses: Iterable[Response]) -> dict[int, Response]:
    """What each person said last."""
    ordered = sorted(responses, key=lambda response: (response.at, response.id))
    return {response.person: response for response in ordered}


def acknowledged_by(responses: Iterable[Response]) -> frozenset[int]:
    """The people who have the alert in hand, by their last word: who cannot act is none of them."""
    last = last_words(responses).values()
    return frozenset(each.person for each in last if REACHES[each.kind] != "open")


def state(responses: Iterable[Response], *, corrected: bool = False) -> State:
    """How far an alert has come: as far as anybody's last word takes it."""
    if corrected:
        return "corrected"
    reached = (REACHES[each.kind] for each in last_words(responses).values())
    return max(reached, key=STATES.index, default="open")


def outcome(responses: Iterable[Response]) -> Outcome | Literal["disputed"] | None:
    """How it ended, by the last words of those who say so: as most of them do.

    `disputed` where as many say something else.
    """
    last = last_words(responses).values()
    told = [each.outcome for each in last if each.outcome is not None]
    if not told:
        return None
    most = max(told.count(each) for each in OUTCOMES)
    agreed = [each for each in OUTCOMES if told.count(each) == most]
    return agreed[0] if len(agreed) == 1 else DISPUTED


def tally(responses: Iterable[Response]) -> Mapping[Kind, int]:
    """How many people said each of these last."""
    last = [each.kind for each in last_words(responses).values()]
    return {kind: last.count(kind) for kind in KINDS}
