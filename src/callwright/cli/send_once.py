"""Sending what must not be done twice: again under one key, until it is answered."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import uuid4

import typer

from callwright.cli.api_client import (
    FIRST_PAUSE_S,
    PATIENCE_S,
    POLL_S,
    Answer,
    ServerFailed,
    ServerRefused,
)
from callwright.cli.output import ServerUnreachable
from callwright.errors import CallwrightError

IdempotencyKeyOption = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="The same command with the same key queues once; default: a new one.",
    ),
]

_PASSING = (502, 503, 504)
_STILL_RUNNING = "still-running"


def send_once(key: str | None, send: Callable[[Mapping[str, str]], Answer]) -> Answer:
    """What the server answered to `send`, which adds the headers it is given to its request.

    Sent again while no answer comes or the server fails for a while. `key` None: a new one.

    Raises:
        CallwrightError: what `send` raised in the end; if it may have been done all the same,
            a note says how to ask again.
    """
    key = uuid4().hex if key is None else key
    give_up_at, pause_s, may_be_done = 0.0, FIRST_PAUSE_S, False
    while True:
        try:
            return send({"Idempotency-Key": key})
        except (ServerUnreachable, ServerFailed, ServerRefused) as exc:
            may_be_done = may_be_done or _may_be_done(exc)
            give_up_at = give_up_at or time.monotonic() + PATIENCE_S
            if not (may_be_done and _passes(exc) and time.monotonic() < give_up_at):
                if may_be_done and (_passes(exc) or isinstance(exc, ServerFailed)):
                    exc.add_note(
                        "it may have been queued all the same; if you add "
                        f"--idempotency-key {key} this command queues it only if it was not"
                    )
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, POLL_S)


def _may_be_done(exc: CallwrightError) -> bool:
    """Whether what was asked for may have been done although this came of it."""
    match exc:
        case ServerUnreachable():
            return exc.was_asked
        case ServerRefused():
            return exc.kind == _STILL_RUNNING
    return True


def _passes(exc: CallwrightError) -> bool:
    """Whether to ask again may help."""
    match exc:
        case ServerRefused():
            return exc.kind == _STILL_RUNNING
        case ServerFailed():
            return exc.status in _PASSING
    return True
