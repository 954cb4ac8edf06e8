"""Calls a second on the wire: what the line sends, seen by whoever gets it."""

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from line_world import told_line

from callwright.domain.outcome import Outcome
from callwright.ports.line import HangUp, LegEnded, LegSent
from callwright.telephony.send_gate import SendGate


class Silent(asyncio.DatagramProtocol):
    """A trunk that answers nothing, and notes when each call's first INVITE came."""

    def __init__(self) -> None:
        self.first: dict[bytes, float] = {}

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.startswith(b"INVITE "):
            _, _, rest = data.partition(b"Call-ID: ")
            call_id, _, _ = rest.partition(b"\r\n")
            self.first.setdefault(call_id, asyncio.get_running_loop().time())


@given(
    rate=st.integers(1, 300),
    moments=st.lists(st.floats(0, 5), min_size=1, max_size=400),
)
def test_no_second_holds_more_than_the_gate_lets_through(rate: int, moments: list[float]) -> None:
    gate, sent, now = SendGate(rate), [], 0.0
    for moment in sorted(moments):
        now = max(now, moment)
        now += gate.wait_s(now)
        assert gate.wait_s(now) < 1e-9
        gate.sent(now)
        sent.append(now)
    for index, at in enumerate(sent[rate:]):
        assert at - sent[index] > 1 - 1e-9


def test_a_gate_of_no_rate_holds_nothing_back() -> None:
    gate = SendGate(0)
    for _ in range(1000):
        assert gate.wait_s(0.0) == 0
        gate.sent(0.0)


def test_orders_that_come_at_once_leave_a_second_apart(tmp_path: Path) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        transport, trunk = await loop.create_datagram_endpoint(Silent, local_addr=("127.0.0.1", 0))
        host, port = transport.get_extra_info("sockname")
        async with told_line(tmp_path, f"sip:{host}:{port}", calls_per_second=4) as told:
            orders = [told.place(f"+1617555{n:04}") for n in range(10)]
            # Hung up while it waits for its turn: it never leaves, and its end is told.
            told.line.say(HangUp(leg=orders[-1].leg))
            ended = await told.until(LegEnded, orders[-1])
            assert (ended.outcome, ended.sent) == (Outcome.CANCELED, False)
            await told.until_count(LegSent, 9)
        transport.close()
        moments = sorted(trunk.first.values())
        assert len(moments) == 9
        for index, at in enumerate(moments[4:]):
            # Less than a second by what this end's own loop was late.
            assert at - moments[index] > 0.9

    asyncio.run(scene())
