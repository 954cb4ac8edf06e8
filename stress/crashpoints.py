"""Let the server die at every numbered crash point of a small campaign, one after the other.

    python3 go stress crashpoints
    python3 go stress crashpoints --again 40
    python3 go stress crashpoints --break intent-after-invite

A crash point stands just before and just after everything that reaches the disk or the world:
each commit, each INVITE, each hang-up, each orphan's end, each POST. The campaign is run once
to count them, then once for each with a death there; with --again N also with a second death
up to N points later, in the middle of the recovery.
"""

import argparse
import sys
import time
from dataclasses import replace

from _breaks import BREAKS, breaking
from _figures import finish
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, number
from callwright.simulation.faults import FaultPlan, Outage, Trouble
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

CAMPAIGN = Campaign(
    submissions=[
        Submission(at_s=0.0, numbers=tuple(number(n) for n in range(4)), max_attempts=2, wait_s=3),
        Submission(at_s=0.5, numbers=(number(5), number(6)), key="a list"),
        Submission(at_s=0.5, numbers=(number(7),), key="a call"),
        Submission(at_s=1.0, numbers=(number(10),), max_attempts=3, wait_s=0.0),
        Submission(at_s=2.0, numbers=(number(11),), closes_in_s=1.5, max_attempts=2, wait_s=1.0),
        Submission(at_s=3.0, numbers=(number(12),), opens_in_s=20.0),
        Submission(at_s=15.0, numbers=(number(13),), opens_in_s=100.0),
        Submission(at_s=16.0, numbers=(number(14), number(15)), opens_in_s=90.0, closes_in_s=200),
        Submission(at_s=40.0, numbers=(number(16),), max_attempts=2, wait_s=5.0),
    ],
    cancels_s=(30.0,),
)
"""Lists and single calls with a key and without, retries with and without a wait, a window that
shuts, starts to come, and a cancellation of what still waits."""

FAULTS = FaultPlan(
    trunk=(Outage(start_s=0.5, end_s=1.5, trouble=Trouble.REFUSES),),
    sink=(Outage(start_s=10.0, end_s=14.0, trouble=Trouble.REFUSES),),
    line_deaths_s=(9.0,),
    down_s=0.5,
)


def setting(seed: int) -> Setting:
    """The campaign, among people drawn by `seed`."""
    return Setting(
        campaign=CAMPAIGN,
        seed=seed,
        faults=FAULTS,
        manners=Manners(answers=0.5, busy=0.2, talks_s=6.0, rings_s=3.0),
        calls_per_second=20.0,
        max_calls=4,
        ring_timeout_s=12.0,
        horizon_s=6 * 3600.0,
    )


def run(whole: Setting, die_at: frozenset[int], broken: str | None) -> World:
    with breaking(broken):
        world = World(replace(whole, faults=replace(whole.faults, die_at_points=die_at)))
        world.run()
    return world


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="chooses who is called")
    parser.add_argument("--every", type=int, default=1, help="visit only each n-th point")
    parser.add_argument("--again", type=int, default=0, help="second deaths after each point")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    whole = setting(given.seed)
    quiet = run(whole, frozenset(), given.broken)
    faults = judge(quiet)
    points = quiet.points.passed
    quiet.close()
    died_at: dict[str, int] = {}
    missed: list[int] = []
    runs = 0
    for point in range(1, points + 1, given.every):
        for second in [0, *range(1, given.again + 1)]:
            world = run(
                whole, frozenset({point, point + second} if second else {point}), given.broken
            )
            runs += 1
            if world.lives[0].died_s is None:
                missed.append(point)
            for at in (point, point + second):
                if at <= len(world.points.log):
                    for name in world.points.log[at - 1].split(" + "):
                        died_at[name] = died_at.get(name, 0) + 1
            faults += [
                f"{fault} (died at point {point}{f' and {point + second}' if second else ''}: "
                f"{world.points.log[point - 1]})"
                for fault in judge(world)
            ]
            world.close()
    faults += [f"POINT {point} was not reached again" for point in missed]
    figures = {
        "stress": "crashpoints",
        "seed": given.seed,
        "points": points,
        "runs": runs,
        "kinds": len(died_at),
        "calls_a_run": CAMPAIGN.calls,
        "took_s": round(time.perf_counter() - started, 1),
    }
    for name in sorted(died_at):
        print(f"{died_at[name]:6} deaths {name}", file=sys.stderr)
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
