"""Kill a real server under load, again and again, and see whether it keeps its promises.

    python3 go stress kill9
    python3 go stress kill9 --kills 1000 --calls 10000
    python3 go stress kill9 --break intent-after-invite

Needs SIPp. A client submits calls without a break, through every kill -9 of the server or of the
server with its line; SIPp is the carrier, a sink takes the results. Judged by SIPp's trace,
by what arrived at the sink and by what the client was told.
"""

import argparse
import math
import sys

from _figures import finish
from _peers import SCENARIO, broken_program, folder_for
from callwright.testing.peers.crash_run import Plan, run_and_judge
from callwright.testing.peers.server import PROGRAM

BREAKS = ("intent-after-invite", "result-told-from-memory")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="acknowledged calls")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--life", type=float, default=2.0, help="longest, in seconds")
    parser.add_argument("--early", type=float, default=0.2, help="share killed before ready")
    parser.add_argument("--minutes", type=float, default=math.inf, help="then it ends sooner")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    parser.add_argument("--attempts", type=int, default=1, help="max_attempts of every call")
    parser.add_argument("--wait", type=int, default=60, help="reattempt_wait, in seconds")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=BREAKS, help="break a promise")
    given = parser.parse_args(arguments)
    plan = Plan(
        calls=given.calls,
        kills=given.kills,
        seed=given.seed,
        max_attempts=given.attempts,
        wait_s=given.wait,
        longest_life_s=given.life,
        early_share=given.early,
        longest_s=60 * given.minutes,
        settle_s=60 + (given.attempts - 1) * (given.wait + 10),
    )
    with folder_for("kill9", given.keep) as folder:
        verdict = run_and_judge(
            plan,
            folder,
            SCENARIO,
            program=broken_program(given.broken) if given.broken else PROGRAM,
            say=lambda text: print(text, file=sys.stderr),
        )
    return finish({"stress": "kill9", **verdict.figures}, verdict.faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
