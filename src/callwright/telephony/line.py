"""The SIP line: places legs on trunks and says what becomes of them, in this process.

Owns the trunks' sockets, the audio ports, the prompts and the scripts that were sent.
What a leg does is `leg`'s; how a line becomes a process of its own, `line_process`'s.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from callwright.domain.outcome import Outcome
from callwright.errors import ScriptInvalid
from callwright.ivr import script as scripts
from callwright.ivr.script import Script
from callwright.ports.line import (
    EndOrphans,
    FromLine,
    HangUp,
    HangUpAll,
    LegEnded,
    LegOrder,
    LineLog,
    LineReady,
    Orphan,
    ScriptText,
    ToLine,
    TrunkRate,
    Withdraw,
)
from callwright.ports.speech import Speech
from callwright.telephony.agents import Agents
from callwright.telephony.asterisk.leg import AsteriskLeg
from callwright.telephony.asterisk.switch import Switch
from callwright.telephony.asterisk.trunk import AsteriskTrunk, check_asterisk
from callwright.telephony.capture import CaptureRecorder
from callwright.telephony.departures import Departures
from callwright.telephony.leg import Leg
from callwright.telephony.leg_place import LegPlace, TalkPlace
from callwright.telephony.listening import Ears, ScreeningPrompts
from callwright.telephony.orphans import OrphanEnder
from callwright.telephony.recording import RecordingRules, RecordingWriter
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.rtp.prompts import PromptStore
from callwright.telephony.rtp.ticker import Ticker
from callwright.telephony.send_gate import SendBook, SendGate
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.trunk import TrunkSettings, check_trunk
from callwright.telephony.trunk_watch import TrunkWatch

log = logging.getLogger(__name__)

STOP_PATIENCE_S = 10.0
"""How long `stop` waits for the peers to confirm that everything is hung up."""

_BY_REQUEST = (Outcome.CANCELED, "hung up by request")
_STOPPING = (Outcome.INTERRUPTED, "line stopping")
_STOPPING_TALKING = (Outcome.INTERRUPTED_TALKING, "line stopping")


class SipLine:
    """A `Line` over SIP and RTP, and through Asterisks.

    `speech` None means that only recordings can be heard; rendered prompts are kept in
    `cache_dir`, and the trunks' SIP messages by `capture`, which the line closes. Lines that
    are given one `book` keep each trunk's calls a second together.
    """

    def __init__(
        self,
        trunks: Sequence[TrunkSettings],
        asterisks: Sequence[AsteriskTrunk] = (),
        *,
        speech: Speech | None,
        cache_dir: Path,
        voice: str = "",
        agents: Agents | None = None,
        capture: CaptureRecorder | None = None,
        book: SendBook | None = None,
        recordings: RecordingRules | None = None,
        screening: ScreeningPrompts | None = None,
    ) -> None:
        self._trunks = tuple(trunks)
        self._asterisks = tuple(asterisks)
        self._prompts = PromptStore(speech, cache_dir)
        self._voice = voice
        self._agents = agents or Agents()
        self._capture = capture
        self._recording_rules = recordings
        self._screening = screening
        self._recordings: RecordingWriter | None = None
        self._places: dict[str, LegPlace] = {}
        self._switches: dict[str, Switch] = {}
        ways_out: list[TrunkSettings | AsteriskTrunk] = [*self._trunks, *self._asterisks]
        book = book or SendBook(len(ways_out))
        self._departures = {
            trunk.name: Departures(SendGate(trunk.calls_per_second, book, number))
            for number, trunk in enumerate(ways_out)
        }
        self._legs: dict[str, Leg | AsteriskLeg] = {}
        self._scripts: dict[str, Script] = {}
        self._watches: list[TrunkWatch] = []
        self._orphans: OrphanEnder | None = None
        self._heard: Callable[[FromLine], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gone: asyncio.Future[str] | None = None
        self._quiet = asyncio.Event()

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        """Open every trunk's socket; see `ports.line.Line`.

        Raises:
            ConfigInvalid: a trunk's settings cannot be used.
            Unavailable: a socket could not be bound or a host not be found.
        """
        for trunk in self._trunks:
            check_trunk(trunk)
            if trunk.tells_keys_openly:
                facts = {"trunk": trunk.name, "see": f"trunks.{trunk.name}.address"}
                log.warning("the keys of sealed audio are sent openly; use TLS", extra=facts)
        for asterisk in self._asterisks:
            check_asterisk(asterisk)
        self._loop = asyncio.get_running_loop()
        self._gone = self._loop.create_future()
        self._heard = heard
        seen = None if self._capture is None else self._capture.saw
        opened = [SipEndpoint(trunk, seen) for trunk in self._trunks]
        if self._recording_rules is not None:
            self._recordings = RecordingWriter(self._recording_rules)
        try:
            for failure in await asyncio.gather(
                *(endpoint.open() for endpoint in opened), return_exceptions=True
            ):
                if failure is not None:
                    raise failure
            for endpoint in opened:
                trunk = endpoint.trunk
                media = MediaPlane(
                    endpoint.local[0], trunk.rtp_range(), quiet_limit_s=trunk.audio_timeout_s
                )
                self._places[trunk.name] = LegPlace(
                    endpoint=endpoint,
                    media=media,
                    ears=Ears(media.ticker, self._screening),
                    prompts=self._prompts,
                    agents=self._agents,
                    voice=self._voice,
                    recordings=self._recordings,
                )
        except BaseException:
            for endpoint in opened:
                endpoint.close()
            self._places.clear()
            self._close_files()
            raise
        self._watches = [TrunkWatch(each, self._tell) for each in opened]
        for watch in self._watches:
            watch.begin()
        self._orphans = OrphanEnder({e.trunk.name: e for e in opened}, self._tell)
        for asterisk in self._asterisks:
            self._switches[asterisk.name] = self._switch(asterisk)
        # One that is not there yet must not keep the other trunks from working.
        await asyncio.gather(*(switch.open() for switch in self._switches.values()))
        local = {e.trunk.name: e.sent_by for e in opened}
        local |= {asterisk.name: asterisk.app for asterisk in self._asterisks}
        return LineReady(pid=os.getpid(), local_sip=local)

    def _switch(self, asterisk: AsteriskTrunk) -> Switch:
        ticker = Ticker()
        talks = TalkPlace(
            ears=Ears(ticker, self._screening),
            prompts=self._prompts,
            agents=self._agents,
            voice=self._voice,
            recordings=self._recordings,
        )
        return Switch(asterisk, talks, ticker, self._tell)

    def say(self, message: ToLine) -> None:
        """Queue one message; it is handled in the loop's next round, in order."""
        if self._loop is not None and (self._places or self._switches):
            self._loop.call_soon(self.handle, message)

    async def stop(self) -> None:
        """Hang up everything, wait until the peers know (at most 10 s), close the sockets."""
        if self._gone is None or self._gone.done():
            return
        await asyncio.sleep(0)  # what was said before is handled before
        self.hang_up_all()
        for departures in self._departures.values():
            departures.close()
        await self.wait_until_quiet(STOP_PATIENCE_S)
        accounts = (watch.account for watch in self._watches if watch.account is not None)
        await asyncio.gather(*(account.leave() for account in accounts))
        for watch in self._watches:
            watch.close()
        if self._orphans is not None:
            self._orphans.close()
        for place in self._places.values():
            place.endpoint.close()
            place.media.close()
        await asyncio.gather(*(switch.close() for switch in self._switches.values()))
        self._agents.close()
        self._places.clear()
        self._switches.clear()
        self._close_files()
        self._gone.set_result("stopped")

    def _close_files(self) -> None:
        if self._capture is not None:
            self._capture.close()
        if self._recordings is not None:
            self._recordings.close()

    async def when_gone(self) -> str:
        """Resolves once the line has stopped."""
        assert self._gone is not None, "the line was never started"
        return await asyncio.shield(self._gone)

    def hang_up_all(self) -> None:
        """End every leg now."""
        for leg in tuple(self._legs.values()):
            leg.hang_up(_STOPPING, _STOPPING_TALKING)

    async def wait_until_quiet(self, patience_s: float) -> bool:
        """Whether, within that time, every leg has ended."""
        if not self._legs:
            return True
        self._quiet.clear()
        try:
            async with asyncio.timeout(patience_s):
                await self._quiet.wait()
        except TimeoutError:
            log.error("legs did not end in time", extra={"legs": len(self._legs)})
            return False
        return True

    @property
    def legs(self) -> int:
        """How many legs have not ended."""
        return len(self._legs)

    def handle(self, message: ToLine) -> None:
        """Act on one message now: for whoever is called by the loop anyway."""
        try:
            match message:
                case LegOrder():
                    self._place(message)
                case ScriptText():
                    self._keep_script(message)
                case HangUp(leg=leg):
                    known = self._legs.get(leg)
                    if known is not None:
                        known.hang_up(_BY_REQUEST, _BY_REQUEST)
                case Withdraw(leg=leg, outcome=outcome, reason=reason):
                    known = self._legs.get(leg)
                    if known is not None and not known.was_sent:
                        known.hang_up((outcome, reason), (outcome, reason))
                case HangUpAll():
                    self.hang_up_all()
                case TrunkRate(trunk=trunk, calls_per_second=calls_per_second):
                    if trunk in self._departures:
                        self._departures[trunk].limit(calls_per_second)
                case EndOrphans(orphans=orphans):
                    self._end(orphans)
        except Exception:
            log.exception("a message could not be handled", extra={"kind": type(message).__name__})
            if isinstance(message, LegOrder) and message.leg not in self._legs:
                self._refuse(message, Outcome.TRUNK_TROUBLE, "internal error")

    def _end(self, orphans: Sequence[Orphan]) -> None:
        assert self._orphans is not None
        self._orphans.end(each for each in orphans if each.trunk not in self._switches)
        for name, switch in self._switches.items():
            switch.end(each for each in orphans if each.trunk == name)

    def _place(self, order: LegOrder) -> None:
        switch = self._switches.get(order.trunk)
        place = self._places.get(order.trunk)
        script = self._scripts.get(order.script)
        if order.leg in self._legs:
            log.error("a leg was ordered twice", extra={"leg": order.leg})
        elif place is None and switch is None:
            self._refuse(order, Outcome.TRUNK_MISCONFIGURED, "no such trunk")
        elif script is None:
            self._refuse(order, Outcome.REFUSED_HERE, "no such script")
        elif switch is not None:
            through = AsteriskLeg(order, switch, script, tell=self._tell, on_gone=self._forget)
            self._legs[order.leg] = through
            through.prepare(partial(self._departures[order.trunk].add, through))
        elif place is not None:
            leg = Leg(order, place, script, tell=self._tell, on_gone=self._forget)
            self._legs[order.leg] = leg
            self._departures[order.trunk].add(leg)

    def _refuse(self, order: LegOrder, outcome: Outcome, reason: str) -> None:
        log.error("a leg was not placed", extra={"leg": order.leg, "why": reason})
        self._tell(
            LegEnded(
                leg=order.leg,
                at=time.time(),
                outcome=outcome,
                answered=False,
                rang=False,
                sent=False,
                reason=reason,
            )
        )

    def _keep_script(self, message: ScriptText) -> None:
        try:
            self._scripts[message.key] = scripts.parse(message.text)
        except ScriptInvalid as exc:
            facts = {"script": message.key, "why": str(exc)}
            self._tell(LineLog(level="error", text="a script cannot be read", facts=facts))

    def _tell(self, message: FromLine) -> None:
        if self._heard is not None:
            self._heard(message)

    def _forget(self, leg: str) -> None:
        self._legs.pop(leg, None)
        if not self._legs:
            self._quiet.set()
