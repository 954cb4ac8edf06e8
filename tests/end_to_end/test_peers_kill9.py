"""kill -9 of a server under load, judged by SIPp's trace, the callbacks and the client alone.

`python3 go stress kill9` is the same run in larger sizes.
"""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from callwright.testing.peers.crash_oracle import over_at
from callwright.testing.peers.crash_run import Plan, run_and_judge
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import server_folder, trunk
from callwright.testing.peers.sink import callback_sink
from callwright.testing.peers.sipp import running_sipp
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("sipp")

PEERS = Path(__file__).parents[1] / "peers"
SCENARIO = PEERS / "uas_calls.xml"
SMALL = Plan(calls=60, kills=6, seed=17, early_share=0.4)


def test_a_killed_server_keeps_its_promises(tmp_path: Path) -> None:
    said: list[str] = []
    verdict = run_and_judge(SMALL, tmp_path, SCENARIO, say=said.append)
    assert verdict.faults == [], said
    assert verdict.figures["kills_with_lines"] in range(1, SMALL.kills)
    assert verdict.figures["kills_while_starting"] >= 1
    # Somebody was always ringing or talking: the kills did hit.
    assert verdict.figures["legs_left_behind"] >= 2 * SMALL.kills


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("intent-after-invite", "dialled twice"),
        ("result-told-from-memory", "result never told"),
    ],
)
def test_a_broken_promise_is_found_out(tmp_path: Path, broken: str, fault: str) -> None:
    program = (sys.executable, str(PEERS / "broken_server.py"), broken)
    plan = Plan(calls=16, kills=2, seed=7, lines_too_share=0.0, settle_s=6)
    verdict = run_and_judge(plan, tmp_path, SCENARIO, program=program)
    assert any(fault in found for found in verdict.faults), verdict


def test_an_answer_that_never_reached_the_disk_is_hung_up_all_the_same(tmp_path: Path) -> None:
    """The line has acknowledged the answer, and dies with the brain before that is stored."""
    with (
        callback_sink() as sink,
        running_sipp(SCENARIO, tmp_path, keys={"rtp_host": "127.0.0.1", "rtp_port": 9}) as sipp,
        server_folder(
            tmp_path / "server",
            {"trunks.main": trunk(sipp.address), "callbacks": {"allow": ["127.0.0.0/8"]}},
        ) as server,
    ):
        application = server.add_application("talks", waits(60))
        server.start()
        server.api.queue(application, phone_number="6175550100", result_url=sink.url())
        wait_for("INVITE", sipp.calls, within_s=10)
        os.kill(server.brain_pid, signal.SIGSTOP)
        wait_for("ACK", lambda: sipp.calls()[0].received("ACK"), within_s=10)
        server.kill(lines_too=True)
        server.start()
        up_again_at = time.time()
        sink.wait(1, within_s=20)
        ended_at = wait_for("BYE", lambda: over_at(sipp.calls()[0]), within_s=10)
        (leg,) = sipp.calls()
        assert leg.received("BYE")
        assert ended_at < up_again_at + 10
        assert server.stop() == 0
