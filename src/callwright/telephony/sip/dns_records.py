"""What DNS says of a name, and for how long that holds: NAPTR, SRV, A and AAAA.

Asks the name servers that the settings name; without any, those of this machine, and for
addresses whatever else this machine goes by (its hosts file).

Source: RFC 3403 (NAPTR), RFC 2782 (SRV).
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from callwright.errors import Unavailable
from callwright.telephony.sip.fields import HostPort

ANSWERS_WITHIN_S = 4.0
ADDRESSES_HOLD_S = 60.0
"""The machine's own lookup does not say for how long its answers hold."""

R = TypeVar("R")


class Records(NamedTuple, Generic[R]):
    """An answer; empty = there are none of this kind."""

    all: Sequence[R]
    ttl_s: float


class Service(NamedTuple):
    """An SRV record: a host and a port, by priority and weight."""

    priority: int
    weight: int
    host: str
    """"" = the service is decidedly not offered."""
    port: int


class Rule(NamedTuple):
    """A NAPTR record that leads to SRV records, by order and preference."""

    order: int
    preference: int
    service: str
    """In capitals, such as `SIP+D2U`."""
    name: str


class Names:
    """Looks names up; `name_servers` empty = as this machine does."""

    def __init__(self, name_servers: Sequence[HostPort]) -> None:
        self._name_servers = name_servers
        self._made: Any = None

    async def rules(self, name: str) -> Records[Rule]:
        """The NAPTR records of a name that lead to SRV records, the first first.

        Raises:
            Unavailable: nobody could say.
        """
        found = await self._ask(name, "NAPTR")
        rules = [
            Rule(
                each.order,
                each.preference,
                each.service.decode("ascii", "replace").upper(),
                each.replacement.to_text(omit_final_dot=True),
            )
            for each in found.all
            if each.flags.lower() == b"s"
        ]
        return Records(sorted(rules), found.ttl_s)

    async def services(self, name: str) -> Records[Service]:
        """The SRV records of a name.

        Raises:
            Unavailable: nobody could say.
        """
        found = await self._ask(name, "SRV")
        services = [
            Service(
                each.priority,
                each.weight,
                each.target.to_text(omit_final_dot=True).removeprefix("."),
                each.port,
            )
            for each in found.all
        ]
        return Records(services, found.ttl_s)

    async def addresses(self, name: str, family: int) -> Records[str]:
        """The addresses of a host; of either family IPv4 first, and IPv6 where there is none.

        Raises:
            Unavailable: nobody could say.
        """
        if not self._name_servers:
            return await _as_this_machine_does(name, family)
        found: Records[Any] = Records((), 0.0)
        for kind, of in (("A", socket.AF_INET), ("AAAA", socket.AF_INET6)):
            if family in (of, socket.AF_UNSPEC) and not found.all:
                found = await self._ask(name, kind)
        return Records([each.address for each in found.all], found.ttl_s)

    async def _ask(self, name: str, kind: str) -> Records[Any]:
        import dns.exception
        import dns.resolver

        try:
            answer = await self._resolver().resolve(
                f"{name.rstrip('.')}.", kind, raise_on_no_answer=False, lifetime=ANSWERS_WITHIN_S
            )
        except dns.resolver.NXDOMAIN:
            return Records((), 0.0)
        except dns.exception.Timeout as exc:
            raise Unavailable(f"the name servers do not answer for {name}") from exc
        except (dns.exception.DNSException, OSError) as exc:
            raise Unavailable(f"the name servers cannot say of {name}") from exc
        return Records(list(answer.rrset or ()), answer.chaining_result.minimum_ttl)

    def _resolver(self) -> Any:
        # Late: it takes a fifth of a second to load, and trunks with an address need none.
        import dns.asyncresolver
        import dns.nameserver

        if self._made is None:
            self._made = dns.asyncresolver.Resolver(configure=not self._name_servers)
            if self._name_servers:
                self._made.nameservers = [
                    dns.nameserver.Do53Nameserver(host, port) for host, port in self._name_servers
                ]
        return self._made


async def _as_this_machine_does(name: str, family: int) -> Records[str]:
    loop = asyncio.get_running_loop()
    families = (socket.AF_INET, socket.AF_INET6) if family == socket.AF_UNSPEC else (family,)
    problem: OSError | None = None
    for each in families:
        try:
            found = await loop.getaddrinfo(name, None, family=each, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as exc:
            problem = problem or OSError(0, getattr(exc, "strerror", None) or "not a name")
            continue
        return Records(list(dict.fromkeys(str(info[4][0]) for info in found)), ADDRESSES_HOLD_S)
    assert problem is not None
    raise Unavailable(f"{name} has no address ({problem.strerror})") from problem
