"""The text of a row of the outbox: what it tells of, in the wording that is this person's."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from service.content import Content
from service.domain.apart import told_apart
from service.domain.codebook import SEVERITIES
from service.domain.messages import measure
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
        if about.person is None or about.alert is None:
            values = self._values(row.purpose, about)
            return self._content.texts.render(row.purpose, row.language, values, None)
        return self._copy(row.purpose, row, about, drill=about.alert.drill)

    def texts(self, parcel: Sequence[tuple[AnyRow, About]]) -> Iterator[tuple[str, list[AnyRow]]]:
        """The texts of what goes to a person together, each with its rows, as few as may be.

        A digest is cut where the next alert would take one more SMS than it may have. What is by
        itself, or left so, is told as it always is.
        """
        waiting = sorted(parcel, key=lambda each: each[0].alert_id)
        while waiting:
            fits = self._fitting(waiting)
            some, waiting = waiting[:fits], waiting[fits:]
            text = self._digest(some) if len(some) > 1 else self.text(*some[0])
            yield text, [row for row, _ in some]

    def _fitting(self, waiting: Sequence[tuple[AnyRow, About]]) -> int:
        """How many of these, from the first on, go into one text; at least one."""
        most = self._content.texts.most_segments("digest", waiting[0][0].language)
        fits = 1
        while fits < len(waiting):
            if measure(self._digest(waiting[: fits + 1])).segments > most:
                break
            fits += 1
        return fits

    def _digest(self, some: Sequence[tuple[AnyRow, About]]) -> str:
        """One text of these alerts; the words of each line are this person's for that alert."""
        told = [about.alert for _, about in some if about.alert is not None]
        lines = [self._copy("digest_alert", row, about) for row, about in some]
        values: dict[str, object] = {"number": told[0].id, "count": len(lines)}
        values["severity"] = max((each.severity for each in told), key=SEVERITIES.index)
        values["alerts"] = "\n".join(lines)
        language = some[0][0].language
        return self._content.texts.render("digest", language, values, drill=told[0].drill)

    def _copy(self, name: str, row: AnyRow, about: About, *, drill: bool = False) -> str:
        """The text `name` of an alert, in the wording that is this person's."""
        texts, person, alert = self._content.texts, about.person, about.alert
        assert person is not None
        assert alert is not None
        slots = texts.slots(name, row.language)
        choice = wording(self._vault, slots, person.id, alert.id, row.key_version)
        copy = name, row.language, alert.id, choice
        if row.inbox_id is not None or copy not in self._copies:
            values = self._values(name, about)
            self._copies[copy] = texts.render(name, row.language, values, choice, drill=drill)
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
