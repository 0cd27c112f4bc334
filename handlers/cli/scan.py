"""`vigie scan`: where the nightly scans saw incidents gather."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

import typer
from babel.dates import format_date
from babel.numbers import format_decimal

from handlers.app import opened
from handlers.cli.acting import AsIfAny
from handlers.cli.ready import enter
from handlers.settings import Settings
from service.content import Content
from service.domain.scan import Cluster
from service.scanning import HOUR, is_rare, scan_now
from service.store import scans
from service.store.scans import Night

Language = Literal["fr", "en"]

NIGHTS = 30  # how many are shown

_WORDS = {
    "en": {
        "none": "No night has been scanned yet: a running service does it each night at {hour}.",
        "nothing": "{day}: nothing gathers; incidents looked at: {incidents}",
        "usual": "{day}: nothing unusual; chance alone shows as much once in {nights} nights",
        "rare": "{day}: UNUSUAL; chance alone shows as much once in {nights} nights",
        "counted": "incidents: {observed}; usual would be {expected}; in the last days: {days}",
        "around": "around {centre}, as far as {km} km: {places}",
        "alone": "in {centre}",
    },
    "fr": {
        "none": "Aucune nuit n'a été examinée : le service en marche le fait chaque nuit à {hour}"
        " heures.",
        "nothing": "{day} : rien ne se concentre ; incidents examinés : {incidents}",
        "usual": "{day} : rien d'inhabituel ; le seul hasard en montre autant"
        " une nuit sur {nights}",
        "rare": "{day} : INHABITUEL ; le seul hasard en montre autant une nuit sur {nights}",
        "counted": "incidents : {observed} ; d'habitude il y en aurait {expected} ;"
        " derniers jours : {days}",
        "around": "autour de {centre}, jusqu'à {km} km : {places}",
        "alone": "à {centre}",
    },
}


def scan(
    now: Annotated[
        bool,
        typer.Option("--now", help="Instead: scan up to this moment; that is shown, not kept."),
    ] = False,
    language: Annotated[Language, typer.Option(help="The language that it is told in.")] = "en",
    as_: AsIfAny = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Show what the last 30 nightly scans found, the newest first.

    A scan looks where, in the last 14 days, incidents gather more than chance explains. Names
    places where it is unusual: it is for the coordinators' own terminal.
    """
    nights, content = asyncio.run(_nights(now, as_))
    if json_:
        shown = [_described(night, content) for night in nights]
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2, default=date.isoformat))
    elif not nights:
        typer.echo(_WORDS[language]["none"].format(hour=HOUR))
    for night in () if json_ else nights:
        typer.echo("\n".join(_lines(night, content, language)))


async def _nights(now: bool, as_: str | None) -> tuple[list[Night], Content]:
    async with opened(Settings(), "console") as service:
        await enter(service, as_, "looked at scans", anew=now)
        if now:
            night = await scan_now(service.store, service.content, service.clock.now())
            return [night], service.content
        async with service.store.read() as tx:
            return await scans.newest(tx, NIGHTS), service.content


def _described(night: Night, content: Content) -> dict[str, Any]:
    described = asdict(night)
    if night.cluster:
        places = [{"code": code, "name": _place(code, content)} for code in night.cluster.places]
        centre = night.cluster.centre._asdict()
        described["cluster"] |= {"places": places, "centre": centre}
    return described


def _lines(night: Night, content: Content, language: Language) -> Iterator[str]:
    """One line where nothing is unusual; else what, and where."""
    words, cluster = _WORDS[language], night.cluster
    day = format_date(night.day, "EEE d MMM y", locale=language)
    if cluster is None:
        yield words["nothing"].format(day=day, incidents=night.incidents)
        return
    nights = format_decimal(round(cluster.recurrence_days), locale=language)
    yield words["rare" if is_rare(cluster) else "usual"].format(day=day, nights=nights)
    if is_rare(cluster):
        expected = format_decimal(cluster.expected, "0.##", locale=language)
        counted = {"observed": cluster.observed, "expected": expected, "days": cluster.days}
        yield "  " + words["counted"].format_map(counted)
        yield "  " + _where(cluster, content, language)


def _where(cluster: Cluster, content: Content, language: Language) -> str:
    places = [_place(code, content) for code in cluster.places]
    km = format_decimal(cluster.radius_km, "0", locale=language)
    how = "around" if len(places) > 1 else "alone"
    return _WORDS[language][how].format(centre=places[0], km=km, places=", ".join(places))


def _place(code: str, content: Content) -> str:
    known = content.gazetteer.by_code(code)
    if known is None:
        return code
    return f"{known.name} ({known.cercle})" if known.cercle else known.name
