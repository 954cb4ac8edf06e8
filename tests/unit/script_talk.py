"""Scripts that a test talks to, event by event."""

from collections.abc import Mapping

from callwright.ivr import Interpreter, Script, load
from callwright.ivr.exchange import (
    Action,
    CancelTimer,
    Digit,
    EnterStep,
    Event,
    HangUp,
    Play,
    PromptsDone,
    SetTimer,
    StopPlaying,
    Store,
    TimerFired,
)
from callwright.ivr.values import Spoken

HEAD = "callwright: 1\nname: Test\nsteps:\n"
MENU = """\
  hello: {say: Hello., next: menu}
  menu:
    ask: Press 1 or 2.
    keys: {1: one, 2: two}
    store: key
    timeout: 4s
    tries: 2
    say_if_silent: No key.
    say_if_wrong: Wrong key.
    otherwise: bye
  one: {say: One., next: hangup}
  two: {say: Two., next: hangup}
  bye: {say: Bye., next: give_up}
"""


PIN = """\
  pin: {ask: 'Your number?', digits: 2-4, store: pin, gap: 2s, tries: 2, next: again}
  again: {ask: 'Again?', keys: {1: done}, tries: 1}
  done: {say: Done., next: hangup}
"""


SURVEY = """\
callwright: 1
survey: Test
opt_out: "*"
intro: Hi.
questions:
  - {id: q1, ask: One., scale: 1-5, tries: 1}
  - {id: q2, ask: Two., scale: 0-10, tries: 1, if: {q1: [1, 2]}}
thanks: Bye.
"""


class Talk:
    """A callee and a line in one: keeps what plays and what runs, and notes what was said."""

    def __init__(self, script: Script, variables: Mapping[str, str] | None = None) -> None:
        self.machine = Interpreter(script, variables or {})
        self.said: list[str] = []
        self.stored: list[tuple[str, str]] = []
        self.seconds: list[float] = []
        self.end: HangUp | None = None
        self.playing = self.timer = 0
        self.log: list[Action] = []
        self._note(self.machine.start())

    def _note(self, actions: list[Action]) -> None:
        self.log = actions
        for action in actions:
            assert self.end is None, "something came after the HangUp"
            match action:
                case Play(prompts, token):
                    assert prompts
                    assert self.playing == 0, "a Play into another"
                    self.playing = token
                    self.said += [p.text if isinstance(p, Spoken) else p.path for p in prompts]
                case StopPlaying():
                    assert self.playing, "nothing to stop"
                    self.playing = 0
                case SetTimer(token, seconds):
                    assert self.timer == 0, "a timer over another"
                    self.timer = token
                    self.seconds.append(seconds)
                case CancelTimer(token):
                    assert self.timer == token
                    self.timer = 0
                case Store(name, value):
                    self.stored.append((name, value))
                case HangUp():
                    self.end = action
                case EnterStep():
                    pass

    def on(self, event: Event) -> "Talk":
        self._note(self.machine.on(event))
        return self

    def heard(self) -> "Talk":
        """The prompts come to their end."""
        token, self.playing = self.playing, 0
        assert token, "nothing plays"
        return self.on(PromptsDone(token))

    def silence(self) -> "Talk":
        """The timer runs out."""
        token, self.timer = self.timer, 0
        assert token, "no timer runs"
        return self.on(TimerFired(token))

    def keys(self, digits: str) -> "Talk":
        for digit in digits:
            self.on(Digit(digit))
        return self

    def pass_time(self) -> None:
        """Whatever is due next, without any key."""
        if self.playing:
            self.heard()
        else:
            self.silence()


def flow(steps: str) -> Script:
    return load(HEAD + steps, "f.yaml")


def survey() -> Script:
    return load(SURVEY, "s.yaml")
