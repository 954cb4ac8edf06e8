"""What a trunk or its callee may send: SIP through the whole of a call, SDP, RTP and SRTP.

A call is driven by what the input holds, message after message, with its timers between them,
and at last hung up. Whatever came, what it sent can be read, answers no more than it was asked,
and the call ends, once, and can be forgotten.
"""

import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import islice
from math import inf

from fuzz_targets import Target, promise

from callwright.telephony.rtp.packet import pack_event, pack_rtp
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.rtp.srtp import Srtp
from callwright.telephony.sip.actions import Action, Answered, Ended, Send
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.media_keys import MediaKeys
from callwright.telephony.sip.message import SipRequest, SipResponse, parse_message
from callwright.telephony.sip.requests import make_setup
from callwright.telephony.sip.sdp import (
    SdpUnusable,
    answer_offer,
    build_offer,
    is_unicast,
    read_description,
)
from callwright.telephony.srtp_keys import SrtpKeys

TRUNK = ("192.0.2.7", 5060)
PART = b"\x1e"
"""Between the messages of one input."""
MOST_PARTS = 12
MOST_WAKES = 400
SETUP = make_setup(
    call_id="c",
    from_tag="ft",
    branch="z9hG4bKb",
    cseq=1,
    number="+16175550100",
    caller_id="+16175550199",
    trunk_host="192.0.2.7:5060",
    from_host="192.0.2.1",
    sent_by="192.0.2.1:5070",
    target=TRUNK,
    credentials=Credentials(user="u", password="p"),
    offer=build_offer("192.0.2.1", 30000, 1),
)
SDP = build_offer("192.0.2.7", 6000, 9)


class Driven:
    """One call, and what it promised so far."""

    def __init__(self) -> None:
        self.call = OutgoingCall(SETUP, ring_timeout_s=60.0, max_length_s=600.0)
        self.call.set_local_media("192.0.2.1", 30000)
        self.now = 1000.0
        self.said: list[str] = []
        self.ended = 0
        self.take(self.call.start(self.now), "")

    def take(self, actions: list[Action], asked: str) -> None:
        sent = 0
        for action in actions:
            self.ended += isinstance(action, Ended)
            if isinstance(action, Answered):
                read(action.sdp)
            if not isinstance(action, Send):
                self.said.append(type(action).__name__)
                continue
            sent += 1
            message = parse_message(action.data)
            promise(message.call_id == "c", "what is sent is this call's")
            ours = message.method if isinstance(message, SipRequest) else str(message.status)
            self.said.append(ours)
            is_ours = isinstance(message, SipResponse) or message.from_tag == "ft"
            promise(is_ours, f"our {ours} names us")
        promise(not asked or sent <= 3, f"{asked} is answered by {sent} messages")
        promise(self.ended <= 1, "a call ends once")

    def hear(self, data: bytes) -> None:
        try:
            message = parse_message(data)
        except SipMalformed as exc:
            self.said.append(str(exc))
            return
        if message.call_id != "c":
            return
        try:
            if isinstance(message, SipRequest):
                self.take(self.call.on_request(message, TRUNK, self.now), message.method)
            else:
                self.take(self.call.on_response(message, self.now), str(message.status))
        except SipMalformed as exc:
            # Something that would stand in our answer may not: the endpoint then says nothing.
            self.said.append(str(exc))

    def wait(self, most: int) -> None:
        for _ in range(most):
            if self.call.wakes_at == inf:
                return
            promise(self.call.wakes_at >= self.now - 1e-6, "no timer lies in the past")
            self.now = self.call.wakes_at
            self.take(self.call.on_timer(self.now), "")


def run_sip(data: bytes) -> str:
    driven = Driven()
    for part in data.split(PART)[:MOST_PARTS]:
        # The first byte says how many timers run before the message.
        driven.wait(part[0] % 4 if part else 0)
        driven.hear(part[1:])
    said = list(driven.said)
    driven.take(driven.call.hang_up(driven.now), "")
    driven.wait(MOST_WAKES)
    promise(driven.ended == 1, "a call that is hung up ends")
    promise(driven.call.is_over, "and can be forgotten")
    return " ".join(said[:12])


def read(body: bytes, keys: MediaKeys | None = None) -> str:
    try:
        media = read_description(body, keys)
    except SdpUnusable as refusal:
        return str(refusal)
    promise(is_unicast(media.address) and 0 < media.port < 65536, "an address to send to")
    if keys is None or keys.is_required:
        promise((media.srtp is None) == (keys is None), "keys where there have to be some")
    return f"{media.codec} {media.dtmf_payload is None} {media.direction} {media.srtp}"


SECRECIES = (None, MediaKeys(is_required=False), MediaKeys(is_required=True))


def run_sdp(data: bytes) -> str:
    return "; ".join(f"{read(data, keys)}, {answered(data, keys)}" for keys in SECRECIES)


def answered(data: bytes, keys: MediaKeys | None) -> str:
    try:
        ours, media = answer_offer(data, "192.0.2.1", 30000, 1, 2, keys)
    except SdpUnusable as refusal:
        return str(refusal)
    promise(b"\n" not in ours.replace(b"\r\n", b""), "lines end as they should")
    promise((b"\na=crypto:" in ours) == (media.srtp is not None), "a key where it was agreed on")
    again, _ = answer_offer(ours, "192.0.2.2", 30002, 1, 2, keys)
    mirrored = read_description(ours.replace(b"RTP/SAVP", b"RTP/AVP"))
    promise(b"192.0.2.2" in again, "our answer can be answered")
    promise((mirrored.address, mirrored.port) == ("192.0.2.1", 30000), "our answer names us")
    promise(mirrored.codec == media.codec, "and the agreed codec")
    return f"answered {media.srtp}"


class Owner:
    """Of a session that nobody ticks but the test."""

    ticker: "Owner"

    def __init__(self) -> None:
        self.ticker = self

    def join(self, member: object) -> None: ...

    def leave(self, member: object) -> None: ...

    def bind_beside(self, port: int) -> None: ...

    def release(self, session: object) -> None: ...


OURS, THEIRS = bytes(range(30)), bytes(range(30, 60))
SUITE = "AES_CM_128_HMAC_SHA1_32"


def run_srtp(data: bytes) -> str:
    """The same for sealed audio: a packet of even length is sealed on its way, others are not."""
    peer = Srtp(SrtpKeys(suite=SUITE, ours=THEIRS, theirs=OURS))

    def sealed(packet: bytes) -> bytes:
        try:
            return packet if len(packet) % 2 else peer.sealed(packet)
        except Exception:  # no RTP, or a number that was used: libsrtp's word for the sender
            return packet

    return hear(data, sealed, SrtpKeys(suite=SUITE, ours=OURS, theirs=THEIRS))


def run_rtp(data: bytes) -> str:
    """Packets, each behind a byte with its length; what a session makes of them."""
    return hear(data, bytes, None)


def hear(data: bytes, sealed: Callable[[bytes], bytes], keys: SrtpKeys | None) -> str:
    digits: list[str] = []
    frames: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ours.bind(("127.0.0.1", 0))
        ours.setblocking(False)
        there = ours.getsockname()
        session = MediaSession(Owner(), ours)
        session.on_digit = digits.append
        session.listen(lambda position, codes: frames.append(codes))
        session.start(peer.getsockname(), "PCMU", 101, keys=keys)
        cycle = 0
        for packet in islice(_packets(data), 24):
            peer.sendto(sealed(packet), there)
            session.tick(cycle)
            cycle += 1
        stats = session.close()
    promise(all(each in "0123456789*#ABCD" for each in digits), "keys that a phone has")
    promise(all(len(each) == 160 for each in frames), "20 ms at a time")
    promise(stats.received_packets <= cycle and stats.lost_packets >= 0, "counts that can be")
    return f"{''.join(digits[:3])} {len(frames) > 0} {stats.received_packets > 0}"


def _packets(data: bytes) -> Iterator[bytes]:
    while data:
        length, data = data[0], data[1:]
        yield data[:length]
        data = data[length:]


def _response(status: int, *lines: str, cseq: str = "1 INVITE", body: bytes = b"") -> bytes:
    extra = "".join(f"{line}\r\n" for line in lines)
    branch = "z9hG4bKb" if cseq.startswith("1") else "z9hG4bKb.b"
    head = (
        f"SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;rport;branch={branch}\r\n"
        f"From: <sip:a@b>;tag=ft\r\nTo: <sip:c@d>;tag=pt\r\nCall-ID: c\r\nCSeq: {cseq}\r\n"
        f"Contact: <sip:u@192.0.2.7:5060>\r\n{extra}\r\n"
    )
    return b"\0" + head.encode() + body


def _request(method: str, cseq: int, *lines: str, body: bytes = b"") -> bytes:
    extra = "".join(f"{line}\r\n" for line in lines)
    head = (
        f"{method} sip:callwright@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKp{cseq}\r\n"
        f"From: <sip:c@d>;tag=pt\r\nTo: <sip:a@b>;tag=ft\r\nCall-ID: c\r\n"
        f"CSeq: {cseq} {method}\r\n{extra}\r\n"
    )
    return b"\0" + head.encode() + body


def _behind_length(*packets: bytes) -> bytes:
    return b"".join(bytes([len(each)]) + each for each in packets)


_RELIABLE = _response(183, "Require: 100rel", "RSeq: 1", body=SDP)
_ANSWER = _response(200, "Record-Route: <sip:192.0.2.9;lr>", body=SDP)
_TIMED = _response(200, "Session-Expires: 90;refresher=uac", "Allow: UPDATE", body=SDP)
_HEADERS = (
    "Via: SIP/2.0/UDP h;branch=z9hG4bKb", "From: <sip:a@b>;tag=ft", "To: <sip:c@d>;tag=pt",
    "Call-ID: c", "CSeq: 1 INVITE", "Contact: <sip:u@192.0.2.7>", "Record-Route: <sip:h;lr>",
    "Require: 100rel", "RSeq: 2", "RAck: 1 1 INVITE", "Session-Expires: 90", "Min-SE: 120",
    "Supported: timer", "Content-Type: application/sdp", "Content-Length: 0", "Retry-After: 5",
    'WWW-Authenticate: Digest realm="r",nonce="n",qop="auth"', "Reason: Q.850;cause=17",
    'Proxy-Authenticate: Digest realm="p",nonce="m",stale=true',
)  # fmt: skip

CRYPTO = b"AES_CM_128_HMAC_SHA1_80 inline:" + b64encode(bytes(range(30))) + b"|2^31\r\n"
RTP = [
    _behind_length(*(pack_rtp(0, False, n, n * 160, 7, b"\xff" * 160) for n in range(6))),
    _behind_length(
        *(pack_rtp(101, n == 0, n, 800, 7, pack_event(5, n > 2, n * 160)) for n in range(5))
    ),
    _behind_length(b"\x80\xc8\0\6" + b"\0" * 24, pack_rtp(0, True, 9, 9, 8, b"\x7f" * 80)),
]
RTP_PIECES = [
    b"\x80\0", b"\x80\x65", b"\x80\xe5", b"\x90\0", b"\xa0\0", b"\xb0\0", b"\x8f\0",
    b"\x80\xc9", b"\0\0\0\7", b"\xff\xff\xff\xff", b"\0\1", b"\5\x80\1\x90",
    b"\x0b\n\0\xa0", b"\xff" * 160, b"\xd5" * 80, b"\xac", b"\x10", b"\xbe\xde\0\1",
]  # fmt: skip

WIRE: dict[str, Target] = {
    "sip": Target(
        run_sip,
        [
            PART.join([_response(100), _response(180), _ANSWER, _request("BYE", 5)]),
            PART.join([_RELIABLE, _request("UPDATE", 3, body=SDP), _ANSWER]),
            PART.join([_TIMED, _request("INVITE", 7, body=SDP), _request("ACK", 7)]),
            PART.join([_TIMED, _request("UPDATE", 8, "Session-Expires: 90;refresher=uas")]),
            _response(407, 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'),
            PART.join([_response(180), _response(486, "Reason: Q.850;cause=17")]),
            PART.join([_ANSWER, _request("INFO", 5, body=b"Signal=5"), _request("OPTIONS", 6)]),
            _response(422, "Min-SE: 600"),
        ],
        [
            *(f"{line}\r\n".encode() for line in _HEADERS),
            *(f"SIP/2.0 {status} X\r\n".encode() for status in (100, 180, 200, 302, 401, 487, 503)),
            *(f"{m} sip:x@y SIP/2.0\r\n".encode() for m in ("INVITE", "BYE", "CANCEL", "UPDATE")),
            b"\r\n", b"\r\n\r\n", b"\r\n ", b";tag=", b";branch=", b"<", b">", b'"', b"\\", b",",
            b";", b"=", b"%00", b"sip:", b"sips:", b"[::1]", b"99999999999", b"\x1e\0", b"\x1e\3",
            b";transport=TCP", b"tel:+1", b"?x=y", b"*", SDP, b"\xc3\xa9", b"z9hG4bKb.2", b"2 ",
        ],
    ),
    "sdp": Target(
        run_sdp,
        [
            SDP,
            SDP.replace(b"sendrecv", b"inactive"),
            SDP + b"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
            b"v=0\nm=audio 0 RTP/AVP 0\nm=audio 5004 RTP/SAVP 8\nc=IN IP6 2001:db8::1\n",
            SDP.replace(b"RTP/AVP", b"RTP/SAVP") + b"a=crypto:1 " + CRYPTO,
            SDP + b"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:x\r\na=crypto:7 " + CRYPTO,
        ],
        [
            b"m=audio 5004 RTP/AVP 0 8 101\r\n", b"m=", b"c=IN IP4 192.0.2.9\r\n", b"c=IN IP6 ::1",
            b"c=IN IP4 0.0.0.0\r\n", b"a=rtpmap:", b"101 telephone-event/8000", b"PCMA/8000/1",
            b"a=sendonly\r\n", b"a=inactive\r\n", b"a=fmtp:101 0-15", b"RTP/AVP", b"/2",
            b"224.0.0.1", b"65536", b"0", b" ", b"\r\n", b"\n", b"\0", b"\xff", b"t=0 0\r\n",
            b"9" * 40, b"a=crypto:", b"RTP/SAVP", b"RTP/SAVPF", b"inline:", b"|2^20", b"|1:4",
            b"a=crypto:1 " + CRYPTO,
        ],
    ),
    "rtp": Target(run_rtp, RTP, RTP_PIECES),
    "srtp": Target(run_srtp, RTP, RTP_PIECES),
}  # fmt: skip
