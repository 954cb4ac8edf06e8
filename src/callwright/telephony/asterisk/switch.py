"""One Asterisk that a line places legs through: its events, its leftovers, who is told what.

Keeps the events' websocket open. Whenever it was opened, everything in Asterisk that bears
our application's name and is no leg of ours is hung up: nobody may be left ringing or talking
by a death or a broken connection.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from math import ceil
from typing import Any, Protocol, TypeVar

import msgspec

from callwright.errors import CallwrightError
from callwright.ports.line import FromLine, Orphan, OrphanEnded, ServerStands, TrunkStands
from callwright.telephony.asterisk.ari import Ari, AriEvent, explained, is_refusal, read_event
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.asterisk.websocket import WebSocket
from callwright.telephony.leg_place import TalkPlace
from callwright.telephony.rtp.ticker import Ticker

log = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN_S = (0.5, 1.0, 2.0, 5.0)
"""How long to wait before each further try to connect; the last one from then on."""
STOP_WITHIN_S = 2.0
_REPLACED = (
    "another program uses its application: give each server an ari_app of its own, "
    "and start this one again"
)
MEDIA, BRIDGE = ".media", ".bridge"
"""What belongs to a channel is named after it."""


class ChannelOwner(Protocol):
    """Who is told of a channel: its leg."""

    def on_event(self, event: AriEvent) -> None:
        """Something happened to it."""
        ...

    def on_lost(self, why: str) -> None:
        """What happens to it cannot be told any more."""
        ...


class Switch:
    """`tell` gets what becomes of orphans."""

    def __init__(
        self,
        trunk: AsteriskTrunk,
        talks: TalkPlace,
        ticker: Ticker,
        tell: Callable[[FromLine], None],
    ) -> None:
        self.trunk = trunk
        self.talks = talks
        self.ticker = ticker
        self.ari = Ari(trunk)
        self.problem = "it was not asked yet"
        """Why no leg can be placed; "" = one can."""
        self.is_refused = False
        """It does not let us in: a setting is wrong, here or there."""
        self._tell = tell
        self._owners: dict[str, ChannelOwner] = {}
        self._since = time.time()
        self._events: WebSocket | None = None
        self._lost: asyncio.Future[str] | None = None
        self._is_replaced = False
        self._keeping: asyncio.Task[None] | None = None
        self._works: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect. Whatever comes of that, go on trying until `close`."""
        await self._connect()
        self._tell_how_it_stands("")
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Finish what is being hung up, and hear nothing any more."""
        if self._works:
            await asyncio.wait(self._works, timeout=STOP_WITHIN_S)
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        if self._events is not None:
            self._events.close()
        await self.ari.close()

    def own(self, channel: str, owner: ChannelOwner) -> None:
        """`owner` hears of `channel` from now on."""
        self._owners[channel] = owner

    def disown(self, channel: str) -> None:
        """Nobody does any more."""
        self._owners.pop(channel, None)

    def name(self, call_id: str) -> str:
        """The channel of a leg: what its Call-ID is in SIP, known before anything is sent."""
        return f"{self.trunk.app}.{call_id}"

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have `work` done, which raises nothing but what it should not."""
        task = asyncio.get_running_loop().create_task(work)
        self._works.add(task)
        task.add_done_callback(self._done)
        return task

    async def remove(self, channel: str, reason: str = "normal") -> bool:
        """Hang up a leg's channel and all that belongs to it; whether the channel was there.

        Raises:
            AriRefused | Unavailable: it may be there still.
        """
        was_there = await self.ari.hang_up(channel, reason)
        await self.ari.hang_up(channel + MEDIA)
        await self.ari.end_bridge(channel + BRIDGE)
        return was_there

    def end(self, orphans: Iterable[Orphan]) -> None:
        """Hang up what a dead line left; each is answered for."""
        for orphan in orphans:
            self.run(self._end_one(orphan))

    async def _end_one(self, orphan: Orphan) -> None:
        # The dead line may have had another application: it told its name as where it called from.
        channel = f"{orphan.local_sip or self.trunk.app}.{orphan.identity.call_id}"
        try:
            was_there = await self.remove(channel)
        except CallwrightError as exc:
            self._tell(OrphanEnded(attempt=orphan.attempt, ended=False, reason=str(exc)))
        else:
            reason = "hung up" if was_there else "no such channel"
            self._tell(OrphanEnded(attempt=orphan.attempt, ended=True, reason=reason))

    # The connection

    async def _keep(self) -> None:
        waits = iter(AGAIN_S)
        while True:
            if self._lost is not None:
                why = await self._lost
                self._lost = None
                self._on_lost(why)
                waits = iter(AGAIN_S)
            await asyncio.sleep(next(waits, AGAIN_S[-1]))
            before = self.problem
            if not self._is_replaced:
                await self._connect()
            self._tell_how_it_stands(before)

    def _tell_how_it_stands(self, before: str) -> None:
        """To the brain each time, because it forgets; to people when it changes."""
        now = time.time()
        if bool(self.problem) is not bool(before):
            self._since = now
        if self.problem and self.problem != before:
            log.error("an Asterisk cannot be used", extra=self._facts(self.problem))
        elif before and not self.problem:
            log.info("an Asterisk can be used again", extra=self._facts(""))
        server = ServerStands(
            address=self.trunk.address(),
            since=self._since,
            why=self.problem,
            is_away=bool(self.problem),
            probe_at=ceil(now + AGAIN_S[-1]) if self.problem else 0.0,
        )
        self._tell(
            TrunkStands(trunk=self.trunk.name, takes_calls=not self.problem, servers=(server,))
        )

    async def _connect(self) -> None:
        """Listen to events and clear up, or say in `problem` why that is not possible."""
        self._lost = None
        self.is_refused = False
        try:
            events = await self.ari.events()
        except CallwrightError as exc:
            self.problem, self.is_refused = explained(exc), is_refusal(exc)
            return
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def on_closed(why: str) -> None:
            if not lost.done():
                lost.set_result(why)

        events.on_closed = on_closed
        events.on_text = self._on_text
        self._events, self._lost = events, lost
        try:
            await self.ari.hear_only_what_counts()
            await self._sweep()
        except CallwrightError as exc:
            self.problem, self.is_refused = explained(exc), is_refusal(exc)
        else:
            self.problem = ""
            return
        events.close()
        self._lost = None

    def _on_lost(self, why: str) -> None:
        self.problem = _REPLACED if self._is_replaced else f"the connection was lost: {why}"
        self._tell_how_it_stands("")
        self._events = None
        for owner in tuple(self._owners.values()):
            owner.on_lost(self.problem)

    async def _sweep(self) -> None:
        # Nobody places a leg before this has been done, and whoever had one has lost it.
        mine = f"{self.trunk.app}."
        left = [each for each in await self.ari.channels() if each.startswith(mine)]
        for channel in left:
            await self.ari.hang_up(channel)
        for bridge in await self.ari.bridges():
            if bridge.startswith(mine):
                await self.ari.end_bridge(bridge)
        if left:
            facts = self._facts("") | {"channels": len(left)}
            log.warning("channels that nobody drives were hung up", extra=facts)

    def _on_replaced(self) -> None:
        # Asterisk leaves the websocket open, and sends all events to the other one. To take the
        # application back would hang up the other's calls, and it would take it again.
        self._is_replaced = True
        if self._events is not None:
            self._events.close()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result("another program took over its application")

    def _on_text(self, text: str) -> None:
        try:
            event = read_event(text)
        except msgspec.MsgspecError as exc:
            log.error("an Asterisk said what is no event", extra=self._facts(str(exc)))
            return
        if event.type == "ApplicationReplaced":
            self._on_replaced()
            return
        owner = self._owners.get(event.about)
        if owner is not None:
            owner.on_event(event)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._works.discard(task)
        if not task.cancelled():
            problem = task.exception()
            if problem is not None:
                log.error("work on an Asterisk broke", exc_info=problem)

    def _facts(self, why: str) -> dict[str, object]:
        facts: dict[str, object] = {"trunk": self.trunk.name, "asterisk": self.trunk.address()}
        return facts | {"why": why} if why else facts
