"""A script at work on one call: events in, actions out.

A pure machine. It reads no clock and touches nothing: the line plays what a `Play` names
and says when it is done, keeps the timers, and reports keys. It may be told anything in any
order and never raises; what does not fit the moment is ignored.

It ends in a bounded number of steps even when a script was never checked: after
`MAX_STEPS` it gives up. A checked script ends without any key, see `graph`.
"""

from collections.abc import Mapping
from enum import Enum, auto

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.exchange import (
    Action,
    AgentDone,
    Beeped,
    CancelTimer,
    Digit,
    EnterStep,
    Event,
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
)
from callwright.ivr.script import Script
from callwright.ivr.template import fill, fold_name
from callwright.ivr.values import (
    HANGUP,
    KEYS,
    TRY_AGAIN,
    Ask,
    Assign,
    Await,
    Beep,
    Branch,
    Detect,
    Prompt,
    Recorded,
    Speak,
    Spoken,
    Talk,
    Wait,
)

MAX_STEPS = 1000
MAX_TYPED_AHEAD = 64
DETECT_GRACE_S = 1.0  # a verdict that is not there so long after its time will not come


class _Phase(Enum):
    NEW = auto()
    SPEAKING = auto()  # a `speak` step plays
    ASKING = auto()  # the prompts of an `ask` play
    LISTENING = auto()  # the prompts are over, a timer runs
    WAITING = auto()  # a `wait` step's timer runs
    AWAY = auto()  # an agent talks with the callee
    DETECTING = auto()  # a `detect` step waits for the verdict
    AWAITING_BEEP = auto()  # a `beep` step waits for the beep
    AWAITING_SIGN = auto()  # an `await` step waits for quiet, or for a person
    OVER = auto()


class Interpreter:
    """One call's run of a script. `variables` are the call's own; case does not matter."""

    def __init__(self, script: Script, variables: Mapping[str, str]) -> None:
        self._script = script
        self._values = {fold_name(name): value for name, value in script.defaults.items()}
        self._values.update({fold_name(name): value for name, value in variables.items()})
        self._phase = _Phase.NEW
        self._actions: list[Action] = []
        self._step = ""
        self._steps_taken = 0
        self._token = 0  # the last Play or SetTimer; older ones are stale
        self._ahead: list[str] = []
        self._typed = ""
        self._tries_left = 0
        self._answered = self._after_answer = False
        self._who: AnsweredBy | None = None
        self._beeped = False

    @property
    def over(self) -> bool:
        """Whether the `HangUp` was said."""
        return self._phase is _Phase.OVER

    def first_prompts(self) -> tuple[Prompt, ...]:
        """What `start` will play first, or () if it plays nothing. Changes nothing."""
        if not self._script.prompts:
            return ()
        twin = Interpreter(self._script, self._values)
        return next((a.prompts for a in twin.start() if isinstance(a, Play)), ())

    def foreseeable_prompts(self) -> tuple[Prompt, ...]:
        """All prompts that may be played and do not depend on what the callee keys."""
        return tuple(dict.fromkeys(self._filled(self._script.foreseeable_prompts)))

    def start(self) -> list[Action]:
        """The first actions, once the callee is there. A second call gives none."""
        if self._phase is _Phase.NEW:
            self._go(self._script.start)
        return self._taken()

    def on(self, event: Event) -> list[Action]:
        """What to do about `event`; in order, and often nothing."""
        if self._phase is not _Phase.OVER:
            if isinstance(event, Digit):
                self._on_digit(event.digit)
            elif isinstance(event, RemoteHungUp):
                self._end(self._answered and self._only_words_left())
            elif isinstance(event, Identified):
                self._on_identified(event.who)
            elif isinstance(event, Beeped):
                self._on_beep()
            elif isinstance(event, Hushed):
                self._on_hush(event.said_ms)
            elif event.token == self._token:
                if isinstance(event, PromptsDone):
                    self._on_prompts_done()
                elif isinstance(event, AgentDone):
                    self._on_agent_done(event.ok)
                else:
                    self._on_timer()
        return self._taken()

    def _taken(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions

    # Steps

    def _go(self, target: str | None) -> None:
        while target is not None:
            target = self._enter(target)

    def _enter(self, name: str) -> str | None:
        """Begin a step; the next one's name if this one is over at once."""
        step = self._script.steps.get(name)
        self._steps_taken += 1
        if step is None or self._steps_taken > MAX_STEPS:
            self._end(finished=name == HANGUP, try_again=name == TRY_AGAIN)
            return None
        self._step = name
        self._actions.append(EnterStep(name))
        if isinstance(step, Speak):
            return None if self._play(step.prompts, _Phase.SPEAKING) else step.next
        if isinstance(step, Ask):
            self._tries_left = step.tries
            if not step.barge_in:
                self._ahead.clear()
            return self._ask(step, ())
        if isinstance(step, Assign):
            for variable, template in step.values.items():
                self._store(variable, fill(template, self._values))
            return step.next
        if isinstance(step, Branch):
            return self._following(step)
        if isinstance(step, Detect):
            return self._detect(step)
        if isinstance(step, Talk):
            self._hand_over(step)
            return None
        if isinstance(step, Wait):
            self._set_timer(step.seconds, _Phase.WAITING)
            return None
        if isinstance(step, Await):
            self._set_timer(step.seconds, _Phase.AWAITING_SIGN)
            return None
        return self._await_beep(step)

    def _end(self, finished: bool, *, try_again: bool = False) -> None:
        self._phase = _Phase.OVER
        self._actions.append(HangUp(finished, try_again))

    def _only_words_left(self) -> bool:
        """Whether the callee, who has answered something, was asked nothing more.

        People hang up in the middle of "thank you": all they had to say is said.
        """
        name = self._step
        for _ in range(MAX_STEPS):
            step = self._script.steps.get(name)
            if step is None:
                return name == HANGUP
            if isinstance(step, Ask):
                return False
            name = self._following(step)
        return False

    def _following(
        self, step: Speak | Assign | Branch | Wait | Talk | Detect | Beep | Await
    ) -> str:
        """Where a step leads that is over, keys apart."""
        if isinstance(step, Branch):
            return step.cases.get(self._values.get(fold_name(step.variable), ""), step.otherwise)
        if isinstance(step, Detect):
            return self._case_of(step)
        return step.next

    # Who answered

    def _case_of(self, step: Detect) -> str:
        who = self._who or AnsweredBy.UNKNOWN
        if who is AnsweredBy.SCREENING and who not in step.cases:
            who = AnsweredBy.MACHINE  # which it is for whoever does not tell them apart
        return step.cases.get(who, step.otherwise)

    def _detect(self, step: Detect) -> str | None:
        if self._who is None:
            analysis_s = self._script.amd.total_analysis_ms / 1000
            self._set_timer(analysis_s + DETECT_GRACE_S, _Phase.DETECTING)
            return None
        self._store(step.store, self._who)
        return self._following(step)

    def _await_beep(self, step: Beep) -> str | None:
        if not self._beeped:
            self._set_timer(step.seconds, _Phase.AWAITING_BEEP)
            return None
        self._beeped = False
        return step.next

    def _on_identified(self, who: AnsweredBy) -> None:
        self._who = self._who or who
        step = self._script.steps.get(self._step)
        if self._phase is _Phase.DETECTING and isinstance(step, Detect):
            self._actions.append(CancelTimer(self._token))
            self._go(self._detect(step))

    def _on_beep(self) -> None:
        self._beeped = True
        step = self._script.steps.get(self._step)
        if self._phase is _Phase.AWAITING_BEEP and isinstance(step, Beep):
            self._actions.append(CancelTimer(self._token))
            self._go(self._await_beep(step))

    def _on_hush(self, said_ms: int) -> None:
        step = self._script.steps.get(self._step)
        if self._phase is not _Phase.AWAITING_SIGN or not isinstance(step, Await):
            return
        if step.sign == "quiet" or 0 < said_ms <= self._script.amd.greeting_ms:
            self._actions.append(CancelTimer(self._token))
            self._go(step.next)

    # Asking

    def _ask(self, step: Ask, before: tuple[Prompt, ...]) -> str | None:
        """Begin one try, with what was typed ahead."""
        self._typed = ""
        while self._ahead:
            done, target = self._take(step, self._ahead.pop(0))
            if done:
                return target
        if self._typed:
            self._set_timer(step.gap_s, _Phase.LISTENING)
        elif not self._play((*before, *step.prompts), _Phase.ASKING):
            self._set_timer(step.timeout_s, _Phase.LISTENING)
        return None

    def _take(self, step: Ask, digit: str) -> tuple[bool, str | None]:
        """One key of an answer: whether the try is over, and then the next step, if any."""
        if not self._typed and digit in step.exits:
            return True, step.exits[digit]
        if step.digits is None:
            if digit in step.keys:
                return True, self._answer(step, digit, step.keys[digit])
            return True, self._fail(step, step.if_wrong)
        if digit == step.digits.until:
            return True, self._long_answer(step)
        if not digit.isdigit():
            return True, self._fail(step, step.if_wrong)
        self._typed += digit
        if step.digits.may_grow(self._typed):
            return False, None
        return True, self._long_answer(step)

    def _long_answer(self, step: Ask) -> str | None:
        if step.digits is not None and step.digits.is_answer(self._typed):
            return self._answer(step, self._typed, step.next)
        return self._fail(step, step.if_wrong)

    def _answer(self, step: Ask, value: str, target: str) -> str:
        self._answered = True
        self._after_answer = True
        if step.store:
            self._store(step.store, value)
        return target

    def _fail(self, step: Ask, before: tuple[Prompt, ...]) -> str | None:
        """A try is lost: ask again, or go on without an answer."""
        self._ahead.clear()
        self._tries_left -= 1
        return self._ask(step, before) if self._tries_left > 0 else step.otherwise

    # Events

    def _on_digit(self, digit: str) -> None:
        if len(digit) != 1 or digit not in KEYS or self._phase is _Phase.AWAY:
            return
        step = self._script.steps.get(self._step)
        asking = isinstance(step, Ask) and self._phase in (_Phase.ASKING, _Phase.LISTENING)
        after_answer, self._after_answer = self._after_answer, False
        accepted = asking and isinstance(step, Ask) and step.accepts(digit)
        if after_answer and digit == "#" and not accepted:
            # Many people end every answer with #, asked to or not.
            return
        if not asking or not isinstance(step, Ask):
            self._ahead.append(digit)
            del self._ahead[MAX_TYPED_AHEAD:]
            return
        if self._phase is _Phase.ASKING:
            if not step.barge_in:
                return
            self._actions.append(StopPlaying())
        else:
            self._actions.append(CancelTimer(self._token))
        done, target = self._take(step, digit)
        if done:
            self._go(target)
        else:
            self._set_timer(step.gap_s, _Phase.LISTENING)

    def _on_prompts_done(self) -> None:
        step = self._script.steps.get(self._step)
        if self._phase is _Phase.SPEAKING and isinstance(step, Speak):
            self._go(step.next)
        elif self._phase is _Phase.ASKING and isinstance(step, Ask):
            self._set_timer(step.timeout_s, _Phase.LISTENING)

    def _on_agent_done(self, ok: bool) -> None:
        step = self._script.steps.get(self._step)
        if self._phase is _Phase.AWAY and isinstance(step, Talk):
            self._go(step.next if ok else step.failed)

    def _on_timer(self) -> None:
        step = self._script.steps.get(self._step)
        if self._phase is _Phase.WAITING and isinstance(step, Wait):
            self._go(step.next)
        elif (self._phase is _Phase.AWAITING_BEEP and isinstance(step, Beep)) or (
            self._phase is _Phase.AWAITING_SIGN and isinstance(step, Await)
        ):
            self._go(step.otherwise)
        elif self._phase is _Phase.DETECTING and isinstance(step, Detect):
            self._on_identified(AnsweredBy.UNKNOWN)
        elif self._phase is _Phase.LISTENING and isinstance(step, Ask):
            # Digits without the closing key are an answer if they are one as they stand.
            self._go(self._long_answer(step) if self._typed else self._fail(step, step.if_silent))

    # Actions

    def _play(self, prompts: tuple[Prompt, ...], phase: _Phase) -> bool:
        """Whether there was anything to play: places may all have come out empty."""
        filled = self._filled(prompts)
        if filled:
            self._token += 1
            self._phase = phase
            self._actions.append(Play(filled, self._token))
        return bool(filled)

    def _filled(self, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        filled: list[Prompt] = []
        for prompt in prompts:
            if isinstance(prompt, Recorded):
                filled.append(prompt)
            elif text := fill(prompt.text, self._values):
                filled.append(Spoken(text=text, voice=prompt.voice or self._script.voice))
        return tuple(filled)

    def _hand_over(self, step: Talk) -> None:
        self._token += 1
        self._phase = _Phase.AWAY
        told = {name: fill(template, self._values) for name, template in step.parameters.items()}
        self._actions.append(TalkTo(step.url, told, step.longest_s, self._token))

    def _set_timer(self, seconds: float, phase: _Phase) -> None:
        self._token += 1
        self._phase = phase
        self._actions.append(SetTimer(self._token, seconds))

    def _store(self, name: str, value: str) -> None:
        self._values[fold_name(name)] = value
        self._actions.append(Store(name, value))
