"""A call's audio session, the beat that drives it and the peer's socket, for tests."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.g711 import Codec
from callwright.telephony.rtp.packet import RtpPacket, pack_rtp, parse_rtp
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.rtp.ticker import Member


class HandBeat:
    """A ticker that a test turns."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.cycle = 1000

    def join(self, member: Member) -> None:
        self.members.append(member)

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)

    def turn(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            self.cycle += 1
            for member in tuple(self.members):
                member.tick(self.cycle)


class Owner:
    def __init__(self) -> None:
        self.ticker = HandBeat()
        self.released: list[MediaSession] = []
        self.beside: dict[int, socket.socket] = {}

    def make_beside(self, port: int) -> int:
        """The port on which the session that has `port` will read reports."""
        self.beside[port] = udp()
        return int(self.beside[port].getsockname()[1])

    def bind_beside(self, port: int) -> socket.socket | None:
        return self.beside.pop(port, None)

    def release(self, session: MediaSession) -> None:
        self.released.append(session)


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


class Talk:
    """A session, the beat that drives it, and the peer's socket."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.beat = self.owner.ticker
        self.session = MediaSession(self.owner, udp(), quiet_limit_s=1.0)
        self.peer = udp()
        self.sequence = 0

    def start(self, codec: Codec = "PCMU", dtmf: int | None = 101, way: str = "sendrecv") -> None:
        self.session.start(self.peer.getsockname(), codec, dtmf, way)  # type: ignore[arg-type]

    def sent(self) -> list[RtpPacket]:
        packets = []
        while True:
            try:
                packet = parse_rtp(self.peer.recv(2048))
            except BlockingIOError:
                return packets
            assert packet is not None
            packets.append(packet)

    def say(
        self,
        payload: bytes = b"\x00" * 160,
        payload_type: int = 0,
        *,
        timestamp: int = 0,
        ssrc: int = 77,
        source: socket.socket | None = None,
    ) -> None:
        self.sequence += 1
        packet = pack_rtp(payload_type, False, self.sequence, timestamp, ssrc, payload)
        (source or self.peer).sendto(packet, ("127.0.0.1", self.session.local_port))
        self.beat.turn()


@contextmanager
def talking() -> Iterator[Talk]:
    talk = Talk()
    try:
        yield talk
    finally:
        talk.session.close()
        talk.peer.close()


def prompt(*codes: int, codec: Codec = "PCMU") -> EncodedPrompt:
    return encoded_prompt(b"".join(bytes([code]) * 160 for code in codes), codec, codec)


def nothing() -> None:
    pass


def in_loop(scene: Callable[[Talk], None]) -> None:
    async def main() -> None:
        with talking() as talk:
            scene(talk)

    asyncio.run(main())
