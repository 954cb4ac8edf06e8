"""Where a trunk's servers are: what the settings list, what DNS says, or the address itself.

Names are looked up as addresses only: NAPTR and SRV records are not asked for.

Source: RFC 3263 section 4.2.
"""

import asyncio
import socket
from collections.abc import Sequence

import msgspec

from callwright.errors import Unavailable
from callwright.telephony.sip.fields import (
    SIP_PORT,
    SIPS_PORT,
    HostPort,
    Transport,
    address_by,
    is_ip_address,
)
from callwright.telephony.sip.targets import Located


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """A server by name or address. `port` 0 = not given; no transport = any will do."""

    host: str
    port: int
    transport: Transport | None


async def locate(trunk: str, sought: Sequence[Sought], local_address: str) -> list[Located]:
    """The servers of the trunk called `trunk`: those of `sought`, in that order.

    Raises:
        Unavailable: one has no address that `local_address` ("" = any) could reach.
    """
    servers: list[Located] = []
    for priority, each in enumerate(sought):
        transport = each.transport or "UDP"
        port = each.port or (SIPS_PORT if transport == "TLS" else SIP_PORT)
        found = await _addresses(trunk, (each.host, port), local_address)
        servers += [Located(address_by(*address, transport), priority) for address in found]
    return servers


async def _addresses(trunk: str, target: HostPort, local_address: str) -> list[HostPort]:
    host, port = target
    family = socket.AF_UNSPEC
    if local_address:
        family = socket.AF_INET6 if ":" in local_address else socket.AF_INET
    elif not is_ip_address(host):
        # One socket, one family; names that have both are reached by IPv4.
        family = socket.AF_INET
    loop = asyncio.get_running_loop()
    try:
        infos = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except OSError as exc:
        raise Unavailable(
            f"trunk {trunk}: the host {host} has no address that can be used "
            f"({exc.strerror or exc}); check trunks.{trunk}.address and the DNS"
        ) from exc
    found = [(str(info[4][0]), int(info[4][1])) for info in infos]
    if not found:
        raise Unavailable(f"trunk {trunk}: the host {host} has no address")
    return list(dict.fromkeys(found))
