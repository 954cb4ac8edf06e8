"""The audio of one call: a UDP socket, what leaves every 20 ms, what comes in.

Sends prompts, keys or silence; hears keys and counts packets. Knows no SIP: addresses,
codec and direction are told to it. What the packets mean is decided by the pure parts
(`packet`, `digits`, `receiver`); this file only joins them to a socket and the ticker.

Source: RFC 3550, RFC 3551, RFC 4733.
"""

import asyncio
import itertools
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Literal, NamedTuple, Protocol

from callwright.telephony.rtp.digits import DigitHearing, EventSlot, Slot, plan_digits
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import (
    FRAME_S,
    FRAME_SAMPLES,
    PAYLOAD_TYPES,
    SILENCE,
    Codec,
    transcode,
)
from callwright.telephony.rtp.jitter import JitterBuffer
from callwright.telephony.rtp.packet import (
    RtpPacket,
    pack_event,
    pack_rtp,
    parse_event,
    parse_rtp,
)
from callwright.telephony.rtp.receiver import Address, LossCount, SourceLatch
from callwright.telephony.rtp.ticker import Member

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
"""Seen from here: `sendonly` = we send, the peer does not."""

_CODEC_OF: dict[int, Codec] = {number: codec for codec, number in PAYLOAD_TYPES.items()}
_QUIET_LIMIT_S = 30.0
_MAX_DATAGRAM = 2048
_MAX_STALE = 2000


Listener = Callable[[int, bytes], None]
"""Gets the received audio in order: a position in samples, and 160 µ-law codes from there."""


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

    `on_digit` gets each key once, when it is first heard. `on_audio` gets the G.711 codes of
    each packet, in the session's own law. `on_timeout` is called once when nothing came for
    30 s although both sides should be sending. A callback may close the session.
    """

    def __init__(
        self, owner: MediaOwner, sock: socket.socket, *, quiet_limit_s: float = _QUIET_LIMIT_S
    ) -> None:
        self.local_port: int = sock.getsockname()[1]
        self.on_digit: Callable[[str], None] | None = None
        self.on_audio: Callable[[bytes], None] | None = None
        self.on_timeout: Callable[[], None] | None = None
        self._owner = owner
        self._sock = sock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._quiet_limit_cycles = round(quiet_limit_s / FRAME_S)
        self._codec: Codec = "PCMU"
        self._payload_type = PAYLOAD_TYPES[self._codec]
        self._silence = SILENCE[self._codec]
        self._dtmf_payload: int | None = None
        self._direction: Direction = "inactive"
        self._sends = False
        self._expects = False
        self._latch: SourceLatch | None = None
        self._stated: Address | None = None
        self._loss = LossCount()
        self._hearing = DigitHearing()
        self._keys_from = -1
        self._heard = False
        self._heard_cycle = 0
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp_base = secrets.randbits(32)
        self._event_timestamp = 0
        self._marker = True
        self._sent = 0
        self._frames: Iterator[bytes] = iter(())
        self._on_played: Callable[[], None] | None = None
        self._slots: Iterator[Slot] | None = None
        self._on_keyed: Callable[[], None] | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._jitter: JitterBuffer | None = None
        self._jitter_from = 0
        self._heard_to = 0

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
        self._direction = direction
        self._sends = direction in ("sendrecv", "sendonly")
        self._expects = direction == "sendrecv"
        if remote != self._stated:
            self._stated = remote
            self._latch = SourceLatch(remote)
        self._heard = True
        if self._loop is None:
            self._discard_waiting()
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._sock.fileno(), self._readable)
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
        self._listeners += (listener,)

    def stop_listening(self, listener: Listener) -> None:
        """`listener` hears no more. Stopping twice is fine."""
        self._listeners = tuple(each for each in self._listeners if each != listener)

    def close(self) -> MediaStats:
        """Stop, give the port back, and say what passed. No callback after this."""
        if not self._closed:
            self._closed = True
            self._owner.ticker.leave(self)
            if self._loop is not None:
                self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
            self.on_digit = self.on_audio = self.on_timeout = None
            self._on_played = self._on_keyed = None
            self._listeners = ()
            self._owner.release(self)
        return self.stats()

    def stats(self) -> MediaStats:
        """The counts so far."""
        return MediaStats(self._loss.received, self._loss.lost, self._sent)

    def tick(self, cycle: int) -> None:
        """The ticker's call, once in 20 ms: send this cycle's packet."""
        if self._heard:
            self._heard = False
            self._heard_cycle = cycle
        elif self._expects and cycle - self._heard_cycle > self._quiet_limit_cycles:
            self._expects = False
            if self.on_timeout is not None:
                self.on_timeout()
        if self._listeners:
            self._let_hear(cycle)
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

    def _let_hear(self, cycle: int) -> None:
        if self._jitter is None:
            self._jitter = JitterBuffer()
            self._jitter_from = cycle
        for frame in self._jitter.take((cycle - self._jitter_from) * FRAME_SAMPLES):
            at, self._heard_to = self._heard_to, self._heard_to + FRAME_SAMPLES
            for listener in self._listeners:
                listener(at, frame)

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
        if self._closed or self._latch is None:
            return  # a callback of this very tick closed the session
        packet = pack_rtp(payload_type, marker, self._sequence, timestamp, self._ssrc, payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        try:
            self._sock.sendto(packet, self._latch.address)
        except OSError:
            # A full buffer or a route that is gone: the peer counts it as lost, and if it
            # lasts the silence coming back ends the call.
            return
        self._sent += 1

    def _readable(self) -> None:
        try:
            datagram, source = self._sock.recvfrom(_MAX_DATAGRAM)
        except OSError:
            return
        packet = parse_rtp(datagram)
        if packet is None or self._latch is None:
            return
        known = packet.payload_type in _CODEC_OF or packet.payload_type == self._dtmf_payload
        # A stranger must at least speak our payload types to be taken for the peer.
        if not known and not self._latch.is_settled:
            return
        if not self._latch.admits(source[:2], packet.ssrc):
            return
        self._heard = True
        self._loss.note(packet.sequence, packet.ssrc)
        if packet.payload_type == self._dtmf_payload:
            self._hear_key(packet)
        elif self.on_audio is not None or self._jitter is not None:
            codec = _CODEC_OF.get(packet.payload_type)
            if codec is not None:
                self._hear_audio(packet, codec)

    def _hear_audio(self, packet: RtpPacket, codec: Codec) -> None:
        if self._jitter is not None and self._listeners:
            codes = transcode(packet.payload, codec, "PCMU")
            self._jitter.put(packet.timestamp, packet.ssrc, codes)
        if self.on_audio is not None:
            self.on_audio(transcode(packet.payload, codec, self._codec))

    def _hear_key(self, packet: RtpPacket) -> None:
        report = parse_event(packet.payload)
        # Our own SSRC: the peer echoes, and these are the keys we sent.
        if report is None or packet.ssrc == self._ssrc:
            return
        if packet.ssrc != self._keys_from:
            self._keys_from = packet.ssrc
            self._hearing = DigitHearing()
        digit = self._hearing.hear(report, packet.timestamp, packet.marker)
        if digit is not None and self.on_digit is not None:
            self.on_digit(digit)

    def _discard_waiting(self) -> None:
        # Whatever came before we knew the peer: stale audio, or the tail of another call.
        for _ in range(_MAX_STALE):
            try:
                self._sock.recv(_MAX_DATAGRAM)
            except OSError:
                return
