"""The beat: every member once in 20 ms, on a loop whose time does not wait."""

import asyncio
import logging

import pytest

from callwright.telephony.rtp.ticker import Ticker
from callwright.testing.skipping_loop import run_skipping


class Counting:
    """Keeps the time and cycle of each of its ticks."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.cycles: list[int] = []

    def tick(self, cycle: int) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.cycles.append(cycle)


def test_a_member_is_ticked_every_20_ms() -> None:
    async def main() -> Counting:
        ticker, member = Ticker(), Counting()
        ticker.join(member)
        await asyncio.sleep(1.0)
        ticker.leave(member)
        return member

    member = run_skipping(main())
    assert len(member.times) in (50, 51)
    gaps = [after - before for before, after in zip(member.times, member.times[1:], strict=False)]
    assert gaps == pytest.approx([0.02] * len(gaps), abs=0.001)
    first = member.cycles[0]
    assert member.cycles == list(range(first, first + len(member.cycles)))


def test_members_are_spread_over_four_phases() -> None:
    async def main() -> list[Counting]:
        ticker, members = Ticker(), [Counting() for _ in range(8)]
        for member in members:
            ticker.join(member)
        await asyncio.sleep(0.1)
        return members

    members = run_skipping(main())
    beats = [round(member.times[0] / 0.005) % 4 for member in members]
    assert sorted(beats) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_who_leaves_during_a_beat_is_not_ticked_again() -> None:
    async def main() -> Counting:
        ticker, victim = Ticker(), Counting()

        class Leaving:
            def tick(self, cycle: int) -> None:
                ticker.leave(victim)

        for _ in range(4):
            ticker.join(Leaving())
        ticker.join(victim)
        await asyncio.sleep(0.1)
        return victim

    assert run_skipping(main()).times == []


def test_one_members_fault_silences_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Counting:
        ticker, sound = Ticker(), Counting()

        class Broken:
            def tick(self, cycle: int) -> None:
                raise RuntimeError("broken on purpose")

        for _ in range(4):
            ticker.join(Broken())
        ticker.join(sound)
        await asyncio.sleep(0.1)
        return sound

    with caplog.at_level(logging.ERROR):
        assert len(run_skipping(main()).times) == 5
    assert "media tick failed" in caplog.text


def test_nothing_runs_while_nobody_has_joined() -> None:
    async def main() -> tuple[int, int]:
        ticker, member = Ticker(), Counting()
        ticker.join(member)
        await asyncio.sleep(0.1)
        ticker.leave(member)
        before = ticker.stats().beats
        await asyncio.sleep(10)
        return before, ticker.stats().beats

    before, after = run_skipping(main())
    assert 0 < before == after


def test_a_short_stall_is_made_up_and_a_long_one_skipped() -> None:
    async def main(stall_s: float) -> tuple[Counting, int]:
        loop = asyncio.get_running_loop()
        ticker, member = Ticker(), Counting()
        ticker.join(member)
        await asyncio.sleep(0.1)
        # What a blocking piece of code would do to a real clock.
        loop._skipping.skipped_s += stall_s  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        return member, ticker.stats().skipped

    member, skipped = run_skipping(main(0.06))
    assert skipped == 0
    assert max(b - a for a, b in zip(member.cycles, member.cycles[1:], strict=False)) == 1
    member, skipped = run_skipping(main(5.0))
    assert skipped == pytest.approx(1000, abs=8)
    assert max(b - a for a, b in zip(member.cycles, member.cycles[1:], strict=False)) > 240
    assert member.cycles[-1] - member.cycles[0] == pytest.approx(260, abs=2)


def test_the_lag_is_told_in_milliseconds() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        ticker, member = Ticker(), Counting()
        ticker.join(member)
        await asyncio.sleep(0.1)
        calm = ticker.stats().lag_max_ms
        loop._skipping.skipped_s += 0.05  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        return calm, ticker.stats().lag_max_ms

    calm, stalled = run_skipping(main())
    assert calm < 0.01
    assert stalled == pytest.approx(50, abs=6)


def test_who_cannot_keep_up_still_lets_others_act() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ticker = Ticker()

        class Slow:
            def tick(self, cycle: int) -> None:
                loop._skipping.skipped_s += 0.03  # type: ignore[attr-defined]

        for _ in range(4):
            ticker.join(Slow())
        for _ in range(5):
            await asyncio.sleep(0.1)
        assert ticker.stats().skipped > 0

    run_skipping(main())
