"""The audio and the reports of one call, sealed on their way out and opened on their way in.

libsrtp does the work: keys for each purpose, counting over the end of the sequence numbers, and
telling repeats (RFC 3711 sections 3.3 and 4.3). What does not prove to come from whoever has
the key is dropped without a word. Needs pylibsrtp (the extra `srtp`).
"""

from pylibsrtp import Error, Policy, Session

from callwright.telephony.rtp.rtcp import is_rtcp
from callwright.telephony.srtp_keys import SrtpKeys, Suite

_PROFILES: dict[Suite, int] = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class Srtp:
    """Both directions under `keys`."""

    def __init__(self, keys: SrtpKeys) -> None:
        self._keys = keys
        self._out = _session(keys.suite, keys.ours, Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(keys.suite, keys.theirs, Policy.SSRC_ANY_INBOUND)

    def follow(self, keys: SrtpKeys) -> None:
        """Go on with what a later description says.

        A direction whose key stays keeps its count: to begin anew would repeat the stream that
        hides the audio, and hide nothing.
        """
        before, self._keys = self._keys, keys
        if (keys.suite, keys.ours) != (before.suite, before.ours):
            self._out = _session(keys.suite, keys.ours, Policy.SSRC_ANY_OUTBOUND)
        if (keys.suite, keys.theirs) != (before.suite, before.theirs):
            self._in = _session(keys.suite, keys.theirs, Policy.SSRC_ANY_INBOUND)

    def sealed(self, packet: bytes) -> bytes:
        """An RTP packet of ours as it travels."""
        return self._out.protect(packet)

    def sealed_report(self, report: bytes) -> bytes:
        """An RTCP packet of ours as it travels."""
        return self._out.protect_rtcp(report)

    def opened(self, datagram: bytes) -> bytes | None:
        """What came, RTP or RTCP, as it was before it was sealed; None: it is none of the
        peer's, or came before."""
        try:
            if len(datagram) > 1 and is_rtcp(datagram[1]):
                return self._in.unprotect_rtcp(datagram)
            return self._in.unprotect(datagram)
        except (Error, ValueError):
            return None


def _session(suite: Suite, key: bytes, direction: int) -> Session:
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=_PROFILES[suite]))
