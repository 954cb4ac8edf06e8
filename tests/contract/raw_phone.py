"""A phone of a few lines, written by hand, that shares no SIP code with the line.

Rings at once, answers after `ring_s`, and notes when it heard which RTP packet, by the
event loop's clock.
"""

import asyncio
import re
import socket

SILENCE = (b"\xff" * 160, b"\xd5" * 160)


def bound(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


class RawPhone:
    def __init__(
        self, *, ring_s: float = 0.2, formats: str = "0 101", port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.sip, self.rtp = bound(host, port), bound()
        self.host = host
        self.port: int = self.sip.getsockname()[1]
        self.ring_s = ring_s
        self.formats = formats
        self.requests: list[str] = []
        self.responses: list[str] = []
        self.answered_at = 0.0
        self.audible_at = 0.0
        self.payloads: list[int] = []
        self.caller = ("", 0)
        self.invite = ""
        self.loop.add_reader(self.sip.fileno(), self._on_sip)
        self.loop.add_reader(self.rtp.fileno(), self._on_rtp)

    def close(self) -> None:
        for sock in (self.sip, self.rtp):
            self.loop.remove_reader(sock.fileno())
            sock.close()

    def methods(self) -> list[str]:
        return [text.split(" ")[0] for text in self.requests]

    def header(self, name: str, text: str = "") -> str:
        found = re.search(rf"^{name}: (.*?)\r$", text or self.invite, re.M)
        assert found is not None, name
        return found[1]

    def request(self, method: str, cseq: int, *, tag: str = "raw", body: str = "") -> bytes:
        """A request of the phone's own inside the call."""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:callwright@x SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bKraw{cseq};rport\r\n"
            f"From: {self.header('To')};tag={tag}\r\nTo: {self.header('From')}\r\n"
            f"Call-ID: {self.header('Call-ID')}\r\nCSeq: {cseq} {method}\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def sdp(self) -> str:
        port = self.rtp.getsockname()[1]
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {self.formats}\r\na=rtpmap:101 telephone-event/8000\r\n"
        )

    def _on_sip(self) -> None:
        data, self.caller = self.sip.recvfrom(65536)
        text = data.decode()
        if text.startswith("SIP/2.0"):
            self.responses.append(text)
            return
        self.requests.append(text)
        if text.startswith("INVITE"):
            self.invite = text
            self._answer(text, "180 Ringing")
            self.loop.call_later(self.ring_s, self._pick_up)
        elif text.startswith("BYE"):
            self._answer(text, "200 OK")

    def _pick_up(self) -> None:
        self.answered_at = self.loop.time()
        self._answer(self.invite, "200 OK", self.sdp())

    def _answer(self, request: str, status: str, body: str = "") -> None:
        to = self.header("To", request)
        lines = [
            f"SIP/2.0 {status}",
            f"Via: {self.header('Via', request)}",
            f"From: {self.header('From', request)}",
            f"To: {to}" if ";tag=" in to else f"To: {to};tag=raw",
            f"Call-ID: {self.header('Call-ID', request)}",
            f"CSeq: {self.header('CSeq', request)}",
            f"Contact: <sip:raw@{self.host}:{self.port};Transport=UDP>",
            f"Content-Length: {len(body)}",
        ]
        self.sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.caller)

    def _on_rtp(self) -> None:
        packet = self.rtp.recv(4096)
        payload_type, sound = packet[1] & 0x7F, packet[12:]
        self.payloads.append(payload_type)
        if not self.audible_at and payload_type in (0, 8) and sound not in SILENCE:
            self.audible_at = self.loop.time()
