"""How a text is read: `MA SOKOLO 3 5` as a market attack at Sokolo, 3 killed and 5 injured.

In two steps: `take_notes` takes down every type, place and number that the text mentions; `judge`
then says what they amount to together. A text that is no report as a whole may be several.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from service.domain import words
from service.domain.codebook import Codebook, Command
from service.domain.gazetteer import Gazetteer
from service.domain.judge import Sender, judge
from service.domain.notes import Notes, TypeNote, take_notes
from service.domain.reading import (
    Answers,
    Chosen,
    Correct,
    Doubt,
    Draft,
    Drill,
    Enrol,
    Problem,
    Reading,
    Report,
    Several,
    Speak,
    Stop,
    Withdraw,
)
from service.domain.words import Words

TEXT_LIMIT = 1600  # characters: ten full SMS, more than any gateway joins
INVITE_LETTERS = frozenset("ABCDEFGHJKLMNPQRSTUVWXYZ")  # no I and O, which look like 1 and 0
INVITE_LENGTH = 8
DRILLED = (Draft, Doubt, Problem, Several, Withdraw, Correct)
MOST_REPORTS = 10  # in one text


def read(
    text: str,
    codebook: Codebook,
    gazetteer: Gazetteer,
    home: str | None = None,
    on: date | None = None,
) -> Reading:
    """What any text whatever says; never raises.

    `home` is the pcode of the sender's area, by which places of one name are told apart; `on` the
    day on which the text was sent, without which no weekday can be told. A text that begins with a
    command is that command, but a whole report behind `SILENCE` is not lost for it. What responders
    answer is read by `responder.read`.
    """
    text, part = words.unmarked(text)
    split = words.split(text, TEXT_LIMIT)
    cut = len(text) > TEXT_LIMIT
    if not split.runs:
        return Problem("too_long" if cut else "empty")
    command, rest = _command(split, codebook)
    if command == "drill":
        said = _say(*_command(rest, codebook), codebook, gazetteer, Sender(home, on), part, cut=cut)
        return Drill(said) if isinstance(said, DRILLED) else said
    return _say(command, rest, codebook, gazetteer, Sender(home, on), part, cut=cut)


def _command(split: Words, codebook: Codebook) -> tuple[Command | None, Words]:
    """The command that these words begin with, and what follows it."""
    command, used = codebook.command_lexicon.at(split.runs, 0) or (None, 0)
    return command, split.behind(used)


def _say(
    command: Command | None,
    rest: Words,
    codebook: Codebook,
    gazetteer: Gazetteer,
    sender: Sender,
    part: words.Part | None,
    *,
    cut: bool,
) -> Reading:
    """What a command, or none, and the words behind it say."""
    if command == "stop":
        return Stop()
    if command == "enrol":
        return _enrol(rest.runs)
    if part is not None:
        if part.nth > 1 and not command and not _has_its_code(rest, codebook):
            return Problem("part")
        rest = _without_an_open_number(rest, part)
    notes = take_notes(rest, codebook, gazetteer)
    if command is not None and command != "correct":
        notes.unknown.clear()  # `OK en route` is no kidnapping at a place that is called nearly so
    report: Report | Several = judge(notes, codebook.limits, gazetteer, sender, cut=cut)
    if isinstance(report, Problem):
        report = _several(rest, notes, codebook, gazetteer, sender) or report
    if command == "withdraw":
        return Withdraw(_named(report))
    if not isinstance(report, Problem):
        return Correct(report) if command == "correct" else report
    match command:
        case None:
            return _chosen(notes) or report
        case "correct" | "drill":
            return report
        case "language":
            return Speak(language(rest.runs, codebook))
    return Answers(wanted=command == "answers")


def _without_an_open_number(split: Words, part: words.Part) -> Words:
    """Leave out a number at the end of a part: it may go on in the next."""
    if part.nth < part.of and split.runs and split.runs[-1].isdecimal():
        return split.between(0, len(split.runs) - 1)
    return split


def _has_its_code(split: Words, codebook: Codebook) -> bool:
    """Whether a part of a text begins with a code, and none that is an everyday word too."""
    found = codebook.type_lexicon.at(split.runs, 0)
    return found is not None and found[0].by_code and split.runs[0] not in codebook.word_lexicon


def language(runs: Sequence[str], codebook: Codebook) -> str | None:
    """The first language that is named among these words."""
    for at in range(len(runs)):
        if found := codebook.language_lexicon.at(runs, at):
            return found[0]
    return None


def _enrol(rest: Sequence[str]) -> Enrol | Problem:
    """The code's letters may stand apart, and words behind it do not count."""
    code = ""
    for run in rest:
        code += run.upper()
        if len(code) >= INVITE_LENGTH:
            break
    if len(code) == INVITE_LENGTH and INVITE_LETTERS.issuperset(code):
        return Enrol(code)
    return Problem("bad_invite")


def _named(report: Report | Several) -> Draft | None:
    """The report that is to be taken back; of a doubtful place the type alone is sure."""
    match report:
        case Draft():
            return report
        case Doubt():
            return report.draft
    return None


def _chosen(notes: Notes) -> Chosen | None:
    """`2`, `le 2`: an answer says nothing else."""
    if notes.prose or notes.types or notes.places or notes.counted or notes.days_ago:
        return None
    match notes.bare:
        case [1 | 2 as which]:
            return Chosen(which)
    return None


def _several(
    split: Words, notes: Notes, codebook: Codebook, gazetteer: Gazetteer, sender: Sender
) -> Several | None:
    """The reports of a text that is none as a whole; None where it is not surely several.

    Each has its own type and place. One that is not understood keeps back none of the others
    where a line's or sentence's end parts them.
    """
    starts = [0, *_further_starts(split, notes.types)]
    if not 2 <= len(starts) <= MOST_REPORTS:
        return None
    ends = split.breaks | {0, len(split.runs)}
    reports = []
    for start, end in zip(starts, [*starts[1:], len(split.runs)], strict=True):
        part = take_notes(split.between(start, end), codebook, gazetteer)
        report = judge(part, codebook.limits, gazetteer, sender)
        if isinstance(report, Problem):
            apart = {start, end} <= ends
            if not apart or report.kind in ("no_type", "no_place"):
                return None
        reports.append(report)
    understood = any(isinstance(each, Draft | Doubt) for each in reports)
    return Several(tuple(reports)) if understood else None


def _further_starts(split: Words, types: Sequence[TypeNote]) -> list[int]:
    """Where each report but the first begins.

    That is its type; or, where the place comes first (`…; SOKOLO VB 40`), the break before it.
    """
    starts = []
    meant = [each for each in types if each.strength != "word"]
    for before, each in pairwise(meant):
        breaks = [at for at in range(before.at + 1, each.at) if at in split.breaks]
        leads = breaks and each.at not in split.breaks and not split.runs[each.at - 1].isdecimal()
        starts.append(breaks[-1] if leads else each.at)
    return starts
