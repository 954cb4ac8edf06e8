"""A whole call by IPv6: signalling, audio both ways and its counts, with SIPp on ::1."""

import asyncio
import socket
from pathlib import Path

import pytest
from line_world import SILENT, told_line
from sipp_phones import Phones, sipp_phones

from callwright.domain.outcome import Outcome
from callwright.ports.line import LegSent

SAYS = SILENT.replace("wait: 0.2s", "say: Good morning to everybody by the sixth version.")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_a_call_by_ipv6_is_heard_both_ways_and_counted(tmp_path: Path) -> None:
    async def dial(phones: Phones) -> None:
        async with told_line(tmp_path, phones.address) as line:
            line.script("says", SAYS)
            order = line.place("+16172010100", script="says")
            ended = await line.end(order)
            assert (ended.outcome, ended.finished) == (Outcome.ANSWERED, True)
            [sent] = line.of(order, LegSent)
            assert sent.remote_address == f"[::1]:{phones.port}"
            assert line.ready.local_sip["main"].startswith("[::1]:")
            invite = phones.heard("INVITE", order.identity.call_id)
            assert "c=IN IP6 ::1\n" in invite.replace("\r", "")
            assert f"INVITE sip:+16172010100@[::1]:{phones.port}" in invite
            # SIPp sends back what it hears: a second of the prompt at least.
            assert ended.sent_packets > 50
            assert ended.received_packets > 50

    with sipp_phones(tmp_path, host="::1") as phones:
        asyncio.run(dial(phones))
