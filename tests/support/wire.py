"""HTTP spoken by hand: requests as no client would send them, and every byte of what comes back."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode, urlsplit

from tests.support.process import TOKEN

ANSWER_SECONDS = 30
AT_ONCE = 8
FORM = "application/x-www-form-urlencoded"

ODD_MEDIA = (
    "multipart/form-data",
    "multipart/form-data; boundary=NUMBER",
    "application/json; NUMBER",
    "application/x-www-form-urlencoded; charset=NUMBER",
    "NUMBER",
)
# NUMBER stands for a number, PATH for the gateway's path. A body may follow each.
_MALFORMED = (
    "NUMBER\r\n",
    "NUMBER PATH HTTP/1.1\r\n",
    "\x16\x03\x01\x00NUMBER",
    "POST PATH?NUMBER HTTP/NUMBER\r\n",
    "POST PATH NUMBER HTTP/1.1\r\n",
    "GET http://[NUMBER/ HTTP/1.1\r\n",
    "GET //NUMBER:NUMBER/ HTTP/1.1\r\n",
    "GET /NUMBER\xff\x00 HTTP/1.1\r\n",
    "GET /%NUMBER%zz%00 HTTP/1.1\r\n",
    "OPTIONS NUMBER HTTP/1.1\r\n",
    "CONNECT NUMBER:443 HTTP/1.1\r\n",
    "POST PATH HTTP/1.1\r\nno colon NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nNUMBER\x00: NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nX: NUMBER\x00\x7f\r\n",
    "POST PATH HTTP/1.1\r\nHost: [NUMBER\r\n",
    f"POST PATH HTTP/1.1\r\nX: {'NUMBER' * 2000}\r\n",
    "POST PATH HTTP/1.1\r\nContent-Length: NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nContent-Length: xNUMBER\r\n",
    "POST PATH HTTP/1.1\r\nContent-Length: 9\r\nContent-Length: NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nContent-Length: 99\r\nContent-Type: NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nTransfer-Encoding: NUMBER\r\n",
    "POST PATH HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nNUMBER\r\n",
    "POST PATH HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxNUMBER\r\n",
    "POST PATH HTTP/1.1\r\nContent-Length: 20\r\nContent-Encoding: gzip\r\n\r\nNUMBERNUMBER",
    "POST PATH HTTP/1.1\r\nContent-Length: 20\r\nContent-Encoding: NUMBER\r\n\r\nNUMBERNUMBER",
    "POST PATH HTTP/1.1\r\nExpect: NUMBER\r\nContent-Length: 0\r\n",
    "POST PATH HTTP/1.1\r\nUpgrade: NUMBER\r\nConnection: Upgrade\r\n",
    "GET / HTTP/1.1\r\nCookie: =NUMBER; \xff=NUMBER\r\nRange: bytes=NUMBER\r\n",
)


def malformed(number: str, path: str) -> Iterator[bytes]:
    """Requests that are no HTTP, or none that this service takes: libraries like to quote them."""
    for template in _MALFORMED:
        head = template.replace("NUMBER", number).replace("PATH", path)
        host = "" if "Host:" in head else "Host: vigie.example\r\n"
        head = head.replace("HTTP/1.1\r\n", f"HTTP/1.1\r\n{host}Connection: close\r\n", 1)
        yield f"{head}\r\n".encode("latin-1")


@dataclass
class Wire:
    """Speaks to the server at `url`; `sent` and `heard` keep all bytes of both directions."""

    url: str
    sent: list[bytes] = field(default_factory=list, repr=False)
    heard: list[bytes] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._ids = count(1)

    async def say(self, request: bytes, patience: float = ANSWER_SECONDS) -> bytes:
        """Send these bytes; all that the server says until it closes the connection.

        After `patience` seconds it is told that nothing more will come: it may wait for the rest.
        """
        self.sent.append(request)
        async with self._turn:
            answer = await self._say(request, patience)
        self.heard.append(answer)
        return answer

    async def _say(self, request: bytes, patience: float) -> bytes:
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        heard = bytearray()
        try:
            writer.write(request)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while chunk := await reader.read(64 * 1024):
                        heard += chunk
            writer.write_eof()
            async with asyncio.timeout(ANSWER_SECONDS):
                heard += await reader.read(-1)
        except OSError:  # it may close before it has read all
            pass
        finally:
            writer.close()
        return bytes(heard)

    async def ask(
        self,
        target: str,
        body: bytes = b"",
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Send a proper request and hear its answer; the status."""
        lines = {"Host": "vigie.example", "Connection": "close", "Content-Length": str(len(body))}
        lines |= {"Content-Type": FORM} if body else {}
        lines |= headers or {}
        method = method or ("POST" if body else "GET")
        head = [f"{method} {target} HTTP/1.1", *(f"{name}: {lines[name]}" for name in lines)]
        answer = await self.say("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0

    async def post(
        self,
        kind: str,
        form: Mapping[str, str],
        token: str = TOKEN,
        gateway: str = "africastalking",
    ) -> int:
        """Call the gateway's URL as it would; the status."""
        return await self.ask(f"/gateways/{gateway}/{token}/{kind}", urlencode(form).encode())

    async def text(self, sender: str, text: str, **others: str) -> int:
        """Send a text from this phone; the status."""
        form = {"from": sender, "to": "36000", "text": text, "id": f"wire-{next(self._ids)}"}
        return await self.post("sms", form | others)
