"""What people take back: `ANN` withdraws what was sent last, `COR` puts another in its place.

Which reports are withdrawn follows from what was sent and when, never from the order in which it
came: a network may deliver an `ANN` twice, late, or before what it withdraws.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """A report as its sender knows it: in which message it was, sent when, and what it said.

    `verified`: a PIN, or that none is asked for, says that it is from who it seems.
    """

    report: int
    inbox_id: int
    nth: int
    at: datetime
    verified: bool
    type: str
    place: str
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a message takes back: what was sent last before it, of this type and place if it names
    any. The message of a correction is a report itself (`corrects`), and comes before no other that
    was sent in its second. `meant` is the very report, by message and which of its reports, where
    that is known: then nothing else decides.
    """

    inbox_id: int
    at: datetime
    verified: bool
    corrects: bool
    type: str | None = None
    place: str | None = None
    meant: tuple[int, int] | None = None
    drill: bool = False


def withdrawn(sent: Iterable[Sent], withdrawals: Iterable[Withdrawal]) -> set[int]:
    """Return the reports of one person that are taken back.

    All that one message said goes together. To say it twice takes back no more: whoever gets the
    same answer to everything sends things again.
    """
    every = list(sent)
    gone: set[int] = set()
    for each in withdrawals:
        gone.update(_by(each, every))
    return gone


def _by(withdrawal: Withdrawal, sent: Collection[Sent]) -> list[int]:
    before = [each for each in sent if _may_be_meant(each, withdrawal)]
    last = max((_order(each) for each in before), default=None)
    meant = [each for each in before if _order(each) == last]
    # What was said with a PIN is taken back with one: else a forged `ANN` would silence it.
    return [each.report for each in meant if withdrawal.verified or not each.verified]


def _may_be_meant(sent: Sent, withdrawal: Withdrawal) -> bool:
    if sent.drill != withdrawal.drill:  # what is said in an exercise takes back nothing that is so
        return False
    if withdrawal.meant is not None:
        return (sent.inbox_id, sent.nth) == withdrawal.meant
    apart = withdrawal.at - sent.at
    if not timedelta(0) <= apart <= WITHIN or sent.inbox_id == withdrawal.inbox_id:
        return False
    if withdrawal.corrects and _order(sent) > (withdrawal.at, withdrawal.inbox_id):
        return False
    return withdrawal.type in (None, sent.type) and withdrawal.place in (None, sent.place)


def _order(sent: Sent) -> tuple[datetime, int]:
    return sent.at, sent.inbox_id
