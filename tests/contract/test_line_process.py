"""The line in its own process: it works as in ours, and never outlives its brain's calls."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from line_world import RTP_PORTS, Told, started
from sipp_phones import Phones, sipp_phones

from callwright.domain.outcome import Outcome
from callwright.errors import ConfigInvalid, Unavailable
from callwright.ports.line import LegAnswered, LegEnded, LegRinging
from callwright.telephony.pipe import FrameReader, LineSettings, PipeBroken, frame
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings

LONGER = "callwright: 1\nname: Longer\nsteps:\n  pause:\n    wait: 20s\n    next: hangup\n"


def settings(folder: Path, address: str, **trunk: Any) -> LineSettings:
    made = TrunkSettings(name="main", address=address, rtp_ports=RTP_PORTS, **trunk)
    return LineSettings(trunks=(made,), speech="tones", cache_dir=str(folder / "prompts"))


def run(folder: Path, work: Callable[[Told, ProcessLine, Phones], Awaitable[None]]) -> None:
    async def body() -> None:
        line = ProcessLine(settings(folder, phones.address))
        async with started(line) as told:
            await work(told, line, phones)

    with sipp_phones(folder) as phones:
        asyncio.run(body())


def test_legs_run_in_the_process_as_in_ours(tmp_path: Path) -> None:
    async def work(told: Told, line: ProcessLine, phones: Phones) -> None:
        assert told.ready.pid == line.pid != os.getpid()
        answered = told.place("5551230165")
        busy = told.place("5551230150")
        assert (await told.end(answered)).outcome is Outcome.ANSWERED
        assert (await told.end(busy)).outcome is Outcome.BUSY
        assert told.ready.local_sip["main"] in phones.heard("INVITE", busy.identity.call_id)

    run(tmp_path, work)


def test_stopping_hangs_everything_up_and_tells_of_it(tmp_path: Path) -> None:
    async def work(told: Told, line: ProcessLine, phones: Phones) -> None:
        told.script("longer", LONGER)
        ringing = told.place("5551230151")
        talking = told.place("5551230165", script="longer")
        await told.until(LegRinging, ringing)
        await told.until(LegAnswered, talking)
        await line.stop()
        assert await line.when_gone() == "stopped"
        assert told.of(ringing, LegEnded)[0].outcome is Outcome.INTERRUPTED
        assert told.of(talking, LegEnded)[0].outcome is Outcome.INTERRUPTED_TALKING
        assert phones.received(ringing.identity.call_id, "ACK") == ["INVITE", "CANCEL", "ACK"]
        assert phones.received(talking.identity.call_id, "BYE") == ["INVITE", "ACK", "BYE"]

    run(tmp_path, work)


def test_a_dead_line_is_noticed(tmp_path: Path) -> None:
    async def work(told: Told, line: ProcessLine, phones: Phones) -> None:
        assert line.pid is not None
        os.kill(line.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            assert "-9" in await line.when_gone()

    run(tmp_path, work)


def test_signals_for_the_terminals_group_do_not_end_a_line(tmp_path: Path) -> None:
    async def work(told: Told, line: ProcessLine, phones: Phones) -> None:
        assert line.pid is not None
        assert os.getsid(line.pid) == line.pid
        os.kill(line.pid, signal.SIGINT)
        os.kill(line.pid, signal.SIGTERM)
        assert (await told.end(told.place("5551230150"))).outcome is Outcome.BUSY

    run(tmp_path, work)


BRAIN = """
import asyncio, sys
sys.path[:0] = {path!r}
from line_world import started
from test_line_process import LONGER, ProcessLine, LegAnswered, LegRinging, settings
from pathlib import Path

async def main():
    line = ProcessLine(settings(Path(sys.argv[1]), sys.argv[2]))
    async with started(line) as told:
        told.script("longer", LONGER)
        ringing = told.place("5551230151")
        talking = told.place("5551230165", script="longer")
        await told.until(LegRinging, ringing)
        await told.until(LegAnswered, talking)
        print(line.pid, ringing.identity.call_id, talking.identity.call_id, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_when_the_brain_is_killed_every_leg_is_hung_up_at_once(tmp_path: Path) -> None:
    with sipp_phones(tmp_path) as phones:
        program = BRAIN.format(path=[*sys.path, str(Path(__file__).parent)])
        brain = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), phones.address],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert brain.stdout is not None
            line_pid, ringing, talking = brain.stdout.readline().split()
        finally:
            brain.kill()
            brain.wait(5)
            brain.stdout.close()
        deadline = time.monotonic() + 5
        while Path(f"/proc/{line_pid}/exe").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not Path(f"/proc/{line_pid}/exe").exists()
        assert phones.received(ringing, "ACK") == ["INVITE", "CANCEL", "ACK"]
        assert phones.received(talking, "BYE") == ["INVITE", "ACK", "BYE"]


def test_a_line_that_cannot_begin_says_why(tmp_path: Path) -> None:
    async def start(address: str, **trunk: Any) -> None:
        line = ProcessLine(settings(tmp_path, address, **trunk))
        await line.start(lambda message: None)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"cannot use 127\.0\.0\.1:{port} .*trunks\.main"):
            asyncio.run(start("sip:127.0.0.1", local_address="127.0.0.1", local_port=port))
    with pytest.raises(ConfigInvalid, match=r"trunks\.main\.address"):
        asyncio.run(start("sip:127.0.0.1;transport=sctp"))


def test_frames_come_out_as_they_went_in_however_they_are_cut() -> None:
    sent = [settings(Path("/tmp"), "sip:h"), settings(Path("/x" * 3000), "sip:i")]
    stream = b"".join(map(frame, sent))
    for size in (1, 3, 1000, len(stream)):
        reader = FrameReader()
        frames: list[bytes] = []
        for start in range(0, len(stream), size):
            frames += reader.feed(stream[start : start + size])
        assert [len(each) + 4 for each in frames] == [len(frame(each)) for each in sent]
    with pytest.raises(PipeBroken):
        FrameReader().feed(b"\xff\xff\xff\xff")
