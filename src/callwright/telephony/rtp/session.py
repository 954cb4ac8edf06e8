"""The audio of one call: a UDP socket, what leaves every 20 ms, what comes in.

Knows no SIP: addresses, codec and direction are told to it. What leaves is `speaking`'s to
choose, what comes in `hearing`'s to understand, and who may speak at all `wire`'s to say. All
are looked after once in 20 ms, when the ticker comes by.

Source: RFC 3550, RFC 3551, RFC 4733.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, NamedTuple

from callwright.telephony.rtp.control import Control
from callwright.telephony.rtp.digits import EventSlot
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import (
    FRAME_S,
    FRAME_SAMPLES,
    PAYLOAD_TYPES,
    SAMPLE_RATE,
    Codec,
    transcode,
)
from callwright.telephony.rtp.hearing import Hearing, Listener
from callwright.telephony.rtp.neighbours import MediaOwner, Recorder
from callwright.telephony.rtp.packet import pack_event, pack_rtp
from callwright.telephony.rtp.receiver import Address
from callwright.telephony.rtp.speaking import Speaking
from callwright.telephony.rtp.wire import Wire
from callwright.telephony.srtp_keys import SrtpKeys

if TYPE_CHECKING:
    from callwright.telephony.rtp.srtp import Srtp

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
"""Seen from here: `sendonly` = we send, the peer does not."""

QUIET_LIMIT_S = 30.0
_GREEDY_EVERY = 8
"""In cycles: usually one packet waits, and looking for a second costs a third of its price."""
_MOST_AT_ONCE = 64
_SAMPLE_MS = 1e3 / SAMPLE_RATE
_BEGINNING = struct.Struct("=IIH")
_check_address = lru_cache(maxsize=1024)(ip_address)
"""Gateways are few, and send their address with every call."""


class MediaStats(NamedTuple):
    """Counts over the life of a session; `far_...` is what the peer reports of our audio."""

    received_packets: int
    lost_packets: int
    sent_packets: int
    jitter_ms: float = 0.0
    far_lost_packets: int = 0
    far_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    """None: the peer has reported nothing that tells."""


class MediaSession:
    """One call's audio. All methods and callbacks belong to the event loop's thread.

    `on_timeout` is called once when nothing came for `quiet_limit_s` (0 = never) although
    both sides should be sending; a report is something. A callback may close the session.
    """

    def __init__(
        self,
        owner: MediaOwner,
        sock: socket.socket,
        *,
        quiet_limit_s: float = QUIET_LIMIT_S,
    ) -> None:
        self.on_timeout: Callable[[], None] | None = None
        self._owner = owner
        self._wire = Wire(sock)
        self.local_port = self._wire.local_port
        self._started = self._closed = False
        self._quiet_limit_cycles = round(quiet_limit_s / FRAME_S)
        self._payload_type = 0
        self._dtmf_payload: int | None = None
        self._sends = self._expects = False
        self._heard = self._crowded = False
        self._heard_cycle = 0
        # RFC 3550 section 5.1 and 8: none of the three is to be guessed.
        self._ssrc, self._timestamp_base, self._sequence = _BEGINNING.unpack(os.urandom(10))
        self._speaking = Speaking()
        self._hearing = Hearing(self._ssrc)
        self._control = Control(self._ssrc, partial(owner.bind_beside, self.local_port))
        self._event_timestamp = 0
        self._marker = True
        self._srtp: Srtp | None = None
        self._recorder: Recorder | None = None
        self._sent = self._sent_octets = 0

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
        *,
        rtcp_port: int | None = None,
        keys: SrtpKeys | None = None,
    ) -> None:
        """Begin sending and hearing, or go on with what a later answer or re-INVITE says.

        `remote` is a numeric address and port from the session description;
        `dtmf_payload` is the telephone-event payload number, None if it offered none.
        `rtcp_port` is where it takes reports: beside the audio's unless it says otherwise,
        in the audio's own if both sides agreed to that. Under `keys` audio and reports travel
        sealed, and nothing else is heard.

        Raises:
            ValueError: `remote` is a host name (looking it up would stop all audio) or no
                address at all.
        """
        _check_address(remote[0])
        if self._closed:
            return
        self._seal(keys)
        self._payload_type = PAYLOAD_TYPES[codec]
        self._dtmf_payload = dtmf_payload
        self._speaking.recode(codec)
        self._hearing.expect(codec, dtmf_payload)
        self._sends = direction in ("sendrecv", "sendonly")
        self._expects = direction == "sendrecv" and self._quiet_limit_cycles > 0
        host, port = remote
        muxed = rtcp_port == port
        self._control.expect(host, rtcp_port or port + 1, muxed=muxed)
        self._hearing.on_report = self._control.reports.take if muxed else None
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
        self._speaking.play(prompts, on_done)
        self._marker = True

    def play_stream(self, frames: Iterator[bytes]) -> None:
        """Say `frames`, each 160 µ-law codes, taken one by one as they are due.

        Replaces what is playing, whose own `on_done` is then never called.
        """
        self._speaking.play_stream(frames)
        self._marker = True

    def stop_playing(self) -> None:
        """Silence from the next frame on; the `on_done` of `play` is not called."""
        self._speaking.stop_playing()

    def send_digits(self, digits: str, on_done: Callable[[], None]) -> None:
        """Key `digits` (`0-9A-D*#`, `,` or `p` = one second); `on_done` after the last gap.

        A prompt that is playing waits meanwhile. Replaces keys still being sent.

        Raises:
            ValueError: a character is no key and no pause.
        """
        as_events = self._dtmf_payload is not None
        self._speaking.send_digits(digits, on_done, as_events=as_events)

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

    def record(self, recorder: Recorder) -> None:
        """Give `recorder` both sides from now on, and close it with the session. Once only."""
        if self._recorder is None and not self._closed:
            self._recorder = recorder
            self.listen(recorder.heard)

    def close(self) -> MediaStats:
        """Stop, give the port back, and say what passed. No callback after this."""
        if not self._closed:
            self._closed = True
            if self._recorder is not None:
                self._recorder.close()
            self._owner.ticker.leave(self)
            self._control.read(self._wire)
            self._control.close()
            self._wire.close()
            self._hearing.close()
            self._speaking.stop()
            self.on_timeout = None
            self._owner.release(self)
        return self.stats()

    def stats(self) -> MediaStats:
        """The counts so far."""
        reception, reports = self._hearing.reception, self._control.reports
        there_and_back = reports.round_trip_s
        return MediaStats(
            reception.received,
            reception.lost,
            self._sent,
            reception.jitter * _SAMPLE_MS,
            reports.far_lost,
            reports.far_jitter * _SAMPLE_MS,
            None if there_and_back is None else there_and_back * 1e3,
        )

    def tick(self, cycle: int) -> None:
        """The ticker's call, once in 20 ms: hear what came, send this cycle's packet."""
        self._receive(cycle)
        timestamp = (self._timestamp_base + cycle * FRAME_SAMPLES) & 0xFFFFFFFF
        if self._control.is_due(cycle):
            self._report(timestamp)
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
        slot = self._speaking.next_slot()
        if isinstance(slot, EventSlot):
            self._send_event(slot, timestamp)
            return
        self._send(self._payload_type, self._marker, timestamp, slot)
        self._marker = False
        if self._recorder is not None and not self._closed:
            codes = transcode(slot, self._speaking.codec, "PCMU")
            self._recorder.said(self._hearing.clock(cycle), codes)

    def _seal(self, keys: SrtpKeys | None) -> None:
        if keys is None:
            self._srtp = None
        elif self._srtp is not None:
            self._srtp.follow(keys)
        else:
            from callwright.telephony.rtp.srtp import Srtp  # which needs an extra

            self._srtp = Srtp(keys)
            # Whoever misses the first packets must not miss that the numbers began again: RFC
            # 3711 section 3.3.1.
            self._sequence &= 0x7FFF
        self._control.srtp = self._srtp

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
            if self._srtp is not None:
                datagram = self._srtp.opened(datagram) or b""
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
            if self._srtp is not None:
                datagram = self._srtp.opened(datagram) or b""
            ssrc = self._hearing.ssrc_of(datagram)
            # A stranger must at least speak our payload types to be taken for the peer.
            if ssrc is not None and self._wire.admits(source, ssrc):
                self._heard = self._hearing.take(datagram, self._wire) or self._heard
            if self._closed:
                return

    def _report(self, timestamp: int) -> None:
        control, wire = self._control, self._wire
        if self._closed:
            return
        self._heard = control.read(wire) or self._heard
        sent = (self._sent, self._sent_octets)
        report = control.reports.compose(time.time(), timestamp, sent, self._hearing.reception)
        control.send(report, wire)

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
        if self._srtp is not None:
            packet = self._srtp.sealed(packet)
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._wire.send(packet):
            self._sent += 1
            self._sent_octets += len(payload)
