"""The brain's side: finds the messages of a call in the files the lines have written."""

import mmap
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from callwright.ports.sip_messages import SipMessageSeen
from callwright.telephony.capture.pcap import FILE_HEADER, Packet, pack, packets
from callwright.telephony.capture.recorder import SUFFIX
from callwright.telephony.sip.fields import format_host_port

_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)")


class CaptureArchive:
    """`ports.sip_messages.SipMessages` over the files in `folder`, which may not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, sip_call_ids: Collection[str]) -> list[SipMessageSeen]:
        """The messages with these SIP Call-IDs that are still kept, oldest first."""
        return [
            SipMessageSeen(
                sip_call_id=sip_call_id,
                at=packet.at,
                source=format_host_port(packet.source),
                target=format_host_port(packet.target),
                data=packet.data,
            )
            for sip_call_id, packet in self._found(sip_call_ids)
        ]

    def pcap_of(self, sip_call_ids: Collection[str]) -> bytes:
        """The same as a capture file; b"" = none is kept."""
        records = [pack(packet) for _, packet in self._found(sip_call_ids)]
        return FILE_HEADER + b"".join(records) if records else b""

    def _found(self, sip_call_ids: Collection[str]) -> list[tuple[str, Packet]]:
        wanted = {call_id.encode("latin-1", "replace") for call_id in sip_call_ids}
        found: list[tuple[str, Packet]] = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            found += _packets_of(path, wanted)
        return sorted(found, key=lambda pair: pair[1].at)


def _packets_of(path: Path, wanted: set[bytes]) -> Iterator[tuple[str, Packet]]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # Most files hold nothing of the call: looking for its id is a hundred times faster
            # than going through the messages.
            if not any(data.find(call_id) >= 0 for call_id in wanted):
                return
            with memoryview(data) as whole:
                for packet in packets(whole):
                    called = _CALL_ID.search(packet.data)
                    if called is not None and called[1] in wanted:
                        yield called[1].decode("latin-1"), packet
    except (FileNotFoundError, ValueError):
        return  # a line has removed it just now, or only just begun it
