"""A caller for the tests of the built-in phones: SIP written out by hand, RTP by the plane.

Shares no SIP code with the phones, so that an error in one is not hidden by the same error
in the other.
"""

import asyncio
import hashlib
import re
import socket
from dataclasses import dataclass, field

from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.rtp.session import MediaSession


@dataclass
class Heard:
    """A SIP message as text."""

    text: str
    at: float

    @property
    def start(self) -> str:
        return self.text.partition("\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.start.split(" ")[0] if not self.status else ""

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}:\s*(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""


@dataclass
class Caller:
    """One call from a socket of its own. `port` is where the phones listen."""

    port: int
    number: str
    law: str = "0"
    events: bool = True
    heard: list[Heard] = field(default_factory=list)
    tag: str = ""

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", 0))
        self.sip_port = self.sock.getsockname()[1]
        self.call_id = f"call-{self.sip_port}-{self.number.strip('+')}"
        self.uri = f"sip:{self.number}@127.0.0.1:{self.port}"
        self.cseq = 1
        self.arrived = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.sock.fileno(), self._readable)
        self.plane = MediaPlane("127.0.0.1", range(50000, 52000))
        self.audio: MediaSession = self.plane.open()
        self.sound = bytearray()
        self.digits = ""
        self.audio.on_audio = self.sound.extend
        self.audio.on_digit = self._on_digit

    def _on_digit(self, digit: str) -> None:
        self.digits += digit

    def _readable(self) -> None:
        text = self.sock.recv(65536).decode("latin-1")
        self.heard.append(Heard(text, self.loop.time()))
        self.arrived.set()

    def offer(self) -> str:
        event = " 101" if self.events else ""
        return (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.audio.local_port} RTP/AVP {self.law}{event}\r\n"
            + ("a=rtpmap:101 telephone-event/8000\r\n" if self.events else "")
        )

    def send(
        self,
        method: str,
        *,
        cseq: int | None = None,
        branch: str = "",
        body: str = "",
        extra: str = "",
        in_dialog: bool = True,
    ) -> None:
        number = self.cseq if cseq is None else cseq
        to_tag = f";tag={self.tag}" if in_dialog and self.tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {self.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.sip_port};rport;branch=z9hG4bK{number}{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:+15550001@127.0.0.1>;tag=caller\r\n"
            f"To: <{self.uri}>{to_tag}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:t@127.0.0.1:{self.sip_port}>\r\n"
            f"{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sock.sendto(text.encode("latin-1"), ("127.0.0.1", self.port))

    def invite(self, extra: str = "", *, offer: bool = True) -> None:
        self.send("INVITE", body=self.offer() if offer else "", extra=extra, in_dialog=False)

    async def until(self, what: int | str, within_s: float = 60.0) -> Heard:
        """The first response with this status, or request of this method."""
        async with asyncio.timeout(within_s):
            while True:
                for heard in self.heard:
                    if what in (heard.status, heard.method):
                        return heard
                self.arrived.clear()
                await self.arrived.wait()

    async def answered(self) -> Heard:
        """Wait for the 200, acknowledge it, and start the audio."""
        ok = await self.until(200)
        self.take_tag(ok)
        self.start_audio(ok.body)
        self.send("ACK", branch="ack")
        return ok

    def take_tag(self, heard: Heard) -> None:
        found = re.search(r"tag=([^;>\s]+)", heard.header("To"))
        assert found is not None
        self.tag = found[1]

    def start_audio(self, sdp: str) -> None:
        media = re.search(r"m=audio (\d+) RTP/AVP (\d+)", sdp)
        assert media is not None
        codec = "PCMU" if media[2] == "0" else "PCMA"
        event = 101 if "telephone-event" in sdp else None
        self.audio.start(("127.0.0.1", int(media[1])), codec, event)  # type: ignore[arg-type]

    def refused(self, heard: Heard) -> None:
        """Acknowledge a refusal."""
        self.take_tag(heard)
        self.send("ACK")
        self.tag = ""

    async def bye(self) -> Heard:
        self.heard.clear()
        self.cseq += 1
        self.send("BYE")
        return await self.until(200)

    def answer_bye(self, bye: Heard) -> None:
        """Say 200 to the phone's BYE."""
        copied = "".join(
            f"{name}: {bye.header(name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq")
        )
        text = f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n"
        self.sock.sendto(text.encode("latin-1"), ("127.0.0.1", self.port))

    async def say(self, seconds: float, code: int = 0x20) -> None:
        """Something loud for so long, and the frame of silence after it."""
        done = asyncio.Event()
        law = "PCMU" if self.law == "0" else "PCMA"
        self.audio.play([speech(seconds, code, law)], done.set)
        await done.wait()

    def close(self) -> None:
        self.loop.remove_reader(self.sock.fileno())
        self.sock.close()
        self.plane.close()


def speech(seconds: float, code: int, law: str) -> EncodedPrompt:
    return encoded_prompt(bytes([code]) * round(seconds * 8000), law, law)  # type: ignore[arg-type]


def digest_line(challenge: str, uri: str, password: str, algorithm: str) -> str:
    """A Proxy-Authorization line, made after RFC 7616 by hand."""
    found = re.search(r'nonce="([^"]+)"', challenge)
    assert found is not None
    nonce = found[1]
    make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def digest(text: str) -> str:
        return make(text.encode()).hexdigest()

    secret, what = digest(f"bob:phones:{password}"), digest(f"INVITE:{uri}")
    response = digest(f"{secret}:{nonce}:00000001:abc:auth:{what}")
    return (
        f'Proxy-Authorization: Digest username="bob", realm="phones", nonce="{nonce}", '
        f'uri="{uri}", response="{response}", algorithm={algorithm}, qop=auth, nc=00000001, '
        f'cnonce="abc"\r\n'
    )
