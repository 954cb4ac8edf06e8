"""Kill a server with a big store, again and again, and time how soon it dials again.

    python3 go stress restart
    python3 go stress restart --stored 1000000 --restarts 10
    python3 go stress restart --break starts-late

Needs SIPp. The calls come in as lists over HTTP; half of them are due and are being dialled when
the server is killed, with its line every other time, the other half waits for tomorrow. From
each start, the time until `ready` is the server's word, the time until the first INVITE SIPp's.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from _figures import finish
from _peers import SCENARIO, broken_program, folder_for, watch_for
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import PROGRAM, ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sipp import Sipp, running_sipp

WITHIN_S = 5.0
LIVES_S = 2.0
PATIENCE_S = 60.0
LIST_ROWS = 100_000
LIST_WITHIN_S = 600.0
CALLS_PER_SECOND = 10


def store_calls(server: ServerUnderTest, application: str, stored: int) -> float:
    """Queue so many calls, those for tomorrow first; how long it took in seconds."""
    began = time.monotonic()
    api = replace(server.api, timeout_s=LIST_WITHIN_S)
    tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    numbers = [f"617{2_000_000 + n}" for n in range(stored)]
    waiting, due = numbers[: stored // 2], numbers[stored // 2 :]
    for part, fields in ((waiting, {"start_timestamp": tomorrow}), (due, {})):
        for first in range(0, len(part), LIST_ROWS):
            csv = "\n".join(["destination", *part[first : first + LIST_ROWS]]) + "\n"
            reply = api.queue_list(application, csv, **fields)
            assert reply.status == 200, reply
    return time.monotonic() - began


def restart(server: ServerUnderTest, sipp: Sipp, *, lines_too: bool) -> tuple[float, float | None]:
    """Kill it and start it: seconds until it was ready, and until its first INVITE, if any."""
    server.kill(lines_too=lines_too)
    launched_at = time.time()
    server.launch()
    server.wait_until_ready()
    first: list[float] = []

    def dialled() -> bool:
        first[:] = [at for call in sipp.calls() if (at := call.invites[0].at) >= launched_at][:1]
        return bool(first)

    watch_for(PATIENCE_S, dialled)
    return server.start_took_s, first[0] - launched_at if first else None


def dialled_twice(sipp: Sipp) -> list[str]:
    """Attempt numbers that several calls of the trunk have."""
    attempts = [call.attempt for call in sipp.calls()]
    return [f"TWICE {attempt}" for attempt in sorted(set(attempts)) if attempts.count(attempt) > 1]


def summary(name: str, times_s: Sequence[float]) -> dict[str, float | None]:
    """The figures of one kind of time."""
    middle = round(statistics.median(times_s), 2) if times_s else None
    return {f"{name}_median_s": middle, f"{name}_longest_s": round(max(times_s, default=0.0), 2)}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stored", type=int, default=10_000, help="calls in the store")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--within", type=float, default=WITHIN_S, help="most until an INVITE")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn here")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=["starts-late"], help="break a promise")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    faults: list[str] = []
    ready_s: list[float] = []
    invite_s: list[float] = []
    with (
        folder_for("restart", given.keep) as folder,
        running_sipp(
            SCENARIO,
            folder,
            keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
            longest_s=2 * LIST_WITHIN_S + PATIENCE_S * 2 * given.restarts,
        ) as sipp,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(
                    sipp.address, calls_per_second=CALLS_PER_SECOND, ring_timeout="3s"
                )
            },
            program=broken_program(given.broken) if given.broken else PROGRAM,
        ) as server,
    ):
        application = server.add_application("talks", waits(0.5))
        server.start()
        stored_s = store_calls(server, application, given.stored)
        for number in range(given.restarts):
            watch_for(LIVES_S)
            ready, invite = restart(server, sipp, lines_too=number % 2 == 1)
            ready_s.append(ready)
            if invite is None:
                faults.append(f"RESTART {number + 1} dialled nobody within {PATIENCE_S:g} s")
                continue
            invite_s.append(invite)
            if invite > given.within:
                faults.append(f"RESTART {number + 1} dialled after {invite:.1f} s")
        faults += dialled_twice(sipp)
        server.stop(grace_s=0.2)
    figures = {
        "stress": "restart",
        "seed": given.seed,
        "stored": given.stored,
        "stored_in_s": round(stored_s, 1),
        "restarts": given.restarts,
        **summary("ready", ready_s),
        **summary("first_invite", invite_s),
        "took_s": round(time.monotonic() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
