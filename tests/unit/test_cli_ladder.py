"""The ladder that `callwright trace --sip` draws."""

from typing import Any

from callwright.cli.ladder import describe_ladder

US, TRUNK, NEXT = "127.0.0.1:5062", "192.0.2.7:5060", "192.0.2.8:5060"


def message(text: str, at: str, *, to: str = "", back: str = "", attempt: int = 1) -> Any:
    return {
        "at": f"2026-11-21T10:00:{at}Z",
        "attempt": attempt,
        "direction": "sent" if to else "received",
        "source": US if to else back,
        "target": to or US,
        "text": text,
    }


BUSY = [
    message("INVITE sip:x SIP/2.0\r\nContent-Type: application/sdp\r\n", "00.100000", to=TRUNK),
    message("SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n", "01.350000", back=TRUNK),
    message("ACK sip:x SIP/2.0\r\n", "01.351000", to=TRUNK),
]


def test_an_arrow_points_where_the_message_went():
    lines = describe_ladder(BUSY).splitlines()
    assert lines[0] == "attempt 1"
    assert lines[1].split() == [US, TRUNK]
    assert lines[2].startswith("10:00:00.100    +0.000  │")
    assert "─ INVITE (SDP) ─" in lines[2]
    assert lines[2].endswith("▶│")
    assert lines[3].startswith("10:00:01.350    +1.250  │◀─")
    assert "─ 486 Busy Here ─" in lines[3]
    assert len({len(line) for line in lines[2:]}) == 1


def test_a_response_to_anything_but_an_invite_says_to_what():
    text = describe_ladder([message("SIP/2.0 200 OK\r\ncseq: 2 BYE\r\n", "00.0", back=TRUNK)])
    assert "─ 200 OK (BYE) ─" in text


def test_each_host_has_its_column():
    failed_over = [*BUSY, message("INVITE sip:x SIP/2.0\r\n", "02.0", to=NEXT)]
    lines = describe_ladder(failed_over).splitlines()
    assert lines[1].split() == [US, TRUNK, NEXT]
    assert lines[-1].count("─") > lines[-2].count("─")
    assert lines[-2].rstrip().endswith("│")


def test_each_attempt_has_its_own():
    again = [message(one["text"], "30.0", to=TRUNK, attempt=2) for one in BUSY[:1]]
    first, second = describe_ladder([*BUSY, *again]).split("\n\n")
    assert first.startswith("attempt 1\n")
    assert second.startswith("attempt 2\n")
    assert "+0.000" in second


def test_the_text_stands_below_its_arrow():
    text = describe_ladder(BUSY, whole=True)
    assert "\n\n    INVITE sip:x SIP/2.0\n    Content-Type: application/sdp\n" in text


def test_nothing_kept_is_said():
    assert describe_ladder([]) == "no SIP message of this call is kept"
