"""Which addresses a customer may name: none that only this machine or network can reach.

A `result_url` and the address of an agent are customers' texts. Without this guard they could
make the server talk to its own database, to a cloud's metadata service, or to printers in the
office.

The guard judges addresses, never strings: a resolver turns `2130706433`, `0x7f000001` and
`127.1` into loopback. A name with one forbidden address among good ones is refused whole.
The caller must connect to an address that was returned here and resolve again for each try;
asking the resolver a second time before connecting would let the answer change in between.

Source: reliability rules, section 2.1; IANA special-purpose registries.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from callwright.domain.notice import Problem
from callwright.errors import ConfigInvalid

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses as text. Raises OSError when the name has none."""

FORBIDDEN: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 connects to loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata service of every cloud
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "::/96",  # any, loopback, and IPv4-compatible: an IPv4 address inside
        "::ffff:0:0/96",  # IPv4-mapped: an IPv4 address inside
        "::ffff:0:0:0/96",  # IPv4-translated: an IPv4 address inside
        "64:ff9b::/96",  # NAT64: an IPv4 address inside
        "64:ff9b:1::/48",  # local-use NAT64
        "100::/64",  # discard
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
        "::/3",  # what is not in 2000::/3 was never given to anybody on the internet
        "4000::/2",
        "8000::/1",
    )
)

_RESOLVER_THREADS = 256
"""As many as there may be tries at once: names that take for ever hold up no others."""


class AddressRefused(Exception):
    """Nothing was connected to: the name has no address, or one that must not be called."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """An entry of `callbacks.allow` or `agents.allow`: what may be called all the same."""

    network: IPv4Network | IPv6Network | None = None
    host: str = ""
    """Set when `network` is not: a name as it stands in the URL."""
    port: int | None = None
    """None = every port."""

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address in self.network
        return host.lower().rstrip(".") == self.host


def parse_allowed(entry: str, setting: str = "callbacks.allow") -> Allowed:
    """The meaning of one entry: `10.0.0.0/8`, `10.0.0.7`, either with `:8443`, or `host:8443`.

    IPv6 with a port is written in brackets: `[fd00::/8]:8443`.

    Raises:
        ConfigInvalid: the entry is none of these.
    """
    network = _network(entry)
    if network is not None:
        return Allowed(network=network)
    host, colon, port_text = entry.rpartition(":")
    port = int(port_text) if re.fullmatch(r"[0-9]{1,5}", port_text) else 0
    if colon and 1 <= port <= 65535:
        bracketed = re.fullmatch(r"\[(.+)\]", host)
        network = _network(bracketed[1] if bracketed else host)
        if network is not None:
            return Allowed(network=network, port=port)
        if re.fullmatch(r"(?=.*[a-zA-Z])[a-zA-Z0-9._-]+", host):
            return Allowed(host=host.lower().rstrip("."), port=port)
    raise ConfigInvalid(
        f"{setting}: {entry!r} is neither a network (10.0.0.0/8) nor host:port; "
        "correct or remove it"
    )


class AddressGuard:
    """Resolves a name once and hands out its addresses only if every one may be called."""

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        resolve: Resolve,
        setting: str = "callbacks.allow",
        is_own: Callable[[Address], bool] | None = None,
        own_ports: Callable[[], Collection[int]] = tuple,
    ) -> None:
        """`setting` is where `allow` stands; `own_ports` are those this server listens on."""
        self._allow = [parse_allowed(entry, setting) for entry in allow]
        self._resolve = resolve
        self._is_own = is_own_address if is_own is None else is_own
        self._own_ports = own_ports

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of `host`, in the resolver's order, each free to connect to.

        Raises:
            AddressRefused: the name has no address, or one that must not be called.
        """
        try:
            texts = await self._resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise AddressRefused(Problem.NAME_NOT_FOUND) from exc
        addresses = list(dict.fromkeys(ip_address(text) for text in texts))
        if not addresses:
            raise AddressRefused(Problem.NAME_NOT_FOUND)
        if not all(self._may_call(host, port, address) for address in addresses):
            raise AddressRefused(Problem.BLOCKED_ADDRESS)
        return addresses

    def _may_call(self, host: str, port: int, address: Address) -> bool:
        allowed = [one for one in self._allow if one.covers(host, port, address)]
        if any(one.port is not None for one in allowed):
            return True
        # A network is allowed for what else is in it: who means this server itself, names its port.
        if port in self._own_ports() and self._is_own(address):
            return False
        return bool(allowed) or not (is_forbidden(address) or self._is_own(address))


def is_forbidden(address: Address) -> bool:
    """Whether `address` lies in a network that is not the public internet's."""
    # A scope (fe80::1%eth0) names a link of this machine, whatever the address is.
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return True
    return any(address in network for network in FORBIDDEN)


def is_own_address(address: Address) -> bool:
    """Whether `address` is this machine's: the kernel reaches it from itself. Sends nothing."""
    if address.is_loopback:  # all of 127.0.0.0/8, which is reached from 127.0.0.1
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False  # no route: nothing can be sent there anyway


class SystemResolver:
    """The operating system's resolver, in threads of its own.

    Its own, because a resolver that hangs would otherwise keep every other user of the
    event loop's threads waiting.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        try:
            # Whatever the system takes for an address needs no question, and no thread.
            found = _ask_system(host, port, socket.AI_NUMERICHOST)
        except OSError:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, _ask_system, host, port)
        return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]

    def close(self) -> None:
        """Drop the questions nobody waits for any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask_system(
    host: str, port: int, flags: int = 0
) -> list[tuple[object, object, object, object, tuple[object, ...]]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
