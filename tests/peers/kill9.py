"""Kill a server under load, again and again, and see whether it keeps its promises.

    python tests/peers/kill9.py --calls 200 --kills 20 --seed 1

Needs SIPp. Talks on stderr; the last line on stdout is one JSON object with the figures
and the faults. Exit code 1 if there is a fault, or, with --break, if there is none.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from callwright.testing.peers.crash_run import Plan, run_and_judge
from callwright.testing.peers.server import PROGRAM

HERE = Path(__file__).parent
SCENARIO = HERE / "uas_calls.xml"
BROKEN = HERE / "broken_server.py"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="acknowledged calls")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    parser.add_argument("--attempts", type=int, default=1, help="max_attempts of every call")
    parser.add_argument("--wait", type=int, default=60, help="reattempt_wait, in seconds")
    parser.add_argument("--keep", type=Path, help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", help="break a promise on purpose, by name")
    given = parser.parse_args(arguments)
    plan = Plan(
        calls=given.calls,
        kills=given.kills,
        seed=given.seed,
        max_attempts=given.attempts,
        wait_s=given.wait,
        settle_s=60 + (given.attempts - 1) * (given.wait + 10),
    )
    program = (sys.executable, str(BROKEN), given.broken) if given.broken else PROGRAM
    with tempfile.TemporaryDirectory(prefix="kill9-") as passing:
        folder = given.keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = run_and_judge(
            plan,
            Path(folder),
            SCENARIO,
            program=program,
            say=lambda text: print(text, file=sys.stderr),
        )
    for fault in verdict.faults:
        print(fault, file=sys.stderr)
    print(json.dumps({**verdict.figures, "faults": verdict.faults}))
    return int(bool(verdict.faults) != bool(given.broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
