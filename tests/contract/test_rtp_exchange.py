"""Two media planes talk to each other: prompts, keys and counts, in skipped time."""

import asyncio

import numpy as np

from callwright.telephony.rtp.encoded import encoded_prompt
from callwright.telephony.rtp.plane import MediaPlane
from callwright.testing.skipping_loop import run_skipping


def test_a_prompt_and_keys_arrive_whole() -> None:
    async def main() -> None:
        here = MediaPlane("127.0.0.1", range(42000, 42200))
        there = MediaPlane("127.0.0.1", range(42200, 42400))
        ours, theirs = here.open(), there.open()
        heard = bytearray()
        digits: list[str] = []
        theirs.on_audio = heard.extend
        theirs.on_digit = digits.append
        ours.start(("127.0.0.1", theirs.local_port), "PCMU", 101)
        theirs.start(("127.0.0.1", ours.local_port), "PCMU", 101)
        codes = np.random.default_rng(1).integers(0, 255, 8000, dtype=np.uint8).tobytes()
        played = asyncio.Event()
        ours.play([encoded_prompt(codes, "PCMU", "PCMU")], played.set)
        await played.wait()
        keyed = asyncio.Event()
        ours.send_digits("12,3#", keyed.set)
        await keyed.wait()
        await asyncio.sleep(0.1)
        assert codes in bytes(heard)
        assert digits == list("123#")
        sent = ours.close().sent_packets
        await asyncio.sleep(0.005)  # the last packet is still in the socket
        received = theirs.close()
        assert received.lost_packets == 0
        assert received.received_packets == sent >= 50 + 4 * 10 + 50
        here.close()
        there.close()

    run_skipping(main())
