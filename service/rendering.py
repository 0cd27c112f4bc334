"""The text of a row of the outbox: what it tells of, in the wording that is this person's."""

from datetime import datetime
from typing import NamedTuple

from service.content import Content
from service.domain.apart import told_apart
from service.domain.responses import Response
from service.store import AnyRow
from service.texts import VALUES
from service.vault.vault import Vault
from service.wording import wording

# Purpose, language, alert, and the wording of each slot: whose copies are alike.
_Copy = tuple[str, str, int, tuple[int, ...]]


class About(NamedTuple):
    """What a text can tell of: to whom it goes, an alert, a question, an answer to the alert.

    `missing`: how many people the alert did not reach, and of how many.
    """

    person: AnyRow | None
    alert: AnyRow | None
    asked: AnyRow | None
    said: Response | None
    missing: tuple[int, int] | None = None


class Rendering:
    """Renders the texts of a batch; of a thousand about an alert a few dozen are different."""

    def __init__(self, content: Content, vault: Vault, now: datetime) -> None:
        self._content = content
        self._vault = vault
        self._now = now
        self._copies: dict[_Copy, str] = {}

    def text(self, row: AnyRow, about: About) -> str:
        """The text of a row, in the wording that is this person's for this alert.

        What answers somebody is theirs alone.
        """
        texts, person, alert = self._content.texts, about.person, about.alert
        if person is None or alert is None:
            return texts.render(row.purpose, row.language, self._values(row.purpose, about), None)
        slots = texts.slots(row.purpose, row.language)
        choice = wording(self._vault, slots, person.id, alert.id, row.key_version)
        copy = row.purpose, row.language, alert.id, choice
        if row.inbox_id is not None or copy not in self._copies:
            values = self._values(row.purpose, about)
            self._copies[copy] = texts.render(
                row.purpose, row.language, values, choice, drill=alert.drill
            )
        return self._copies[copy]

    def _values(self, purpose: str, about: About) -> dict[str, object]:
        person, alert, asked, said, missing = about
        known: dict[str, object] = {}
        if person is not None:
            known["area"] = self._area(person.area)
            until = person.paused_until or self._now
            known["until"] = until.astimezone(self._content.timezone)
        if alert is not None:
            known |= {"number": alert.id, "day": alert.day, "part": alert.day_part}
            known |= {"severity": alert.severity, "area": self._area(alert.area)}
            known["type"] = self._content.title(alert.type)
            known["place"], known["state"] = self._place(alert.place), alert.state
        if asked is not None:
            known["first"], known["second"] = self._places(asked)
        if said is not None:
            known["answer"] = said.outcome or said.kind
        if missing is not None:
            known["missed"], known["told"] = missing
        return {name: known[name] for name in VALUES[purpose]}

    def _places(self, asked: AnyRow) -> tuple[str, str]:
        """The two places of a question; their codes where they are on the map no more."""
        content = self._content
        first, second = (content.gazetteer.by_code(code) for code in (asked.first, asked.second))
        if first is None or second is None:
            return asked.first, asked.second
        return told_apart(first, second, content.tree)

    def _area(self, pcode: str) -> str:
        tree = self._content.tree
        return tree.name(pcode) if pcode in tree else pcode

    def _place(self, code: str | None) -> str:
        place = self._content.gazetteer.by_code(code) if code else None
        return place.name if place is not None else ""
