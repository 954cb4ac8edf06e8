"""The fake's two kinds of channels: one speaks SIP and RTP, one is a websocket of audio."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from callwright.ports.line import LegIdentity
from callwright.telephony.rtp.g711 import SILENCE
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.sip.actions import Action, Answered, EarlyMedia, Ended, How, Rang
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.sip.sdp import MediaAnswer, SdpUnusable, build_offer, read_description
from callwright.testing.peers.asterisk.connection import Connection

CAUSES = {
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    21: "Call Rejected",
    28: "Invalid number format",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    58: "Bearer capability not available",
    127: "Interworking, unspecified",
}
_CAUSE_OF = {401: 21, 403: 21, 404: 1, 408: 18, 480: 19, 484: 28, 486: 17, 488: 58, 503: 34}
_CAUSE_OF |= {600: 17, 603: 21, 604: 1, 606: 58}
"""As Asterisk's res_pjsip translates SIP answers; other 4xx are 127, other 5xx 38."""
_FRAME = 160

Tell = Callable[..., None]
"""`tell(type, channel, **facts)`."""


class Channel:
    """What both kinds are. `tell` sends an event about it."""

    def __init__(self, name: str, tell: Tell, on_gone: Callable[["Channel"], None]) -> None:
        self.name = name
        self.state = "Down"
        self.is_in_stasis = False
        self.peer: Channel | None = None
        """With whom it is bridged."""
        self._tell = tell
        self._on_gone = on_gone
        self._gone = False

    def shown(self) -> dict[str, Any]:
        """As events and answers show it."""
        return {"id": self.name, "state": self.state}

    def enter_stasis(self) -> None:
        """From now on it can be worked with."""
        self.is_in_stasis = True
        self._tell("StasisStart", self, args=[])

    def heard(self, codes: bytes) -> None:
        """Its peer sends audio."""

    def hang_up(self) -> None:
        """End it."""
        self.over(16)

    def over(self, cause: int, sip_code: int = 0) -> None:
        """It has ended."""
        if not self._gone:
            self._gone = True
            code = {"tech_cause": sip_code} if sip_code else {}
            text = CAUSES.get(cause, "Unknown")
            self._tell("ChannelDestroyed", self, cause=cause, cause_txt=text, **code)
            self._on_gone(self)


class MediaChannel(Channel):
    """Audio to and from whoever connects; Asterisk's is called WebSocket/INCOMING/..."""

    connection: Connection | None = None

    def connected(self, connection: Connection) -> None:
        """The application is there."""
        self.connection, self.state = connection, "Up"
        connection.on_message = self._on_message
        connection.on_closed = self.hang_up
        connection.send(f"MEDIA_START channel_id:{self.name} format:ulaw optimal_frame_size:160")
        self.enter_stasis()

    def heard(self, codes: bytes) -> None:
        """Hand its peer's audio on."""
        if self.connection is not None:
            self.connection.send(codes)

    def hang_up(self) -> None:
        """The websocket goes with the channel."""
        super().hang_up()
        if self.connection is not None:
            self.connection.on_closed = None
            self.connection.close()

    def _on_message(self, message: str | bytes) -> None:
        if isinstance(message, bytes) and self.peer is not None:
            self.peer.heard(message)


class SipChannel(Channel):
    """A call by SIP; its audio is its bridge's peer's."""

    def __init__(
        self,
        name: str,
        tell: Tell,
        on_gone: Callable[[Channel], None],
        *,
        endpoint: SipEndpoint,
        media: MediaPlane,
        number: str,
        variables: dict[str, str],
    ) -> None:
        super().__init__(name, tell, on_gone)
        self.queue: deque[bytes] = deque()
        """20 ms each, that wait to leave."""
        self.variables = variables
        self._endpoint = endpoint
        self._plane = media
        self._number = number
        self._call: OutgoingCall | None = None
        self._session: MediaSession | None = None
        self._limit: asyncio.TimerHandle | None = None

    @property
    def was_dialled(self) -> bool:
        return self._call is not None

    def dial(self, timeout_s: float) -> None:
        """Send the INVITE."""
        endpoint = self._endpoint
        self._session = session = self._plane.open()
        host, port = endpoint.local[0], session.local_port
        token = secrets.token_hex(12)
        caller = self.variables.get("CONNECTEDLINE(num,i)", "")
        hidden = self.variables.get("CONNECTEDLINE(pres,i)") == "prohib"
        setup = endpoint.setup(
            number=self._number,
            caller_id="" if hidden else caller,
            identity=LegIdentity(
                call_id=token, from_tag=token[:8], branch=f"z9hG4bK{token}", cseq=1
            ),
            signed_identity=self.variables.get("PJSIP_HEADER(add,Identity)", ""),
            offer=build_offer(host, port, port, codecs=("PCMU", "PCMA")),
        )
        call = OutgoingCall(setup, ring_timeout_s=timeout_s, max_length_s=86_400, session=port)
        call.set_local_media(host, port)
        endpoint.add(call, self._on_action)
        self._call = call
        longest = float(self.variables.get("TIMEOUT(absolute)", "86400"))
        self._limit = asyncio.get_running_loop().call_later(longest, self.hang_up)
        endpoint.perform(call, call.start(endpoint.now()))

    def hang_up(self) -> None:
        """CANCEL or BYE; the channel is over at once, as Asterisk's is."""
        self._leave(16)

    def _leave(self, cause: int, sip_code: int = 0) -> None:
        call, self._call = self._call, None
        if call is not None:
            self._endpoint.perform(call, call.hang_up(self._endpoint.now()))
        self.over(cause, sip_code)

    def over(self, cause: int, sip_code: int = 0) -> None:
        """Give everything back."""
        if self._limit is not None:
            self._limit.cancel()
        if self._session is not None:
            self._session.close()
            self._session = None
        super().over(cause, sip_code)

    def key(self, digits: str) -> None:
        """Send DTMF."""
        if self._session is not None:
            self._session.send_digits(digits.replace("W", ","), lambda: None)

    def heard(self, codes: bytes) -> None:
        """What the application says: cut into frames that leave one by one."""
        self.queue.extend(codes[at : at + _FRAME] for at in range(0, len(codes), _FRAME))

    def _on_action(self, action: Action) -> None:
        match action:
            case Rang(code=code):
                self.state = "Ringing"
                self._tell("Dial", self, dialstatus="PROGRESS" if code == 183 else "RINGING")
            case EarlyMedia(sdp):
                with suppress(SdpUnusable):
                    self._start(read_description(sdp))
            case Answered(sdp=sdp):
                self._on_answer(sdp)
            case Ended():
                self._on_end(action)

    def _on_answer(self, sdp: bytes) -> None:
        try:
            media = read_description(sdp)
        except SdpUnusable:
            # The real one says that it is up all the same, and then hangs up.
            self._tell("Dial", self, dialstatus="ANSWER")
            self._leave(127, 406)
            return
        self._start(media)
        self.state = "Up"
        self._tell("Dial", self, dialstatus="ANSWER")

    def _start(self, media: MediaAnswer) -> None:
        session = self._session
        if session is None:
            return
        session.on_digit = self._on_digit
        session.on_audio = self._on_audio
        session.start((media.address, media.port), media.codec, media.dtmf_payload)
        session.play_stream(self._frames())

    def _frames(self) -> Iterator[bytes]:
        while True:
            yield self.queue.popleft() if self.queue else SILENCE["PCMU"]

    def _on_digit(self, digit: str) -> None:
        self._tell("ChannelDtmfReceived", self, digit=digit, duration_ms=100)

    def _on_audio(self, codes: bytes) -> None:
        if self.peer is not None:
            self.peer.heard(codes)

    def _on_end(self, ended: Ended) -> None:
        self._call = None
        if ended.how is How.REFUSED:
            rest = 38 if ended.code >= 500 else 127
            self.over(ended.q850 or _CAUSE_OF.get(ended.code, rest), ended.code)
        elif ended.how in (How.NO_REPLY, How.NOT_LISTENING):
            self.over(18 if ended.how is How.NO_REPLY else 38)
        else:
            self.over(19 if ended.how is How.RING_TIMEOUT else 16)
