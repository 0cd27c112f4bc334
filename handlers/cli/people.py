"""`vigie focal-point` and `vigie responder`: invites, and who is enrolled."""

import asyncio
import json
from typing import Annotated

import typer

from handlers.app import opened
from handlers.cli.ready import enter, need_tables
from handlers.settings import Settings
from service import enrolment
from service.store import people as people_store
from service.store.people import Role

MOST_INVITES = 1000

Area = Annotated[
    str,
    typer.Option(
        help="The area's pcode: ML05 (région), ML0501 (cercle) or ML050101 (commune).",
        show_default=False,
    ),
]
Language = Annotated[str, typer.Option(help="The language that they will be written to in.")]
Count = Annotated[int, typer.Option(min=1, max=MOST_INVITES, help="How many codes to make.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


def _group(role: Role, who: str) -> typer.Typer:
    group = typer.Typer(help=f"Invite and list {who}.", no_args_is_help=True)

    @group.command()
    def invite(area: Area, language: Language = "fr", count: Count = 1) -> None:
        codes = asyncio.run(_invite(role, area.upper(), language, count))
        for code in codes:
            typer.echo(code)

    invite.__doc__ = None
    group.registered_commands[-1].help = (
        f"Print single-use codes for {who}, one a line. Each person texts `INS <code>` from their "
        f"own phone within {enrolment.INVITE_LIFE.days} days: nobody types a number."
    )

    @group.command("list")
    def list_(json_: AsJson = False) -> None:
        rows = asyncio.run(_list(role))
        if json_:
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
            return
        for row in rows:
            typer.echo("\t".join(str(value) for value in row.values()))

    group.registered_commands[-1].help = (
        f"List the enrolled {who}: pseudonym, area, language, since when, and whether they want "
        "answers. Numbers are not known."
    )
    return group


async def _invite(role: Role, area: str, language: str, count: int) -> list[str]:
    async with opened(Settings(), "console") as service:
        if area not in service.content.tree:
            raise typer.BadParameter(
                f"no area has the pcode {area}: see rules/places/areas.csv", param_hint="--area"
            )
        if language not in service.content.texts.languages:
            known = ", ".join(sorted(service.content.texts.languages))
            raise typer.BadParameter(
                f"there are no texts in {language!r}, only in {known}", param_hint="--language"
            )
        await need_tables(service)
        return await enrolment.invite(
            service.store, service.vault, service.clock, role, area, language, count
        )


async def _list(role: Role) -> list[dict[str, object]]:
    async with opened(Settings(), "console") as service:
        listed = "listed focal points" if role == "focal_point" else "listed responders"
        await enter(service, listed)
        async with service.store.read() as tx:
            people = await people_store.enrolled(tx, role)
        tree = service.content.tree
        return [
            {
                "pseudonym": person.id,
                "area": person.area,
                "name": tree.name(person.area) if person.area in tree else "?",
                "language": person.language,
                "since": person.joined_at.date().isoformat(),
                "answers": "no" if person.silent else "yes",
            }
            for person in people
        ]


focal_points = _group("focal_point", "focal points")
responders = _group("responder", "responders")
