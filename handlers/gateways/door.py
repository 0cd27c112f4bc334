"""Who may call a gateway's URL: by address, by the token in the path, and by signature.

Whoever fails any of them is answered as if nothing were there.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiohttp import web

from handlers.network import Network

SIGNATURE = "X-Signature"
TIMESTAMP = "X-Timestamp"
WINDOW = timedelta(minutes=5)
"""How far a signature's moment may be from the clock, before or after."""

_SECONDS = re.compile(r"[0-9]{10}", re.ASCII)

Shut = Literal["address", "token", "signature"]
SHUT: tuple[Shut, ...] = ("address", "token", "signature")
"""The metric's word for each reason that a door was shut."""


class Door:
    """The live tokens and, where they are set, the addresses and the key of signatures."""

    def __init__(
        self,
        tokens: Sequence[str],
        network: Network | None = None,
        hmac_key: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`tokens` may change while the service runs: it is looked at for each request."""
        self._tokens = tokens
        self._network = network or Network()
        self._key = hmac_key.encode() if hmac_key else None
        self._now = now

    def shut(self, request: web.Request) -> Shut | None:
        """Why not even the body of this request is read, if so."""
        if not self._network.admits(request):
            return "address"
        return None if self._is_live(request.match_info["token"]) else "token"

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the gateway signed this body just now; True where it signs none.

        X-Timestamp holds Unix seconds, X-Signature the HMAC-SHA256, in hex, of the body followed by
        those digits. (So does the Android app “SMS Gateway”, capcom6/android-sms-gateway, for one.)
        """
        if self._key is None:
            return True
        moment, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        # Ten digits exactly, so that none can pass from the body's end to the moment.
        if not _SECONDS.fullmatch(moment):
            return False
        if abs(self._now().timestamp() - int(moment)) > WINDOW.total_seconds():
            return False
        made = hmac.digest(self._key, body + moment.encode(), "sha256").hex()
        return hmac.compare_digest(made.encode(), given.lower().encode("utf-8", "surrogatepass"))

    def _is_live(self, token: str) -> bool:
        given = token.encode("utf-8", "surrogatepass")
        # A sum looks at every token; any() would stop at the first, and the time taken would tell.
        return sum(hmac.compare_digest(given, each.encode()) for each in self._tokens) > 0
