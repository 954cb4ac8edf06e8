"""The SIP messages of a call: the ladder, the API's list, and a capture that tshark reads."""

import subprocess

from cli_world import ANSWERS, BUSY, PATIENCE_S, Shell, number_in

from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("tshark")

TO_SHORT = ("--app", "3")
CHALLENGES = "6175550159"


def called(shell: Shell, number: str, last: str, code: int = 0) -> int:
    """The call, once the message that begins with `last` is among what is kept."""
    call = number_in(shell.run("call", number, *TO_SHORT, "--wait", code=code))

    def look() -> bool:
        texts = [message["text"] for message in shell.ask("trace", str(call), "--sip")["sip"]]
        return any(text.startswith(last) for text in texts)

    wait_for(f"{last} of call {call}", look, within_s=PATIENCE_S)
    return call


def test_the_ladder_of_a_busy_callee(shell):
    call = called(shell, BUSY, "ACK", code=1)
    out = shell.run("trace", str(call), "--sip")
    told, _, ladder = out.partition("\n\nattempt 1\n")
    assert f"call {call}  exhausted" in told
    arrows = [line.split("│")[1].strip("─▶◀ ") for line in ladder.splitlines()[1:]]
    assert arrows[0] == "INVITE (SDP)"
    assert arrows[-2:] == ["486 Busy Here", "ACK"]
    assert f"\n    INVITE sip:+1{BUSY}@" in shell.run("trace", str(call), "--messages")


def test_directions_and_ends_are_told(shell):
    call = called(shell, ANSWERS, "BYE")
    messages = shell.ask("trace", str(call), "--sip")["sip"]
    assert [message["at"] for message in messages] == sorted(m["at"] for m in messages)
    attempt = shell.ask("trace", str(call))["call"]["attempt_log"][0]
    ours, theirs = attempt["sip"]["local_address"], attempt["sip"]["remote_address"]
    for message in messages:
        ends = (ours, theirs) if message["direction"] == "sent" else (theirs, ours)
        assert (message["source"], message["target"], message["attempt"]) == (*ends, 1)
    assert {message["direction"] for message in messages} == {"sent", "received"}


def test_credentials_are_not_kept(shell):
    call = called(shell, CHALLENGES, "BYE")
    sent = [m["text"] for m in shell.ask("trace", str(call), "--sip")["sip"]]
    authorized = [text for text in sent if "uthorization: Digest" in text]
    assert authorized  # the second INVITE, and its ACK
    for text in authorized:
        assert 'response="********************************"' in text


def test_a_capture_is_read_by_tshark(shell):
    call = called(shell, BUSY, "ACK", code=1)
    shell.run("trace", str(call), "--pcap", "call.pcap")
    assert "saved as call.pcap" in shell.err
    fields = ["-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "udp.dstport"]
    read = subprocess.run(
        ["tshark", "-r", str(shell.folder / "call.pcap"), "-d", "udp.port==1-65535,sip", *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("\t") for line in read.stdout.splitlines()]
    assert [row[0] or row[1] for row in rows][-2:] == ["486", "ACK"]
    assert rows[0][0] == "INVITE"
    assert all(int(row[2]) > 0 for row in rows)
    assert "exists already" in shell.refuse("trace", str(call), "--pcap", "call.pcap")


def test_a_call_that_was_never_dialled_has_none(shell):
    call = shell.ask("call", BUSY, *TO_SHORT, "--start", "2099-01-01")["call_id"]
    assert shell.ask("trace", str(call), "--sip")["sip"] == []
    assert "no SIP message" in shell.run("trace", str(call), "--sip")
    assert "No SIP message" in shell.refuse("trace", str(call), "--pcap", "none.pcap")
    assert not (shell.folder / "none.pcap").exists()
