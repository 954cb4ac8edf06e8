"""Session descriptions: what we offer, what the other end answered, what we answer.

One audio stream of G.711 with telephone-event at 20 ms. Directions are told from our side
of the call: a peer that answers `recvonly` makes ours `sendonly`.

Source: RFC 8866 (SDP), RFC 3264 (offer and answer), RFC 4733 (telephone-event), RFC 3605
and RFC 5761 (where reports go). Keys for the audio are `media_keys`' business.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import msgspec

from callwright.errors import CallwrightError
from callwright.telephony.sip.media_keys import MediaKeys
from callwright.telephony.srtp_keys import SrtpKeys

Codec = Literal["PCMU", "PCMA"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DTMF_PAYLOAD = 101
MAX_LINES = 500

_STATIC: dict[str, Codec] = {"0": "PCMU", "8": "PCMA"}
_PAYLOADS: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
_RTPMAPS = {0: "a=rtpmap:0 PCMU/8000\r\n", 8: "a=rtpmap:8 PCMA/8000\r\n"}
_BY_NAME: dict[str, Codec] = {"pcmu/8000": "PCMU", "pcma/8000": "PCMA"}
_PLAIN = frozenset(("RTP/AVP", "RTP/AVPF"))
_SEALED = frozenset(("RTP/SAVP", "RTP/SAVPF"))
_READ = frozenset(("m=", "c=", "a="))
_MIRROR: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class SdpUnusable(CallwrightError):
    """The description holds no G.711 audio that we could exchange; the text says why."""


class MediaAnswer(msgspec.Struct, frozen=True):
    """Where our audio goes and how it is written."""

    address: str
    port: int
    codec: Codec
    payload: int
    dtmf_payload: int | None
    """None: the other end takes no telephone-events."""
    direction: Direction
    """Ours: what we may do."""
    rtcp_port: int | None = None
    """Where reports go: None = the port after the audio's; the audio's own = in its stream."""
    srtp: SrtpKeys | None = None
    """Under which keys it travels; None = as it is."""


@dataclass(slots=True)
class _Stream:
    """One m= section while it is being read."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    address: str = ""
    direction: str = ""
    rtcp_port: int | None = None
    cryptos: list[str] = field(default_factory=list)


def build_offer(
    address: str,
    port: int,
    session: int,
    version: int = 1,
    *,
    codecs: Sequence[Codec] = ("PCMU", "PCMA"),
    keys: MediaKeys | None = None,
) -> bytes:
    """Our offer: `codecs`, the best first, and telephone-event, to be sent to `address:port`.

    `version` grows by one with each new description in the same `session`.
    """
    payloads = [_PAYLOADS[codec] for codec in codecs]
    return _describe(
        address,
        port,
        session,
        version,
        payloads,
        DTMF_PAYLOAD,
        "sendrecv",
        profile=keys.profile if keys is not None else "RTP/AVP",
        extra=["a=rtcp-mux\r\n", *(keys.lines() if keys is not None else ())],
    )


def _describe(
    address: str,
    port: int,
    session: int,
    version: int,
    payloads: list[int],
    dtmf_payload: int | None,
    direction: Direction,
    *,
    profile: str = "RTP/AVP",
    extra: Sequence[str] = (),
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> bytes:
    family = "IP6" if ":" in address else "IP4"
    formats = " ".join(map(str, payloads))
    attributes = [_RTPMAPS[payload] for payload in payloads]
    if dtmf_payload is not None:
        formats += f" {dtmf_payload}"
        attributes.append(f"a=rtpmap:{dtmf_payload} telephone-event/8000\r\n")
        attributes.append(f"a=fmtp:{dtmf_payload} 0-15\r\n")
    return (
        f"v=0\r\no=- {session} {version} IN {family} {address}\r\ns=-\r\n"
        f"c=IN {family} {address}\r\nt=0 0\r\n{''.join(before)}"
        f"m=audio {port} {profile} {formats}\r\n{''.join(attributes)}"
        f"a=ptime:20\r\na={direction}\r\n{''.join(extra)}{''.join(after)}"
    ).encode("ascii")


def read_description(body: bytes, keys: MediaKeys | None = None) -> MediaAnswer:
    """What the other end's answer lets us do, where we have offered `keys`.

    The first audio stream with a port counts; in it, the first G.711 payload.

    Raises:
        SdpUnusable: no such stream, or its address or payloads are none we can use.
    """
    streams, rtpmaps = _read(body)
    index = _audio_index(streams, keys)
    stream = streams[index]
    agreed = _usable(stream, rtpmaps[index])
    srtp = keys.accepted(stream.cryptos) if keys is not None else None
    _check_secrecy(stream, keys, srtp)
    return agreed if srtp is None else msgspec.structs.replace(agreed, srtp=srtp)


def answer_offer(
    offer: bytes,
    address: str,
    port: int,
    session: int,
    version: int,
    keys: MediaKeys | None = None,
) -> tuple[bytes, MediaAnswer]:
    """Our answer to an offer made inside the call (re-INVITE, UPDATE), and what it comes to.

    Streams other than the one we take are answered with port 0, in their order.

    Raises:
        SdpUnusable: as `read_description`; such an offer deserves a 488.
    """
    streams, rtpmaps = _read(offer)
    index = _audio_index(streams, keys)
    # How calls were held before there were directions: RFC 3264 section 8.4.
    agreed = _usable(streams[index], rtpmaps[index], may_hold=True)
    extra = ["a=rtcp-mux\r\n"] if agreed.rtcp_port == agreed.port else []
    crypto = keys.answer(streams[index].cryptos) if keys is not None else None
    if crypto is not None:
        extra.append(crypto[0])
        agreed = msgspec.structs.replace(agreed, srtp=crypto[1])
    _check_secrecy(streams[index], keys, agreed.srtp)
    refused = [
        f"m={stream.kind} 0 {stream.protocol} {' '.join(stream.formats[:16]) or '0'}\r\n"
        for stream in streams
    ]
    body = _describe(
        address,
        port,
        session,
        version,
        [_PAYLOADS[agreed.codec]],
        agreed.dtmf_payload,
        agreed.direction,
        profile=streams[index].protocol,
        extra=extra,
        before=refused[:index],
        after=refused[index + 1 :],
    )
    return body, agreed


def _read(body: bytes) -> tuple[list[_Stream], list[dict[str, str]]]:
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        text = body.decode("latin-1").encode("ascii", "replace").decode("ascii")
    lines = text.replace("\r", "").split("\n")
    if len(lines) > MAX_LINES or "\0" in text:
        raise SdpUnusable("not a session description")
    session = _Stream("", 0, "", [])
    streams: list[_Stream] = []
    rtpmaps: list[dict[str, str]] = []
    current = session
    for line in lines:
        kind = line[:2]
        if kind not in _READ:
            continue
        value = line[2:].strip()
        if kind == "m=":
            current = _read_media_line(value)
            current.address, current.direction = session.address, session.direction
            streams.append(current)
            rtpmaps.append({})
        elif kind == "c=":
            parts = value.split()
            if len(parts) == 3:
                current.address = parts[2].partition("/")[0]
        else:
            if value in _MIRROR:
                current.direction = value
            elif value == "rtcp-mux":
                current.rtcp_port = current.port
            elif value.startswith("rtcp:"):
                current.rtcp_port = current.rtcp_port or _read_port(value[5:].split(" ")[0])
            elif value.startswith("crypto:"):
                current.cryptos.append(value[7:])
            elif value.startswith("rtpmap:") and rtpmaps:
                payload, _, name = value[7:].strip().partition(" ")
                rtpmaps[-1].setdefault(payload, name.strip().lower().removesuffix("/1"))
    return streams, rtpmaps


def _read_media_line(value: str) -> _Stream:
    parts = value.split()
    if len(parts) < 4:
        raise SdpUnusable("an m= line that cannot be read")
    port = _read_port(parts[1].partition("/")[0])
    if port is None:
        raise SdpUnusable("an m= line without a port")
    return _Stream(parts[0], port, parts[2], parts[3:])


def _read_port(text: str) -> int | None:
    is_port = text.isdigit() and text.isascii() and len(text) <= 5 and int(text) <= 65535
    return int(text) if is_port else None


def _audio_index(streams: list[_Stream], keys: MediaKeys | None) -> int:
    usable = _PLAIN if keys is None else _PLAIN | _SEALED
    for index, stream in enumerate(streams):
        if stream.kind == "audio" and stream.port and stream.protocol in usable:
            return index
    raise SdpUnusable("no audio stream")


def _check_secrecy(stream: _Stream, keys: MediaKeys | None, srtp: SrtpKeys | None) -> None:
    """Refuse audio without keys where one of the two ends wants them."""
    if srtp is None and keys is not None and (keys.is_required or stream.protocol in _SEALED):
        raise SdpUnusable("no SRTP keys that we could use")


def _usable(stream: _Stream, rtpmap: dict[str, str], *, may_hold: bool = False) -> MediaAnswer:
    if stream.address == "0.0.0.0" and may_hold:
        stream.direction = "inactive"
    elif not is_unicast(stream.address):
        raise SdpUnusable("no usable audio address")
    codec: Codec | None = None
    payload = 0
    dtmf_payload: int | None = None
    for each in stream.formats:
        if not each.isdigit() or len(each) > 3 or int(each) > 127:
            continue
        name = rtpmap.get(each, "")
        if codec is None:
            fixed = _STATIC.get(each)
            found = _BY_NAME.get(name) or (None if name else fixed)
            # A number with a meaning of its own that is given another is none to agree on.
            if found is not None and fixed in (None, found):
                codec, payload = found, int(each)
        # Some answer with our number and leave the rtpmap out.
        is_ours = each == str(DTMF_PAYLOAD) and not name
        if dtmf_payload is None and (name == "telephone-event/8000" or is_ours):
            dtmf_payload = int(each)
    if codec is None:
        raise SdpUnusable("no G.711 payload")
    direction = _MIRROR[stream.direction or "sendrecv"]
    return MediaAnswer(
        stream.address, stream.port, codec, payload, dtmf_payload, direction, stream.rtcp_port
    )


def is_unicast(address: str) -> bool:
    """Whether audio could be sent to `address`: an IP address, neither 0.0.0.0 nor multicast."""
    return len(address) <= 45 and _is_unicast(address)


@lru_cache(maxsize=4096)
def _is_unicast(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_multicast or parsed.is_unspecified or str(parsed) == "255.255.255.255")
