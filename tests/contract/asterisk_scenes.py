"""What tests of lines through an Asterisk share: phones, two calls on them, and a look at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from line_world import Told

from callwright.ports.line import LegAnswered, LegOrder, LegRinging
from callwright.telephony.phones import Phones

WAITS = "callwright: 1\nname: Waits\nsteps:\n  pause:\n    wait: 20s\n    next: hangup\n"
PERSON, RINGS, BUSY = "+15551230100", "+15551230151", "+15551230150"


@asynccontextmanager
async def phones_on() -> AsyncIterator[Phones]:
    phones = Phones(("127.0.0.1", 0), rtp_ports=range(46000, 47000))
    await phones.start()
    try:
        yield phones
    finally:
        await phones.stop()


async def ringing_and_talking(told: Told) -> tuple[LegOrder, LegOrder]:
    ringing = told.place(RINGS, script="waits")
    talking = told.place(PERSON, script="waits")
    await told.until(LegRinging, ringing)
    await told.until(LegAnswered, talking)
    return ringing, talking


async def nobody_is_left(phones: Phones, calls: int, within_s: float = 0.5) -> None:
    """Of so many calls that reached the phones, all are over: what was said of them is true."""
    await asyncio.sleep(within_s)
    assert len(phones.calls) == calls
    assert all(call.ending for call in phones.calls)
