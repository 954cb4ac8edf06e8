"""The HTTP server: an ASGI application on a port, inside the caller's event loop.

uvicorn with httptools, and `protocol.Http1Protocol` over it. Measured on one route with
Basic credentials and a form, 32 connections, in a uvloop loop, no store (requests a
second): uvicorn + httptools 16,100, granian 2.8 embedded 7,800 to 14,100 (restless, and
two Rust threads beside the loop), uvicorn + h11 4,500. Against granian's embedding spoke
more than speed: it calls itself experimental, does not tell which port it got when asked
for port 0, does not say when it answers, and binds with SO_REUSEPORT, so that a second
server on the same port starts without a word and takes half of the requests. httptools
alone loses the body of clients that offer `Upgrade: h2c`; the protocol mends that.

Signals are left to the caller.
"""

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from callwright.clock import SystemClock
from callwright.config import HostPort
from callwright.errors import CallwrightError, ConfigInvalid, Unavailable
from callwright.web.door import Door, DoorLimits
from callwright.web.protocol import Http1Protocol
from callwright.web.sources import Proxies

GRACE_S = 5.0
CUT_OFF_S = 1.0
BACKLOG = 2048
MOST_UNSENT_BYTES = 128 * 1024
OTHER_FILES = 512
"""Open files besides connections: the store, lines, callbacks, lists being taken in."""


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, with its hands off the signals, a word when it is up, and no polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        # Tick 0 sets the Date header, which has whole seconds.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.leave.wait()


class HttpServer:
    """Serves `app` on `listen` from `start` to `stop`."""

    def __init__(self, app: ASGIApp, listen: HostPort, door: Door | None = None) -> None:
        self._listen = listen
        # An empty one is false.
        self._door = Door(DoorLimits(), Proxies(()), SystemClock()) if door is None else door
        protocol: Callable[..., Any] = partial(Http1Protocol, self._door)
        self._config = uvicorn.Config(
            app,
            http=protocol,  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
        )
        self._server = _Uvicorn(self._config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> HostPort:
        """Answer requests; the address with the port that was really taken.

        Raises:
            ConfigInvalid: the address cannot be listened on, and why.
            Unavailable: another program has the port.
        """
        _allow_open_files(self._door.limits.connections + OTHER_FILES)
        sockets = _bind(self._listen)
        host, port = sockets[0].getsockname()[:2]
        self._task = asyncio.create_task(self._server.serve(sockets))
        await self._server.up.wait()
        self._door.start()
        return HostPort(host, port)

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Take no new request; those under way have `grace_s` seconds to finish."""
        if self._task is None:
            return
        # uvicorn reads 0 as "at once" and None as "for ever".
        self._config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment]
        self._server.should_exit = True
        self._server.leave.set()
        await self._task
        self._task = None
        self._door.stop()
        # What outlived the grace was told so; give it the moment it takes to say that.
        state = self._server.server_state
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=CUT_OFF_S)
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # in which the aborted ones are taken down


def _allow_open_files(count: int) -> None:
    """Raise this process's own limit to `count` if it is lower, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bind(listen: HostPort) -> list[socket.socket]:
    """A socket for each address that the host's name has, all on one port."""
    try:
        found = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise ConfigInvalid(f"server.listen: the host {listen.host} is not known") from None
    # IPv4 first: its port is the one that is told.
    addresses = sorted({(family, address[0]) for family, _, _, _, address in found})
    sockets: list[socket.socket] = []
    port = listen.port
    try:
        for family, host in addresses:
            # Named as TCP, or asyncio leaves Nagle on: a reply in two pieces then waits 40 ms.
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted connections inherit it. What a client has not fetched then waits in
            # our sight, not by the megabyte in the kernel.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT_BYTES)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port))
            sock.listen(BACKLOG)
            sock.setblocking(False)
            port = sock.getsockname()[1]
    except OSError as exc:
        for sock in sockets:
            sock.close()
        raise _refusal(listen, exc) from None
    return sockets


def _refusal(listen: HostPort, exc: OSError) -> CallwrightError:
    key = "server.listen"
    match exc.errno:
        case errno.EADDRINUSE:
            return Unavailable(
                f"{key}: {listen} is in use by another program; stop it or choose another port"
            )
        case errno.EADDRNOTAVAIL:
            return ConfigInvalid(f"{key}: {listen.host} is not an address of this machine")
        case errno.EACCES:
            return ConfigInvalid(f"{key}: {listen} needs more rights; choose a port above 1023")
        case _:
            return ConfigInvalid(f"{key}: {listen} cannot be listened on: {exc.strerror}")
