"""`vigie explain`: why an alert was raised, and what a rule decided or almost decided."""

import asyncio
import json
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from handlers.app import opened
from handlers.cli.acting import AsIfAny
from handlers.cli.explain_words import Language, Teller
from handlers.cli.ready import MOST, enter, need_tables
from handlers.settings import Settings
from service import explain as explaining
from service.audit import plain
from service.content import Content
from service.domain.rule import Hours
from service.explain import Explanation, History

_HOURS: TypeAdapter[int] = TypeAdapter(Hours)


def explain(
    alert: Annotated[
        int | None, typer.Argument(min=1, max=MOST, help="The number of an alert.")
    ] = None,
    near_misses: Annotated[
        str | None,
        typer.Option(
            metavar="RULE", help="Instead: what this rule decided and what almost met it."
        ),
    ] = None,
    last: Annotated[
        str, typer.Option(help="How far back --near-misses looks: 72h, 30d or 8w.")
    ] = "30d",
    language: Annotated[Language, typer.Option(help="The language that it is told in.")] = "en",
    as_: AsIfAny = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Explain an alert: what was counted, each number against what the rule asks, what followed.

    Names the places of reports: it is for the coordinators' own terminal. Who reported is not
    known here. Exits with 1 where there is no such alert.
    """
    if (alert is None) == (near_misses is None):
        raise typer.BadParameter("name an alert, or --near-misses and a rule")
    if near_misses is None:
        assert alert is not None
        told, content = asyncio.run(_alert(alert, as_))
        if told is None:
            typer.echo(f"there is no alert {alert}", err=True)
            raise typer.Exit(1)
        lines = Teller(content, language).alert(told)
        _print(told, None if json_ else list(lines))
    else:
        history, content = asyncio.run(_rule(near_misses, _hours(last), as_))
        lines = Teller(content, language).history(history)
        _print(history, None if json_ else list(lines))


def _hours(last: str) -> int:
    try:
        return _HOURS.validate_python(last)
    except ValidationError:
        raise typer.BadParameter("write 72h, 30d or 8w", param_hint="--last") from None


async def _alert(number: int, as_: str | None) -> tuple[Explanation | None, Content]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        async with service.store.read() as tx:
            told = await explaining.alert(tx, service.content, number)
        if told is not None:
            await enter(service, as_, "read an explanation", f"alert {number}")
        return told, service.content


async def _rule(rule: str, hours: int, as_: str | None) -> tuple[History, Content]:
    async with opened(Settings(), "console") as service:
        await need_tables(service)
        if rule not in {each.id for each in service.content.rules}:
            raise typer.BadParameter(f"there is no rule {rule}", param_hint="--near-misses")
        await enter(service, as_, "read near misses", plain(rule), hours=hours)
        now = service.clock.now()
        async with service.store.read() as tx:
            history = await explaining.rule(
                tx, service.content, rule, now - timedelta(hours=hours), now
            )
        return history, service.content


def _print(told: Explanation | History, lines: list[str] | None) -> None:
    if lines is None:
        typer.echo(json.dumps(asdict(told), ensure_ascii=False, indent=2, default=_iso))
    else:
        typer.echo("\n".join(lines))


def _iso(value: date) -> str:
    return value.isoformat()
