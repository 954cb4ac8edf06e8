"""What happens on an answered leg: the dialled keys, then the script, over the leg's audio.

Turns the interpreter's actions into audio, timers and messages, and tells the interpreter
what happened. Ends by calling `on_over` once; hanging up and the last word on the leg are
`leg`'s.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Protocol

from callwright.domain.answered_by import Verdict
from callwright.domain.outcome import Outcome
from callwright.errors import ScriptInvalid, Unavailable
from callwright.ivr.exchange import Action as ScriptAction
from callwright.ivr.exchange import (
    AgentDone,
    Beeped,
    CancelTimer,
    Digit,
    EnterStep,
    HangUp,
    Hushed,
    Identified,
    Play,
    PromptsDone,
    RemoteHungUp,
    SetTimer,
    StopPlaying,
    Store,
    TalkTo,
    TimerFired,
)
from callwright.ivr.exchange import Event as ScriptEvent
from callwright.ivr.interpreter import Interpreter
from callwright.ivr.values import Prompt, Recorded
from callwright.ports.line import FromLine, LegIdentified, LegKeyed, LegStep
from callwright.telephony.agents import Agents, Bridge, CallIds
from callwright.telephony.audio import LegAudio
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.sip.sdp import Codec

log = logging.getLogger(__name__)

SETTLE_S = 0.5
"""Keys sent at once after the answer were lost against real exchanges."""


class Prompts(Protocol):
    """Where encoded prompts come from: `rtp.prompts.PromptStore`."""

    async def spoken(self, text: str, voice: str, codec: Codec) -> EncodedPrompt:
        """A text."""
        ...

    async def recorded(self, path: Path, codec: Codec) -> EncodedPrompt:
        """A recording."""
        ...


class Over(Enum):
    """Why a conversation is over."""

    SCRIPT_ENDED = auto()
    NOT_REACHED = auto()  # the script wants another attempt
    NOT_AUDIBLE = auto()  # a prompt could not be rendered
    BROKEN = auto()  # a fault in this program


COMES_TO = {
    Over.SCRIPT_ENDED: (Outcome.ANSWERED, "script ended"),
    Over.NOT_REACHED: (Outcome.NOT_REACHED, "script asks for another attempt"),
    Over.NOT_AUDIBLE: (Outcome.MEDIA_FAILED, "prompt unavailable"),
    Over.BROKEN: (Outcome.MEDIA_FAILED, "internal error"),
}
"""What its leg comes to."""

Contained = Callable[[Callable[[], None]], None]
"""Runs a function and ends the leg if it raises: every callback goes through it."""


class Conversation:
    """One leg's run of a script. `prepare` while it rings, `begin` at the answer."""

    def __init__(
        self,
        *,
        leg: str,
        interpreter: Interpreter,
        prompts: Prompts,
        agents: Agents,
        ids: CallIds,
        voice: str,
        postd: str,
        media: LegAudio,
        tell: Callable[[FromLine], None],
        on_over: Callable[[Over], None],
        contained: Contained,
    ) -> None:
        self._leg = leg
        self._interpreter = interpreter
        self._prompts = prompts
        self._agents = agents
        self._ids = ids
        self._voice = voice
        self._postd = postd
        self._media = media
        self._tell = tell
        self._on_over = on_over
        self._contained = contained
        self._codec: Codec = "PCMU"
        self._timer: asyncio.TimerHandle | None = None
        self._rendering: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._bridge: Bridge | None = None
        self._over = False
        self.finished = False
        """The script ran to its end."""

    def prepare(self) -> None:
        """Render what will be heard, so that it is there when the callee is."""
        if self._preparing is None and not self._over:
            interpreter = self._interpreter
            prompts = (*interpreter.first_prompts(), *interpreter.foreseeable_prompts())
            if prompts:
                task = self._prepare(prompts)
                self._preparing = asyncio.get_running_loop().create_task(task)

    def begin(self, codec: Codec) -> None:
        """The callee is there and can hear us: keys first, if any, then the script."""
        self._codec = codec
        if self._postd:
            send = partial(self._contained, self._send_keys)
            self._timer = asyncio.get_running_loop().call_later(SETTLE_S, send)
        else:
            self._run_script()

    def recode(self, codec: Codec) -> None:
        """The callee's end changed its codec: later prompts follow."""
        self._codec = codec

    def hear_key(self, digit: str) -> None:
        """The callee pressed a key."""
        self._contained(partial(self._on_key, digit))

    def identify(self, verdict: Verdict) -> None:
        """It is known who answered."""
        self._tell(LegIdentified(leg=self._leg, at=time.time(), verdict=verdict))
        self._contained(partial(self._feed, Identified(verdict.who)))

    def hear_beep(self) -> None:
        """A machine's beep is over."""
        self._contained(partial(self._feed, Beeped()))

    def hear_hush(self, said_ms: int) -> None:
        """The callee speaks no more."""
        self._contained(partial(self._feed, Hushed(said_ms)))

    def stop(self, *, by_callee: bool) -> None:
        """The leg is over: nothing is played or timed any more. May set `finished`."""
        if self._over:
            return
        if by_callee:
            for action in self._interpreter.on(RemoteHungUp()):
                if isinstance(action, HangUp):
                    self.finished = action.finished
        self._stop_everything()

    def _on_key(self, digit: str) -> None:
        if self._bridge is not None:
            self._bridge.key(digit)
        self._feed(Digit(digit))

    def _send_keys(self) -> None:
        if not self._over:
            self._media.send_digits(self._postd, partial(self._contained, self._run_script))

    def _run_script(self) -> None:
        if not self._over:
            self._do(self._interpreter.start())

    def _feed(self, event: ScriptEvent) -> None:
        if not self._over:
            self._do(self._interpreter.on(event))

    def _do(self, actions: list[ScriptAction]) -> None:
        for action in actions:
            match action:
                case Play():
                    self._stop_rendering()
                    task = self._render_and_play(action)
                    self._rendering = asyncio.get_running_loop().create_task(task)
                case StopPlaying():
                    self._stop_rendering()
                    self._media.stop_playing()
                case SetTimer(token, seconds):
                    self._stop_timer()
                    fired = partial(self._contained, partial(self._feed, TimerFired(token)))
                    self._timer = asyncio.get_running_loop().call_later(seconds, fired)
                case CancelTimer():
                    self._stop_timer()
                case Store(name, value):
                    self._tell(LegKeyed(leg=self._leg, at=time.time(), name=name, value=value))
                case TalkTo():
                    self._talk_to(action)
                case EnterStep(name):
                    self._tell(LegStep(leg=self._leg, at=time.time(), step=name))
                case HangUp(finished, try_again):
                    self.finished = finished
                    self._end(Over.NOT_REACHED if try_again else Over.SCRIPT_ENDED)

    def _talk_to(self, talk: TalkTo) -> None:
        def done(ok: bool) -> None:
            self._bridge = None
            self._contained(partial(self._feed, AgentDone(talk.token, ok)))

        self._bridge = Bridge(talk, self._ids, agents=self._agents, media=self._media, on_done=done)
        self._bridge.start()

    async def _render_and_play(self, play: Play) -> None:
        try:
            ready = await self._encoded(play.prompts)
        except (Unavailable, ScriptInvalid) as exc:
            log.error("a prompt cannot be heard", extra={"leg": self._leg, "why": str(exc)})
            self._contained(partial(self._end, Over.NOT_AUDIBLE))
        except Exception:
            log.exception("a prompt broke", extra={"leg": self._leg})
            self._contained(partial(self._end, Over.BROKEN))
        else:
            self._contained(partial(self._start_playing, ready, play.token))

    async def _encoded(self, prompts: tuple[Prompt, ...]) -> list[EncodedPrompt]:
        while True:
            codec = self._codec
            ready = [await self._encode(prompt, codec) for prompt in prompts]
            if codec == self._codec:  # else the callee's end changed it meanwhile
                return ready

    async def _encode(self, prompt: Prompt, codec: Codec) -> EncodedPrompt:
        if isinstance(prompt, Recorded):
            return await self._prompts.recorded(Path(prompt.path), codec)
        return await self._prompts.spoken(prompt.text, prompt.voice or self._voice, codec)

    def _start_playing(self, ready: list[EncodedPrompt], token: int) -> None:
        self._rendering = None
        if not self._over:
            played = partial(self._contained, partial(self._feed, PromptsDone(token)))
            self._media.play(ready, played)

    async def _prepare(self, prompts: tuple[Prompt, ...]) -> None:
        for prompt in prompts:
            try:
                await self._encode(prompt, self._codec)
            except (Unavailable, ScriptInvalid):
                return  # told when it is to be heard, if it ever is
            except Exception:
                log.exception("a prompt broke ahead of time", extra={"leg": self._leg})
                return

    def _end(self, why: Over) -> None:
        if not self._over:
            self._stop_everything()
            self._on_over(why)

    def _stop_everything(self) -> None:
        self._over = True
        self._stop_timer()
        self._stop_rendering()
        if self._preparing is not None:
            self._preparing.cancel()
        if self._bridge is not None:
            self._bridge.stop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_rendering(self) -> None:
        if self._rendering is not None:
            self._rendering.cancel()
            self._rendering = None
