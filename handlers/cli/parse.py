"""`vigie parse`: how a text would be read."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from handlers.settings import Settings
from service.clock import SystemClock
from service.content import Content, load
from service.domain import grammar, responder
from service.domain.codebook import COUNTS
from service.domain.gazetteer import Place
from service.domain.reading import (
    Correct,
    Doubt,
    Draft,
    Drill,
    Problem,
    ProblemKind,
    Reading,
    Several,
    Withdraw,
)

MEANING: dict[ProblemKind, str] = {
    "empty": "there is no letter and no digit in it",
    "no_type": "no word of it is a code of rules/codebook.yaml",
    "two_types": "it has two codes: send one text for each",
    "no_place": "the place is missing",
    "unknown_place": "no place is called so: see rules/places/, or add an alias",
    "unknown_place_code": "no place has that code: a digit may be wrong",
    "ambiguous_place": "several places are called so: the cercle behind it would tell",
    "two_places": "it names two places, neither of them where the other is",
    "too_many_numbers": "it has more numbers than the type counts",
    "number_out_of_range": "a number is higher than the limits in rules/codebook.yaml",
    "too_long": f"only its first {grammar.TEXT_LIMIT} characters were read",
    "part": "it is marked as a further part of a long text, and has no code of its own",
    "bad_invite": "eight letters should follow, without I and O",
}


def parse(
    text: Annotated[str, typer.Argument(help="The text, as it would be sent.")],
    area: Annotated[
        str | None,
        typer.Option(help="The sender's area, by pcode: tells places of one name apart."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day it is sent on: today if left out."),
    ] = None,
    from_responder: Annotated[
        bool, typer.Option("--responder", help="Read it as a responder's: `OK 17`, `FIN 17 2`.")
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Print how a text would be read. Exit status 1 where it could not be understood."""
    content = load(Settings().content_dir)
    home = area.upper() if area else None
    if home is not None and home not in content.gazetteer.areas:
        raise typer.BadParameter(
            f"no area has the pcode {home}: see rules/places/areas.csv", param_hint="--area"
        )
    sent = on or SystemClock().now().astimezone(content.timezone)
    command = responder.read(text, content.codebook) if from_responder else None
    reading = command or grammar.read(text, content.codebook, content.gazetteer, home, sent.date())
    described = describe(reading)
    parts = reading.reports if isinstance(reading, Several) else (reading,)
    if json_:
        typer.echo(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n\n".join("\n".join(lines(each, content)) for each in parts))
    if any(isinstance(each, Problem | responder.Unsure) for each in parts):
        raise typer.Exit(1)


def describe(reading: Reading | responder.Command) -> dict[str, Any]:
    """A reading for JSON.

    A report's fields, with `problem` or `doubt` where it has one; `reports`; or a `command`.
    """
    if isinstance(reading, Several):
        return {"reports": [describe(each) for each in reading.reports]}
    if isinstance(reading, Doubt):
        return (
            {"doubt": "place"}
            | describe(reading.draft)
            | {
                "candidates": [_place(each) for each in reading.candidates],
                "area": _place(reading.area),
            }
        )
    if isinstance(reading, Draft):
        return asdict(reading) | {"place": _place(reading.place)}
    if isinstance(reading, Problem):
        understood = asdict(reading)
        return (
            {"problem": understood.pop("kind")}
            | understood
            | {
                "place": _place(reading.place),
                "candidates": [_place(each) for each in reading.candidates],
            }
        )
    command: dict[str, Any] = {"command": type(reading).__name__.lower()}
    if isinstance(reading, Drill):
        return {"drill": True} | describe(reading.said)
    if isinstance(reading, Withdraw | Correct):
        about = _about(reading)
        return command | (describe(about) if about else {})
    return command | asdict(reading)


def lines(reading: Reading | responder.Command, content: Content) -> list[str]:
    """A reading for a person, a line a fact."""
    if isinstance(reading, Doubt):
        asked = (f"{n} for {_in_words(each)}" for n, each in enumerate(reading.candidates, 1))
        return [*lines(reading.draft, content), f"doubtful place: {', '.join(asked)}"]
    if isinstance(reading, Drill):
        return ["in an exercise", *lines(reading.said, content)]
    if isinstance(reading, Withdraw | Correct):
        about = _about(reading)
        command = f"command: {type(reading).__name__.lower()}"
        said = about.reports if isinstance(about, Several) else (about,) if about else ()
        return [command, *(line for each in said for line in lines(each, content))]
    if not isinstance(reading, Draft | Problem):
        return [f"{name}: {value}" for name, value in describe(reading).items()]
    facts: list[tuple[str, object]] = []
    if isinstance(reading, Problem):
        facts.append(("problem", f"{reading.kind}: {MEANING[reading.kind]}"))
    if reading.type:
        facts.append(("type", f"{reading.type}: {content.codebook.type(reading.type).title['en']}"))
    if reading.place:
        facts.append(("place", _in_words(reading.place)))
    counts = ((count, getattr(reading, count)) for count in COUNTS)
    facts += [(count, number) for count, number in counts if number is not None]
    if reading.days_ago:
        facts.append(("days ago", reading.days_ago))
    if isinstance(reading, Draft):
        facts.append(("confidence", reading.confidence))
    else:
        facts += [("perhaps", _in_words(each)) for each in reading.candidates]
    return [f"{name}: {value}" for name, value in facts]


def _about(reading: Withdraw | Correct) -> Draft | Doubt | Several | None:
    """The report that is taken back, where it is named, or that takes another's place."""
    return reading.report if isinstance(reading, Correct) else reading.named


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    lat, lon = place.point or (None, None)
    return {
        "code": place.code,
        "name": place.name,
        "kind": place.kind,
        "cercle": place.cercle,
        "area": place.area,
        "lat": lat,
        "lon": lon,
    }


def _in_words(place: Place) -> str:
    return f"{place.name}, {place.kind} in {place.cercle or 'Mali'} ({place.code})"
