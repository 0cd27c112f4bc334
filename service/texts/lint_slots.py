"""What is wrong with wordings: a leaked text must tell its own, and every copy must be sound."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from service.texts.banned import BannedWords
from service.texts.files import Templates, TextProblem, file_of, position
from service.texts.slots import (
    AROUND_VARIED,
    FEWEST_LETTERS,
    MOST_TOGETHER,
    MOST_WORDINGS,
    VARIED,
    Wordings,
    slots,
    squeezed,
    together,
    with_slots,
)

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NOTE = re.compile(r"\{#.*?#\}", re.DOTALL)
_HOW = "write [one wording|another], with words alone between the brackets"
# Between what a placeholder stands for and the words beside it no wording can be found.
_GAP = "\n"


def slot_problems(
    file: str, name: str, source: str, lists: Sequence[BannedWords]
) -> Iterator[TextProblem]:
    """The problems of one text's slots; its notes are blanked in `source`."""
    without = with_slots(source, lambda _: " ")
    if stray := re.search(r"[\[\]|]", _PLACEHOLDER.sub("", without)):
        at = source.index(stray[0])
        yield TextProblem(file, *position(source, at), stray[0], "this is no wording", _HOW)
        return
    found = slots(source)
    if not found:
        return
    if name not in VARIED:
        why = "this text must be the same for everyone: it may have no wordings"
        yield TextProblem(file, *position(source, found[0].offset), "[", why, "keep one of them")
        return
    alone = [_alone(file, source, each) for each in found]
    problems = [problem for each in alone for problem in each]
    yield from problems
    if (copies := together(found)) > MOST_TOGETHER:
        why = f"these wordings make {copies} copies of the text; {MOST_TOGETHER} is the most"
        yield TextProblem(file, *position(source, found[-1].offset), "[", why, "take some out")
    elif not problems:
        yield from _banned_together(file, source, found, lists)


def _alone(file: str, source: str, wordings: Wordings) -> list[TextProblem]:
    """What is wrong with one slot by itself."""
    at = position(source, wordings.offset)
    if not 2 <= len(wordings.each) <= MOST_WORDINGS:
        why = f"between brackets stand two to {MOST_WORDINGS} wordings, with | between them"
        return [TextProblem(file, *at, "[", why, _HOW)]
    plain = [squeezed(each) for each in wordings.each]
    problems = []
    for index, (wording, letters) in enumerate(zip(wordings.each, plain, strict=True)):
        if len(letters) < FEWEST_LETTERS:
            why = f"with fewer than {FEWEST_LETTERS} letters, a leak may hold it by chance"
            problems.append(TextProblem(file, *at, wording, why, "write more words"))
        elif any(letters in other for i, other in enumerate(plain) if i != index):
            why = "it stands in another wording too: a leaked text would not tell them apart"
            problems.append(TextProblem(file, *at, wording, why, "choose other words"))
    return problems


def _banned_together(
    file: str, source: str, found: Sequence[Wordings], lists: Sequence[BannedWords]
) -> Iterator[TextProblem]:
    """Words that must not be said, and are said only where a wording meets what is beside it."""
    known = {banned.word for each in lists for _, _, banned in each.found_in(source)}
    copies = "\0".join(_copies(source, found))
    for each in lists:
        for _, held, banned in each.found_in(copies):
            if banned.word not in known:
                known.add(banned.word)
                why = f"{each.why}: {banned.word!r} is in {each.file}"
                at = position(source, found[0].offset)
                yield TextProblem(file, *at, held, why, banned.instead)


def mixed_up(templates: Templates, values: Iterable[str]) -> Iterator[TextProblem]:
    """Wordings that a text holds otherwise too: in words of its own, in a value, in another text.

    `values` is whatever can stand in the place of a placeholder. A leak is read by its wordings
    alone, so each must be found where it was chosen and nowhere else.
    """
    others = tuple(squeezed(value) for value in values)
    texts = {
        (language, name): _NOTE.sub("", text.sent)
        for language, named in templates.items()
        for name, text in named.items()
        if name in VARIED | AROUND_VARIED
    }
    copies = {key: _held_by_copies(source) for key, source in texts.items()}
    for language, name in texts:
        file, text = file_of(language, name), templates[language][name]
        for written, wordings in zip(slots(text.body), slots(text.sent), strict=True):
            at = position(text.body, written.offset)
            for wording in wordings.each:
                letters = squeezed(wording)
                if any(letters in other for other in others):
                    why = "an area, a type or another value holds these words too"
                    yield TextProblem(file, *at, wording, why, "choose other words")
                elif where := _elsewhere(letters, wordings, copies):
                    why = f"these words stand in {file_of(*where)} too, where they are no wording"
                    yield TextProblem(file, *at, wording, why, "choose other words")


_Copies = Mapping[tuple[str, str], Sequence[tuple[frozenset[tuple[int, int]], str]]]


def _elsewhere(letters: str, wordings: Wordings, copies: _Copies) -> tuple[str, str] | None:
    """A text of which some copy holds these letters, though that wording was not chosen in it."""
    index = [squeezed(each) for each in wordings.each].index(letters)
    here = wordings.slot.mark, index
    for where, held in copies.items():
        if any(letters in text and here not in chosen for chosen, text in held):
            return where
    return None


def _held_by_copies(source: str) -> list[tuple[frozenset[tuple[int, int]], str]]:
    """Each copy: the wordings chosen in it, by slot and place, and its words squeezed."""
    found = slots(source)
    marks = [each.slot.mark for each in found]
    choices = product(*(range(len(each.each)) for each in found))
    return [
        (
            frozenset(zip(marks, choice, strict=True)),
            _GAP.join(map(squeezed, _PLACEHOLDER.split(copy))),
        )
        for choice, copy in zip(choices, _copies(source, found), strict=True)
    ]


def _copies(source: str, found: Sequence[Wordings]) -> Iterator[str]:
    for choice in product(*(each.each for each in found)):
        yield with_slots(source, choice.__getitem__)
