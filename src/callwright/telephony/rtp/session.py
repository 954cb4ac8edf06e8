"""The audio of one call: a UDP socket, what leaves every 20 ms, what comes in.

Sends prompts, keys or silence. Knows no SIP: addresses, codec and direction are told to it.
What comes in is `hearing`'s to understand; who may speak at all, `wire`'s to say. Both are
looked after once in 20 ms, when the ticker comes by.

Source: RFC 3550, RFC 3551, RFC 4733.
"""

import itertools
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Literal, NamedTuple, Protocol

from callwright.telephony.rtp.digits import EventSlot, Slot, plan_digits
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import (
    FRAME_S,
    FRAME_SAMPLES,
    PAYLOAD_TYPES,
    SILENCE,
    Codec,
    transcode,
)
from callwright.telephony.rtp.hearing import Hearing, Listener
from callwright.telephony.rtp.packet import pack_event, pack_rtp
from callwright.telephony.rtp.receiver import Address
from callwright.telephony.rtp.ticker import Member
from callwright.telephony.rtp.wire import Wire

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
"""Seen from here: `sendonly` = we send, the peer does not."""

_QUIET_LIMIT_S = 30.0
_GREEDY_EVERY = 8
"""In cycles: usually one packet waits, and looking for a second costs a third of its price."""
_MOST_AT_ONCE = 64


class MediaStats(NamedTuple):
    """Counts over the life of a session."""

    received_packets: int
    lost_packets: int
    sent_packets: int


class Beat(Protocol):
    """What ticks a session: the plane's `Ticker`, or a test's hand."""

    def join(self, member: Member) -> None:
        """Tick `member` from now on."""
        ...

    def leave(self, member: Member) -> None:
        """No tick any more."""
        ...


class MediaOwner(Protocol):
    """What a session needs of the plane it came from."""

    @property
    def ticker(self) -> Beat:
        """Where the session's 20 ms come from."""
        ...

    def release(self, session: "MediaSession") -> None:
        """The session's port is free again."""
        ...


class MediaSession:
    """One call's audio. All methods and callbacks belong to the event loop's thread.

    `on_timeout` is called once when nothing came for 30 s although both sides should be
    sending. A callback may close the session.
    """

    def __init__(
        self, owner: MediaOwner, sock: socket.socket, *, quiet_limit_s: float = _QUIET_LIMIT_S
    ) -> None:
        self.on_timeout: Callable[[], None] | None = None
        self._owner = owner
        self._wire = Wire(sock)
        self.local_port = self._wire.local_port
        self._started = self._closed = False
        self._quiet_limit_cycles = round(quiet_limit_s / FRAME_S)
        self._codec: Codec = "PCMU"
        self._payload_type = PAYLOAD_TYPES[self._codec]
        self._silence = SILENCE[self._codec]
        self._dtmf_payload: int | None = None
        self._direction: Direction = "inactive"
        self._sends = False
        self._expects = False
        self._heard = self._crowded = False
        self._heard_cycle = 0
        self._ssrc = secrets.randbits(32)
        self._hearing = Hearing(self._ssrc)
        self._sequence = secrets.randbits(16)
        self._timestamp_base = secrets.randbits(32)
        self._event_timestamp = 0
        self._marker = True
        self._sent = 0
        self._frames: Iterator[bytes] = iter(())
        self._on_played: Callable[[], None] | None = None
        self._slots: Iterator[Slot] | None = None
        self._on_keyed: Callable[[], None] | None = None

    @property
    def on_digit(self) -> Callable[[str], None] | None:
        """Gets each key once, when it is first heard."""
        return self._hearing.on_digit

    @on_digit.setter
    def on_digit(self, heard: Callable[[str], None] | None) -> None:
        self._hearing.on_digit = heard

    @property
    def on_audio(self) -> Callable[[bytes], None] | None:
        """Gets the G.711 codes of each packet, in the session's own law, as they came."""
        return self._hearing.on_audio

    @on_audio.setter
    def on_audio(self, heard: Callable[[bytes], None] | None) -> None:
        self._hearing.on_audio = heard

    def start(
        self,
        remote: Address,
        codec: Codec,
        dtmf_payload: int | None,
        direction: Direction = "sendrecv",
    ) -> None:
        """Begin sending and hearing, or go on with what a later answer or re-INVITE says.

        `remote` is a numeric address and port from the session description;
        `dtmf_payload` is the telephone-event payload number, None if it offered none.

        Raises:
            ValueError: `remote` is a host name (looking it up would stop all audio) or no
                address at all.
        """
        ip_address(remote[0])
        if self._closed:
            return
        if codec != self._codec:
            self._frames = map(partial(transcode, source=self._codec, target=codec), self._frames)
        self._codec = codec
        self._payload_type = PAYLOAD_TYPES[codec]
        self._silence = SILENCE[codec]
        self._dtmf_payload = dtmf_payload
        self._hearing.expect(codec, dtmf_payload)
        self._direction = direction
        self._sends = direction in ("sendrecv", "sendonly")
        self._expects = direction == "sendrecv"
        self._wire.aim(remote)
        self._heard = True
        if not self._started:
            self._started = True
            self._owner.ticker.join(self)

    def play(self, prompts: Sequence[EncodedPrompt], on_done: Callable[[], None]) -> None:
        """Say `prompts` one after the other; `on_done` when the last frame has been heard.

        Replaces what is playing, whose own `on_done` is then never called. While the
        direction forbids sending, playing waits. A prompt in the other law is brought to the
        session's: a re-INVITE may have changed it while the prompt was made.
        """
        self._frames = itertools.chain.from_iterable(map(self._in_our_law, prompts))
        self._on_played = on_done
        self._marker = True

    def stop_playing(self) -> None:
        """Silence from the next frame on; the `on_done` of `play` is not called."""
        self._frames = iter(())
        self._on_played = None

    def send_digits(self, digits: str, on_done: Callable[[], None]) -> None:
        """Key `digits` (`0-9A-D*#`, `,` or `p` = one second); `on_done` after the last gap.

        A prompt that is playing waits meanwhile. Replaces keys still being sent.

        Raises:
            ValueError: a character is no key and no pause.
        """
        as_events = self._dtmf_payload is not None
        self._slots = iter(plan_digits(digits, self._codec, as_events=as_events))
        self._on_keyed = on_done

    def listen(self, listener: Listener) -> None:
        """From now on `listener` hears the call: 20 ms of µ-law after the other, without holes.

        Whatever law and packet length the peer sends; in order, with silence where nothing
        came in time, never more than 100 ms behind what was received. Positions count
        samples since the session's first listener, one frame's 160 after the other. Sessions
        without listeners pay nothing. A listener may close the session.
        """
        self._hearing.listen(listener)

    def stop_listening(self, listener: Listener) -> None:
        """`listener` hears no more. Stopping twice is fine."""
        self._hearing.stop_listening(listener)

    def close(self) -> MediaStats:
        """Stop, give the port back, and say what passed. No callback after this."""
        if not self._closed:
            self._closed = True
            self._owner.ticker.leave(self)
            self._wire.close()
            self._hearing.close()
            self.on_timeout = self._on_played = self._on_keyed = None
            self._owner.release(self)
        return self.stats()

    def stats(self) -> MediaStats:
        """The counts so far."""
        reception = self._hearing.reception
        return MediaStats(reception.received, reception.lost, self._sent)

    def tick(self, cycle: int) -> None:
        """The ticker's call, once in 20 ms: hear what came, send this cycle's packet."""
        self._receive(cycle)
        if self._heard:
            self._heard = False
            self._heard_cycle = cycle
        elif self._expects and cycle - self._heard_cycle > self._quiet_limit_cycles:
            self._expects = False
            if self.on_timeout is not None:
                self.on_timeout()
        if self._hearing.listeners:
            self._hearing.let_hear(cycle)
        if not self._sends or self._closed:
            return
        timestamp = (self._timestamp_base + cycle * FRAME_SAMPLES) & 0xFFFFFFFF
        slot = self._next_key_slot() if self._slots is not None else None
        if isinstance(slot, EventSlot):
            self._send_event(slot, timestamp)
        else:
            frame = slot or self._next_frame()
            self._send(self._payload_type, self._marker, timestamp, frame)
            self._marker = False

    def _receive(self, cycle: int) -> None:
        wire, hearing = self._wire, self._hearing
        if not wire.is_settled:
            self._await_peer()
            return
        greedy = self._crowded or cycle % _GREEDY_EVERY == 0
        for taken in range(_MOST_AT_ONCE):
            datagram = wire.receive()
            if datagram is None:
                self._crowded = greedy and taken > (1 if self._crowded else 2)
                return
            if hearing.take(datagram, wire):
                self._heard = True
            if not greedy or self._closed:
                return

    def _await_peer(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            received = self._wire.receive_from()
            if received is None:
                return
            datagram, source = received
            ssrc = self._hearing.ssrc_of(datagram)
            # A stranger must at least speak our payload types to be taken for the peer.
            if ssrc is not None and self._wire.admits(source, ssrc):
                self._heard = self._hearing.take(datagram, self._wire)
            if self._closed:
                return

    def _in_our_law(self, prompt: EncodedPrompt) -> Iterable[bytes]:
        if prompt.codec == self._codec:
            return prompt.frames
        return map(partial(transcode, source=prompt.codec, target=self._codec), prompt.frames)

    def _next_key_slot(self) -> Slot | None:
        assert self._slots is not None
        slot = next(self._slots, None)
        if slot is None:
            done, self._on_keyed, self._slots = self._on_keyed, None, None
            if done is not None:
                done()
        return slot

    def _next_frame(self) -> bytes:
        frame = next(self._frames, None)
        if frame is None and self._on_played is not None:
            done, self._on_played = self._on_played, None
            done()
            # It may have begun the next prompt, which then follows without a gap.
            frame = next(self._frames, None)
        return self._silence if frame is None else frame

    def _send_event(self, slot: EventSlot, timestamp: int) -> None:
        if slot.first:
            self._event_timestamp = timestamp
        if self._dtmf_payload is None:
            return  # a re-INVITE took the events away while these keys were being sent
        payload = pack_event(slot.event, slot.end, slot.duration)
        self._send(self._dtmf_payload, slot.first, self._event_timestamp, payload)

    def _send(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> None:
        if self._closed:
            return  # a callback of this very tick closed the session
        packet = pack_rtp(payload_type, marker, self._sequence, timestamp, self._ssrc, payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._wire.send(packet):
            self._sent += 1
