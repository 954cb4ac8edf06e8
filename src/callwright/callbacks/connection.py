"""The network under a notice: connects to checked addresses only, reads a bounded answer.

httpcore asks its network backend for a connection to a host name. This one never looks at
the name: it goes to the addresses that the guard has passed, while Host and the TLS server
name stay those of the URL.
"""

import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore2

from callwright.callbacks.address_guard import Address
from callwright.callbacks.problem import NotDelivered
from callwright.domain.notice import Problem

MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer is read, its headers included."""

_MAX_ADDRESSES = 4
_CONNECT_TIMEOUT_S = 5.0
"""For one address, so that a dead one leaves time for the next."""


class AnswerTooLong(Exception):
    """`MAX_ANSWER_BYTES` were read, and there is more."""


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the first of `addresses` that answers, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses[:_MAX_ADDRESSES]
        self._network = httpcore2.AnyIOBackend()
        self._opened: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        problem = Problem.UNREACHABLE
        for address in self._addresses:
            try:
                stream = await self._network.connect_tcp(
                    str(address), port, timeout=_CONNECT_TIMEOUT_S
                )
            except httpcore2.ConnectTimeout:
                problem = Problem.TIMEOUT
            except httpcore2.ConnectError as exc:
                problem = Problem.REFUSED if _was_refused(exc) else Problem.UNREACHABLE
            else:
                self._opened = stream
                return _BoundedStream(stream)
        raise NotDelivered(problem)

    async def aclose(self) -> None:
        """Close what was opened. httpcore leaves it open when a TLS handshake is cancelled."""
        if self._opened is not None:
            await self._opened.aclose()


class _BoundedStream(httpcore2.AsyncNetworkStream):
    """A connection that yields at most `MAX_ANSWER_BYTES` of what the peer sends."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MAX_ANSWER_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._left == 0:
            raise AnswerTooLong
        data = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except (httpcore2.ConnectError, ssl.SSLError, ValueError, OSError) as exc:
            raise NotDelivered(Problem.TLS_FAILED) from exc
        return _BoundedStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _was_refused(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ConnectionRefusedError):
            return True
        exc = exc.__cause__
    return False
