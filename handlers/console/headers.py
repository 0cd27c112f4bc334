"""What every page tells the browser: run and load only what comes from here, and tell nobody."""

from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Handler

SECURITY_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put `SECURITY_HEADERS` on every answer, refusals too, where it has no such header of its own.

    A stream, such as server-sent events, has left before it comes here and goes without.
    """
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        _protect(answer)
        raise
    if not response.prepared:
        _protect(response)
    return response


def _protect(response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
