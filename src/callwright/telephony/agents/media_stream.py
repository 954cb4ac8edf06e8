"""Twilio Media Streams, the telephone's side: messages out and in, and when what is played.

Pure: it is given frames, digits and texts, and says what to send. An agent may send audio in
pieces of any length and faster than it is spoken; it is paced here, 20 ms at a time.

Source: Twilio, "Media Streams - WebSocket Messages" (bidirectional streams).
"""

from binascii import b2a_base64
from collections import deque
from collections.abc import Mapping

import msgspec

from callwright.telephony.rtp.g711 import FRAME_SAMPLES, SILENCE

MOST_BUFFERED = 10 * 60 * 8000
"""Samples an agent may be ahead of what was spoken: ten minutes."""

_CUSHION = 2 * FRAME_SAMPLES
"""What is waited for after a silence, so that an agent who speaks as it goes does not stutter."""
_CUSHION_TICKS = 2
"""And for how long at most: less may be all there is."""
_SILENCE = SILENCE["PCMU"]


MOST_MARKS = 1000


class StreamOverrun(Exception):
    """The agent sent more than may be kept for it; the text says of what."""


class StreamNames(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream is called, as Twilio's clients expect it."""

    stream: str
    call: str
    account: str


class _Media(msgspec.Struct):
    payload: bytes


class _Mark(msgspec.Struct):
    name: str


class _Incoming(msgspec.Struct):
    event: str
    media: _Media | None = None
    mark: _Mark | None = None


_decoder = msgspec.json.Decoder(_Incoming)


class MediaStream:
    """One call's stream. Texts are in the order in which they must be sent."""

    def __init__(self, names: StreamNames, parameters: Mapping[str, str]) -> None:
        self._names = names
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunk = 0
        self._said = bytearray()
        self._said_from = 0
        """How many samples were taken from `_said` before those that are left."""
        self._marks: deque[tuple[int, str]] = deque()
        """Where marks stand among the samples, with their names."""
        self._speaks = False
        self._waited = 0

    def opening(self) -> list[str]:
        """What is said first."""
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        start = {
            "accountSid": self._names.account,
            "streamSid": self._names.stream,
            "callSid": self._names.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        return [_json(connected), self._event("start", start)]

    def heard(self, at: int, frame: bytes) -> str:
        """The callee's audio: µ-law codes from sample `at` on."""
        self._sequence += 1
        self._chunk += 1
        # By hand, for this is said fifty times a second; nothing in it needs escaping.
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":'
            f'"{self._names.stream}","media":{{"track":"inbound","chunk":"{self._chunk}",'
            f'"timestamp":"{at // 8}","payload":"{b2a_base64(frame, newline=False).decode()}"}}}}'
        )

    def keyed(self, digit: str) -> str:
        """The callee pressed a key."""
        return self._event("dtmf", {"track": "inbound_track", "digit": digit})

    def closing(self) -> str:
        """The call is over, or goes on without the agent."""
        return self._event("stop", {"accountSid": self._names.account, "callSid": self._names.call})

    def receive(self, text: str | bytes) -> list[str]:
        """What the agent said; the answers to it. What cannot be read says nothing.

        Raises:
            StreamOverrun: it is too far ahead.
        """
        try:
            message = _decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeError):
            return []
        if message.event == "media" and message.media is not None:
            if len(self._said) + len(message.media.payload) > MOST_BUFFERED:
                raise StreamOverrun("ten minutes of audio wait to be spoken")
            self._said += message.media.payload
        elif message.event == "mark" and message.mark is not None:
            if len(self._marks) >= MOST_MARKS:
                raise StreamOverrun(f"{MOST_MARKS} marks wait to be reached")
            self._marks.append((self._said_from + len(self._said), message.mark.name))
            return self._passed() if not self._said else []
        elif message.event == "clear":
            self._said_from += len(self._said)
            self._said.clear()
            return self._passed()
        return []

    def next_frame(self) -> tuple[bytes, list[str]]:
        """The next 20 ms to be spoken, with what is to be told of marks they reach."""
        available = len(self._said)
        if not self._speaks and available:
            self._waited += 1
            self._speaks = available >= _CUSHION or self._waited > _CUSHION_TICKS
        if not self._speaks:
            return _SILENCE, []
        frame = bytes(self._said[:FRAME_SAMPLES])
        del self._said[:FRAME_SAMPLES]
        self._said_from += len(frame)
        if not self._said:
            self._speaks = False
            self._waited = 0
        return frame + _SILENCE[len(frame) :], self._passed() if self._marks else []

    def _passed(self) -> list[str]:
        """The marks that everything before them was played, or dropped."""
        told = []
        while self._marks and self._marks[0][0] <= self._said_from:
            told.append(self._event("mark", {"name": self._marks.popleft()[1]}))
        return told

    def _event(self, name: str, content: Mapping[str, object]) -> str:
        self._sequence += 1
        return _json(
            {
                "event": name,
                "sequenceNumber": str(self._sequence),
                "streamSid": self._names.stream,
                name: content,
            }
        )


def _json(value: Mapping[str, object]) -> str:
    return msgspec.json.encode(value).decode()
