"""A trunk's TCP and TLS connections: made when needed, used again, heard of when they fail.

Ours leave from the port that our Via and Contact name, where the system allows it, so that the
other end finds them by what it reads there; on that port we also take its connections (TCP).

Source: RFC 3261 section 18; RFC 5922 (TLS).
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial

from callwright.telephony.sip.connection import Connection
from callwright.telephony.sip.fields import (
    Address,
    HostPort,
    StreamAddress,
    format_address,
)
from callwright.telephony.sip.tls import TlsSettings, client_context, identity_problem

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 5.0
MOST_ACCEPTED = 64
_UNACKNOWLEDGED_MS = 10_000
"""After which the system gives a connection up whose other end is silent."""
_NOT_FROM_THERE = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


class _Refused(Exception):
    """Somebody is there, with whom we do not talk, or who does not talk with us."""


class Connections:
    """All connections of the trunk called `trunk`.

    `domain` is whose certificate the other end must show. `heard` gets each message and where
    to answer it, `unheard` what was to be sent and why it was not, `cut` the address of a
    connection that was used and is gone; `admits` tells from whom we take connections.
    """

    def __init__(
        self,
        local: HostPort,
        trunk: str,
        *,
        domain: str,
        tls: TlsSettings,
        heard: Callable[[bytes, Address], None],
        unheard: Callable[[bytes, str], None],
        cut: Callable[[StreamAddress], None],
        admits: Callable[[str], bool],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._local = local
        self._trunk = trunk
        self._domain = domain
        self._tls = tls
        self._heard = heard
        self._unheard = unheard
        self._cut = cut
        self._admits = admits
        self._to: dict[StreamAddress, Connection] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._context: ssl.SSLContext | None = None
        self._server: asyncio.AbstractServer | None = None
        self._listens = False
        self._told: dict[StreamAddress, str] = {}
        """Why there is no connection, so that it is logged once and not for each call."""
        self._is_open = True

    def send(self, data: bytes, to: StreamAddress) -> None:
        """Send by the connection to that address, or by a new one."""
        if not self._is_open:
            return
        connection = self._to.get(to)
        if connection is None:
            connection = self._to[to] = Connection(self, to)
            task = self._loop.create_task(self._connect(connection, to))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        connection.write(data)

    def drop(self, to: StreamAddress) -> None:
        """Close a connection by which nothing was heard; the next message makes another."""
        connection = self._to.get(to)
        if connection is not None and connection.has_begun:
            del self._to[to]
            connection.abort()

    def close(self) -> None:
        """Close all."""
        self._is_open = False
        if self._server is not None:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        for connection in self._to.values():
            connection.stop()
            connection.abort()
        self._to.clear()

    # What a connection tells

    def accept(self, connection: Connection) -> bool:
        """Whether a connection that the other end made may stay; sets its peer."""
        assert connection.transport is not None
        name = connection.transport.get_extra_info("peername")
        accepted = sum(not each.is_ours for each in self._to.values())
        if not self._is_open or not name or accepted >= MOST_ACCEPTED or not self._admits(name[0]):
            return False
        connection.peer = StreamAddress(name[0], name[1], "TCP")
        self._to[connection.peer] = connection
        return True

    def heard(self, message: bytes, source: StreamAddress) -> None:
        """A message came."""
        self._told.pop(source, None)
        if self._is_open:
            self._heard(message, source)

    def unreadable(self, connection: Connection, why: str) -> None:
        """What came is no SIP, and the connection is being closed."""
        facts = {"trunk": self._trunk, "peer": _shown(connection), "why": why}
        log.warning("a SIP connection cannot be read and is closed", extra=facts)

    def lost(self, connection: Connection, refusal: str) -> None:
        """It is closed."""
        peer = connection.peer
        if peer is None or self._to.get(peer) is not connection or not connection.has_begun:
            return
        del self._to[peer]
        if refusal:
            self._fail(connection, peer, f"TLS: {refusal.lower().replace('_', ' ')}")
        elif self._is_open:
            if connection.may_be_refused:
                self._tell(peer, "TLS: closed at once; perhaps a certificate of ours is wanted")
            self._cut(peer)

    # Making one

    async def _connect(self, connection: Connection, to: StreamAddress) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                if to.transport == "TCP":
                    await self._listen()
                await self._establish(connection, to)
        except ssl.SSLCertVerificationError as exc:
            why = f"certificate refused: {exc.verify_message}"
        except _Refused as exc:
            why = str(exc)
        except ssl.SSLError as exc:
            why = f"TLS: {(exc.reason or 'failed').lower().replace('_', ' ')}"
        except TimeoutError:
            why = "no connection in time"
        except ConnectionRefusedError:
            why = "connection refused"
        except OSError as exc:
            why = (exc.strerror or "no connection").lower()
        else:
            if to.transport == "TCP":
                self._told.pop(to, None)
            connection.begin()
            return
        if self._to.get(to) is connection:
            del self._to[to]
        connection.abort()
        self._fail(connection, to, why)

    async def _establish(self, connection: Connection, to: StreamAddress) -> None:
        context = None
        if to.transport == "TLS":
            if self._context is None:
                self._context = client_context(self._tls, f"trunks.{self._trunk}")
            context = self._context
        sock = await self._connected(to)
        name = self._domain if context is not None else None
        await self._loop.create_connection(
            lambda: connection, sock=sock, ssl=context, server_hostname=name
        )
        assert connection.transport is not None
        if context is not None:
            certificate = connection.transport.get_extra_info("peercert") or {}
            problem = identity_problem(certificate, self._domain, wildcards=self._tls.wildcards)
            if problem:
                raise _Refused(f"certificate refused: {problem}")

    async def _connected(self, to: StreamAddress) -> socket.socket:
        """A socket connected to it, from the port that our Via names if that can be."""
        try:
            return await self._connected_from(self._local[1], to)
        except OSError as exc:
            if exc.errno not in _NOT_FROM_THERE:
                raise
            # The same pair of ports was used a moment ago, or another program has this one.
            return await self._connected_from(0, to)

    async def _connected_from(self, port: int, to: StreamAddress) -> socket.socket:
        sock = _stream_socket(self._local[0])
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
            sock.bind((self._local[0], port))
            await self._loop.sock_connect(sock, (to.host, to.port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def _listen(self) -> None:
        """Take connections on the port that our Contact names; without, ours must do."""
        if self._listens:
            return
        self._listens = True
        sock = _stream_socket(self._local[0])
        try:
            sock.bind(self._local)
            self._server = await self._loop.create_server(
                partial(Connection, self, None), sock=sock
            )
        except OSError as exc:
            sock.close()
            facts = {"trunk": self._trunk, "why": exc.strerror}
            log.info("no TCP connections are taken from the trunk", extra=facts)

    def _fail(self, connection: Connection, to: StreamAddress, why: str) -> None:
        self._tell(to, why)
        for data in connection.unheard:
            self._unheard(data, why)

    def _tell(self, to: StreamAddress, why: str) -> None:
        if self._told.get(to) != why:
            self._told[to] = why
            facts = {"trunk": self._trunk, "target": format_address(to), "why": why}
            if why.startswith(("certificate", "TLS")):
                facts["see"] = f"trunks.{self._trunk}.tls_ca, .tls_certificate and .address"
            log.error("the trunk cannot be connected to", extra=facts)


def _stream_socket(local: str) -> socket.socket:
    """One that may share our port with the others."""
    sock = socket.socket(socket.AF_INET6 if ":" in local else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return sock


def _shown(connection: Connection) -> str:
    return format_address(connection.peer) if connection.peer is not None else "unknown"
