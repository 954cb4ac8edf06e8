"""Calls of a trunk on which none has a chance: they wait, are not used up, and go in the end."""

from pathlib import Path

from why_scenes import Scene, play, refused

from callwright.domain.outcome import Outcome
from callwright.domain.situation import Rule
from callwright.ports.line import TrunkStands
from callwright.runtime.trunk_states import BELIEVED_S

BACK = TrunkStands(trunk="main", takes_calls=True)


def test_after_an_outage_they_go_slowly_at_first_and_none_was_used_up(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        world.lines[-1].tells_of_trunk(refused(scene))
        await world.queue_list([f"617555{number:04}" for number in range(40)])
        for _ in range(4):
            await world.pass_time(20, step_s=1)
            world.lines[-1].tells_of_trunk(refused(scene))
        assert world.orders == []
        world.lines[-1].tells_of_trunk(BACK)
        await world.pass_time(1, step_s=0.05)
        assert 5 <= len(world.orders) <= 12
        await world.pass_until(lambda: len(world.orders) == 40)
        await world.pass_time(20)
        for number in (1, 40):
            attempts = (await world.details(number)).attempts
            assert [each.outcome for each in attempts] == [Outcome.ANSWERED]

    play(tmp_path, test, rate=100)


def test_a_line_that_died_holds_nobody(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        world.lines[-1].tells_of_trunk(refused(scene, again_in_s=3600))
        call = await scene.queue()
        assert (await scene.why(call)).first.rule is Rule.TRUNK_DOWN
        world.lines[-1].die()
        await world.pass_time(5)
        assert scene.dialled("0100")

    play(tmp_path, test)


def test_a_line_that_says_nothing_more_holds_nobody(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        world.lines[-1].tells_of_trunk(refused(scene, again_in_s=3600))
        await scene.queue()
        await world.pass_time(BELIEVED_S - 5, step_s=1)
        assert not scene.dialled("0100")
        await world.pass_time(10)
        assert scene.dialled("0100")

    play(tmp_path, test)
