"""Kill a server and its lines while many phones ring and many talk: every leg must be hung up.

    python3 go stress orphans
    python3 go stress orphans --ringing 50 --talking 50
    python3 go stress orphans --break orphans-left

Needs SIPp, whose trace judges: within ten seconds of the next start every leg that was left
behind has its CANCEL or BYE, and none is left over at the end.
"""

import argparse
import sys
import time

from _figures import finish
from _peers import SCENARIO, broken_program, folder_for, watch_for
from callwright.testing.peers.crash_oracle import over_at
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import PROGRAM, server_folder, trunk
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.waiting import wait_for

HUNG_UP_WITHIN_S = 10.0
RINGS = "70"
TALKS = "00"
PATIENCE_S = 120.0


def numbers(ringing: int, talking: int) -> list[str]:
    """Whom to call; the last two digits say what they do."""
    return [f"61755{n:03d}{RINGS if n < ringing else TALKS}" for n in range(ringing + talking)]


def under_way(sipp: Sipp, ringing: int, talking: int) -> bool | None:
    """Whether everybody rings or talks."""
    calls = sipp.calls()
    answered = sum(bool(call.received("ACK")) for call in calls)
    rings = sum(bool(call.sent(180)) and not call.sent(200) for call in calls)
    return (answered >= talking and rings >= ringing) or None


def judge(sipp: Sipp, wanted: int, killed_at: float, started_at: float) -> tuple[list[str], float]:
    """Every leg that nobody hung up in time, and how long after the kill the slowest was."""
    faults: list[str] = []
    slowest_s = 0.0
    calls = sipp.calls()
    if len(calls) != wanted:
        faults.append(f"LEGS {len(calls)} were seen, not {wanted}")
    for call in calls:
        hung_up = [m.at for m in call.received("CANCEL") + call.received("BYE") if m.at > killed_at]
        if not hung_up:
            faults.append(f"ORPHAN {call.call_id} to {call.number} was never hung up")
            continue
        slowest_s = max(slowest_s, min(hung_up) - killed_at)
        if min(hung_up) > started_at + HUNG_UP_WITHIN_S:
            faults.append(
                f"ORPHAN {call.call_id} was hung up {min(hung_up) - started_at:.1f} s late"
            )
        if over_at(call) is None:
            faults.append(f"ORPHAN {call.call_id} to {call.number} never came to an end")
    return faults, slowest_s


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ringing", type=int, default=50)
    parser.add_argument("--talking", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn here")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=["orphans-left"], help="break a promise")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    called = numbers(given.ringing, given.talking)
    with (
        folder_for("orphans", given.keep) as folder,
        running_sipp(SCENARIO, folder, keys={"rtp_host": "127.0.0.1", "rtp_port": 9}) as sipp,
        server_folder(
            folder / "server",
            {"trunks.main": trunk(sipp.address, ring_timeout="10m", calls_per_second=25)},
            program=broken_program(given.broken) if given.broken else PROGRAM,
        ) as server,
    ):
        application = server.add_application("talks", waits(60))
        server.start()
        csv = "\n".join(["destination", *called]) + "\n"
        assert server.api.queue_list(application, csv).status == 200
        wait_for(
            "everybody under way",
            lambda: under_way(sipp, given.ringing, given.talking),
            within_s=PATIENCE_S,
        )
        # What the line said last reaches the disk.
        watch_for(1.0)
        killed_at = time.time()
        server.kill(lines_too=True)
        server.start()
        started_at = time.time()
        wanted = len(called)
        watch_for(HUNG_UP_WITHIN_S, lambda: not judge(sipp, wanted, killed_at, started_at)[0])
        faults, slowest_s = judge(sipp, wanted, killed_at, started_at)
        server.stop()
    figures = {
        "stress": "orphans",
        "seed": given.seed,
        "ringing": given.ringing,
        "talking": given.talking,
        "slowest_after_kill_s": round(slowest_s, 2),
        "took_s": round(time.monotonic() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
