"""An hour of a simulated world in which everything fails now and then, and its judgement."""

from callwright.simulation.drawn import draw_setting
from callwright.simulation.faults import FaultRates
from callwright.simulation.oracle import judge
from callwright.simulation.world import World

CALLS = 1000


def require_no_broken_promise(seed: int) -> None:
    """Live through the hour of that number."""
    world = World(draw_setting(seed, calls=CALLS, span_s=3600.0, rates=FaultRates()))
    world.run()
    faults, asked = judge(world), len(world.client.asked)
    world.close()
    assert faults == []
    assert asked == CALLS
