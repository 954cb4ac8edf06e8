"""Change limits while calls go on, and count what comes, outside the server.

    python3 go stress limits
    python3 go stress limits --times 20 --lines 4
    python3 go stress limits --break gates-apart
    python3 go stress limits --every-break

A real server with several line processes, and a trunk that is none of its own: it rings, is busy,
and knows by the kernel's time when each INVITE came.

gate    The server's brain orders twice as many calls a second as it may, so that only the gate
        of the line processes keeps the rate; meanwhile the rate is lowered.
held    While the gate holds orders back, one number opts out and one call is cancelled: neither
        is dialled any more.
change  The trunk's calls a second and calls at once are lowered below what is in flight; the
        server is started again; an account and a list are limited; everything is lifted. Every
        number of the list is dialled, and none twice.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog

from _breaks import breaking
from _figures import finish
from _limit_breaks import LIMIT_BREAKS
from _serving import Serving
from callwright.runtime import rate as pace
from callwright.simulation.campaign import number
from callwright.testing.peers.busy_trunk import BusyTrunk, moments_of, most_within
from callwright.testing.peers.server import trunk

MAIN, ACCOUNT = "/v1/trunks/main/limits", "/v1/limits"
WITHIN_S = 60.0
HASTE = 2.0
RINGS_S = 0.4
LESS_THAN_A_SECOND_S = 0.8
"""Where only the brain keeps a rate: from it to the wire a busy machine makes some calls wait."""

SOON_S = 0.5
"""Half of what is promised: the gate would let them go a second after those before them."""

SETTLES_S = 0.25
"""What was being claimed when a limit on calls at once was lowered may still come."""


class Noticed(Exception):
    """Enough was seen."""


@dataclass
class Run:
    """One server, the trunk outside of it, and what was seen to be wrong."""

    server: Serving
    carrier: BusyTrunk
    until_a_fault: bool = False
    """Whether the first fault ends it."""
    faults: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    queued: int = 0

    def limit(self, path: str, **limits: float | None) -> float:
        """The moment at which it was answered, in Unix seconds."""
        self._ask("PATCH", path, json.dumps(limits).encode())
        return time.time()

    def queue(self, count: int) -> int:
        """The id of a list of so many, due at once."""
        numbers = [number(self.queued + index) for index in range(count)]
        self.queued += count
        csv = "phone_number\n" + "\n".join(numbers) + "\n"
        reply = self.server.api.queue_list(self.server.application, csv)
        if reply.status != 200:
            raise RuntimeError(f"the list was not queued: {reply}")
        return int(self._ask("GET", "/v1/batches?limit=1")["items"][0]["id"])

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self._ask("POST", path, json.dumps(body).encode())

    def wrong(self, fault: str) -> None:
        self.faults.append(fault)
        if self.until_a_fault:
            raise Noticed

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        reply = self.server.api.request(method, path, body, headers)
        if reply.status != 200:
            raise RuntimeError(f"{method} {path}: {reply}")
        return reply.json()

    def all_came(self, within_s: float = WITHIN_S) -> None:
        if not self.carrier.wait_for(self.queued, within_s):
            self.wrong(f"I1 {len(self.carrier.invites)} of {self.queued} were dialled")

    def all_are(self, state: str, calls: Sequence[int]) -> None:
        """Wait until these calls are in that state."""
        until = time.monotonic() + WITHIN_S
        while any(self.get(f"/v1/calls/{call}")["state"] != state for call in calls):
            if time.monotonic() > until:
                raise RuntimeError(f"not every call became {state}")
            time.sleep(0.01)

    def at_most(self, rate: int, what: str, since: float, span_s: float = 1.0) -> None:
        """No span of a second from then on holds more than `rate`."""
        most = most_within(moments_of(self.carrier.invites, since), span_s)
        self.figures[f"{what}_most_in_a_second"] = most
        if most > rate:
            self.wrong(f"I8 {most} INVITEs in one second of {what}, not {rate}")

    def at_once(self, limit: int, what: str, since: float) -> None:
        """From then on nobody was called while `limit` others rang."""
        calls = self.carrier.invites
        mosts = [
            sum(other.at <= call.at < other.over_at for other in calls)
            for call in calls
            if call.at >= since
        ]
        most = max(mosts, default=0)
        self.figures[f"{what}_most_at_once"] = most
        if most > limit:
            self.wrong(f"I8 {most} calls at once of {what}, not {limit}")

    def once_each(self) -> None:
        counts = Counter(call.number for call in self.carrier.invites)
        if any(count > 1 for count in counts.values()):
            self.wrong("I3 somebody was dialled twice")
        self.figures["invites"] = self.figures.get("invites", 0) + len(counts)  # type: ignore[operator]


def gate(run: Run) -> None:
    """Only the line processes keep the rate."""
    rate, lowered = 20, 6
    with patch.object(pace, "SPAN_S", pace.SPAN_S / HASTE):
        run.server.start()
        run.limit(MAIN, calls_per_second=rate)
        began = time.time()
        run.queue(3 * rate)
        run.all_came()
        run.at_most(rate, "gate", began)
        changed = run.limit(MAIN, calls_per_second=lowered)
        run.queue(3 * lowered)
        run.all_came()
        run.at_most(lowered, "lowered_gate", changed)
        run.once_each()
        run.server.stop()


def held(run: Run) -> None:
    """What somebody forbids between an attempt's commit and its INVITE does not leave."""
    with patch.object(pace, "SPAN_S", pace.SPAN_S / (4 * HASTE)):
        run.server.start()
        run.limit(MAIN, calls_per_second=2)
        batch = run.queue(4)
        calls = run.get(f"/v1/batches/{batch}/calls")["items"]
        numbers = {call["id"]: call["phone_number"] for call in calls}
        _, _, opts_out, cancelled = sorted(numbers)
        run.carrier.wait_for(2, WITHIN_S)
        # The gate lets two go in a second: the others are in its hands until that is over.
        run.all_are("dialing", (opts_out, cancelled))
        run.post("/v1/optouts", {"numbers": [numbers[opts_out]]})
        run.post(f"/v1/calls/{cancelled}/cancel", {})
        forbidden_at = time.time()
        time.sleep(3.0)
        run.queued = 2
        run.once_each()
        for at in moments_of(run.carrier.invites, forbidden_at + SOON_S):
            run.wrong(f"I9 an INVITE left {at - forbidden_at:.2f} s after it was forbidden")
        for call, ends in ((opts_out, "rejected"), (cancelled, "canceled")):
            state = run.get(f"/v1/calls/{call}")["state"]
            if state != ends:
                run.wrong(f"I9 a call that was forbidden is {state}, not {ends}")
        run.server.stop()


def change(run: Run) -> None:
    """Limits are changed while a list is being called."""
    run.server.start()
    batch = run.queue(60)
    run.carrier.wait_for(10, WITHIN_S)
    # At this rate two would ring at once: the other limit has to hold them apart.
    slowed = run.limit(MAIN, calls_per_second=4, max_calls=1)
    time.sleep(2.5)
    run.at_most(4, "trunk", slowed)
    run.at_once(1, "trunk", slowed + SETTLES_S)
    run.server.stop()
    restarted = time.time()
    run.server.start()
    time.sleep(2.5)
    run.at_most(4, "restarted_trunk", restarted)
    run.at_once(1, "restarted_trunk", restarted)
    run.limit(ACCOUNT, calls_per_second=2)
    run.limit(MAIN, calls_per_second=None, max_calls=None)
    alone = time.time()
    time.sleep(2.5)
    run.at_most(2, "account", alone, LESS_THAN_A_SECOND_S)
    run.limit(f"/v1/batches/{batch}/limits", max_calls=1)
    run.limit(ACCOUNT, calls_per_second=None)
    listed = time.time()
    time.sleep(2.0)
    run.at_once(1, "list", listed + SETTLES_S)
    run.limit(f"/v1/batches/{batch}/limits", max_calls=None)
    lifted = time.time()
    run.all_came()
    run.figures["list_done_in_s"] = round(time.time() - lifted, 1)
    run.at_most(20, "lifted_trunk", lifted)
    run.once_each()
    run.server.stop()


PARTS: dict[str, Callable[[Run], None]] = {"gate": gate, "held": held, "change": change}


def play(part: str, lines: int, *, until_a_fault: bool) -> Run:
    """One part, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="limits-") as folder, BusyTrunk(RINGS_S) as carrier:
        sections = {
            "trunks.main": trunk(f"sip:{carrier.address}", calls_per_second=20),
            "lines": {"processes": lines},
        }
        run = Run(Serving(Path(folder), sections), carrier, until_a_fault)
        try:
            with suppress(Noticed):
                PARTS[part](run)
        finally:
            run.server.stop()
    return run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=sorted(PARTS), help="one part alone")
    parser.add_argument("--lines", type=int, default=2, help="line processes")
    parser.add_argument("--times", type=int, default=1, help="how often each part is played")
    broken = parser.add_mutually_exclusive_group()
    broken.add_argument("--break", dest="broken", choices=sorted(LIMIT_BREAKS))
    broken.add_argument("--every-break", action="store_true", help="one after another")
    given = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if given.every_break:
        return max(_run(given.lines, 1, _parts(name), name) for name in LIMIT_BREAKS)
    parts = [given.only] if given.only else _parts(given.broken)
    return _run(given.lines, given.times, parts, given.broken)


def _parts(broken: str | None) -> Sequence[str]:
    """Those that are to notice a break; without one all."""
    return list(PARTS) if broken is None else [LIMIT_BREAKS[broken].noticed_by]


def _run(lines: int, times: int, parts: Sequence[str], broken: str | None) -> int:
    figures: dict[str, object] = {"stress": "limits", "lines": lines, "times": times}
    faults: list[str] = []
    breaks = {name: each.patches for name, each in LIMIT_BREAKS.items()}
    with breaking(broken, breaks):
        for part in parts:
            for _ in range(times):
                run = play(part, lines, until_a_fault=broken is not None)
                figures.update(run.figures)
                faults += run.faults
    return finish(figures, faults, broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
