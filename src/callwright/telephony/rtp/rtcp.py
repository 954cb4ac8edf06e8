"""Reports on a call's audio: ours about what came from the peer, the peer's about ours.

Pure: bytes and times in, bytes and figures out. When to send one is `session`'s business.

Source: RFC 3550 section 6.4 (SR, RR), 6.5 (SDES) and appendix A.3; RFC 5761 section 4.
"""

import struct

from callwright.telephony.rtp.g711 import SAMPLE_RATE
from callwright.telephony.rtp.receiver import Reception

_HEAD = struct.Struct("!BBHI")
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_SR, _RR, _SDES = 200, 201, 202
_VERSION_2 = 0x80
_UNIX_IN_NTP = 2_208_988_800
_MOST_LOST = 0x7FFFFF
_SECOND = 1 << 16


def is_rtcp(second: int) -> bool:
    """Whether a packet with this second byte is no RTP but RTCP on the same port."""
    return 192 <= second <= 223


class Reports:
    """Both sides' reports of one call. `own_ssrc` is what we send audio with."""

    def __init__(self, own_ssrc: int) -> None:
        self.round_trip_s: float | None = None
        """By the peer's latest report that tells."""
        self.far_lost = 0
        """Of our packets, by the peer's count."""
        self.far_jitter = 0.0
        """Of our packets as they reach the peer, in samples."""
        self._own_ssrc = own_ssrc
        self._peer_report = (0, 0.0)
        """The middle of the NTP time in the peer's latest SR, and when that came."""
        self._before = (0, 0)
        """What had been expected and received at our latest report."""

    def compose(
        self, now: float, rtp_timestamp: int, sent: tuple[int, int], reception: Reception
    ) -> bytes:
        """Our report at `now` (Unix seconds): a sender's if anything was `sent`.

        `sent` is packets and bytes of payload; `rtp_timestamp` is that of `now`.
        """
        block = self._block(now, reception)
        count = 1 if block else 0
        if sent[0]:
            ntp = int((now + _UNIX_IN_NTP) * 4294967296)
            packets, octets = (number & 0xFFFFFFFF for number in sent)
            body = _SENDER.pack(ntp >> 32, ntp & 0xFFFFFFFF, rtp_timestamp, packets, octets)
            kind = _SR
        else:
            body, kind = b"", _RR
        body += block
        words = 1 + len(body) // 4
        report = _HEAD.pack(_VERSION_2 | count, kind, words, self._own_ssrc) + body
        # A name is obligatory and says nothing of us: RFC 7022 section 4.2.
        name = b"%08x" % self._own_ssrc
        item = bytes((1, len(name))) + name + b"\0\0"
        return report + _HEAD.pack(_VERSION_2 | 1, _SDES, 1 + len(item) // 4, self._own_ssrc) + item

    def take(self, datagram: bytes, at: float) -> bool:
        """Read the peer's reports, which came `at` (Unix seconds); whether it was RTCP."""
        start = 0
        while start + 8 <= len(datagram):
            first, kind, words, ssrc = _HEAD.unpack_from(datagram, start)
            end = start + 4 + 4 * words
            if first >> 6 != 2 or not is_rtcp(kind) or end > len(datagram):
                return start > 0
            blocks = start + 8
            if kind == _SR and ssrc != self._own_ssrc:
                blocks += _SENDER.size
                if blocks <= end:
                    high, low, *_ = _SENDER.unpack_from(datagram, start + 8)
                    self._peer_report = ((high & 0xFFFF) << 16 | low >> 16, at)
            if kind in (_SR, _RR) and ssrc != self._own_ssrc:
                for number in range(first & 0x1F):
                    place = blocks + number * _BLOCK.size
                    if place + _BLOCK.size <= end:
                        self._take_block(_BLOCK.unpack_from(datagram, place), at)
            start = end
        return start > 0

    def _block(self, now: float, reception: Reception) -> bytes:
        if reception.ssrc is None:
            return b""
        expected, received = reception.expected, reception.received
        since = expected - self._before[0]
        missing = max(0, since - (received - self._before[1]))
        self._before = (expected, received)
        fraction = min(255, missing * 256 // since) if since > 0 else 0
        middle, came_at = self._peer_report
        delay = int((now - came_at) * _SECOND) & 0xFFFFFFFF if middle else 0
        return _BLOCK.pack(
            reception.ssrc,
            fraction << 24 | min(reception.lost, _MOST_LOST),
            reception.highest,
            int(reception.jitter),
            middle,
            delay,
        )

    def _take_block(self, block: tuple[int, ...], at: float) -> None:
        ssrc, lost, _, jitter, last_report, delay = block
        if ssrc != self._own_ssrc:
            return
        lost &= 0xFFFFFF
        self.far_lost = 0 if lost > _MOST_LOST else lost
        self.far_jitter = float(min(jitter, SAMPLE_RATE))
        if last_report:
            now = int((at + _UNIX_IN_NTP) * _SECOND) & 0xFFFFFFFF
            there_and_back = (now - last_report - delay) & 0xFFFFFFFF
            if there_and_back < 60 * _SECOND:  # else somebody's clock was set
                self.round_trip_s = there_and_back / _SECOND
