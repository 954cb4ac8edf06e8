"""Calls a second on the wire: what lines send, seen by whoever gets it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_world import Told, started, told_line

from callwright.clock import machine_seconds
from callwright.domain.limits import MOST_PER_SECOND
from callwright.domain.outcome import Outcome
from callwright.ports.line import HangUp, LegEnded, LegSent, TrunkRate
from callwright.telephony.pipe import LineSettings
from callwright.telephony.send_gate import LOST_AFTER_S, SendBook, SendGate, new_book_file
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.peers.busy_trunk import BusyTrunk, moments_of, most_within


class Seconds:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def shared_book() -> Iterator[int]:
    fd = new_book_file(1)
    try:
        yield fd
    finally:
        os.close(fd)


@given(
    rates=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 0.3), st.floats(0, 0.5), st.booleans()),
        min_size=1,
        max_size=200,
    ),
)
def test_no_second_holds_more_than_the_gates_of_one_book_let_through(
    rates: list[int], steps: list[tuple[int, float, float, bool]]
) -> None:
    """Whichever process sends, however long its sending takes, and if it sends at all."""
    seconds = Seconds()
    with shared_book() as fd:
        gates = [SendGate(rates[0], SendBook(1, fd), seconds=seconds) for _ in range(3)]
        per_rate = len(steps) // len(rates) + 1
        sent: list[float] = []
        since = 0
        for index, (which, pause_s, takes_s, leaves) in enumerate(steps):
            rate = rates[index // per_rate]
            if rate < gates[0].calls_per_second:
                since = len(sent)  # what left before is not held against the lower rate
            for gate in gates:
                gate.calls_per_second = rate
            seconds.now += pause_s
            while wait_s := gates[which].enter():
                seconds.now += wait_s
            seconds.now += takes_s
            if leaves:
                sent.append(seconds.now)
                gates[which].left()
            else:
                gates[which].stayed()
            assert most_within(sent[since:], 1.0) <= rate


def test_who_is_just_sending_holds_up_the_others_until_it_has_left_or_died() -> None:
    seconds = Seconds()
    with shared_book() as fd:
        one, other = (SendGate(1, SendBook(1, fd), seconds=seconds) for _ in range(2))
        assert one.enter() == 0
        seconds.now += 1.5
        assert other.enter() > 0
        one.left()
        assert other.enter() == pytest.approx(1.0, abs=0.01)
        one.stayed()
        assert other.enter() == 0
        seconds.now += LOST_AFTER_S + 0.1
        assert one.enter() == 0


def test_a_gate_of_no_rate_holds_nothing_back_and_the_highest_rate_is_held() -> None:
    seconds = Seconds()
    gate = SendGate(0, seconds=seconds)
    for _ in range(1000):
        assert gate.enter() == 0
        gate.left()
    gate.calls_per_second = MOST_PER_SECOND
    let_through = 0
    while not gate.enter():
        gate.left()
        let_through += 1
    assert let_through == MOST_PER_SECOND - 1 - 1000


def test_orders_that_come_at_once_leave_a_second_apart(tmp_path: Path) -> None:
    async def scene(trunk: BusyTrunk) -> None:
        async with told_line(tmp_path, f"sip:{trunk.address}", calls_per_second=4) as told:
            orders = [told.place(f"+1617555{n:04}") for n in range(10)]
            # Hung up while it waits for its turn: it never leaves, and its end is told.
            told.line.say(HangUp(leg=orders[-1].leg))
            ended = await told.until(LegEnded, orders[-1])
            assert (ended.outcome, ended.sent) == (Outcome.CANCELED, False)
            await told.until_count(LegSent, 9)

    with BusyTrunk() as trunk:
        asyncio.run(scene(trunk))
        assert [invite.number[-1] for invite in trunk.invites] == list("012345678")
        assert most_within(moments_of(trunk.invites), 1.0) == 4


def test_a_rate_that_is_changed_holds_for_what_waits_already(tmp_path: Path) -> None:
    async def scene(trunk: BusyTrunk) -> None:
        async with told_line(tmp_path, f"sip:{trunk.address}", calls_per_second=20) as told:
            for n in range(29):
                told.place(f"+1617555{n:04}")
            await told.until_count(LegSent, 20)
            told.line.say(TrunkRate(trunk="main", calls_per_second=2))
            await told.until_count(LegSent, 23)
            told.line.say(TrunkRate(trunk="main", calls_per_second=50))
            await told.until_count(LegSent, 29)

    with BusyTrunk() as trunk:
        asyncio.run(scene(trunk))
        slowed = moments_of(trunk.invites)[20:]
        assert slowed[0] - moments_of(trunk.invites)[0] >= 1.0
        # Two in a second, the third one later; and then the other six at once.
        assert slowed[2] - slowed[0] >= 1.0
        assert most_within(slowed[2:], 0.9) >= 6


def test_what_cannot_leave_in_time_ends_in_time_and_is_not_sent(tmp_path: Path) -> None:
    async def scene(trunk: BusyTrunk) -> None:
        async with told_line(tmp_path, f"sip:{trunk.address}", calls_per_second=1) as told:
            told.place("+16175550000")
            late = told.place("+16175550001", send_before=machine_seconds() + 0.3)
            ended = await told.until(LegEnded, late)
            assert (ended.outcome, ended.reason) == (Outcome.TRUNK_TROUBLE, "too late to send")

    with BusyTrunk() as trunk:
        asyncio.run(scene(trunk))
        assert [invite.number for invite in trunk.invites] == ["+16175550000"]


def test_several_line_processes_keep_one_rate_together(tmp_path: Path) -> None:
    rate, each = 15, 12

    async def scene(trunk: BusyTrunk, book: int) -> None:
        def process(first_port: int) -> ProcessLine:
            settings = TrunkSettings(
                name="main",
                address=f"sip:{trunk.address}",
                rtp_ports=(first_port, first_port + 199),
                calls_per_second=rate,
            )
            return ProcessLine(
                LineSettings(trunks=(settings,), speech="tones", cache_dir=str(tmp_path), book=book)
            )

        async def send(told: Told, area: str) -> None:
            for n in range(each):
                told.place(f"+1{area}555{n:04}")
            await told.until_count(LegSent, each)

        async with (
            started(process(41000)) as one,
            started(process(41200)) as two,
            started(process(41400)) as three,
        ):
            await asyncio.gather(send(one, "617"), send(two, "212"), send(three, "303"))

    with shared_book() as book, BusyTrunk() as trunk:
        asyncio.run(scene(trunk, book))
        assert len(trunk.invites) == 3 * each
        # Each of them alone would have sent all of its own in the first second.
        assert most_within(moments_of(trunk.invites), 1.0) <= rate
        assert len({invite.number[2:5] for invite in trunk.invites[:rate]}) > 1
