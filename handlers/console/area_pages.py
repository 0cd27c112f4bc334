"""`/areas`: what alerts may name, and what would make it finer. It works without JavaScript."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from handlers.area_words import WORDS, wanting
from service.areas import Shown

FOLDER = Path(__file__).parent / "areas"


def routes(
    shown: Callable[[], Awaitable[Sequence[Shown]]], k: Callable[[], int]
) -> list[web.AbstractRouteDef]:
    """`/areas`; `shown` is asked at each visit, and `/areas?lang=en` is in English."""
    words = json.loads((FOLDER / "words.json").read_text("utf-8"))
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = environment.get_template("page.html")

    async def page(request: web.Request) -> web.Response:
        language = "en" if request.query.get("lang") == "en" else "fr"
        areas = [(area, wanting(area, k(), language)) for area in await shown()]
        html = template.render(
            language=language, words=words[language], state=WORDS[language], areas=areas, k=k()
        )
        return web.Response(
            text=html, content_type="text/html", headers={"Cache-Control": "no-store"}
        )

    return [web.get("/areas", page)]
