"""`vigie focal-point` and `vigie responder`: invites, PINs, who is enrolled, and lost phones."""

import asyncio
import json
from typing import Annotated, Any

import typer

from handlers.app import Opened, opened
from handlers.cli.acting import AsIfAny
from handlers.cli.clearance import (
    From,
    FunctionId,
    Types,
    UpTo,
    Without,
    changes,
    clear_responder,
    known_function,
)
from handlers.cli.ready import MOST, enter, who_acts
from handlers.settings import Settings
from service import enrolment
from service.audit import note
from service.clearing import NotCleared, changed, said
from service.domain.clearance import Clearance
from service.domain.pins import MOST_ONE_TIME
from service.store import AnyRow
from service.store import people as people_store
from service.store import pins as pin_store
from service.store.people import Role

MOST_INVITES = 1000
WARNINGS = {
    "duress": "may be under threat",
    "wrong_pins": "sent several wrong PINs: somebody else may have the phone",
}

Area = Annotated[
    str,
    typer.Option(
        help="The area's pcode: ML05 (région), ML0501 (cercle) or ML050101 (commune).",
        show_default=False,
    ),
]
Language = Annotated[
    str,
    typer.Option(
        help="The language that they will be written to in, and, after a comma, the one for texts "
        "that it does not have: bm,fr. Else that is French."
    ),
]
Count = Annotated[int, typer.Option(min=1, max=MOST_INVITES, help="How many codes to make.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]
Pseudonym = Annotated[
    int, typer.Option(help="As `list` shows it.", min=1, max=MOST, show_default=False)
]
OnePseudonym = Annotated[
    int | None, typer.Option(help="As `list` shows it.", min=1, max=MOST, show_default=False)
]
Number = Annotated[int, typer.Option(help="The number of their invite.", min=1, max=MOST)]
OneInvite = Annotated[
    int | None,
    typer.Option(help="The number of their invite.", min=1, max=MOST, show_default=False),
]
WithPin = Annotated[
    bool,
    typer.Option(
        "--pin",
        help="Print a line for each person: the invite's number, the code, their PIN, and the PIN "
        "that looks alike but says that they are under threat.",
    ),
]
MOST_LANGUAGES = 2
ListLength = Annotated[int, typer.Option(min=1, max=MOST_ONE_TIME, help="How many PINs.")]


def _group(role: Role, who: str) -> typer.Typer:
    group = typer.Typer(help=f"Invite and list {who}; forget a lost phone.", no_args_is_help=True)

    @group.command(
        "list",
        help=f"List the enrolled {who}: pseudonym, area, language, since when, whether they want "
        "answers, their PINs, and what a coordinator must look into. Numbers are not known.",
    )
    def list_(as_: AsIfAny = None, json_: AsJson = False) -> None:
        rows, gone = asyncio.run(_list(role, as_))
        if json_:
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        else:
            for row in rows:
                typer.echo("\t".join(str(value) for value in row.values()))
        for warning in gone:
            typer.echo(warning, err=True)

    @group.command(
        help="Forget at once whoever has a lost phone, as STOP from it would: their number can no "
        "longer be opened, and what waits for them is dropped. By --invite, a code that was not "
        "used yet is void too. They enrol again by a new invite, with the same number or another."
    )
    def revoke(
        pseudonym: OnePseudonym = None, invite: OneInvite = None, as_: AsIfAny = None
    ) -> None:
        if (pseudonym is None) == (invite is None):
            raise typer.BadParameter("say who by --pseudonym or by --invite, one of them")
        if not asyncio.run(_revoke(role, pseudonym, invite, as_)):
            typer.echo(f"nobody is enrolled so: see `vigie {_name(role)} list`", err=True)
            raise typer.Exit(1)

    return group


focal_points = _group("focal_point", "focal points")
responders = _group("responder", "responders")
_INVITE = (
    "Print single-use codes for {who}, one a line. Each person texts `INS <code>` from their own "
    f"phone within {enrolment.INVITE_LIFE.days} days: nobody types a number. The numbers of the "
    "invites, by which a lost phone is revoked, are told on standard error."
)


@focal_points.command("invite", help=_INVITE.format(who="focal points"))
def _invite_focal_points(
    area: Area,
    language: Language = "fr",
    count: Count = 1,
    pin: WithPin = False,
    as_: AsIfAny = None,
) -> None:
    _print_slips(asyncio.run(_invite("focal_point", area.upper(), language, count, as_, pin)))


@responders.command("invite", help=_INVITE.format(who="responders"))
def _invite_responders(
    area: Area,
    language: Language = "fr",
    count: Count = 1,
    from_: From = None,
    up_to: UpTo = None,
    type_: Types = None,
    without: Without = None,
    function: FunctionId = None,
    as_: AsIfAny = None,
) -> None:
    cleared = (from_, up_to, type_, without)
    invited = _invite("responder", area.upper(), language, count, as_, False, cleared, function)
    _print_slips(asyncio.run(invited))


responders.command("clear")(clear_responder)


@focal_points.command(
    "pins",
    help="Print a list of PINs that work once each, one a line, for the person who has that "
    "invite, used or not. It takes the place of an earlier list; their other PINs stay.",
)
def _pins(invite: Number, count: ListLength = 10, as_: AsIfAny = None) -> None:
    digits = asyncio.run(_one_time(invite, count, as_))
    if digits is None:
        typer.echo("nobody has that invite, and nobody can use it any more", err=True)
        raise typer.Exit(1)
    for each in digits:
        typer.echo(each)


@focal_points.command(
    "clear",
    help="Close the warnings about a person with whom you have spoken, face to face: their PINs "
    "count again. If somebody else may know these, revoke them and invite them anew.",
)
def _clear(pseudonym: Pseudonym, as_: AsIfAny = None) -> None:
    if not asyncio.run(_close_warnings(pseudonym, as_)):
        typer.echo("there is no warning about that pseudonym", err=True)
        raise typer.Exit(1)


def _name(role: Role) -> str:
    return role.replace("_", "-")


def _print_slips(slips: list[enrolment.Slip]) -> None:
    for slip in slips:
        pair = slip.pins
        words = [slip.number, slip.code, pair.pin, pair.duress] if pair else [slip.code]
        typer.echo("\t".join(map(str, words)))
    first, last = slips[0].number, slips[-1].number
    numbers = f"invite {first}" if first == last else f"invites {first} to {last}, in this order"
    typer.echo(f"{numbers}: write each number down, to revoke a lost phone by it", err=True)


def _not_read(language: str, known: frozenset[str]) -> str | None:
    """Why nobody can be written to in this language, or these two; None where they can."""
    asked = language.split(",")
    if len(set(asked)) < len(asked) or len(asked) > MOST_LANGUAGES:
        return f"name one language, or {MOST_LANGUAGES} with a comma between: bm,fr"
    for each in asked:
        if each not in known:
            return f"there are no texts in {each!r}, only in {', '.join(sorted(known))}"
    return None


async def _invite(
    role: Role,
    area: str,
    language: str,
    count: int,
    as_: str | None,
    with_pins: bool = False,
    cleared: tuple[Any, Any, Any, Any] | None = None,
    function: str | None = None,
) -> list[enrolment.Slip]:
    # PINs are hashed under a key that is the engine's alone.
    async with opened(Settings(), "engine" if with_pins else "console") as service:
        if area not in service.content.tree:
            raise typer.BadParameter(
                f"no area has the pcode {area}: see rules/places/areas.csv", param_hint="--area"
            )
        if refused := _not_read(language, service.content.texts.languages):
            raise typer.BadParameter(refused, param_hint="--language")
        try:
            clearance = changed(Clearance(), changes(service, *cleared)) if cleared else None
        except NotCleared as refusal:
            raise typer.BadParameter(str(refusal), param_hint="--from") from None
        function = known_function(service, function)
        actor = await who_acts(service, as_)
        store, vault, clock = service.store, service.vault, service.clock
        return await enrolment.slips(
            store,
            vault,
            clock,
            role,
            area,
            language,
            count,
            with_pins=with_pins,
            clearance=clearance,
            function=function or None,
            actor=actor,
        )


async def _one_time(number: int, count: int, as_: str | None) -> list[str] | None:
    async with opened(Settings(), "engine") as service:
        actor = await who_acts(service, as_)
        async with service.store.write() as tx:
            digits = await enrolment.one_time_pins(tx, service.vault, number, count)
            if digits is not None:
                await note(tx, service.clock.now(), actor, "printed one-time PINs", invite=number)
        return digits


async def _revoke(role: Role, pseudonym: int | None, number: int | None, as_: str | None) -> bool:
    async with opened(Settings(), "console") as service:
        actor = await who_acts(service, as_)
        now, vault = service.clock.now(), service.vault
        action = "revoked a focal point" if role == "focal_point" else "revoked a responder"
        async with service.store.write() as tx:
            done = await enrolment.revoke(tx, vault, role, now, pseudonym=pseudonym, number=number)
            if done:
                await note(tx, now, actor, action, pseudonym=pseudonym, invite=number)
        return done


async def _close_warnings(pseudonym: int, as_: str | None) -> bool:
    async with opened(Settings(), "console") as service:
        actor = await who_acts(service, as_)
        async with service.store.write() as tx:
            if not await pin_store.clear(tx, pseudonym):
                return False
            now = service.clock.now()
            await note(tx, now, actor, "cleared a warning", pseudonym=pseudonym)
        return True


async def _list(role: Role, as_: str | None) -> tuple[list[dict[str, object]], list[str]]:
    """Those who are enrolled, and the warnings about focal points who have left."""
    async with opened(Settings(), "console") as service:
        listed = "listed focal points" if role == "focal_point" else "listed responders"
        await enter(service, as_, listed)
        async with service.store.read() as tx:
            people = await people_store.enrolled(tx, role)
            left = await pin_store.left(tx)
            warned = {row.person_id: WARNINGS[row.kind] for row in await pin_store.warnings(tx)}
            here = {each.id for each in await people_store.enrolled(tx, "focal_point")}
    rows: list[dict[str, object]] = [
        _row(service, person, left.get(person.id, {}), warned.get(person.id, ""))
        for person in people
    ]
    if role == "responder":
        for row, person in zip(rows, people, strict=True):
            row["function"] = person.function or ""
            row["cleared"] = said(Clearance.of(person.clearance))
    gone = [
        f"pseudonym {id_}, who has left, {what}"
        for id_, what in warned.items()
        if id_ not in here and role == "focal_point"
    ]
    return rows, gone


def _row(service: Opened, person: AnyRow, left: dict[str, int], warning: str) -> dict[str, object]:
    tree = service.content.tree
    return {
        "pseudonym": person.id,
        "area": person.area,
        "name": tree.name(person.area) if person.area in tree else "?",
        "language": person.language,
        "since": person.joined_at.date().isoformat(),
        "answers": "no" if person.silent else "yes",
        "pin": "yes" if "normal" in left else "no",
        "one_time_pins": left.get("one_time", 0),
        "warning": warning,
    }
