"""Where a request comes from, as far as that can be believed.

The peer's address is a fact; what a header says of who stands behind the peer is a claim. It counts
only where the peer is a proxy of ours. X-Forwarded-For alone is read: each proxy adds its own peer
at the right, so that from the right the first address that is no proxy of ours is the client, and
whatever a client made up stands further left. Forwarded (RFC 7239) is not read: a proxy sets the
one header and passes the other on as the client wrote it, and nobody could tell which.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address
Range = IPv4Network | IPv6Network

_FORWARDED = "X-Forwarded-For"


def read_ranges(written: str) -> tuple[Range, ...]:
    """Addresses and ranges (CIDR), separated by commas. Raises ValueError, which says why."""
    return tuple(ip_network(part.strip()) for part in written.split(",") if part.strip())


class Network:
    """Which addresses may call, and which are our own proxies."""

    def __init__(self, allowed: Sequence[Range] = (), proxies: Sequence[Range] = ()) -> None:
        """Without `allowed`, any address may."""
        self._allowed = allowed
        self._proxies = proxies

    def admits(self, request: web.BaseRequest) -> bool:
        """Whether it comes from an address that may call; one that cannot be told may not."""
        if not self._allowed:
            return True
        client = self.client(request.remote, request.headers.getall(_FORWARDED, []))
        return client is not None and _within(client, self._allowed)

    def client(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """Who calls: `peer`, or who our own proxies say; None where that cannot be told.

        `forwarded` are the values of X-Forwarded-For, in the order in which they came.
        """
        address = _read(peer or "")
        claims = [claim for value in forwarded for claim in value.split(",")]
        while address is not None and claims and _within(address, self._proxies):
            address = _read(claims.pop())
        return address


def _read(written: str) -> Address | None:
    try:
        address = ip_address(written.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _within(address: Address, ranges: Sequence[Range]) -> bool:
    return any(address in each for each in ranges)
