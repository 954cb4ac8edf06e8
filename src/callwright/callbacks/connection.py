"""The network under a notice: connects to checked addresses only, reads a bounded answer.

httpcore asks its network backend for a connection to a host name. This one never looks at
the name: it goes to the addresses that the guard has passed, while Host and the TLS server
name stay those of the URL.
"""

import re
import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore2

from callwright.address_guard import Address
from callwright.callbacks.problem import NotDelivered
from callwright.domain.notice import Problem

MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer is read, its headers included."""

_MAX_ADDRESSES = 4
_CONNECT_TIMEOUT_S = 5.0
"""For one address, so that a dead one leaves time for the next."""

_HEAD_END = b"\r\n\r\n"
_CREDENTIALS = re.compile(rb"^(Authorization: )[^\r\n]*", re.MULTILINE | re.IGNORECASE)


class AnswerTooLong(Exception):
    """`MAX_ANSWER_BYTES` were read, and there is more."""


class Transcript:
    """What goes over a connection, as far as it is kept for the call's owner.

    Of what is sent that is the head: the body is the notice's own. Credentials are starred out.
    """

    def __init__(self, keeps: int) -> None:
        """`keeps` is how many bytes of the answer are kept."""
        self.address = ""
        """Where the last connection went, or was to go."""
        self.answer_size = 0
        self._sent = bytearray()
        self._answer = bytearray()
        self._keeps = keeps

    @property
    def request_head(self) -> bytes:
        head, end, _ = self._sent.partition(_HEAD_END)
        return _CREDENTIALS.sub(rb"\1***", bytes(head + end))

    @property
    def answer(self) -> bytes:
        return bytes(self._answer)

    def note_sent(self, data: bytes) -> None:
        if _HEAD_END not in self._sent:
            self._sent += data

    def note_received(self, data: bytes) -> None:
        self.answer_size += len(data)
        self._answer += data[: self._keeps - len(self._answer)]


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the first of `addresses` that answers, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[Address], transcript: Transcript) -> None:
        self._addresses = addresses[:_MAX_ADDRESSES]
        self._transcript = transcript
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
            self._transcript.address = str(address)
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
                return _BoundedStream(stream, self._transcript)
        raise NotDelivered(problem)

    async def aclose(self) -> None:
        """Close what was opened. httpcore leaves it open when a TLS handshake is cancelled."""
        if self._opened is not None:
            await self._opened.aclose()


class _BoundedStream(httpcore2.AsyncNetworkStream):
    """A connection that yields at most `MAX_ANSWER_BYTES` of what the peer sends."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, transcript: Transcript) -> None:
        self._stream = stream
        self._transcript = transcript
        self._left = MAX_ANSWER_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._left == 0:
            raise AnswerTooLong
        data = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        self._transcript.note_received(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._transcript.note_sent(buffer)
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
        return _BoundedStream(stream, self._transcript)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _was_refused(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ConnectionRefusedError):
            return True
        exc = exc.__cause__
    return False
