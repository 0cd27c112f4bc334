"""The baseline: an aiohttp handler that only parses the form. `python -m tests.bench.plain PORT`"""

import sys

from aiohttp import web

PATH = "/gateways/plain/sms"


async def parse(request: web.Request) -> web.Response:
    """Answer with what a gateway is answered with, once the form has been read."""
    form = await request.post()
    assert "text" in form
    return web.Response(text="stored\n")


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post(PATH, parse)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
