"""A real phone, baresip, is called: it hears the prompts, and its keys are heard.

Its loudspeaker feeds its microphone, so what it sends back is what it heard; tshark takes
that from the wire and it is compared with the recording that was to be played.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from callwright.clock import SystemClock
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.peers.baresip import Baresip, running_baresip
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sound import (
    RATE,
    Samples,
    chirp,
    find,
    from_ulaw,
    level,
    share_heard,
    wav,
)
from callwright.testing.peers.tshark import Capture, capturing
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("baresip")
require("tshark")

NUMBER = "+16175550123"
PROMPT = chirp(4.0, 300, 1200)
PART_S = 0.7

ONE = chirp(0.8, 2200, 1400)
TWO = chirp(0.8, 700, 2600)

FLOW = """\
callwright: 1
name: keys
steps:
  question:
    ask: {play: prompt.wav}
    keys: {1: one, 2: two}
    store: answer
    timeout: 10s
    tries: 1
  one:
    play: one.wav
    next: rest
  two:
    play: two.wav
    next: rest
  rest:
    wait: 500ms
    next: hangup
"""

SURVEY = """\
callwright: 1
survey: two questions
questions:
  - id: first
    ask: {play: prompt.wav}
    scale: 1-5
    timeout: 10s
    tries: 1
  - id: code
    ask: {play: prompt.wav}
    digits: 3
    timeout: 10s
    tries: 1
"""


@dataclass(frozen=True)
class World:
    folder: Path
    server: ServerUnderTest
    phone: Baresip
    sink: CallbackSink
    application: str
    survey: str

    def details(self, call_id: int) -> CallDetails:
        """The call as the store has it."""

        async def read() -> CallDetails | None:
            store = open_sqlite_store(self.server.folder / "callwright.db", server=False)
            try:
                now = SystemClock().now()
                return await store.read(lambda tx: tx.call_details(CallId(call_id), now))
            finally:
                await store.close()

        details = asyncio.run(read())
        assert details is not None
        return details

    def call(self, program: str, path: str) -> int:
        """Call the phone; returns once it has answered."""
        url = self.sink.url(path)
        reply = self.server.api.queue(program, phone_number=NUMBER, result_url=url)
        assert reply.status == 200, reply
        wait_for("answered call", self.is_talking, within_s=10)
        return int(reply.json()["call_id"])

    def is_talking(self) -> bool:
        return "ESTABLISHED" in self.phone.command("listcalls")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("baresip")
    with (
        callback_sink() as sink,
        running_baresip(folder, NUMBER) as phone,
        server_folder(
            folder / "server",
            {"trunks.main": trunk(phone.address), "callbacks": {"allow": ["127.0.0.0/8"]}},
        ) as server,
    ):
        for name, sound in (("prompt", PROMPT), ("one", ONE), ("two", TWO)):
            (server.folder / f"{name}.wav").write_bytes(wav(sound))
        application = server.add_application("keys", FLOW)
        survey = server.add_survey("two", SURVEY)
        server.start()
        yield World(folder, server, phone, sink, application, survey)
        assert server.stop() == 0


def test_the_phone_hears_the_prompt_and_its_key_is_heard(world: World) -> None:
    with capturing(world.folder, f"udp port {world.phone.rtp_port}") as capture:
        call_id = world.call(world.application, "/flow")
        # In the middle of the prompt, which the key must cut short.
        time.sleep(1.8)
        world.phone.key("1")
        (callback,) = world.sink.wait(1, path="/flow")
    assert json.loads(callback.body)["status"] == "completed"
    assert world.details(call_id).attempts[-1].answers == {"answer": "1"}

    played = audio_in(capture, world.phone, to_phone=True)
    prompt_at, alike = find(PROMPT[: int(PART_S * RATE)], played)
    assert alike > 0.99
    one_at, alike = find(ONE, played)
    assert alike > 0.99
    # The key cut the prompt short.
    assert PART_S < one_at - prompt_at < 3.5
    assert find(TWO, played)[1] < 0.5

    heard = audio_in(capture, world.phone, to_phone=False)
    prompt_at, share = share_heard(PROMPT[: int(PART_S * RATE)], heard)
    assert share >= 0.5
    one_at, share = share_heard(ONE, heard)
    assert share >= 0.5
    assert share_heard(TWO, heard)[1] < 0.2
    # As loud as it was recorded, and silence before it.
    begin = int((one_at + 0.1) * RATE)
    assert level(heard[begin : begin + RATE // 2]) == pytest.approx(level(ONE), rel=0.1)
    assert level(heard[: max(0, int((prompt_at - 0.1) * RATE))]) < 0.01
    (counted,) = wait_for("phone's own count", world.phone.statistics, within_s=5)
    assert counted.received >= len(played) / 160 * 0.95


def test_each_answer_of_a_survey_is_stored_as_it_is_keyed(world: World) -> None:
    call_id = world.call(world.survey, "/survey")
    world.phone.key("4")
    wait_for(
        "first answer",
        lambda: world.details(call_id).attempts[-1].answers == {"first": "4"},
        within_s=10,
    )
    assert world.is_talking()
    for digit in "937":
        world.phone.key(digit)
    (callback,) = world.sink.wait(1, path="/survey")
    assert json.loads(callback.body)["status"] == "completed"
    assert world.details(call_id).attempts[-1].answers == {"first": "4", "code": "937"}


def audio_in(capture: Capture, phone: Baresip, *, to_phone: bool) -> Samples:
    """The audio sent to the phone, or what came out of its loudspeaker and so was sent back."""
    port = "dstport" if to_phone else "srcport"
    rows = capture.fields(
        f"rtp && udp.{port} == {phone.rtp_port} && rtp.p_type == 0",
        ["rtp.timestamp", "rtp.payload"],
        decode_as=[f"udp.port=={phone.rtp_port},rtp"],
    )
    frames = {int(timestamp): bytes.fromhex(data.replace(":", "")) for timestamp, data in rows}
    first = min(frames)
    audio = np.zeros(max(frames) - first + 160)
    for timestamp, data in frames.items():
        samples = from_ulaw(data)
        audio[timestamp - first : timestamp - first + len(samples)] = samples
    return audio
