"""Media keys in session descriptions: what we offer, and what comes of the other end's.

Each end names the key of what it sends, in a line for each suite it can do; the answer to an
offer holds one line, with the number of the one it takes. Keys travel as they are: whoever
reads the SIP messages can hear the call.

Source: RFC 4568 sections 5.1, 6.1 and 9.1.
"""

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Literal, cast

from callwright.telephony.srtp_keys import KEY_BYTES, SrtpKeys, Suite

Secrecy = Literal["off", "offer", "require"]

SUITES: tuple[Suite, ...] = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""The best first."""

# No key identifiers, several keys or session parameters, all of which would change the packets;
# a window size hint changes nothing for us.
_CRYPTO = re.compile(
    r"([0-9]{1,9})[ \t]+(AES_CM_128_HMAC_SHA1_(?:80|32))[ \t]+"
    r"inline:([A-Za-z0-9+/]{40})(?:\|(?:2\^)?[0-9]{1,15})?(?:[ \t]+WSH=[0-9]{1,9})?\Z"
)


class MediaKeys:
    """Ours, of one call. `is_required`: without SRTP there is to be no audio."""

    def __init__(self, *, is_required: bool) -> None:
        self.is_required = is_required
        # One for each suite: nothing that was sealed under one is ever sealed under the other.
        self._ours = {suite: os.urandom(KEY_BYTES) for suite in SUITES}

    @property
    def profile(self) -> str:
        """What our offer calls its audio.

        Where it may be without SRTP, the plain name: others refuse the other one, and those that
        can do SRTP look for keys all the same.
        """
        return "RTP/SAVP" if self.is_required else "RTP/AVP"

    def lines(self) -> list[str]:
        """Of our offer."""
        return [self._line(str(number), suite) for number, suite in enumerate(SUITES, 1)]

    def accepted(self, cryptos: Sequence[str]) -> SrtpKeys | None:
        """What an answer comes to, None if it takes none of ours. `cryptos` as it wrote them."""
        offered = {(str(number), suite) for number, suite in enumerate(SUITES, 1)}
        usable = self._usable(cryptos)
        return next((keys for tag, keys in usable if (tag, keys.suite) in offered), None)

    def answer(self, cryptos: Sequence[str]) -> tuple[str, SrtpKeys] | None:
        """The line that answers an offer, and what it comes to; None: it has none for us."""
        for tag, keys in self._usable(cryptos):
            return self._line(tag, keys.suite), keys
        return None

    def _usable(self, cryptos: Sequence[str]) -> Iterator[tuple[str, SrtpKeys]]:
        for crypto in cryptos:
            found = _CRYPTO.match(crypto)
            if found is not None:
                suite = cast(Suite, found[2])
                theirs = b64decode(found[3])
                yield found[1], SrtpKeys(suite=suite, ours=self._ours[suite], theirs=theirs)

    def _line(self, tag: str, suite: Suite) -> str:
        return f"a=crypto:{tag} {suite} inline:{b64encode(self._ours[suite]).decode()}\r\n"


def media_keys(secrecy: Secrecy) -> MediaKeys | None:
    """New keys for a call on a trunk with that setting; None: it has no SRTP."""
    return None if secrecy == "off" else MediaKeys(is_required=secrecy == "require")
