"""A whole server whose line sends one datagram for each INVITE, and no sound.

    python stress/_no_media_server.py BREAK ADDRESS serve --config FILE

Everything but the line is the real thing. Whoever counts the datagrams, in a process of their
own, sees when calls leave without asking the server. BREAK is a name of `HERD_BREAKS`, or -.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Collection
from unittest.mock import patch

from _breaks import breaking
from _pacing_breaks import HERD_BREAKS
from callwright import assembly
from callwright.cli.main import run
from callwright.domain.outcome import Outcome
from callwright.ports.line import LegEnded, LegOrder, Line, Orphan, OrphanEnded
from callwright.simulation.obedient_line import ObedientLine

RINGS_S = 0.05
ANSWERS_S = 0.2
TALKS_S = 0.5


class NoMediaLine(ObedientLine):
    """A `Line` on which everybody answers soon, says nothing and hangs up."""

    def __init__(self, to: tuple[str, int]) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = to
        self._legs: dict[str, list[asyncio.TimerHandle]] = {}
        self._answered: set[str] = set()

    async def stop(self) -> None:
        await super().stop()
        self._socket.close()

    def _place(self, order: LegOrder) -> None:
        leg = order.leg
        if order.send_before and time.monotonic() > order.send_before:
            self._legs[leg] = []
            self._end(leg, Outcome.TRUNK_TROUBLE, sent=False)
            return
        self._socket.sendto(order.number.encode(), self._to)
        self._tell_sent(leg)
        later = asyncio.get_running_loop().call_later
        self._legs[leg] = [
            later(RINGS_S, self._tell_ringing, leg),
            later(ANSWERS_S, self._answers, leg),
            later(ANSWERS_S + TALKS_S, self._end, leg, Outcome.ANSWERED),
        ]

    def _live_legs(self) -> Collection[str]:
        return self._legs

    def _hang_up(self, leg: str) -> None:
        self._end(leg, Outcome.CANCELED)

    def _end_orphan(self, orphan: Orphan) -> None:
        self._tell(OrphanEnded(attempt=orphan.attempt, ended=False))

    def _unix(self) -> float:
        return time.time()

    def _answers(self, leg: str) -> None:
        self._answered.add(leg)
        self._tell_answered(leg)

    def _end(self, leg: str, outcome: Outcome, *, sent: bool = True) -> None:
        timers = self._legs.pop(leg, None)
        if timers is None:
            return
        for timer in timers:
            timer.cancel()
        answered = leg in self._answered
        self._answered.discard(leg)
        self._tell(
            LegEnded(
                leg=leg,
                at=self._unix(),
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
