"""Sealed audio with a phone that is not ours: baresip, whose SRTP is libre's."""

import asyncio
from pathlib import Path

import pytest
from line_world import told_line
from sipp_phones import sipp_phones

from callwright.domain.outcome import Outcome
from callwright.errors import ConfigInvalid
from callwright.ports.line import LegAnswered, LegEnded, LegKeyed, LegOrder
from callwright.telephony import trunk as trunks
from callwright.telephony.sip.media_keys import Secrecy
from callwright.telephony.trunk import TrunkSettings, check_trunk
from callwright.testing.peers.baresip import Baresip, running_baresip
from callwright.testing.programs import require

require("baresip")

ASK = """\
callwright: 1
name: Ask
steps:
  menu:
    ask: Press 5 please.
    timeout: 15s
    keys: {5: thanks}
    store: choice
    otherwise: hangup
  thanks:
    say: Thank you very much, and please hang up now.
    next: linger
  linger:
    wait: 15s
    next: hangup
"""
NUMBER = "+16172010100"


async def call(phone: Baresip, folder: Path, srtp: Secrecy) -> LegEnded:
    """A call in which the phone presses a key, holds, goes on, and hangs up."""
    async with told_line(folder, phone.address, srtp=srtp) as line:
        line.script("ask", ASK)
        order = line.place(NUMBER, script="ask")
        await line.until(LegAnswered, order)
        await asyncio.to_thread(phone.key, "5")
        keyed = await line.until(LegKeyed, order)
        assert (keyed.name, keyed.value) == ("choice", "5")
        for command in ("hold", "resume", "hangup"):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(phone.command, command)
        return await line.end(order)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("require", "srtp-mand"), ("require", "srtp"), ("offer", "srtp"), ("offer", "")],
)
def test_audio_and_keys_pass_both_ways(ours: Secrecy, theirs: str, tmp_path: Path) -> None:
    with running_baresip(tmp_path, NUMBER, srtp=theirs) as phone:
        ended = asyncio.run(call(phone, tmp_path, ours))
        (counted,) = phone.statistics()
        sealed = "incoming SDP crypto" in phone.said() or "SRTP is Enabled" in phone.said()
    assert (ended.outcome, ended.reason) == (Outcome.ANSWERED, "callee hung up")
    assert sealed == bool(theirs)
    assert counted.received > 20
    assert ended.received_packets > 20


def test_a_phone_without_srtp_is_not_talked_to_where_srtp_must_be(tmp_path: Path) -> None:
    async def refused(phone: Baresip) -> LegEnded:
        async with told_line(tmp_path, phone.address, srtp="require") as line:
            return await line.end(line.place(NUMBER))

    with running_baresip(tmp_path, NUMBER) as phone:
        ended = asyncio.run(refused(phone))
    assert (ended.outcome, ended.sip_code) == (Outcome.TRUNK_MISCONFIGURED, 488)
    assert ended.received_packets == ended.sent_packets == 0


def test_an_answer_without_keys_is_hung_up_on_where_srtp_must_be(tmp_path: Path) -> None:
    async def answered(address: str) -> tuple[LegOrder, LegEnded]:
        async with told_line(tmp_path, address, srtp="require") as line:
            order = line.place("+16172010100")
            return order, await line.end(order)

    with sipp_phones(tmp_path) as phones:
        order, ended = asyncio.run(answered(phones.address))
        heard = phones.received(order.identity.call_id, "BYE", 3)
    assert heard == ["INVITE", "ACK", "BYE"]
    assert ended.outcome is Outcome.MEDIA_FAILED
    assert ended.reason == "no usable audio: no SRTP keys that we could use"
    assert ended.sent_packets == 0


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunks, "find_spec", lambda name: None)
    settings = TrunkSettings(name="main", address="sip:127.0.0.1", srtp="offer")
    with pytest.raises(ConfigInvalid, match=r"trunks\.main\.srtp.*callwright\[srtp\]"):
        check_trunk(settings)
