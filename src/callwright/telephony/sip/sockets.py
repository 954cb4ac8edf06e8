"""UDP sockets for SIP: routes, binding, and the queue of ICMP errors.

`trunk` is always the trunk's name, for the text of an error.

Source: `ip(7)` and `ipv6(7)` for IP_RECVERR.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

from callwright.errors import Unavailable
from callwright.telephony.sip.fields import HostPort, format_host_port

_BUFFER_BYTES = 8 * 1024 * 1024
_DATAGRAM = 65_536
# Linux; not in Python's `socket` before 3.14.
_IP_RECVERR = 11
_IPV6_RECVERR = 25


def route_to(target: HostPort, trunk: str) -> str:
    """The address of ours from which packets to `target` leave.

    Raises:
        Unavailable: there is no route.
    """
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(target)
        except OSError as exc:
            raise Unavailable(f"trunk {trunk}: no route to {target[0]} ({exc.strerror})") from exc
        return str(probe.getsockname()[0])


def family_of(host: str) -> int:
    """The family of an address; any, if there is none."""
    if not host:
        return socket.AF_UNSPEC
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def usual_address() -> str:
    """The address of ours from which most packets leave; without a network, loopback."""
    for everywhere in ("192.0.2.1", "2001:db8::1"):
        with suppress(Unavailable):
            return route_to((everywhere, 9), "")
    return "127.0.0.1"


def bind(local: HostPort, trunk: str) -> socket.socket:
    """A socket that does not block, with large buffers and an error queue.

    Raises:
        Unavailable: the address is not ours or the port is taken.
    """
    is_v6 = ":" in local[0]
    sock = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        with suppress(OSError):
            # So that "nobody listens there" is heard on a socket that is not connected.
            if is_v6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        sock.bind(local)
    except OSError as exc:
        sock.close()
        raise Unavailable(
            f"trunk {trunk}: cannot use {format_host_port(local)} for SIP "
            f"({exc.strerror}); see trunks.{trunk}.local_address"
        ) from exc
    return sock


class Watch:
    """Calls `readable` whenever `sock` has packets or errors waiting, on any event loop.

    uvloop takes an error on a watched socket for its end and never looks at it again; so it
    is shown an epoll instance instead, which only ever becomes readable.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, readable: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        loop.add_reader(self._epoll.fileno(), readable)

    def stop(self) -> None:
        """Watch no more; before the socket is closed."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


def refused_packets(sock: socket.socket, at_most: int) -> Iterator[bytes]:
    """The packets of ours of which ICMP told that nobody takes them; empties the queue."""
    for _ in range(at_most):
        try:
            data, _, _, _ = sock.recvmsg(_DATAGRAM, 1024, socket.MSG_ERRQUEUE)
        except OSError:
            return
        yield data
