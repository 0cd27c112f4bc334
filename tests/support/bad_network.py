"""A network as bad as they come, between the phones and a running Vigie, both ways and by one seed.

On the way in it loses calls to the gateway's URL, or their answers, so that they are made again; it
delivers texts twice, hours late, and in any order. It gives nothing up: that is what a 200 is for.
On the way out it loses calls or their answers, and delivery receipts come late, twice, in any order
or never.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from tests.support.fake_at import Raw
from tests.support.network import Network

STEP = timedelta(minutes=4)
LATEST = timedelta(hours=3)
RECEIPTS = ("Success", "Sent", "Buffered", "Failed")


@dataclass(frozen=True)
class Text:
    """What a person sent, and when; `name` is the gateway's own name for it."""

    sender: str
    text: str
    sent_at: datetime
    name: str


@dataclass
class BadNetwork:
    """Carries texts between phones and Vigie. `kind` carries them at once, whole and once.

    `skew`: by how much the gateway's clock, which dates what phones send, is ahead of Vigie's.
    """

    vigie: Network
    chance: Random
    kind: bool = False
    skew: timedelta = timedelta()
    _under_way: list[tuple[datetime, Text]] = field(default_factory=list)
    _told: int = 0
    _receipts: list[tuple[datetime, str, str]] = field(default_factory=list)
    _names: int = 0

    def send(self, sender: str, text: str) -> None:
        """A person sends a text now."""
        self._names += 1
        now = self.vigie.clock.now()
        sent = Text(sender, text, now + self.skew, f"carried-{self._names}")
        copies = 1 if self.kind else 1 + (self.chance.random() < 0.3)
        self._under_way += [(self._arrival(now), sent) for _ in range(copies)]

    async def step(self) -> None:
        """Let some time pass, and arrive what arrives in it."""
        self.vigie.clock.at += STEP
        self._spoil_the_way_out()
        await self._arrive()
        await self._receive()
        await self.vigie.work()

    async def calm(self) -> None:
        """Let the network be good until everything has arrived and been sent."""
        self.kind = True
        while self._under_way or self._receipts:
            await self.step()
        for _ in range(24):  # what was not taken is sent again, ever later; windows end
            self.vigie.clock.move(minutes=20)
            await self.vigie.settle()

    def _arrival(self, now: datetime) -> datetime:
        if self.kind:
            return now
        late = LATEST if self.chance.random() < 0.2 else timedelta(minutes=20)
        return now + self.chance.random() * late

    async def _arrive(self) -> None:
        now = self.vigie.clock.now()
        due = [each for each in self._under_way if each[0] <= now or self.kind]
        self._under_way = [each for each in self._under_way if each not in due]
        if not self.kind:
            self.chance.shuffle(due)
        for _, text in due:
            lost = not self.kind and self.chance.random() < 0.2
            if not lost:
                await self.vigie.text(text.sender, text.text, id_=text.name, sent_at=text.sent_at)
            if lost or (not self.kind and self.chance.random() < 0.1):  # no 200 came back
                self._under_way.append((now + STEP, text))

    def _spoil_the_way_out(self) -> None:
        at, turn = self.vigie.at, 1.0 if self.kind else self.chance.random()
        at.drops = "after taking" if turn < 0.15 else "never"
        at.raw = Raw(503, "busy", "text/plain") if 0.15 <= turn < 0.3 else None

    async def _receive(self) -> None:
        """Delivery receipts for what was taken since, and those that were held up."""
        now = self.vigie.clock.now()
        names = [(name, to) for to, ids in self.vigie.at.message_ids.items() for name in ids]
        for name, to in names[self._told :]:
            for _ in range(self.chance.choice((0, 1, 1, 2))):
                self._receipts.append((now + self.chance.random() * LATEST, name, to))
        self._told = len(names)
        due = [each for each in self._receipts if each[0] <= now or self.kind]
        self._receipts = [each for each in self._receipts if each not in due]
        self.chance.shuffle(due)
        for _, name, to in due:
            if name != "None":
                await self.vigie.receipt(name, self.chance.choice(RECEIPTS), to)
