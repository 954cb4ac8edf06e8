"""A call's connection with its agent: the websocket, and what goes over it both ways.

The address is checked as that of a callback is: it stands in a customer's script. Whatever the
agent does, the call's audio keeps its pace: what the agent does not read in time is dropped.
"""

import asyncio
import logging
import secrets
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, WebSocketException

from callwright.address_guard import AddressGuard, AddressRefused, SystemResolver
from callwright.ivr.exchange import TalkTo
from callwright.telephony.agents.media_stream import MediaStream, StreamNames, StreamOverrun
from callwright.telephony.audio import LegAudio

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 5.0
_LARGEST_MESSAGE = 1024 * 1024
_MOST_UNSENT = 250
"""Messages that wait for an agent who does not read: five seconds of audio."""
_CLOSE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallIds:
    """The numbers of a call and its account, of which its names in a stream are made."""

    call: int
    account: int

    def names(self) -> StreamNames:
        return StreamNames(
            stream=f"MZ{secrets.token_hex(16)}",
            call=f"CA{self.call:032x}",
            account=f"AC{self.account:032x}",
        )


class Agents:
    """How a line reaches agents. `allow` is the setting `agents.allow`."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """
        Raises:
            ConfigInvalid: an entry of `allow` is malformed.
        """
        self._resolver = SystemResolver()
        self._guard = AddressGuard(allow, resolve=self._resolver, setting="agents.allow")
        self._trust: ssl.SSLContext | None = None
        self._partings: set[asyncio.Task[None]] = set()

    async def connect(self, url: str) -> ClientConnection:
        """A websocket with the agent at `url`, at an address that may be called.

        Raises:
            AddressRefused: there is none.
            OSError | WebSocketException: nobody there speaks websocket.
        """
        parts = urlsplit(url)
        host, is_tls = parts.hostname or "", parts.scheme.lower() == "wss"
        port = parts.port or (443 if is_tls else 80)
        addresses = await self._guard.addresses(host, port)
        if is_tls and self._trust is None:
            self._trust = await asyncio.to_thread(ssl.create_default_context)
        sock = await _connected([(str(address), port) for address in addresses])
        try:
            return await connect(
                url,
                sock=sock,
                ssl=self._trust if is_tls else None,
                compression=None,  # audio that is compressed already
                proxy=None,
                max_size=_LARGEST_MESSAGE,
                close_timeout=_CLOSE_WITHIN_S,
                open_timeout=None,
            )
        except BaseException:
            sock.close()
            raise

    async def part_with(self, websocket: ClientConnection, last_words: str) -> None:
        """Say `last_words` and close, which may go on for a second behind our back."""
        with suppress(WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await websocket.send(last_words)
        parting = asyncio.get_running_loop().create_task(websocket.close())
        self._partings.add(parting)
        parting.add_done_callback(self._partings.discard)

    def close(self) -> None:
        """Reach nobody any more."""
        self._resolver.close()


async def _connected(addresses: list[tuple[str, int]]) -> socket.socket:
    """A socket to the first address that takes it."""
    problem: OSError = OSError("no address")
    loop = asyncio.get_running_loop()
    for address in addresses:
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
        except OSError as exc:
            sock.close()
            problem = exc
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise problem


class Bridge:
    """One call and its agent. `on_done` is called once, unless it was stopped before."""

    def __init__(
        self,
        talk: TalkTo,
        ids: CallIds,
        *,
        agents: Agents,
        media: LegAudio,
        on_done: Callable[[bool], None],
    ) -> None:
        self._talk = talk
        self._agents = agents
        self._media = media
        self._on_done = on_done
        self._stream = MediaStream(ids.names(), talk.parameters)
        self._unsent: deque[str] = deque()
        self._something = asyncio.Event()
        self._is_open = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Call the agent."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def key(self, digit: str) -> None:
        """The callee pressed a key."""
        if self._is_open:
            self._queue([self._stream.keyed(digit)])

    def stop(self) -> None:
        """The call is over: the agent is told, and heard no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        ok = False
        try:
            ok = await self._talk_to_the_end()
        except (AddressRefused, OSError, TimeoutError, WebSocketException) as exc:
            facts = {"host": urlsplit(self._talk.url).hostname, "why": str(exc) or repr(exc)}
            log.warning("no agent could be reached", extra=facts)
        except StreamOverrun as exc:
            log.warning("an agent was hung up on", extra={"why": str(exc)})
        except Exception:
            log.exception("the connection with an agent broke")
        self._on_done(ok)

    async def _talk_to_the_end(self) -> bool:
        """Whether the agent is finished, rather than lost."""
        async with asyncio.timeout(CONNECT_WITHIN_S):
            websocket = await self._agents.connect(self._talk.url)
        sending = asyncio.create_task(self._send(websocket))
        self._queue(self._stream.opening())
        self._is_open = True
        self._media.play_stream(self._frames())
        self._media.listen(self._hear)
        try:
            async with asyncio.timeout(self._talk.longest_s):
                async for message in websocket:
                    self._queue(self._stream.receive(message))
                    if len(self._unsent) > 2 * _MOST_UNSENT:
                        raise StreamOverrun("it asks and asks, and reads no answer")
        except TimeoutError:
            return True
        except ConnectionClosedError as exc:
            log.warning("an agent was lost", extra={"why": str(exc)})
            return False
        else:
            return True
        finally:
            self._is_open = False
            self._media.stop_listening(self._hear)
            self._media.stop_playing()
            sending.cancel()
            await self._agents.part_with(websocket, self._stream.closing())

    def _frames(self) -> Iterator[bytes]:
        while True:
            frame, told = self._stream.next_frame()
            if told:
                self._queue(told)
            yield frame

    def _hear(self, at: int, frame: bytes) -> None:
        if len(self._unsent) < _MOST_UNSENT:
            self._queue([self._stream.heard(at, frame)])

    def _queue(self, texts: Iterable[str]) -> None:
        """Have `texts` sent, in order."""
        self._unsent.extend(texts)
        if self._unsent:
            self._something.set()

    async def _send(self, websocket: ClientConnection) -> None:
        with suppress(WebSocketException):  # whoever receives hears of it too
            while True:
                await self._something.wait()
                self._something.clear()
                while self._unsent:
                    await websocket.send(self._unsent.popleft())
