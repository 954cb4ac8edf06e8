"""Calls that a script hands to an agent: over real SIP, RTP and websockets, in skipped time."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from line_world import Told, run_with, told_line
from raw_phone import RawPhone
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from callwright.ports.line import HangUp, LegAnswered, LegEnded, LegStep
from callwright.telephony.agents import Agents
from callwright.telephony.phones import Phones

FLOW = """callwright: 1
name: Agent
variables: {{first_name: nobody}}
steps:
  talk:
    agent: ws://127.0.0.1:{port}/twilio
    parameters: {{name: "{{first_name}}", fixed: "yes"}}
    longest: 30s
    next: thanks
    failed: sorry
  thanks:
    wait: 0.2s
    next: hangup
  sorry:
    wait: 0.2s
    next: hangup
"""
KEYS_1, PERSON = "6175550156", "6175550100"
Behaviour = Callable[["Agent", ServerConnection], Awaitable[None]]
VOICE = bytes(range(100)) * 16
"""A fifth of a second of µ-law."""


class Agent:
    """What an agent heard, and when it was left."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.connections = 0
        self.gone = asyncio.Event()

    async def hear(self, websocket: ServerConnection, event: str) -> dict[str, Any]:
        """The next message of this kind."""
        while True:
            message = json.loads(await websocket.recv())
            self.told.append(message)
            if message["event"] == event:
                return dict(message)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["event"] == kind]


def said(event: str, **content: Any) -> str:
    return json.dumps({"event": event, "streamSid": "MZ", **content})


def voice(audio: bytes) -> str:
    return said("media", media={"payload": base64.b64encode(audio).decode()})


def with_agent(
    folder: Path,
    behaviour: Behaviour,
    scene: Callable[[Told, Agent, str], Awaitable[None]],
    *,
    allow: tuple[str, ...] = ("127.0.0.0/8",),
    port: int | None = None,
    driver: str = "sip",
) -> None:
    async def main() -> None:
        agent = Agent()

        async def talk(websocket: ServerConnection) -> None:
            agent.connections += 1
            with suppress(ConnectionClosed):
                await behaviour(agent, websocket)
            agent.gone.set()

        phones = Phones(("127.0.0.1", 0), rtp_ports=range(46000, 47000))
        await phones.start()
        async with serve(talk, "127.0.0.1", 0, ping_interval=None) as server:
            (listening,) = server.sockets
            address = f"sip:127.0.0.1:{phones.address[1]}"
            try:
                async with told_line(
                    folder, address, driver=driver, agents=Agents(allow), password="phones"
                ) as told:
                    told.script("agent", FLOW.format(port=port or listening.getsockname()[1]))
                    await scene(told, agent, "agent")
            finally:
                await phones.stop()

    run_with(driver, main())


def steps(told: Told, order: Any) -> list[str]:
    return [each.step for each in told.of(order, LegStep)]


def test_an_agent_hears_the_call_speaks_and_leaves_it_to_the_script(
    tmp_path: Path, driver: str
) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        await agent.hear(websocket, "start")
        await websocket.send(voice(VOICE[:1000]))
        await websocket.send(voice(VOICE[1000:]))
        await websocket.send(said("mark", mark={"name": "spoken"}))
        await agent.hear(websocket, "mark")

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(
            PERSON, script=script, call_id=7, account_id=1, variables={"first_name": "Ana"}
        )
        ended = await told.until(LegEnded, order, 60)
        assert ended.finished
        assert steps(told, order) == ["talk", "thanks"]
        (start,) = agent.events("start")
        assert start["start"]["customParameters"] == {"name": "Ana", "fixed": "yes"}
        assert start["start"]["callSid"] == f"CA{7:032x}"
        assert start["start"]["accountSid"] == f"AC{1:032x}"
        assert start["start"]["streamSid"].startswith("MZ")
        assert agent.events("mark")[0]["mark"] == {"name": "spoken"}
        heard = agent.events("media")
        assert len(heard) >= 5
        assert [int(one["media"]["timestamp"]) for one in heard] == [
            20 * number for number in range(len(heard))
        ]
        assert {len(base64.b64decode(one["media"]["payload"])) for one in heard} == {160}

    with_agent(tmp_path, behaviour, scene, driver=driver)


@pytest.mark.parametrize("driver", ["sip", "asterisk"])  # a real one finds this phone too odd
def test_what_an_agent_says_is_heard_by_the_callee_sample_by_sample(
    tmp_path: Path, driver: str
) -> None:
    async def main() -> None:
        raw = RawPhone()
        received: list[bytes] = []
        raw.loop.remove_reader(raw.rtp.fileno())
        raw.loop.add_reader(raw.rtp.fileno(), lambda: received.append(raw.rtp.recv(2048)[12:]))

        async def talk(websocket: ServerConnection) -> None:
            await websocket.recv()
            await websocket.send(voice(VOICE))
            await websocket.send(said("mark", mark={"name": "spoken"}))
            async for message in websocket:
                if '"mark"' in str(message):
                    return

        async with serve(talk, "127.0.0.1", 0, ping_interval=None) as server:
            (listening,) = server.sockets
            address = f"sip:127.0.0.1:{raw.port}"
            agents = Agents(["127.0.0.0/8"])
            async with told_line(tmp_path, address, driver=driver, agents=agents) as told:
                told.script("agent", FLOW.format(port=listening.getsockname()[1]))
                await told.until(LegEnded, told.place(PERSON, script="agent"), 60)
        raw.close()
        assert VOICE in b"".join(received)

    run_with(driver, main())


def test_keys_go_to_the_agent(tmp_path: Path, driver: str) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        await websocket.send(voice(VOICE))
        await agent.hear(websocket, "dtmf")

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(KEYS_1, script=script)
        await told.until(LegEnded, order, 60)
        assert [one["dtmf"]["digit"] for one in agent.events("dtmf")] == ["1"]
        assert steps(told, order) == ["talk", "thanks"]

    with_agent(tmp_path, behaviour, scene, driver=driver)


def test_an_agent_is_told_when_the_call_ends(tmp_path: Path, driver: str) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        await agent.hear(websocket, "stop")
        await websocket.wait_closed()

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(PERSON, script=script, call_id=9)
        await told.until(LegAnswered, order)
        await asyncio.sleep(1)
        told.line.say(HangUp(leg=order.leg))
        await told.until(LegEnded, order, 60)
        await agent.gone.wait()
        assert agent.told[-1]["stop"]["callSid"] == f"CA{9:032x}"
        assert len(agent.events("media")) >= 40

    with_agent(tmp_path, behaviour, scene, driver=driver)


def test_an_agent_that_does_not_end_is_parted_with_when_its_time_is_over(tmp_path: Path) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        await agent.hear(websocket, "stop")

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(PERSON, script=script, max_length_s=100.0)
        await told.until(LegEnded, order, 90)
        assert steps(told, order) == ["talk", "thanks"]
        assert 1450 <= len(agent.events("media")) <= 1510

    with_agent(tmp_path, behaviour, scene)


def test_an_agent_that_breaks_off_is_a_failed_one(tmp_path: Path) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        await agent.hear(websocket, "media")
        websocket.transport.abort()

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(PERSON, script=script)
        await told.until(LegEnded, order, 60)
        assert steps(told, order) == ["talk", "sorry"]

    with_agent(tmp_path, behaviour, scene)


async def _never(agent: Agent, websocket: ServerConnection) -> None:
    raise AssertionError("nobody may come here")


@pytest.mark.parametrize(
    ("allow", "port"), [((), None), (("10.0.0.0/8",), None), (("127.0.0.0/8",), 9)]
)
def test_an_agent_that_may_not_or_cannot_be_reached_fails(tmp_path: Path, allow, port) -> None:
    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(PERSON, script=script)
        await told.until(LegEnded, order, 60)
        assert steps(told, order) == ["talk", "sorry"]
        assert agent.connections == 0

    with_agent(tmp_path, _never, scene, allow=allow, port=port)


def test_an_agent_that_reads_nothing_harms_nobody(tmp_path: Path) -> None:
    async def behaviour(agent: Agent, websocket: ServerConnection) -> None:
        websocket.transport.pause_reading()
        await asyncio.sleep(25)
        websocket.transport.abort()

    async def scene(told: Told, agent: Agent, script: str) -> None:
        order = told.place(PERSON, script=script, max_length_s=100.0)
        ended = await told.until(LegEnded, order, 90)
        assert steps(told, order) == ["talk", "sorry"]
        assert ended.received_packets > 1000

    with_agent(tmp_path, behaviour, scene)
