"""400 calls over a network that loses packets: none is stuck, none dialled twice.

SIPp throws away 5 % of what it receives and of what it sends. Its own trace is the judge.
"""

import json
from pathlib import Path

from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import server_folder, trunk
from callwright.testing.peers.sink import callback_sink
from callwright.testing.peers.sip_log import by_number
from callwright.testing.peers.sipp import running_sipp
from callwright.testing.programs import require

require("sipp")

SCENARIO = Path(__file__).parents[1] / "peers" / "uas_calls.xml"
CALLS = 400
LOST_PERCENT = 5
RING_TIMEOUT_S = 4
ENDINGS = ["00", "01", "02", "03", "59", "50", "52", "53", "55", "60", "70", "80"]
"""Last digits of those called: most answer, some hang up first, others are busy or away."""

ANSWERING = {"00", "01", "02", "03", "59", "80"}


def test_lost_packets_leave_no_call_stuck_and_double_none(tmp_path: Path) -> None:
    numbers = [f"61755{n:03d}{ENDINGS[n % len(ENDINGS)]}" for n in range(CALLS)]
    with (
        callback_sink() as sink,
        running_sipp(
            SCENARIO,
            tmp_path,
            keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
            lost_percent=LOST_PERCENT,
        ) as sipp,
        server_folder(
            tmp_path / "server",
            {
                "trunks.main": trunk(
                    sipp.address, calls_per_second=40, ring_timeout=f"{RING_TIMEOUT_S}s"
                ),
                "callbacks": {"allow": ["127.0.0.0/8"]},
                "log": {"level": "warning"},
            },
        ) as server,
    ):
        application = server.add_application("short", waits(0.3))
        server.start()
        csv = "destination\n" + "\n".join(numbers) + "\n"
        reply = server.api.queue_list(application, csv, result_url=sink.url())
        assert reply.body == b'{"calls_queued":%d}' % CALLS
        callbacks = sink.wait(CALLS, within_s=60)
        assert server.stop() == 0
        legs, messages = sipp.calls(), sipp.messages()

    results = {json.loads(callback.body)["phone_number"]: callback for callback in callbacks}
    assert len(callbacks) == len(results) == CALLS
    # Nobody is dialled twice: one Call-ID a number, and each INVITE of it the same one.
    dialled = by_number(legs)
    assert sorted(dialled) == sorted(f"+1{number}" for number in numbers)
    for number, calls in dialled.items():
        (leg,) = calls
        identities = {
            (invite.branch, invite.headers["cseq"], invite.from_tag) for invite in leg.invites
        }
        assert len(identities) == 1, f"{number} got two different INVITEs"
        assert leg.attempt[1] == 1
    assert len({leg.attempt for leg in legs}) == CALLS
    # Each result is the one SIPp gave.
    for number in numbers:
        status = json.loads(results[number].body)["status"]
        assert status == ("completed" if number[-2:] in ANSWERING else "failed"), number
    # Packets were really lost and really sent again.
    assert sum(message.lost for message in messages) > CALLS * 0.05
    assert sum(len(leg.invites) > 1 for leg in legs) > CALLS * 0.02
    assert "Traceback" not in server.log()
