"""`vigie trace-leak`: whose copy of an alert came to light."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from handlers.app import content_of, opened
from handlers.cli.acting import As, need_coordinator
from handlers.cli.ready import MOST, need_tables
from handlers.settings import Settings
from service import audit
from service.domain.variants import Finding
from service.trace import Traced, trace

MOST_SHOWN = 20
_LARGEST = 1_000_000  # bytes of a leak: some thousand texts


def trace_leak(
    as_: As,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Files with leaked texts, an empty line between them; else standard input.",
        ),
    ] = None,
    alert: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="The alert of texts whose number is cut off."),
    ] = None,
    content_dir: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Holds rules/ and templates_sms/ as they were when the texts left.",
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Say whose copy a leaked alert is: each responder's is worded a little differently.

    Capitals, accents, spaces and lines do not matter, and a piece will do. One person is named
    alone only where an innocent would fit less than once in 1,000 such leaks; it says whose copy it
    was, never who passed it on. Needs the sender's keys. Exits with 1 where nothing can be read.
    """
    leak = "\n\n".join(_read(file) for file in files) if files else sys.stdin.read(_LARGEST)
    traced = asyncio.run(_trace(leak, as_, alert, content_dir))
    if json_:
        typer.echo(json.dumps(_data(traced), indent=2))
    else:
        for line in _lines(traced):
            typer.echo(line)
    if traced.together.verdict == "nothing":
        raise typer.Exit(1)


def _read(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as opened_:
        return opened_.read(_LARGEST)


async def _trace(leak: str, name: str, alert: int | None, content_dir: Path | None) -> Traced:
    async with opened(Settings(), "sender") as service:
        await need_tables(service)
        await need_coordinator(service, name)
        if content_dir is not None:
            service = replace(service, content=content_of(service.settings, content_dir))
        async with service.store.read() as tx:
            traced = await trace(tx, service.vault, service.content, leak, alert)
        await audit.entered(
            service.store,
            service.clock.now(),
            name,
            "traced a leak",
            texts=len(traced.texts),
            found=traced.together.verdict,
        )
        return traced


def _lines(traced: Traced) -> Iterator[str]:
    for index, (text, found) in enumerate(traced.texts, start=1):
        fits = f"fits {len(found.fits)} of {found.told}" if found.told else "nobody had it"
        read = f"{len(text.seen)} wordings read, {found.bits:g} bits"
        yield f"text {index}: alert {text.alert}, {read}: {fits}"
    yield from _verdict(traced.together)


def _verdict(found: Finding) -> Iterator[str]:
    told, more = found.told, _texts(found.more)
    bits = f"together {found.bits:g} bits"
    match found.verdict:
        case "nothing":
            yield "nothing can be read: no alert that was sent, or none of its wordings."
            yield "Is its number cut off? --alert. Were the texts changed since? --content-dir."
        case "one":
            seldom = 1 / max(found.by_chance, 1e-12)
            yield f"{bits}: responder {found.fits[0]}'s copy, of {told}."
            yield f"An innocent would fit once in {seldom:,.0f} such leaks."
        case "some":
            shown = ", ".join(map(str, found.fits[:MOST_SHOWN]))
            rest = " …" if len(found.fits) > MOST_SHOWN else ""
            yield f"{bits}: this fits {len(found.fits)} of {told}: {shown}{rest}"
            yield (
                f"About {found.by_chance:.2g} innocents would fit by chance: blame nobody. "
                f"{more} more would tell."
            )
        case "pair":
            assert found.pair is not None
            one, other = found.pair
            yield f"{bits}: no one's copy. It was put together from two:"
            yield f"those of responders {one} and {other}, and of no other two among {told}."
        case "mixed":
            yield f"{bits}: no one's copy, of {told}."
            yield (
                "It was put together from several, or changed, or whoever had it has left: blame "
                f"nobody. {more} more of the same source would tell."
            )


def _texts(count: int) -> str:
    return f"{count} text" if count == 1 else f"{count} texts"


def _data(traced: Traced) -> dict[str, object]:
    texts = [
        {"alert": text.alert, "wordings": len(text.seen), **_found(found)}
        for text, found in traced.texts
    ]
    return {"texts": texts, "together": _found(traced.together), "bits_a_text": traced.bits_a_text}


def _found(found: Finding) -> dict[str, object]:
    return {
        "verdict": found.verdict,
        "told": found.told,
        "bits": found.bits,
        "fits": [{"pseudonym": person, "bits": found.bits} for person in found.fits],
        "by_chance": found.by_chance,
        "pair": found.pair,
        "more": found.more,
    }
