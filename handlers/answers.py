"""Answers to what is no HTTP, or asks too much of it: the status, and nothing that was sent.

aiohttp quotes the bytes that it could not read, a token or a number among them, and a proxy on the
way may keep what it answers.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Runner(web.AppRunner):
    """Runs an application whose every answer to an error is plain."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(
            _without_quotes(server.request_handler),
            request_factory=server.request_factory,
            **server._kwargs,
        )


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """As an error, unless it is a body that could not be read: that was answered 400."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            self.log_debug("a body could not be read")
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Log it, which redacts, and answer with the status alone, traceback or not."""
        answer = super().handle_error(request, status, exc, message)
        if isinstance(answer, web.Response):
            _make_plain(answer)
        return answer


def _without_quotes(handler: Handler) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPExpectationFailed as answer:
            _make_plain(answer)
            raise

    return handle


def _make_plain(answer: web.Response) -> None:
    answer.content_type = "text/plain"
    answer.text = f"{answer.status}: {HTTPStatus(answer.status).phrase}\n"
