"""Accepts a message durably: sealed and indexed at once, on disk before the answer.

While the service is locked, a message can be neither indexed nor known for a repeat: it is sealed
whole, stored, and goes the usual way once the service is unlocked.

One task writes for all requests (group commit): whatever arrives while a commit is under way goes
into the next one, so that a burst shares its fsync; and messages that come close together wait for
each other, as a commit costs as much as answering several of them.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from service.clock import Clock
from service.domain.pacing import ALL_SENDERS, PER_SENDER, Pace
from service.flood import Flood
from service.gateway import Inbound, InboundOptOut, InboundReceipt, InboundSms, InboundUssd
from service.locked import pack, unpack
from service.store import AnyRow, Store
from service.store import inbox as inbox_store
from service.store import locked as locked_store
from service.tasks import first_of
from service.telemetry import Metrics
from service.vault.keys import Purpose
from service.vault.number import PhoneNumber
from service.vault.vault import Vault

log = structlog.get_logger()

# A gateway that names its messages names a repeat alike. Without a name, the same text from the
# same sender within one or two of these is a repeat.
REPEAT = timedelta(seconds=30)
# A USSD session of which nothing more was heard for so long has broken off: the networks end it
# earlier. It is then read as far as it came.
BROKEN_OFF = timedelta(minutes=5)
# What may wait for the disk. Beyond it the gateway is told to try again, which loses nothing.
MOST_WAITING = 20_000
_Row = dict[str, Any]
# A row, the `dedupe`s of earlier messages that it would repeat, and of those whose place it takes.
_Sealed = tuple[_Row, Sequence[bytes], Sequence[bytes]]
_Waiting = tuple[_Sealed, asyncio.Future[None]]  # and who waits for it
_OPENED_AT_ONCE = 200
RETRY_SECONDS = 0.2
# From the beginning of one commit to the next, while more than one message at a time comes.
GATHER_SECONDS = 0.02
_LOCKED = "message"  # what a box of a whole message is bound to


class Unavailable(Exception):
    """The message is not on disk; the gateway is to send it again."""


class Intake:
    """The one way in. `accept` returns once the message is stored, or was stored before."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
        arrived: Callable[[], None],
        flood: Flood,
        per_sender: Pace = PER_SENDER,
        all_senders: Pace = ALL_SENDERS,
    ) -> None:
        """`arrived` is called after each commit: there is work for the workflow."""
        self._store = store
        self._vault = vault
        self._clock = clock
        self._metrics = metrics
        self._arrived = arrived
        self._flood = flood
        self._per_sender = per_sender
        self._all_senders = all_senders
        self._expected: dict[bytes, float] = {}
        self._expected_of_all = 0.0
        self._lately = OrderedDict[bytes, None]()  # a dict is slow to give up its oldest
        self._waiting: list[_Waiting] = []
        self._sealing = vault.sealing()
        self._wake = asyncio.Event()
        self._open = True
        self._locked_waiting = 0
        self._gather_until = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Write what arrives until told to stop; what was taken in by then is written first."""
        while self._open:
            await first_of(self._wake, stopping)
            self._wake.clear()
            self._open = not stopping.is_set()
            while self._waiting:
                await asyncio.sleep(max(0.0, self._gather_until - monotonic()))
                begun = monotonic()
                batch, self._waiting = self._waiting, []
                await self._write(batch)
                # Who comes alone, one message after the other, waits for nobody.
                self._gather_until = begun + GATHER_SECONDS if len(batch) > 1 else 0.0

    async def accept(self, message: Inbound, received_at: datetime | None = None) -> None:
        """Store a message. `received_at` where that was earlier. Raises Unavailable if it cannot.

        What is on disk already, by whatever version of the keys, is not stored again.
        """
        if not self._open or len(self._waiting) >= MOST_WAITING:
            raise Unavailable("too much is waiting for the disk, or the service is stopping")
        locked = self._vault.locked
        now = self._clock.now()
        sealed = (
            self._seal_whole(message, now) if locked else self._seal(message, received_at or now)
        )
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sealed, stored))
        self._locked_waiting += locked
        self._flood.came()
        self._wake.set()
        try:
            await stored
        finally:
            self._locked_waiting -= locked

    async def open_locked(self, stopping: asyncio.Event) -> None:
        """Once unlocked: let in what came before, by the same way, with its time of receipt."""
        last = opened = 0
        while not stopping.is_set():
            under_way = self._locked_waiting  # asked first: what is stored after it is found
            try:
                async with self._store.read() as tx:
                    rows = await locked_store.after(tx, last, _OPENED_AT_ONCE)
                opened += await self._let_in(rows)
            except (Unavailable, SQLAlchemyError, OSError):
                # All are stored still, and those that went in already are known again.
                await first_of(stopping, seconds=RETRY_SECONDS)
                continue
            if rows:
                last = rows[-1].id
            elif under_way:
                await first_of(stopping, seconds=RETRY_SECONDS)
            else:
                break
        if opened:
            log.info("let in what came while locked", messages=opened)

    async def _let_in(self, rows: Sequence[AnyRow]) -> int:
        """Store these messages as any other, then delete them as they were; how many."""
        messages = [(row, self._open_whole(row)) for row in rows]
        sound = [(row, message) for row, message in messages if message is not None]
        await asyncio.gather(*(self.accept(m, row.received_at) for row, m in sound))
        if sound:
            async with self._store.write() as tx:
                await locked_store.remove(tx, [row.id for row, _ in sound])
        return len(sound)

    def _open_whole(self, row: AnyRow) -> Inbound | None:
        """The message of a row; None, and the row stays, where these keys do not open it."""
        try:
            return unpack(self._vault.open_locked(row.sealed, _LOCKED))
        except Exception:  # one that cannot be read must not keep the others out
            log.exception("a message that came while locked does not open", message=row.id)
            return None

    def _seal_whole(self, message: Inbound, now: datetime) -> _Sealed:
        sealed = self._sealing.seal_locked(pack(message), _LOCKED)
        row = {"sealed": sealed, "received_at": now}
        return row | {"gateway": message.gateway, "kind": "locked"}, (), ()

    def _seal(self, message: Inbound, received_at: datetime) -> _Sealed:
        """The inbox row of a message, and how it stands to those before it."""
        row: _Row = {"gateway": message.gateway, "received_at": received_at}
        row |= {"due_at": self._clock.now(), "state": "waiting"}
        match message:
            case InboundSms():
                return self._seal_sms(message, row)
            case InboundUssd():
                return self._seal_ussd(message, row)
            case InboundReceipt():
                name = f"receipt\0{message.message_id}\0{message.status}"
                row["dedupe"], *repeats = self._vault.blinds(Purpose.MESSAGE_ID, name)
                named = f"{message.gateway}\0{message.message_id}"  # as dispatch knows it
                indexes = self._vault.blinds(Purpose.MESSAGE_ID, named)
                row |= {
                    "kind": "receipt",
                    "message_index": indexes[0],
                    "status": message.status.value,
                    "reason": message.reason,
                }
                return row | _other(indexes), repeats, ()
            case InboundOptOut():
                row["kind"] = "opt_out"
                row["dedupe"], *repeats = self._names("opt_out", message.sender, "", None, row)
                return row | self._who(message.sender), repeats, ()

    def _seal_sms(self, message: InboundSms, row: _Row) -> _Sealed:
        if message.message_id is not None:
            name = f"sms\0{message.gateway}\0{message.message_id}"
            dedupe, *repeats = self._vault.blinds(Purpose.MESSAGE_ID, name)
        else:
            sent = (message.sender, message.text, message.sent_at)
            dedupe, *repeats = self._names("sms", *sent, row)
        row |= {"kind": "sms", "dedupe": dedupe, "sent_at": message.sent_at}
        return self._with_text(message, row), repeats, ()

    def _seal_ussd(self, message: InboundUssd, row: _Row) -> _Sealed:
        """A session is two messages at the most: what came of it so far, while that can change, in
        one that gives way to a later one; and what it came to."""
        so_far, sent = (self._session(message, part) for part in ("so far", "sent"))
        if message.hop is None:
            row |= {"kind": "ussd", "dedupe": sent[0]}
            return self._with_text(message, row), sent[1:], so_far
        row |= {"kind": "ussd", "dedupe": so_far[0], "hop": message.hop}
        if message.text:
            row = self._with_text(message, row)
            row["due_at"] = row["received_at"] + BROKEN_OFF
        else:
            row |= {"state": "done", "problem": inbox_store.TAKEN_BACK}
        return row, sent, so_far

    def _session(self, message: InboundUssd, part: str) -> list[bytes]:
        words = "\0".join(("ussd", message.gateway, message.session, part))
        return self._vault.blinds(Purpose.MESSAGE_TEXT, words, message.sender)

    def _with_text(self, message: InboundSms | InboundUssd, row: _Row) -> _Row:
        """The row with the text and who sent it, and when its turn is."""
        now, dedupe = row["due_at"], row["dedupe"]
        row |= self._who(message.sender)
        return row | {
            "sealed_sender": self._seal_sender(message.sender, dedupe),
            "sealed_text": self._sealing.seal_text(message.text, now.date(), dedupe.hex()),
            "text_day": now.date(),
            "due_at": self._turn(row["sender_index"] or b"", now) if self._is_new(dedupe) else now,
        }

    def _who(self, sender: PhoneNumber | None) -> dict[str, Any]:
        """The columns by which the workflow finds the sender."""
        if sender is None:
            return {"sender_index": None}
        indexes = self._vault.indexes(sender)
        return {"sender_index": indexes[0], **_other(indexes)}

    def _seal_sender(self, sender: PhoneNumber | None, dedupe: bytes) -> bytes | None:
        return self._sealing.seal_sender(sender, dedupe.hex()) if sender else None

    def _names(
        self,
        kind: str,
        sender: PhoneNumber | None,
        text: str,
        sent_at: datetime | None,
        row: dict[str, Any],
    ) -> list[bytes]:
        """What tells a message without a name apart, then what an earlier one may be stored as.

        It is the message's own moment, else the span of time that it came in.
        """

        def blinds(moment: str) -> list[bytes]:
            words = "\0".join((kind, moment, text))
            return self._vault.blinds(Purpose.MESSAGE_TEXT, words, sender)

        if sent_at is not None:
            return blinds(sent_at.isoformat())
        span = int(row["received_at"].timestamp() // REPEAT.total_seconds())
        return blinds(str(span)) + blinds(str(span - 1))

    def _is_new(self, dedupe: bytes) -> bool:
        """Whether this is no copy of what came lately: a replay must not use up a person's turns.

        What is a copy is passed over when it is written; when its turn would be is of no account.
        """
        if dedupe in self._lately:
            return False
        self._lately[dedupe] = None
        if len(self._lately) > MOST_WAITING:
            self._lately.popitem(last=False)
        return True

    def _turn(self, index: bytes, now: datetime) -> datetime:
        """When the workflow takes the message: at once, or later in a flood."""
        seconds = now.timestamp()
        own, expected = self._per_sender.turn(self._expected.get(index, 0.0), seconds)
        every, self._expected_of_all = self._all_senders.turn(self._expected_of_all, seconds)
        self._expected[index] = expected
        if len(self._expected) > MOST_WAITING:
            self._expected = {i: at for i, at in self._expected.items() if at > seconds}
        turn = max(own, every)
        if turn > seconds:
            self._metrics.deferred.count()
            return datetime.fromtimestamp(turn, UTC)
        return now

    async def _write(self, batch: list[_Waiting]) -> None:
        self._sealing = self._vault.sealing()  # nobody here can open any more what is written now
        whole = [
            {name: row[name] for name in ("sealed", "received_at")}
            for (row, _, _), _ in batch
            if row["kind"] == "locked"
        ]
        try:
            async with self._store.write() as tx:
                rows, gone = await _new(tx, [sealed for sealed, _ in batch])
                if gone:
                    await inbox_store.give_way(tx, gone)
                if rows:
                    await inbox_store.add(tx, rows)
                if whole:
                    await locked_store.add(tx, whole)
        except Exception as error:  # whatever it was, every caller must hear that nothing is stored
            log.exception("messages could not be stored", count=len(batch))
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(Unavailable(type(error).__name__))
            return
        kinds = Counter((row["gateway"], row["kind"]) for (row, _, _), _ in batch)
        for (gateway, kind), count in kinds.items():
            self._metrics.accepted.count(gateway, kind, by=count)
        for _, stored in batch:
            if not stored.done():
                stored.set_result(None)
        self._arrived()


async def _new(
    tx: AsyncConnection, batch: Sequence[_Sealed]
) -> tuple[list[_Row], list[tuple[bytes, int]]]:
    """The rows of a batch, less those that repeat a stored message or one before them.

    And which stored ones give way to them, each up to its hop.
    """
    seen = await inbox_store.known(tx, [one for _, repeats, _ in batch for one in repeats])
    rows: list[_Row] = []
    gone: list[tuple[bytes, int]] = []
    for row, repeats, replaced in batch:
        if row["kind"] == "locked" or not seen.isdisjoint(repeats):
            continue
        if replaced:
            before = row.get("hop", inbox_store.LAST_HOP)
            gone += [(each, before) for each in replaced]
            rows = [r for r in rows if r["dedupe"] not in replaced or r["hop"] >= before]
        rows.append(row)
        seen.add(row["dedupe"])
    return rows, gone


def _other(hashes: Sequence[bytes]) -> dict[str, bytes]:
    """The column of the hash under the other version, while there are two."""
    return {"other_index": hashes[1]} if len(hashes) > 1 else {}
