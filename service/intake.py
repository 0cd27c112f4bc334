"""Accepts a message durably: sealed and indexed at once, on disk before the answer.

One task writes for all requests (group commit): whatever arrives while a commit is under way goes
into the next one, so that a burst shares its fsync.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from service.clock import Clock
from service.domain.pacing import ALL_SENDERS, PER_SENDER, Pace
from service.flood import Flood
from service.gateway import Inbound, InboundOptOut, InboundReceipt, InboundSms
from service.store import Store
from service.store import inbox as inbox_store
from service.tasks import first_of
from service.telemetry import Metrics
from service.vault.keys import Purpose
from service.vault.number import PhoneNumber
from service.vault.vault import Vault

log = structlog.get_logger()

# A gateway that names its messages names a repeat alike. Without a name, the same text from the
# same sender within one or two of these is a repeat.
REPEAT = timedelta(seconds=30)
# What may wait for the disk. Beyond it the gateway is told to try again, which loses nothing.
MOST_WAITING = 20_000
_Waiting = tuple[dict[str, Any], bytes | None, asyncio.Future[None]]


class Unavailable(Exception):  # noqa: N818 - it states what is, and the edge answers 503
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
        self._waiting: list[_Waiting] = []
        self._sealing = vault.sealing()
        self._wake = asyncio.Event()
        self._open = True

    async def run(self, stopping: asyncio.Event) -> None:
        """Write what arrives until told to stop; what was taken in by then is written first."""
        while self._open:
            await first_of(self._wake, stopping)
            self._wake.clear()
            self._open = not stopping.is_set()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write(batch)
                self._flood.written(len(batch))

    async def accept(self, message: Inbound) -> None:
        """Store a message. Raises Unavailable if it could not be."""
        if not self._open or len(self._waiting) >= MOST_WAITING:
            raise Unavailable("too much is waiting for the disk, or the service is stopping")
        row, repeat = self._seal(message)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, repeat, stored))
        self._flood.came()
        self._wake.set()
        await stored

    def _seal(self, message: Inbound) -> tuple[dict[str, Any], bytes | None]:
        """The inbox row of a message, and the `dedupe` of an earlier one that it would repeat."""
        now = self._clock.now()
        row = {"gateway": message.gateway, "received_at": now, "due_at": now, "state": "waiting"}
        match message:
            case InboundSms():
                return self._seal_sms(message, row, now)
            case InboundReceipt():
                name = f"{message.message_id}\0{message.status}"
                row |= {
                    "kind": "receipt",
                    "dedupe": self._vault.blind(Purpose.MESSAGE_ID, f"receipt\0{name}"),
                    "message_index": self._vault.blind(Purpose.MESSAGE_ID, message.message_id),
                    "status": message.status.value,
                    "reason": message.reason,
                }
                return row, None
            case InboundOptOut():
                row["kind"] = "opt_out"
                index = self._vault.index(message.sender) if message.sender else b""
                row["dedupe"], repeat = self._name("opt_out", index, "", None, now)
                row["sender_index"] = index or None
                return row, repeat

    def _seal_sms(
        self, message: InboundSms, row: dict[str, Any], now: datetime
    ) -> tuple[dict[str, Any], bytes | None]:
        index = self._vault.index(message.sender) if message.sender else b""
        if message.message_id is not None:
            name = f"sms\0{message.gateway}\0{message.message_id}"
            dedupe, repeat = self._vault.blind(Purpose.MESSAGE_ID, name), None
        else:
            dedupe, repeat = self._name("sms", index, message.text, message.sent_at, now)
        row |= {
            "kind": "sms",
            "dedupe": dedupe,
            "sender_index": index or None,
            "sealed_sender": self._seal_sender(message.sender, dedupe),
            "sealed_text": self._sealing.seal_text(message.text, now.date(), dedupe.hex()),
            "text_day": now.date(),
            "sent_at": message.sent_at,
            "due_at": self._turn(index, now),
        }
        return row, repeat

    def _seal_sender(self, sender: PhoneNumber | None, dedupe: bytes) -> bytes | None:
        return self._sealing.seal_sender(sender, dedupe.hex()) if sender else None

    def _name(
        self, kind: str, index: bytes, text: str, sent_at: datetime | None, now: datetime
    ) -> tuple[bytes, bytes | None]:
        """What tells a message without a name apart: its own moment, else the span it falls in."""

        def blind(moment: str) -> bytes:
            words = (kind, index.hex(), moment, text)
            return self._vault.blind(Purpose.MESSAGE_TEXT, "\0".join(words))

        if sent_at is not None:
            return blind(sent_at.isoformat()), None
        span = int(now.timestamp() // REPEAT.total_seconds())
        return blind(str(span)), blind(str(span - 1))

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
        try:
            async with self._store.write() as tx:
                repeats = await inbox_store.known(tx, [r for _, r, _ in batch if r is not None])
                rows = [row for row, repeat, _ in batch if repeat not in repeats]
                if rows:
                    await inbox_store.add(tx, rows)
        except Exception as error:  # whatever it was, every caller must hear that nothing is stored
            log.exception("messages could not be stored", count=len(batch))
            for _, _, stored in batch:
                if not stored.done():
                    stored.set_exception(Unavailable(type(error).__name__))
            return
        kinds = Counter((row["gateway"], row["kind"]) for row, _, _ in batch)
        for (gateway, kind), count in kinds.items():
            self._metrics.accepted.count(gateway, kind, by=count)
        for _, _, stored in batch:
            if not stored.done():
                stored.set_result(None)
        self._arrived()
