"""What lines are told to end, and who learns of it when."""

import asyncio
from collections.abc import Set

from callwright.ports.line import EndOrphans, FromLine, LegIdentity, Orphan, OrphanEnded, ToLine
from callwright.runtime.legs import ORPHANS_WITHIN_S, RESTART_WAIT_S, Lines
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import ScriptedLine


class SilentLine(ScriptedLine):
    """Answers for no orphan by itself."""

    def say(self, message: ToLine) -> None:
        if isinstance(message, EndOrphans):
            self.orphans += message.orphans
        else:
            super().say(message)

    def answer(self, attempt: str) -> None:
        message: FromLine = OrphanEnded(attempt=attempt, ended=True)
        self._heard(message)


def orphan(attempt: str) -> Orphan:
    identity = LegIdentity(call_id=f"c{attempt}", from_tag="f", branch="z9hG4bKb")
    return Orphan(
        attempt=attempt, trunk="main", number="+16175550100", caller_id="", identity=identity
    )


def test_an_orphan_is_told_of_as_soon_as_it_is_answered_for() -> None:
    """A server that dies again while one of them is silent must not have to end them all anew."""

    async def scene() -> None:
        clock, told = ManualClock(), list[Set[str]]()
        line = SilentLine(clock)
        lines = Lines(
            [lambda: line],
            clock=clock,
            on_message=lambda message: None,
            on_legs_lost=lambda legs, reason: None,
        )
        await lines.start()

        async def on_ended(attempts: Set[str]) -> None:
            told.append(set(attempts))

        ending = asyncio.create_task(
            lines.end_orphans([orphan("1.1"), orphan("2.1"), orphan("3.1")], 9.0, on_ended)
        )
        await settle()
        assert len(line.orphans) == 3
        line.answer("1.1")
        await settle()
        assert told == [{"1.1"}]
        line.answer("3.1")
        line.answer("3.1")
        await settle()
        assert told == [{"1.1"}, {"3.1"}]
        clock.advance(ORPHANS_WITHIN_S)
        await ending
        assert told == [{"1.1"}, {"3.1"}, {"2.1"}]
        await lines.stop()

    asyncio.run(scene())


def test_another_line_ends_the_orphans_of_one_that_dies_over_it() -> None:
    async def scene() -> None:
        clock, told, made = ManualClock(), list[Set[str]](), list[SilentLine]()

        def make() -> SilentLine:
            made.append(SilentLine(clock))
            return made[-1]

        lines = Lines(
            [make],
            clock=clock,
            on_message=lambda message: None,
            on_legs_lost=lambda legs, reason: None,
        )
        await lines.start()

        async def on_ended(attempts: Set[str]) -> None:
            told.append(set(attempts))

        ending = asyncio.create_task(
            lines.end_orphans([orphan("1.1"), orphan("2.1")], ORPHANS_WITHIN_S, on_ended)
        )
        await settle()
        made[0].answer("1.1")
        await settle()
        made[0].die()
        await settle()
        clock.advance(RESTART_WAIT_S)
        await settle()
        assert [each.attempt for each in made[1].orphans] == ["2.1"]
        # The new one has as long for it as the old one had.
        clock.advance(ORPHANS_WITHIN_S - RESTART_WAIT_S)
        await settle()
        assert told == [{"1.1"}]
        made[1].answer("2.1")
        await ending
        assert told == [{"1.1"}, {"2.1"}]
        await lines.stop()

    asyncio.run(scene())


def test_orphans_that_no_line_can_end_are_told_of_all_the_same() -> None:
    async def scene() -> None:
        clock, told = ManualClock(), list[Set[str]]()
        lines = Lines(
            [], clock=clock, on_message=lambda message: None, on_legs_lost=lambda legs, reason: None
        )

        async def on_ended(attempts: Set[str]) -> None:
            told.append(set(attempts))

        ending = asyncio.create_task(lines.end_orphans([orphan("1.1")], 9.0, on_ended))
        await settle()
        assert told == []
        clock.advance(9.0)
        await ending
        assert told == [{"1.1"}]

    asyncio.run(scene())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
