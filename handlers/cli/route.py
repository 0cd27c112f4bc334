"""`vigie route`: who would be told of an alert, when and why."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from handlers.app import Opened, opened
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter
from handlers.settings import Settings
from service.content import Content
from service.domain import words
from service.domain.codebook import Severity
from service.domain.escalation import Facts, Foreseen
from service.domain.meant import Meant
from service.foresight import Foresight, foresee

LONGEST = 100  # letters of a place
YEARS = 20  # before and after now
WHOM = {
    None: "wherever they serve",
    "any": "wherever they serve",
    "local": "who serve the area itself or one in it",
    "wider": "who serve an area that holds it",
}
ABSENT = {
    "paused": "asked for a pause",
    "unreachable": "texts to that phone fail",
}


def route(
    type_: Annotated[
        str, typer.Option("--type", help="What happened: a code or type id of rules/codebook.yaml.")
    ],
    place: Annotated[str, typer.Option(help="Where: a place's name or code, or an area's pcode.")],
    severity: Annotated[
        Severity | None, typer.Option(help="How grave; if left out, as the codebook has it.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="When it is decided: 2026-12-31T23:30 by the time of areas.yaml; if left out, now."
        ),
    ] = None,
    as_: AsIfAny = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Say who would be told of an alert, step by step, if nobody answered.

    People are named by pseudonym, function and area. Exits with 1 where nobody would be told.
    """
    content, found = asyncio.run(_foresee(type_, place, severity, at, as_))
    if json_:
        typer.echo(json.dumps(described(content, found), ensure_ascii=False, indent=2))
    else:
        for line in lines(content, found):
            typer.echo(line)
    if not any(step.outcome.told for step in found.steps):
        typer.echo("nobody would be told: enrol responders there, or look at the route", err=True)
        raise typer.Exit(1)


async def _foresee(
    type_: str, place: str, severity: Severity | None, at: str | None, as_: str | None
) -> tuple[Content, Foresight]:
    async with opened(Settings(), "console") as service:
        content = service.content
        kind = content.codebook.by_code(type_) or next(
            (each for each in content.codebook.types if each.id == type_), None
        )
        if kind is None or kind.check_in:
            raise typer.BadParameter(
                f"no type is called {type_}: see rules/codebook.yaml", param_hint="--type"
            )
        area, moment = _area(content, place), _moment(service, at)
        await enter(service, as_, "asked who would be told", type=kind.id)
        facts, now = Facts(area, kind.id, severity or kind.severity), service.clock.now()
        async with service.store.read() as tx:
            found = await foresee(tx, content, facts, moment, now)
        return content, found


def _area(content: Content, place: str) -> str:
    """The area of the place that is meant; one of the same name in several cercles is none."""
    if place.upper() in content.tree:
        return place.upper()
    known = content.gazetteer.by_code(place)
    runs = words.split(place, LONGEST).runs
    match = Meant(content.gazetteer).find(runs)
    if match.used == len(runs):
        known = known or match.place
    if known is not None:
        return known.area
    if candidates := sorted({each.cercle for each in match.candidates}):
        among = ", ".join(f"{place} {cercle}" for cercle in candidates)
        raise typer.BadParameter(f"several are called so: {among}", param_hint="--place")
    raise typer.BadParameter("no place is called so: see rules/places/", param_hint="--place")


def _moment(service: Opened, at: str | None) -> datetime:
    if at is None:
        return service.clock.now()
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter("write 2026-12-31T23:30", param_hint="--at") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=service.content.timezone)
    if abs(moment.year - service.clock.now().year) > YEARS:
        raise typer.BadParameter("that is too far away", param_hint="--at")
    return moment.astimezone(UTC)


def described(content: Content, found: Foresight) -> dict[str, Any]:
    """The answer for JSON; times are in UTC."""
    return {
        "area": found.named,
        "name": content.tree.name(found.named),
        "leaves_at": found.leaves_at.isoformat(),
        "route": found.route.id,
        "until": found.route.until.model_dump(exclude_none=True),
        "steps": [_described(content, found, each) for each in found.steps],
    }


def _described(content: Content, found: Foresight, each: Foreseen) -> dict[str, Any]:
    step, outcome = each.stage.step, each.outcome
    return {
        "at": each.at.isoformat(),
        "whom": step.model_dump(include={"serving", "functions", "rota"}, exclude_none=True),
        "on_duty": each.stage.duty and list(each.stage.duty.on(each.at)),
        "held_back": each.held_back,
        "digest": each.digest and each.digest.isoformat(),
        "told": [_person(content, found, id_) for id_ in outcome.told],
        "absent": [
            _person(content, found, id_) | {"why": found.responders[id_].absent}
            for id_ in outcome.absent
        ],
        "wait_minutes": step.wait,
    }


def _person(content: Content, found: Foresight, id_: int) -> dict[str, Any]:
    each, tree = found.responders[id_], content.tree
    name = tree.name(each.area) if each.area in tree else "?"
    return {"pseudonym": id_, "function": each.function, "area": each.area, "name": name}


def lines(content: Content, found: Foresight) -> Iterator[str]:
    """The answer for a person."""
    zone = content.timezone
    yield (
        f"the alert names {content.tree.name(found.named)} ({found.named}) and leaves at "
        f"{found.leaves_at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}, by route {found.route.id}"
    )
    until = found.route.until.model_dump(exclude_none=True)
    ends = ", or ".join(f"{answer} from {people}" for answer, people in until.items())
    if (digest := found.steps[0].stage.digest) is not None:
        times = " and ".join(f"{at:%H:%M}" for at in digest.at)
        yield f"what is {digest.up_to} or less waits for a digest: {times}, {digest.zone}"
    yield f"it ends with {ends}, or with a correction; if nobody answers:"
    for number, each in enumerate(found.steps, start=1):
        yield f"{number}. {each.at.astimezone(zone):%Y-%m-%d %H:%M}{_why_then(each)}: {_whom(each)}"
        for id_ in each.outcome.told:
            yield f"   {_named(content, found, id_)}"
        for id_ in each.outcome.absent:
            why = ABSENT[found.responders[id_].absent or "paused"]
            yield f"   passed over: {_named(content, found, id_)}: {why}"
        if not each.outcome.told:
            yield "   nobody" if number == len(found.steps) else "   nobody: the next step at once"


def _why_then(each: Foreseen) -> str:
    """Why it comes no earlier."""
    if each.digest is not None:
        return f", in the digest of {each.digest:%H:%M}"
    return ", after quiet hours" if each.held_back else ""


def _whom(each: Foreseen) -> str:
    step, duty = each.stage.step, each.stage.duty
    if duty is not None:
        on_duty = ", ".join(duty.on(each.at)) or "nobody at that hour"
        return f"on duty by rota {step.rota}: {on_duty}; {WHOM[step.serving]}"
    who = ", ".join(step.functions or ("everybody but coordinators",))
    return f"{who}; {WHOM[step.serving]}"


def _named(content: Content, found: Foresight, id_: int) -> str:
    person = _person(content, found, id_)
    function = person["function"] or "no function"
    return f"responder {id_}, {function}, {person['name']} ({person['area']})"
