"""Call the same people by several lists, while they opt out and the server dies.

    python3 go stress optout
    python3 go stress optout --people 5000 --deaths 200 --seeds 5
    python3 go stress optout --break no-optout-check

Half of those who answer press the key for no more calls, some are put on the list through the
API, and the server is killed again and again, often while somebody who has just pressed the
key still listens. No INVITE may go to a number later than a second after its opt-out was on
disk; what was keyed five seconds before a death is on disk.
"""

import argparse
import random
import sys
import time

from _breaks import BREAKS, breaking
from _figures import finish
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, OptOut, Submission, number
from callwright.simulation.faults import FaultPlan
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

LISTS = 4
EVERY_S = 600.0
"""From one list to the next; all are to the same people."""


def setting(seed: int, people: int, deaths: int) -> Setting:
    """The campaign, and when the server dies, drawn by `seed`."""
    chance = random.Random(seed)
    numbers = [number(n) for n in range(people)]
    span_s = LISTS * EVERY_S
    lists = [
        Submission(
            at_s=n * EVERY_S,
            numbers=tuple(chance.sample(numbers, people)),
            max_attempts=3,
            wait_s=120.0,
        )
        for n in range(LISTS)
    ]
    opt_outs = [
        OptOut(
            at_s=chance.uniform(0.0, span_s),
            numbers=tuple(chance.sample(numbers, max(1, people // 50))),
        )
        for _ in range(10)
    ]
    return Setting(
        campaign=Campaign(
            submissions=lists, opt_outs=tuple(sorted(opt_outs, key=lambda each: each.at_s))
        ),
        seed=seed,
        faults=FaultPlan(
            deaths_s=tuple(sorted(chance.uniform(1.0, span_s) for _ in range(deaths))),
            down_s=0.5,
            line_deaths_s=tuple(chance.uniform(1.0, span_s) for _ in range(deaths // 4)),
        ),
        manners=Manners(answers=0.6, opts_out=0.5, talks_s=20.0, rings_s=4.0),
        calls_per_second=max(2.0, people / 200),
        max_calls=max(20, people // 2),
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="the first world")
    parser.add_argument("--seeds", type=int, default=1, help="how many of them")
    parser.add_argument("--people", type=int, default=300, help="who are called by every list")
    parser.add_argument("--deaths", type=int, default=20, help="of the server")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    faults: list[str] = []
    figures: dict[str, object] = {"stress": "optout", "seed": given.seed, "worlds": given.seeds}
    counts = dict.fromkeys(("calls", "rejected", "legs", "keyed", "on_the_list", "deaths"), 0)
    for seed in range(given.seed, given.seed + given.seeds):
        with breaking(given.broken):
            world = World(setting(seed, given.people, given.deaths))
            world.run()
        faults += [f"{fault} (seed {seed})" for fault in judge(world, often_called=True)]
        calls, ended, rejected, listed = world.connection.execute(
            "SELECT (SELECT count(*) FROM call), (SELECT count(*) FROM ended),"
            " (SELECT count(*) FROM refusal), (SELECT count(*) FROM opt_out)"
        ).fetchone()
        if calls != ended:
            faults.append(f"I1 {calls - ended} calls never ended (seed {seed})")
        world.close()
        keyed = sum(leg.opted_out_s is not None for leg in world.carrier.legs)
        deaths = sum(life.died_s is not None for life in world.lives)
        found = (calls, rejected, len(world.carrier.legs), keyed, listed, deaths)
        counts = {name: counts[name] + n for name, n in zip(counts, found, strict=True)}
    figures |= counts | {"took_s": round(time.perf_counter() - started, 1)}
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
