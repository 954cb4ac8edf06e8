"""Where requests come from: the peer's address, or what a trusted proxy says of it.

A source is the network that one customer of an access provider gets, a /24 or a /64:
counting by single addresses would let anybody with IPv6 start afresh at will.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SOURCE_BITS = {4: 24, 6: 64}
MAX_HOPS = 32
"""Entries of X-Forwarded-For looked at, from the last one on."""

_PROXY_HEADERS = frozenset({b"x-forwarded-for", b"x-real-ip", b"forwarded", b"via"})


class Proxies:
    """The reverse proxies whose word on a client's address is taken."""

    def __init__(self, networks: Iterable[str]) -> None:
        """`networks` as the setting gives them: addresses and networks."""
        self._networks = tuple(ipaddress.ip_network(text) for text in networks)

    def holds(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def client_of(self, scope: Scope) -> Address | None:
        """The address that a request comes from, or None if it has none (a Unix socket).

        Each proxy appends whom it heard to X-Forwarded-For, which is therefore read from
        the end until an address is no proxy of ours; what stands before that is the
        client's own word.
        """
        heard = parse_address(_peer(scope))
        if heard is None or not self.holds(heard):
            return heard
        hops = _forwarded_for(scope).rsplit(",", MAX_HOPS)
        for hop in reversed(hops):
            before = parse_address(hop.strip())
            if before is None:
                return heard
            heard = before
            if not self.holds(heard):
                return heard
        return heard

    def text_of(self, scope: Scope) -> str:
        """The same for people; "" if it has none."""
        if not self._networks:
            return _peer(scope)
        return str(self.client_of(scope) or "")


def came_through_a_stranger(scope: Scope, proxies: Proxies) -> bool:
    """Whether some proxy that nobody told us of hides where the request comes from."""
    address = parse_address(_peer(scope))
    trusted = address is not None and proxies.holds(address)
    return not trusted and any(name in _PROXY_HEADERS for name, _ in scope["headers"])


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _forwarded_for(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(values).decode("latin-1")


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """The address that `text` spells, with or without a port; None if none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def source_of(address: Address | None) -> bytes:
    """The network that stands for `address` in counts, as a short key."""
    if address is None:
        return b""
    kept = _SOURCE_BITS[address.version] // 8
    return address.packed[:kept]
