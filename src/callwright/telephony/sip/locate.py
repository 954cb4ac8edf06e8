"""Where a trunk's servers are: what the settings list, what DNS says, or the address itself.

A name without a port is asked for by NAPTR where no transport is given, then by SRV, then as a
host; one with a port only as a host (RFC 3263 section 4).
"""

import socket
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from callwright.errors import Unavailable
from callwright.telephony.sip.dns_records import Names, Records, Service
from callwright.telephony.sip.fields import (
    SIP_PORT,
    SIPS_PORT,
    Transport,
    address_by,
    is_ip_address,
)
from callwright.telephony.sip.targets import Located

MOST_SERVERS = 16
"""Of one name."""

PARTLY_S = 60.0
"""For how long an answer holds of which a part could not be had."""

SRV_OF: Mapping[Transport, str] = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
"""In the order in which they are tried where nothing is said."""

_NAPTR_OF: Mapping[str, Transport] = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}


class NotOffered(Unavailable):
    """DNS says expressly that there is no such service."""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """A server by name or address. `port` 0 = not given; no transport = any will do."""

    host: str
    port: int
    transport: Transport | None


class Found(NamedTuple):
    """Servers, and for how long this answer holds."""

    servers: Sequence[Located]
    ttl_s: float


class _Hosts(NamedTuple):
    """Hosts that are still to be looked up."""

    transport: Transport
    services: Records[Service]


async def locate(sought: Sought, names: Names, family: int, *, guess: bool) -> Found:
    """The servers behind one setting that can be reached by `family` (AF_UNSPEC = any).

    `guess`: where nobody can say whether there are SRV records, take the host for the server.

    Raises:
        Unavailable: there is none, or nobody could say; the text says of which name.
    """
    if is_ip_address(sought.host):
        is_v6 = ":" in sought.host
        if family not in (socket.AF_UNSPEC, socket.AF_INET6 if is_v6 else socket.AF_INET):
            raise Unavailable(f"{sought.host} cannot be reached from our local_address")
        transport = sought.transport or "UDP"
        return Found([Located(address_by(sought.host, _port(sought), transport))], inf)
    hosts = None
    if not sought.port and "." in sought.host.rstrip("."):
        try:
            hosts = await _by_records(sought, names)
        except NotOffered:
            raise
        except Unavailable:
            if not guess:
                raise
    if hosts is None:
        alone = Service(0, 0, sought.host, _port(sought))
        hosts = _Hosts(sought.transport or "UDP", Records([alone], inf))
    return await _addressed(hosts, names, family)


def _port(sought: Sought) -> int:
    return sought.port or (SIPS_PORT if sought.transport == "TLS" else SIP_PORT)


async def _by_records(sought: Sought, names: Names) -> _Hosts | None:
    """What SRV records say; None: there are none."""
    ways: list[tuple[Transport, str]] = []
    ttl_s = inf
    if sought.transport is None:
        rules = await names.rules(sought.host)
        ways = [(_NAPTR_OF[x.service], x.name) for x in rules.all if x.service in _NAPTR_OF]
        ttl_s = rules.ttl_s if ways else inf
    if not ways:
        usual = tuple(SRV_OF) if sought.transport is None else (sought.transport,)
        ways = [(transport, f"{SRV_OF[transport]}.{sought.host}") for transport in usual]
    is_offered = True
    for transport, name in ways:
        services = await names.services(name)
        offered = [each for each in services.all if each.host]
        if offered:
            return _Hosts(transport, Records(offered, min(ttl_s, services.ttl_s)))
        is_offered = is_offered and not services.all
    if not is_offered:
        raise NotOffered(f"{sought.host} says that it has no SIP service")
    return None


async def _addressed(hosts: _Hosts, names: Names, family: int) -> Found:
    """With the addresses of every host that has any."""
    servers: list[Located] = []
    ttl_s, problem = hosts.services.ttl_s, ""
    for service in sorted(hosts.services.all)[:MOST_SERVERS]:
        try:
            found = await names.addresses(service.host, family)
        except Unavailable as exc:
            problem, ttl_s = problem or str(exc), min(ttl_s, PARTLY_S)
            continue
        problem = problem or ("" if found.all else f"{service.host} has no address")
        servers += [
            Located(
                address_by(host, service.port, hosts.transport),
                service.priority,
                # A host with several addresses gets no more calls than one with one.
                service.weight / len(found.all),
            )
            for host in found.all
        ]
        ttl_s = min(ttl_s, found.ttl_s) if found.all else ttl_s
    if not servers:
        raise Unavailable(problem)
    return Found(servers[:MOST_SERVERS], ttl_s)
