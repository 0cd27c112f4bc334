"""The home page: what this service is and whether it is well. It works without JavaScript."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HOME = Path(__file__).parent / "home"


@dataclass(frozen=True, slots=True)
class HomeStatus:
    """What the home page shows. Counts and names of parts: nothing here is about a person.

    `ready`: the database answers. `alerts`, how many are in each
    state, is not shown where it does not. `simulator`: the
    simulated phones can be opened. `locked`: messages wait for the keys. `warnings`: about how many
    focal points one is open; which they are is not for a page. `undelivered`: texts about alerts
    that were given up. `passed_over`: how many responders cannot be told of an alert now.
    """

    gateways: Sequence[str]
    ready: bool
    alerts: Mapping[str, int]
    simulator: bool
    locked: bool = False
    warnings: int = 0
    undelivered: int = 0
    passed_over: int = 0


def routes(status: Callable[[], Awaitable[HomeStatus]]) -> list[web.AbstractRouteDef]:
    """`/` and its static files. `status` is asked at each visit; `/?lang=en` is in English."""
    words = json.loads((HOME / "words.json").read_text("utf-8"))
    environment = Environment(
        loader=FileSystemLoader(HOME), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html")

    async def home(request: web.Request) -> web.Response:
        language = "en" if request.query.get("lang") == "en" else "fr"
        html = template.render(language=language, words=words[language], status=await status())
        return web.Response(
            text=html, content_type="text/html", headers={"Cache-Control": "no-store"}
        )

    return [web.get("/", home), web.static("/static", HOME / "static")]
