"""`vigie check`: what is wrong in the coordinators' files, all of it at once."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from sqlalchemy.exc import SQLAlchemyError

from handlers.settings import Settings
from service import checkins, content
from service.clock import SystemClock
from service.content import Content, ContentError, Problem
from service.content.problem import printable
from service.domain.privacy import Waiver
from service.store import Store, migrate

Language = Literal["fr", "en"]

_COUNTS = {
    "en": (("no problems", "1 problem", "{count} problems"), ("", "1 warning", "{count} warnings")),
    "fr": (
        ("aucun problème", "1 problème", "{count} problèmes"),
        ("", "1 avertissement", "{count} avertissements"),
    ),
}
_WARNING = {"en": "warning", "fr": "avertissement"}
_WAIVED = {
    "en": "{rule} is live by a waiver ({exposes}) of {author}, {date}: {why}",
    "fr": "{rule} est en service par une dérogation ({exposes}) de {author}, {date} : {why}",
}
_COST = {
    "en": "check-ins: {people} focal points are enrolled, {a_month} requests go out in 30 days,"
    " and a neutral reply to each that is answered",
    "fr": "prises de nouvelles : {people} points focaux sont inscrits, {a_month} demandes partent"
    " en 30 jours, et une réponse neutre à chacune qui reçoit réponse",
}


def check(
    content_dir: Annotated[
        Path | None,
        typer.Option(
            help="The directory that holds rules/ and templates_sms/; VIGIE_CONTENT_DIR if unset.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    language: Annotated[
        Language, typer.Option(help="The language in which problems are told.")
    ] = "en",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Check rules, seasons, places and texts: every problem, where it is, and what to do.

    What a rule could give away about those who report is checked too: a live rule that could needs
    a waiver. Exits with 1 if there are problems; warnings, waivers, and what check-ins cost are
    told, and are none.
    """
    found = _check(content_dir or Settings().content_dir)
    if language == "fr":
        found = found.in_french()
    if json_:
        told = [{"level": "problem"} | problem._asdict() for problem in found.problems]
        told += [{"level": "warning"} | warning._asdict() for warning in found.warnings]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for problem in found.problems:
            typer.echo(problem.told())
        for warning in found.warnings:
            typer.echo(warning.told(_WARNING[language]))
    for waiver in found.waivers:
        typer.echo(printable(_waived(waiver, language)), err=True)
    if found.content is not None and found.content.check_ins.is_on:
        cost = asyncio.run(_cost(found.content))
        if cost is not None:
            typer.echo(_COST[language].format_map(cost._asdict()), err=True)
    typer.echo(_summary(found, language), err=True)
    if found.problems:
        raise typer.Exit(1)


class _Found(NamedTuple):
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    content: Content | None = None

    def in_french(self) -> "_Found":
        return self._replace(
            problems=tuple(problem.in_french() for problem in self.problems),
            warnings=tuple(warning.in_french() for warning in self.warnings),
        )


def _check(content_dir: Path) -> _Found:
    try:
        loaded = content.load(content_dir)
    except ContentError as error:
        return _Found(error.problems, error.warnings)
    return _Found(warnings=loaded.warnings, waivers=loaded.waivers, content=loaded)


async def _cost(loaded: Content) -> checkins.Cost | None:
    """What check-ins cost with those who are enrolled; None where there is no database yet."""
    settings = Settings()
    store = Store(settings.database)
    files = store.files()
    try:
        if (files and not files[0].exists()) or not await migrate.is_current(store):
            return None
        async with store.read() as tx:
            return await checkins.cost(tx, loaded, SystemClock().now())
    except (SQLAlchemyError, OSError):
        return None
    finally:
        await store.close()


def _waived(waiver: Waiver, language: Language) -> str:
    why = waiver.why
    if isinstance(why, dict):
        why = why.get(language) or next(iter(why.values()))
    return _WAIVED[language].format(
        rule=waiver.rule,
        exposes=", ".join(waiver.exposes),
        author=waiver.author,
        date=waiver.date,
        why=why,
    )


def _summary(found: _Found, language: Language) -> str:
    counts = zip(_COUNTS[language], (len(found.problems), len(found.warnings)), strict=True)
    said = (words[min(count, 2)].format(count=count) for words, count in counts)
    return ", ".join(filter(None, said))
