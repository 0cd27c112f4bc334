"""Whose copy of an alert came to light: reads leaked texts, and answers who could have had them.

A leak is compared by its wordings alone (`service.domain.variants`), without capitals, accents,
spaces and punctuation; pieces of a text will do, as long as an alert's number is beside them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log2
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.variants import At, Finding, Seen, judge
from service.store import outbox
from service.texts.slots import VARIED, Wordings, plain, squeezed
from service.vault.vault import Vault
from service.wording import wording

_PLACEHOLDER = "number"


class Leaked(NamedTuple):
    """One leaked text: the alert that it is about, and what it shows of each slot."""

    alert: int
    seen: tuple[Seen, ...]


class Traced(NamedTuple):
    """What was found: for each text by itself, and for all of them together."""

    texts: tuple[tuple[Leaked, Finding], ...]
    together: Finding
    bits_a_text: float


async def trace(
    tx: AsyncConnection, vault: Vault, content: Content, leak: str, alert: int | None = None
) -> Traced:
    """Find whose copies the texts in `leak` could be.

    `alert` is the alert of texts that name none. Raises KeyNotHeld outside the sender.
    """
    leaked = read(leak, content, alert)
    copies = await _copies(tx, vault, content, sorted({text.alert for text in leaked}))
    bits = bits_a_text(content)
    each = [(text, judge(text.seen, copies, bits)) for text in leaked]
    seen = [seen for text in leaked for seen in text.seen]
    return Traced(tuple(each), judge(seen, copies, bits), bits)


def read(leak: str, content: Content, alert: int | None = None) -> list[Leaked]:
    """What each leaked text shows. Texts that name no alert belong to `alert`, or are left out."""
    every = _every_slot(content)
    texts = []
    for number, piece in _pieces(leak, _before_numbers(content)):
        about = number if number is not None else alert
        if about is not None:
            texts.append(Leaked(about, tuple(_seen(about, squeezed(piece), every))))
    return texts


def bits_a_text(content: Content) -> float:
    """How much a whole alert tells, in the language in which it tells least."""
    texts = content.texts
    return min(
        sum(log2(slot.size) for slot in texts.slots("alert", language))
        for language in texts.languages
    )


def _every_slot(content: Content) -> list[Wordings]:
    """Every slot of every text, once."""
    texts = content.texts
    found = {
        held.slot: held
        for language in sorted(texts.languages)
        for name in sorted(VARIED)
        for held in texts.wordings(name, language)
    }
    return list(found.values())


def _seen(alert: int, letters: str, every: Iterable[Wordings]) -> Iterable[Seen]:
    for held in every:
        shown = [i for i, each in enumerate(held.each) if squeezed(each) in letters]
        if shown:
            yield Seen(alert, *held.slot, frozenset(shown))


def _before_numbers(content: Content) -> re.Pattern[str]:
    """What stands right before an alert's number, in any text of any language: `alerte 17`."""
    texts = content.texts
    words = {
        word
        for language in texts.languages
        for name in VARIED
        for word in texts.words_before(name, language, _PLACEHOLDER)
    }
    either = "|".join(re.escape(plain(word)) for word in sorted(words))
    return re.compile(rf"\b({either})\W{{0,4}}0*(\d{{1,9}})\b")


def _pieces(leak: str, named: re.Pattern[str]) -> list[tuple[int | None, str]]:
    """The texts of a leak with the alert that each names.

    A new text begins after an empty line, or with the line in which another alert is named; what
    names none goes with the text before it.
    """
    pieces: list[tuple[int | None, str]] = []
    for block in re.split(r"\n\s*\n|^\s*-{3,}\s*$", leak.replace("\r", ""), flags=re.MULTILINE):
        if not block.strip():
            continue
        found = _lines_by_alert(block, named)
        if found[0][0] is None and pieces:
            number, before = pieces.pop()
            found[0] = (number, f"{before}\n{found[0][1]}")
        pieces += found
    return pieces


def _lines_by_alert(block: str, named: re.Pattern[str]) -> list[tuple[int | None, str]]:
    about: int | None = None
    found: list[tuple[int | None, list[str]]] = [(None, [])]
    heading: str | None = None
    for line in _lines(block, named):
        for word, digits in named.findall(line):
            number = int(digits)
            if about is None:
                about, heading = number, word
                found[-1] = (number, found[-1][1])
            elif number != about or word == heading:
                about, heading = number, word
                found.append((number, []))
        found[-1][1].append(line)
    return [(number, "\n".join(lines)) for number, lines in found]


def _lines(block: str, named: re.Pattern[str]) -> Iterator[str]:
    """Its lines; one that names several alerts, as a digest written in one does, is cut between."""
    for line in map(plain, block.split("\n")):
        begins, about = 0, ""
        for match in named.finditer(line):
            if about and match[2] != about:
                yield line[begins : match.start()]
                begins = match.start()
            about = match[2]
        yield line[begins:]


async def _copies(
    tx: AsyncConnection, vault: Vault, content: Content, alerts: Sequence[int]
) -> dict[int, dict[At, set[int]]]:
    """What everyone had who was told of these alerts: the wordings of each slot, by person.

    More than one, where the alert and its update left under different versions of the keys. Whether
    an alert went alone or in a digest is not kept: it counts as either.
    """
    copies: dict[int, dict[At, set[int]]] = defaultdict(dict)
    for row in await outbox.sent_of(tx, alerts):
        if row.key_version not in vault.versions:
            continue  # those keys were retired: nobody can tell any more which wording it had
        names = ("alert", "digest_alert") if row.purpose == "alert" else (row.purpose,)
        slots = [slot for name in names for slot in content.texts.slots(name, row.language)]
        choice = wording(vault, slots, row.person_id, row.alert_id, row.key_version)
        had = copies[row.person_id]
        for slot, index in zip(slots, choice, strict=True):
            had.setdefault((row.alert_id, slot.mark), set()).add(index)
    return dict(copies)
