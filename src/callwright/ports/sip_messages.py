"""The SIP messages of past calls, where a line kept them.

They are the trunk's side of the story of a call: whoever may see the call may see them.
"""

from collections.abc import Collection
from typing import Protocol

import msgspec


class SipMessageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it went over the wire, its credentials and keyed digits masked."""

    sip_call_id: str
    at: float
    """Unix seconds."""
    source: str
    """`host:port`."""
    target: str
    data: bytes


class SipMessages(Protocol):
    """What was kept. Reads files: not for the event loop's thread."""

    def of(self, sip_call_ids: Collection[str]) -> list[SipMessageSeen]:
        """The messages with these SIP Call-IDs that are still kept, oldest first."""
        ...

    def pcap_of(self, sip_call_ids: Collection[str]) -> bytes:
        """The same as a capture file for Wireshark and its like; b"" = none is kept."""
        ...


class _NothingKept:
    def of(self, sip_call_ids: Collection[str]) -> list[SipMessageSeen]:
        return []

    def pcap_of(self, sip_call_ids: Collection[str]) -> bytes:
        return b""


NOTHING_KEPT: SipMessages = _NothingKept()
"""Where no line writes down what it says."""
