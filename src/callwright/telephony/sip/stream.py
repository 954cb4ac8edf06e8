"""SIP messages out of a stream of bytes, and the pings between them.

Pure: fed with what a connection brought, in whatever pieces. A stream that cannot be cut any
more is broken for good, because nothing tells where its next message begins.

Source: RFC 3261 sections 7.5 and 18.3; RFC 5626 sections 3.5.1 and 4.4.1 (CRLF).
"""

import re

from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import MAX_MESSAGE

PING = b"\r\n\r\n"
PONG = b"\r\n"

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t\r\n]*([0-9]{1,6})[ \t]*\r\n", re.I)
_SEVERAL = re.compile(rb"\r\n(?:content-length|l)[ \t]*:", re.I)


class StreamReader:
    """Cuts one connection's bytes into messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        """How far no end of a head was found."""
        self.pings = 0
        """How many pings were read that nobody has answered; whoever answers takes them off."""
        self.pongs = 0
        """How many answers to our pings were read."""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, in order.

        Raises:
            SipMalformed: a head or a body that is too long, or a head without a length.
        """
        kept = self._data
        kept += data
        messages: list[bytes] = []
        while True:
            self._take_breaks()
            end = kept.find(b"\r\n\r\n", max(0, self._searched - 3))
            if end < 0:
                self._searched = len(kept)
                if len(kept) > MAX_MESSAGE:
                    raise SipMalformed("a head longer than 64 KiB")
                return messages
            whole = end + 4 + _body_length(bytes(kept[: end + 4]))
            if whole > MAX_MESSAGE:
                raise SipMalformed("longer than 64 KiB")
            if len(kept) < whole:
                self._searched = end
                return messages
            messages.append(bytes(kept[:whole]))
            del kept[:whole]
            self._searched = 0

    def _take_breaks(self) -> None:
        """Line breaks between messages: two are a ping, a single one the answer to ours."""
        kept = self._data
        while kept.startswith(PONG):
            if kept.startswith(PING):
                self.pings += 1
                del kept[: len(PING)]
            else:
                # Were it half of a ping, the other end would merely miss an answer.
                self.pongs += 1
                del kept[: len(PONG)]
            self._searched = 0


def _body_length(head: bytes) -> int:
    found = _LENGTH.search(head)
    if found is None or len(_SEVERAL.findall(head)) != 1:
        raise SipMalformed("no Content-Length, without which a stream cannot be cut")
    return int(found[1])
