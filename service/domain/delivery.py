"""What becomes of a text: when it is tried again and by which gateway, and what receipts tell.

A try is one call of one gateway for one recipient. It is under way, has arrived or has failed;
whether the text is tried again follows from all its tries.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Fate = Literal["under_way", "failed", "arrived"]

_UNDER_WAY = ("unknown", "accepted", "sent", "submitted", "buffered")
FAILED: Final = ("retry", "final", "rejected", "failed", "absent_subscriber", "expired")
"""What is said of a try that certainly did not reach the phone."""

_RANKS: Mapping[str, int] = MappingProxyType(
    {status: rank for rank, status in enumerate(_UNDER_WAY)}
    | dict.fromkeys(FAILED, len(_UNDER_WAY))
    | {"success": len(_UNDER_WAY) + 1}
)

# What a receipt says where this gateway will never reach this number.
_FOR_GOOD = frozenset(
    {"blocked_by_recipient", "no_such_number", "not_on_network", "not_subscribed", "suspended"}
)

# An alert twice is better than none; but a gateway that takes texts and never says so must not
# send it all night.
MOST_UNKNOWN = 3

Why = Literal["refused", "unknown", "undelivered"]
# Seconds until the first repeat, and the longest there are: each wait is twice the one before. An
# answer that was lost may be followed by the responder's own, which spares the repeat; a phone
# that was off is off for hours, and each try at it is paid.
_WAITS: Mapping[Why, tuple[float, float]] = MappingProxyType(
    {"refused": (15, 1800), "unknown": (120, 1800), "undelivered": (60, 6 * 3600)}
)
_JITTER = 0.2


class Try(NamedTuple):
    """What is known of one try; `status` is the gateway's answer, then its last receipt's."""

    gateway: str
    status: str
    reason: str | None


class Step(NamedTuple):
    """What is to happen with a text: it is `sent`, it waits so many seconds, or it has `failed`."""

    state: Literal["sent", "waiting", "failed"]
    seconds: float = 0.0


def fate(status: str) -> Fate:
    """Return what a status means for the try."""
    if status == "success":
        return "arrived"
    return "failed" if status in FAILED else "under_way"


def supersedes(status: str, before: str) -> bool:
    """Return whether a receipt tells more than what was known, in whatever order they come."""
    return _RANKS.get(status, 0) > _RANKS.get(before, 0)


def pause(nth: int, why: Why, chance: float) -> float:
    """Return the seconds until the repeat after the `nth` failure, counted from 1.

    `chance` is in [0, 1): so what failed together is not repeated together.
    """
    first, longest = _WAITS[why]
    wait = min(first * 2.0 ** (min(nth, 30) - 1), longest)
    return wait * (1 - _JITTER + 2 * _JITTER * chance)


def open_to(route: Sequence[str], tries: Sequence[Try]) -> list[str]:
    """Return the gateways of the route that have not refused this recipient for good."""
    never = {each.gateway for each in tries if _is_for_good(each)}
    return [gateway for gateway in route if gateway not in never]


def choose(gateways: Sequence[str], tries: Sequence[Try], next_after: int) -> str:
    """Return the gateway whose turn it is, of these.

    It is the first, after so many failures of it the next, and so on round and round.
    """
    failures = _failures(tries)
    return min(gateways, key=lambda gateway: failures[gateway] // next_after)


def after(
    tries: Sequence[Try],
    route: Sequence[str],
    next_after: int,
    chance: float,
    *,
    is_repeated: bool,
) -> Step:
    """Return what is to happen after the last of these tries.

    `is_repeated`: whether a text that may or may not have been taken is sent again.
    """
    last = tries[-1]
    unknown = sum(each.status == "unknown" for each in tries)
    if last.status == "unknown":
        if not is_repeated:
            return Step("sent")
        if unknown >= MOST_UNKNOWN:
            return Step("failed")
        return Step("waiting", pause(unknown, "unknown", chance))
    if fate(last.status) != "failed":
        return Step("sent")
    gateways = open_to(route, tries)
    if not gateways:
        return Step("failed")
    following, failures = choose(gateways, tries, next_after), _failures(tries)
    if failures[following] // next_after < failures[last.gateway] // next_after:
        return Step("waiting")  # by another gateway, at once
    return Step("waiting", pause(max(1, failures[following]), "refused", chance))


def working(
    undelivered: int, last_at: datetime | None, now: datetime, failures: int, within: timedelta
) -> bool:
    """Return whether texts to a phone are likely to arrive.

    `undelivered`: how many tries in a row did not, the last of them at `last_at`. After so many
    `failures` it does not work. When `within` has passed it is given another chance: else nothing
    would ever show that it works again.
    """
    if undelivered < failures or last_at is None:
        return True
    return now - last_at >= within


def _failures(tries: Sequence[Try]) -> Counter[str]:
    """How often each gateway failed; where it is unknown whether it did, that counts too."""
    failed = (each for each in tries if fate(each.status) == "failed" or each.status == "unknown")
    return Counter(each.gateway for each in failed)


def _is_for_good(each: Try) -> bool:
    if each.status == "final":
        return True
    return fate(each.status) == "failed" and each.reason in _FOR_GOOD
