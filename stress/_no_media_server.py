"""A whole server whose line sends one datagram for each INVITE, and no sound.

    python stress/_no_media_server.py BREAK ADDRESS serve --config FILE

Everything but the line is the real thing. Whoever counts the datagrams, in a process of their
own, sees when calls leave without asking the server. BREAK is a name of `HERD_BREAKS`, or -.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from unittest.mock import patch

from _breaks import breaking
from _pacing_breaks import HERD_BREAKS
from callwright import assembly
from callwright.cli.main import run
from callwright.domain.outcome import Outcome
from callwright.ports.line import (
    EndOrphans,
    FromLine,
    HangUp,
    HangUpAll,
    LegAnswered,
    LegEnded,
    LegOrder,
    LegRinging,
    LegSent,
    Line,
    LineReady,
    OrphanEnded,
    ToLine,
)

RINGS_S = 0.05
ANSWERS_S = 0.2
TALKS_S = 0.5


class NoMediaLine:
    """A `Line` on which everybody answers soon, says nothing and hangs up."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = to
        self._heard: Callable[[FromLine], None] = lambda message: None
        self._legs: dict[str, list[asyncio.TimerHandle]] = {}
        self._answered: set[str] = set()
        self._gone: asyncio.Future[str] | None = None

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        self._heard = heard
        self._gone = asyncio.get_running_loop().create_future()
        return LineReady(pid=os.getpid(), local_sip={"main": "127.0.0.1:5062"})

    def say(self, message: ToLine) -> None:
        match message:
            case LegOrder():
                self._place(message)
            case HangUp(leg=leg):
                self._end(leg, Outcome.CANCELED)
            case HangUpAll():
                for leg in list(self._legs):
                    self._end(leg, Outcome.CANCELED)
            case EndOrphans(orphans=orphans):
                for orphan in orphans:
                    self._heard(OrphanEnded(attempt=orphan.attempt, ended=False))
            case _:
                pass

    async def stop(self) -> None:
        self.say(HangUpAll())
        self._socket.close()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result("stopped")

    def when_gone(self) -> Awaitable[str]:
        assert self._gone is not None
        return asyncio.shield(self._gone)

    def _place(self, order: LegOrder) -> None:
        leg = order.leg
        if order.send_before and time.monotonic() > order.send_before:
            self._legs[leg] = []
            self._end(leg, Outcome.TRUNK_TROUBLE, sent=False)
            return
        self._socket.sendto(order.number.encode(), self._to)
        self._heard(LegSent(leg=leg, at=time.time(), remote_address="127.0.0.1:5060"))
        later = asyncio.get_running_loop().call_later
        self._legs[leg] = [
            later(RINGS_S, self._rings, leg),
            later(ANSWERS_S, self._answers, leg),
            later(ANSWERS_S + TALKS_S, self._end, leg, Outcome.ANSWERED),
        ]

    def _rings(self, leg: str) -> None:
        self._heard(LegRinging(leg=leg, at=time.time(), code=180))

    def _answers(self, leg: str) -> None:
        self._answered.add(leg)
        self._heard(
            LegAnswered(
                leg=leg,
                at=time.time(),
                to_tag="callee",
                remote_target="sip:callee@127.0.0.1",
                route_set=(),
                cseq=1,
            )
        )

    def _end(self, leg: str, outcome: Outcome, *, sent: bool = True) -> None:
        timers = self._legs.pop(leg, None)
        if timers is None:
            return
        for timer in timers:
            timer.cancel()
        answered = leg in self._answered
        self._answered.discard(leg)
        self._heard(
            LegEnded(
                leg=leg,
                at=time.time(),
                outcome=outcome,
                answered=answered,
                rang=answered,
                sent=sent,
                sip_code=200 if answered else 487,
                reason="no media",
            )
        )


def main() -> None:
    _, broken, address, *rest = sys.argv
    host, _, port = address.partition(":")

    def makers(*_: object) -> list[Callable[[], Line]]:
        return [lambda: NoMediaLine((host, int(port)))]

    sys.argv = ["callwright", *rest]
    name = None if broken == "-" else broken
    with breaking(name, HERD_BREAKS), patch.object(assembly, "_line_makers", makers):
        run()


if __name__ == "__main__":
    main()
