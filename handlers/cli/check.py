"""`vigie check`: what is wrong in the coordinators' files, all of it at once."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from handlers.settings import Settings
from service import content
from service.content import ContentError, Problem

_SUMMARY = {
    "en": {0: "no problems", 1: "1 problem", 2: "{count} problems"},
    "fr": {0: "aucun problème", 1: "1 problème", 2: "{count} problèmes"},
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
        Literal["fr", "en"], typer.Option(help="The language in which problems are told.")
    ] = "en",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Check rules, seasons, places and texts: every problem, where it is, and what to do.

    Exits with 1 if there are problems.
    """
    problems = _problems(content_dir or Settings().content_dir)
    if language == "fr":
        problems = [problem.in_french() for problem in problems]
    if json_:
        told = [problem._asdict() for problem in problems]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            typer.echo(str(problem))
        summary = _SUMMARY[language][min(len(problems), 2)]
        typer.echo(summary.format(count=len(problems)), err=True)
    if problems:
        raise typer.Exit(1)


def _problems(content_dir: Path) -> list[Problem]:
    try:
        content.load(content_dir)
    except ContentError as error:
        return list(error.problems)
    return []
