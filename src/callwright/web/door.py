"""What the connections of one server share: how many there may be, and for how long.

One look over all of them, twice a second, finds those that take too long; a connection
itself only writes down when its present stage began, so that bytes cost no timers. What a
connection does with a verdict is `protocol`'s business.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import structlog

from callwright.clock import Clock
from callwright.web.refused_unread import Refused
from callwright.web.sources import Proxies, parse_address, source_of

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
TELL_EVERY_S = 10.0
POLITE = 64
"""How many clients at once are told why they were turned away; more are cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How much a connection may bring, and how long it may take."""

    head_bytes: int = 16 * 1024
    """Largest request line and headers together."""
    head_fields: int = 100
    head_s: float = 10.0
    """From connecting, or from the first byte of a later request, to the end of its head."""
    body_s: float = 60.0
    """For a whole body, and a second more for each `body_bytes_per_s` that came."""
    body_bytes_per_s: int = 256 * 1024
    stall_s: float = 60.0
    """How long a client may take to fetch half of what lies ready for it."""
    keep_alive_s: float = 75.0
    """How long an idle connection is kept: longer than the usual 60 s of a proxy before us."""
    unwanted_bytes: int = 64 * 1024 * 1024
    """Of a body that was refused, how much is still taken in so that the client, which may
    send everything before it reads, gets to its answer."""
    linger_s: float = 6.0
    """How long a client may go on sending after the last answer, and a second more for each
    `body_bytes_per_s` that came. Hanging up on unread bytes resets the connection, and the
    answer would be lost."""
    silence_s: float = 2.0
    """Without a word for so long, it has sent what it had to."""
    pipelined: int = 20
    """Requests that may wait behind the one being answered."""
    connections: int = 1000
    per_source: int = 50


class Admission(Enum):
    """What becomes of a new connection."""

    ADMITTED = "is served"
    TURNED_AWAY = "is told that there are too many"
    CUT = "is closed without a word"


class Held(Protocol):
    """A connection, as the door sees it."""

    @property
    def idle_since(self) -> float | None:
        """Monotonic; None while there is a request."""
        ...

    def look(self, now: float, elapsed_s: float) -> None:
        """Act if some time is up. `elapsed_s` have passed since the last look."""
        ...

    def close_idle(self) -> None: ...


class Door:
    """Lets connections in, and looks after them until they are gone."""

    def __init__(
        self,
        limits: DoorLimits,
        proxies: Proxies,
        clock: Clock,
        on_refused: Callable[[int], None] = lambda status: None,
    ) -> None:
        """`on_refused` hears the status of each refusal that no request log tells of."""
        self.limits = limits
        self._proxies = proxies
        self._clock = clock
        self._on_refused = on_refused
        self._held: dict[Held, bytes] = {}
        self._per_source: Counter[bytes] = Counter()
        self._leaving: set[Held] = set()
        self._turned_away = 0
        self._tell_at = 0.0
        self._keeper: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def now(self) -> float:
        return self._clock.monotonic()

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep_looking())

    def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()

    def admit(self, connection: Held, peer: str) -> Admission:
        """Whether one more connection from `peer` is in order."""
        source = self._counted_source(peer)
        crowded = source and self._per_source[source] >= self.limits.per_source
        full = len(self._held) >= self.limits.connections
        if crowded or (full and not self._make_room()):
            self._turned_away += 1
            if len(self._leaving) >= POLITE:
                return Admission.CUT
            self._leaving.add(connection)
            return Admission.TURNED_AWAY
        self._held[connection] = source
        if source:
            self._per_source[source] += 1
        return Admission.ADMITTED

    def release(self, connection: Held) -> None:
        """The connection is gone. Releasing again does nothing."""
        self._leaving.discard(connection)
        source = self._held.pop(connection, b"")
        if source:
            self._per_source[source] -= 1
            if not self._per_source[source]:
                del self._per_source[source]

    def refused_unread(self, refused: Refused, request_id: bytes) -> None:
        """Tell of something that will be no request."""
        self._on_refused(refused.status)
        if refused.status == 503:
            return  # told of in numbers, or a flood of connections became one of lines
        log.info(
            "request refused unread",
            status=refused.status,
            problem=refused.problem,
            request_id=request_id.decode("ascii"),
        )

    def look(self, elapsed_s: float) -> None:
        """Let every connection see whether its time is up."""
        now = self.now()
        for connection in [*self._held, *self._leaving]:
            connection.look(now, elapsed_s)
        if self._turned_away and now >= self._tell_at:
            log.warning("connections turned away", count=self._turned_away, open=len(self))
            self._turned_away = 0
            self._tell_at = now + TELL_EVERY_S

    def _counted_source(self, peer: str) -> bytes:
        """What connections from `peer` are counted under; b"" = they are not.

        A proxy brings everybody's connections, and whoever is on this machine has easier
        ways to hurt it.
        """
        address = parse_address(peer)
        if address is None or address.is_loopback or self._proxies.holds(address):
            return b""
        return source_of(address)

    def _make_room(self) -> bool:
        """Close the connection that has been idle for longest, if any is."""
        idle = [(c.idle_since, i, c) for i, c in enumerate(self._held) if c.idle_since is not None]
        if not idle:
            return False
        _, _, connection = min(idle)
        self.release(connection)
        connection.close_idle()
        return True

    async def _keep_looking(self) -> None:
        looked_at = self.now()
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            now = self.now()
            self.look(now - looked_at)
            looked_at = now
