"""Which state a call may move to, and on what event.

Code asks `next_state` and never assigns a state itself. The queries that move many calls
at once (claim, cancel, expire) are checked against this table by a test. Reads no clock
and no database: callers pass in what happened.

The diagram in docs/call-lifecycle.md is generated from TRANSITIONS
(`python -m callwright.domain.lifecycle`), and a test compares the two.
"""

from enum import StrEnum

from callwright.errors import IllegalTransition


class CallState(StrEnum):
    """Where a call stands. Each says what it means, who moves it on, and for how long."""

    QUEUED = "queued"
    """Accepted, never tried. The dispatcher moves it on once its window and pacing allow."""
    WAITING = "waiting"
    """Tried and failed; waits for its next attempt. The dispatcher moves it on when due."""
    CLAIMED = "claimed"
    """Taken by a dispatcher, nothing sent yet. Milliseconds; a dead owner's is released."""
    DIALING = "dialing"
    """The attempt is on disk and the INVITE may be out. Ends by the ring timeout at latest."""
    CONNECTED = "connected"
    """Answered; the script runs. Ends with the call, by `max_call_length` at latest."""
    COMPLETED = "completed"
    """Final: a person or a machine answered, and it is over."""
    CANCELED = "canceled"
    """Final: cancelled before anybody answered."""
    EXHAUSTED = "exhausted"
    """Final: every attempt used."""
    EXPIRED = "expired"
    """Final: the window shut first."""
    REJECTED = "rejected"
    """Final: refused before dialling, so that trying again is pointless."""

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


class CallEvent(StrEnum):
    """What can happen to a call."""

    CLAIM = "claim"
    RELEASE = "release"
    """A claim is given up before anything was sent."""
    DIAL = "dial"
    ANSWER = "answer"
    FINISH = "finish"
    RETRY = "retry"
    GIVE_UP = "give_up"
    REFUSE = "refuse"
    CANCEL = "cancel"
    WINDOW_CLOSE = "window_close"


_S = CallState
_E = CallEvent

_NOT_YET_DIALING = {
    _E.REFUSE: _S.REJECTED,
    _E.CANCEL: _S.CANCELED,
    _E.WINDOW_CLOSE: _S.EXPIRED,
}

TRANSITIONS: dict[CallState, dict[CallEvent, CallState]] = {
    _S.QUEUED: {_E.CLAIM: _S.CLAIMED, **_NOT_YET_DIALING},
    _S.WAITING: {_E.CLAIM: _S.CLAIMED, **_NOT_YET_DIALING},
    # RELEASE puts a call back where it came from; `next_state` picks QUEUED for one
    # that was never tried.
    _S.CLAIMED: {_E.DIAL: _S.DIALING, _E.RELEASE: _S.WAITING, **_NOT_YET_DIALING},
    _S.DIALING: {
        _E.ANSWER: _S.CONNECTED,
        _E.RETRY: _S.WAITING,
        _E.GIVE_UP: _S.EXHAUSTED,
        **_NOT_YET_DIALING,
    },
    _S.CONNECTED: {
        _E.FINISH: _S.COMPLETED,
        _E.RETRY: _S.WAITING,
        _E.GIVE_UP: _S.EXHAUSTED,
        _E.CANCEL: _S.CANCELED,
        _E.WINDOW_CLOSE: _S.EXPIRED,
    },
    _S.COMPLETED: {},
    _S.CANCELED: {},
    _S.EXHAUSTED: {},
    _S.EXPIRED: {},
    _S.REJECTED: {},
}

FINAL_STATES = frozenset(state for state, moves in TRANSITIONS.items() if not moves)


def next_state(state: CallState, event: CallEvent, *, tried: bool = True) -> CallState:
    """Where a call in `state` goes on `event`; `tried` says that it had an attempt before.

    Raises:
        IllegalTransition: `event` cannot happen in `state`.
    """
    target = TRANSITIONS[state].get(event)
    if target is None:
        raise IllegalTransition(state, event)
    if event is CallEvent.RELEASE and not tried:
        return CallState.QUEUED
    return target


def mermaid() -> str:
    """The table as a Mermaid state diagram, one line a move."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    for state, moves in TRANSITIONS.items():
        by_target: dict[str, list[str]] = {}
        for event, target in moves.items():
            by_target.setdefault(target, []).append(event)
            if event is CallEvent.RELEASE:
                by_target.setdefault(CallState.QUEUED, []).append(event)
        lines += [f"    {state} --> {t}: {', '.join(events)}" for t, events in by_target.items()]
        if not moves:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(mermaid(), end="")  # noqa: T201
