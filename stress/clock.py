"""Set the wall clock in the middle of campaigns, and run them through the nights that break others.

    python3 go stress clock
    python3 go stress clock --seeds 20 --calls 200 --deaths
    python3 go stress clock --break local-clock

Steps of an hour and a day both ways and of five minutes back (with --deaths also with a death of
the server right after); both nights of a change of summer time in four zones, with the machine
in that zone; the end of 32-bit time; and a machine that is stopped between an attempt's commit
and its INVITE. Besides the oracle's rules: nobody is dialled later than a second after the
moment at which the corrected clock says that they are due.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from _breaks import Patch, breaking
from _figures import finish
from callwright.runtime import attempts, supervisor
from callwright.simulation import world_time
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, draw_campaign, number
from callwright.simulation.client import Asked
from callwright.simulation.faults import FaultPlan, Step
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

MOST_DRIFT_S = 1.0
SPAN_S = 1800.0
AROUND = timedelta(minutes=75)
STEPS_S = {
    "hour-forward": 3600.0,
    "hour-back": -3600.0,
    "day-forward": 86400.0,
    "day-back": -86400.0,
    "five-minutes-back": -300.0,
}
NIGHTS = {
    "America/New_York": 2030,
    "Europe/London": 2030,
    "Australia/Lord_Howe": 2030,
    "America/Sao_Paulo": 2018,  # the last year in which it had summer time all year round
}
END_OF_32_BITS = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Scenario:
    """One world, and whether everybody in it can be dialled the moment they are due."""

    name: str
    setting: Setting
    zone: str = "UTC"
    is_punctual: bool = True


def scenarios(seed: int, calls: int, *, deaths: bool) -> Iterator[Scenario]:
    """All of them, with campaigns drawn by `seed`."""
    chance = random.Random(seed)
    for name, by_s in STEPS_S.items():
        at_s = chance.uniform(300.0, SPAN_S / 2)
        faults = FaultPlan(steps=(Step(at_s=at_s, by_s=by_s),))
        campaign = draw_campaign(chance, calls, SPAN_S)
        yield Scenario(name, _setting(seed, campaign, faults))
        if not deaths:
            continue
        dies = replace(faults, deaths_s=(at_s + chance.uniform(0.01, 20.0),))
        setting = _setting(seed, campaign, dies)
        yield Scenario(f"{name}, and a death", setting, is_punctual=False)
    for zone, year in NIGHTS.items():
        for changes_at in transitions(zone, year):
            setting = _setting(seed, _around(changes_at, calls), FaultPlan())
            starts_at = changes_at - AROUND
            yield Scenario(
                f"{zone} {changes_at:%Y-%m}", replace(setting, starts_at=starts_at), zone
            )
    setting = _setting(seed, _around(END_OF_32_BITS, calls), FaultPlan())
    yield Scenario("2038", replace(setting, starts_at=END_OF_32_BITS - AROUND))
    short = Campaign(
        submissions=[
            Submission(at_s=float(n), numbers=(number(n),), closes_in_s=10.0) for n in range(5)
        ]
    )
    stopped = FaultPlan(stops_before_invite=frozenset({1, 3}), stop_s=30.0)
    yield Scenario("stopped", _setting(seed, short, stopped), is_punctual=False)


def transitions(zone: str, year: int) -> list[datetime]:
    """When the offset from UTC changes in that year, to the half hour."""
    step, there = timedelta(minutes=30), ZoneInfo(zone)
    first = datetime(year, 1, 1, tzinfo=UTC)
    moments = [first + step * n for n in range(366 * 48)]
    return [b for a, b in pairwise(moments) if _offset(there, a) != _offset(there, b)]


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _around(moment: datetime, calls: int) -> Campaign:
    """Calls in windows of twenty minutes, from well before the moment to well after."""
    opens_in_s = [2 * AROUND.total_seconds() * n / calls for n in range(calls)]
    return Campaign(
        submissions=[
            Submission(
                at_s=0.01 * n,
                numbers=(number(n),),
                opens_in_s=at_s,
                closes_in_s=at_s + 1200.0,
                max_attempts=3,
                wait_s=400.0,
            )
            for n, at_s in enumerate(opens_in_s)
        ]
    )


def _setting(seed: int, campaign: Campaign, faults: FaultPlan) -> Setting:
    return Setting(
        campaign=campaign,
        seed=seed,
        faults=faults,
        manners=Manners(answers=0.4, busy=0.4),
        calls_per_second=500.0,
        max_calls=500,
        horizon_s=10 * 86400.0,
    )


def run(scenario: Scenario) -> tuple[World, list[str], float]:
    """The world after its end, its faults, and how late somebody was dialled at most."""
    with living_in(scenario.zone):
        world = World(scenario.setting)
        world.run()
    faults = judge(world)
    worst_s = 0.0
    if scenario.is_punctual:
        for drift_s, text in _drifts(world):
            worst_s = max(worst_s, drift_s)
            if drift_s > MOST_DRIFT_S:
                faults.append(f"DRIFT {text}")
    return world, [f"{fault} ({scenario.name})" for fault in faults], worst_s


def _drifts(world: World) -> Iterator[tuple[float, str]]:
    """How much later than due each number was dialled first."""
    first: dict[str, float] = {}
    for leg in world.carrier.legs:
        first.setdefault(leg.number, leg.invited_s)
    for called, invited_s in first.items():
        due_s = _due_s(world, world.client.asked[called])
        yield invited_s - due_s, f"{called} was due at {due_s:.3f} and dialled at {invited_s:.3f}"


def _due_s(world: World, asked: Asked) -> float:
    """The first true second at which the clock showed that a call is due."""
    assert asked.acknowledged_s is not None
    opens_at = asked.schedule.window.opens_at
    marks = [asked.acknowledged_s, *(s.at_s for s in world.steps if s.at_s > asked.acknowledged_s)]
    for since_s, until_s in pairwise([*marks, float("inf")]):
        due_s = since_s + max(0.0, (opens_at - world.showed_at(since_s)).total_seconds())
        if due_s < until_s:
            return due_s
    raise AssertionError("time does not end")


@contextmanager
def living_in(zone: str) -> Iterator[None]:
    """Let the machine be in that time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def _local_clock() -> list[Patch]:
    """Take the clock on the wall, summer time and all, for the time."""
    first: list[float] = []

    def now(self: Any) -> datetime:
        true: datetime = self._wall.at(self._loop.time())
        offset_s = float(time.localtime(true.timestamp()).tm_gmtoff)
        first[:] = first or [offset_s]
        return true + timedelta(seconds=offset_s - first[0])

    return [(world_time.VirtualClock, "now", now)]


def _sleeps_through() -> list[Patch]:
    """Wait for the span that it was to be, whatever the clock is set to meanwhile."""

    async def never(self: Any) -> None:
        pass

    return [(supervisor.Supervisor, "_follow_clock", never)]


def _late_send() -> list[Patch]:
    """Send an INVITE whenever the machine gets to it."""
    return [(attempts.Attempts, "_send_before", lambda self, claim: 0.0)]


BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "local-clock": _local_clock,
    "sleeps-through": _sleeps_through,
    "late-send": _late_send,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="draws the campaigns")
    parser.add_argument("--seeds", type=int, default=1, help="how many of them")
    parser.add_argument("--calls", type=int, default=30, help="calls in each world")
    parser.add_argument("--only", nargs="*", default=[""], help="scenarios whose names begin so")
    parser.add_argument("--deaths", action="store_true", help="each step with a death, too")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    faults: list[str] = []
    worlds = calls = legs = 0
    worst_s = simulated_s = 0.0
    for seed in range(given.seed, given.seed + given.seeds):
        for scenario in scenarios(seed, given.calls, deaths=given.deaths):
            if not scenario.name.startswith(tuple(given.only)):
                continue
            with breaking(given.broken, BREAKS):
                world, found, drift_s = run(scenario)
            faults += found
            worlds += 1
            calls += len(world.client.asked)
            legs += len(world.carrier.legs)
            worst_s = max(worst_s, drift_s)
            simulated_s += world.now_s
            world.close()
    figures = {
        "stress": "clock",
        "seed": given.seed,
        "worlds": worlds,
        "calls": calls,
        "legs": legs,
        "worst_drift_s": round(worst_s, 3),
        "simulated_hours": round(simulated_s / 3600, 1),
        "took_s": round(time.perf_counter() - started, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
