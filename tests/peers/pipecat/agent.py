"""An agent on Pipecat's own serializer: greets, listens for a key, and hangs up as Twilio's do.

`agent.py API_URL TOKEN`: serves a websocket on a free port of 127.0.0.1. Prints, a JSON
object a line: the port; the start it was told; each key; how it went.
"""

import asyncio
import json
import math
import struct
import sys
from types import SimpleNamespace

from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    OutputAudioRawFrame,
)
from pipecat.serializers.twilio import TwilioFrameSerializer
from websockets.asyncio.server import serve

RATE = 16_000
GREETING_S = 1.0


def say(**facts):
    print(json.dumps(facts), flush=True)


def tone():
    samples = (
        round(8000 * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(int(RATE * GREETING_S))
    )
    return b"".join(struct.pack("<h", sample) for sample in samples)


async def started(websocket):
    async for text in websocket:
        message = json.loads(text)
        if message["event"] == "start":
            return message["start"]
    raise SystemExit("no start came")


async def talk(websocket, base_url, token):
    start = await started(websocket)
    say(start=start)
    serializer = TwilioFrameSerializer(
        start["streamSid"],
        call_sid=start["callSid"],
        account_sid=start["accountSid"],
        auth_token=token,
        base_url=base_url,
    )
    # of a pipeline it looks at the rate alone
    await serializer.setup(SimpleNamespace(audio_in_sample_rate=RATE))
    greeting = OutputAudioRawFrame(audio=tone(), sample_rate=RATE, num_channels=1)
    await websocket.send(await serializer.serialize(greeting))
    heard = loudest = 0
    async for text in websocket:
        frame = await serializer.deserialize(text)
        if isinstance(frame, InputAudioRawFrame):
            heard += 1
            loudest = max(
                loudest, *map(abs, struct.unpack(f"<{len(frame.audio) // 2}h", frame.audio))
            )
        elif isinstance(frame, InputDTMFFrame):
            say(key=frame.button.value, heard=heard, loudest=loudest)
            await serializer.serialize(EndFrame())
    say(over=True)


async def main(base_url, token):
    async with serve(lambda ws: talk(ws, base_url, token), "127.0.0.1", 0) as server:
        say(port=server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
