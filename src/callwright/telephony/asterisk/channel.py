"""What a leg has in Asterisk: its channel, the channel of its audio, and the bridge of both.

All are named after the leg's Call-ID, so that whoever knows that can end them.
"""

import asyncio
import logging

from callwright.errors import CallwrightError, Unavailable
from callwright.ports.line import LegOrder
from callwright.telephony.asterisk.stream import StreamAudio
from callwright.telephony.asterisk.switch import AGAIN_S, BRIDGE, MEDIA, ChannelOwner, Switch
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.asterisk.websocket import WebSocket
from callwright.telephony.sip.fields import checked_caller, checked_number

log = logging.getLogger(__name__)

READY_WITHIN_S = 5.0
TONE_MS = GAP_MS = 100
ASTERISK_LATER_S = 5
"""Asterisk's own limits come so much after ours: they count only should we be dead."""


class LegChannel:
    """Of one leg. What it raises is SipMalformed for an order that cannot be dialled."""

    def __init__(self, order: LegOrder, switch: Switch) -> None:
        self.name = switch.name(order.identity.call_id)
        self.media = self.name + MEDIA
        self._order = order
        self._switch = switch
        number = switch.trunk.form.dialled(checked_number(order.number))
        self._endpoint = switch.trunk.endpoint.replace("{number}", number)
        self._variables = _variables(order, switch.trunk)
        self._awaited = {self.name, self.media}
        self._all_there = asyncio.Event()

    def own(self, owner: ChannelOwner) -> None:
        """`owner` hears of both channels."""
        for name in (self.name, self.media):
            self._switch.own(name, owner)

    def disown(self) -> None:
        """Nobody does any more."""
        for name in (self.name, self.media):
            self._switch.disown(name)

    def entered(self, name: str) -> None:
        """One of the two can be worked with from now on."""
        self._awaited.discard(name)
        if not self._awaited:
            self._all_there.set()

    async def open_media(self) -> WebSocket:
        """Make both channels, neither of which dials; their audio.

        Raises:
            AriRefused | Unavailable: Asterisk does not make them.
        """
        await self._switch.ari.create_channel(self.name, self._endpoint, self._variables)
        return await self._switch.ari.open_media(self.media)

    async def join(self) -> None:
        """Let them hear each other.

        Raises:
            AriRefused | Unavailable: Asterisk does not, or they never came.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._all_there.wait()
        except TimeoutError as exc:
            raise Unavailable("a channel was made and never came") from exc
        await self._switch.ari.join(self.name + BRIDGE, (self.media, self.name))

    async def dial(self) -> None:
        """Dial.

        Raises:
            AriRefused: it was not dialled.
            Unavailable: nobody knows whether it was.
        """
        give_up_s = round(self._order.ring_timeout_s) + ASTERISK_LATER_S
        await self._switch.ari.dial(self.name, give_up_s)

    def key(self, digits: str) -> float:
        """Have keys sent; how many seconds that takes, with the last gap."""
        written = digits.upper().replace(",", "W").replace("P", "W")
        pauses = written.count("W")
        self._switch.run(self._send_keys(written))
        return pauses + (len(written) - pauses) * (TONE_MS + GAP_MS) / 1e3

    async def _send_keys(self, written: str) -> None:
        try:
            await self._switch.ari.key(self.name, written, tone_ms=TONE_MS, gap_ms=GAP_MS)
        except CallwrightError as exc:
            # A callee who has hung up meanwhile takes none; whoever goes on misses them.
            log.warning("keys were not sent", extra={"leg": self._order.leg, "why": str(exc)})

    async def end(self, *, unanswered: bool = False) -> bool:
        """Hang up, and leave nothing behind; whether there was something to hang up.

        Asks again until that is known.
        """
        waits = iter(AGAIN_S)
        while True:
            try:
                return await self._switch.remove(self.name, "no_answer" if unanswered else "normal")
            except CallwrightError as exc:
                facts = {"leg": self._order.leg, "why": str(exc)}
                log.warning("a leg was not hung up; asking again", extra=facts)
            await asyncio.sleep(next(waits, AGAIN_S[-1]))

    def audio(self, websocket: WebSocket) -> StreamAudio:
        """What `websocket` carries, with keys of the callee's channel."""
        switch = self._switch
        limit_s = switch.trunk.audio_timeout_s
        return StreamAudio(websocket, switch.ticker, self.key, quiet_limit_s=limit_s)

    def clear_up(self) -> None:
        """Leave nothing behind of a leg that is over."""
        self._switch.run(self._clear_up())

    async def _clear_up(self) -> None:
        try:
            await self._switch.remove(self.name)
        except CallwrightError as exc:
            # The sweep after the next connection finds what is left.
            facts = {"leg": self._order.leg, "why": str(exc)}
            log.warning("a leg left something behind in Asterisk", extra=facts)


def _variables(order: LegOrder, trunk: AsteriskTrunk) -> dict[str, str]:
    caller_id = order.caller_id or trunk.caller_id
    shown = trunk.form.shown(checked_caller(caller_id) if caller_id else "")
    hidden = trunk.form.hide_caller_id or not shown
    longest_s = round(order.ring_timeout_s + order.max_length_s) + ASTERISK_LATER_S
    variables = {
        # Whom a dialled channel names as caller is, seen from it, the other end of the line.
        # i: do not tell that it changed; nobody has been told anything yet.
        "CONNECTEDLINE(num,i)": shown,
        "CONNECTEDLINE(name,i)": trunk.form.caller_name or shown,
        "CONNECTEDLINE(pres,i)": "prohib" if hidden else "allowed",
        "TIMEOUT(absolute)": str(longest_s),
    }
    if order.signed_identity:
        variables["PJSIP_HEADER(add,Identity)"] = order.signed_identity
    return variables
